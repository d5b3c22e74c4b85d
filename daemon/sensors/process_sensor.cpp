// SPDX-License-Identifier: Apache-2.0
#include "daemon/sensors/process_sensor.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "daemon/base/read_beginning.h"
#include "daemon/sensors/decode.h"
#include "fnshield/abi/process.h"
#include "process.skel.h"

namespace fnshield {
namespace {

constexpr ProgramSpec kPrograms[] = {
    {"process_fork", Backend::tracepoint, Tier::always, "raw:sched_process_fork", "new processes are not seen"},
    {"process_exec", Backend::tracepoint, Tier::always, "raw:sched_process_exec",
     "programs are not seen, nor where a workload begins"},
    {"process_exit", Backend::tracepoint, Tier::always, "raw:sched_process_exit", "the end of processes is not seen"},
    {"process_refuse_exec", Backend::lsm, Tier::always, "lsm:bprm_creds_from_file",
     "an exec that a policy denies is not refused: its process is killed before the program's first instruction"},
};

// Runs an iterator program once and hands out what it wrote.
Result<std::vector<std::byte>> run_iterator(const bpf_program* program)
{
    BpfLink link(bpf_program__attach_iter(program, nullptr));
    if (!link)
        return fail_errno("cannot attach the task iterator");
    UniqueFd fd(bpf_iter_create(bpf_link__fd(link.get())));
    if (!fd)
        return fail_errno("cannot start the task iterator");
    std::vector<std::byte> written;
    std::array<std::byte, 16 * sizeof(fns_task_record)> chunk;
    for (;;) {
        const ssize_t got = ::read(fd.get(), chunk.data(), chunk.size());
        if (got < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (got < 0)
            return fail_errno("cannot read from the task iterator");
        if (got == 0)
            return written;
        written.insert(written.end(), chunk.begin(), chunk.begin() + got);
    }
}

// Field 22 of /proc/PID/stat: start time in clock ticks since boot. The command before it may hold any byte but its
// last closing bracket ends it.
std::optional<std::uint64_t> start_ticks(const std::string& stat)
{
    constexpr int kFieldsAfterCommand = 20;
    std::size_t at = stat.rfind(')');
    for (int field = 0; field < kFieldsAfterCommand && at != std::string::npos; ++field)
        at = stat.find(' ', at + 1);
    if (at == std::string::npos)
        return std::nullopt;
    std::uint64_t ticks = 0;
    const auto [end, error] = std::from_chars(stat.data() + at + 1, stat.data() + stat.size(), ticks);
    return error == std::errc() ? std::optional(ticks) : std::nullopt;
}

// The arguments of a process that the iterator named; none where its pid is another's by now.
std::vector<std::string> argv_of(const ProcessInfo& process)
{
    const std::string directory = "/proc/" + std::to_string(process.tgid);
    const std::string argv = read_beginning(directory + "/cmdline", FNS_ARGV_BYTES);
    const auto ticks = start_ticks(read_beginning(directory + "/stat", 1024));
    const auto ticks_per_second = static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
    if (!ticks || *ticks != process.start_ns / (kSecond / ticks_per_second))
        return {};
    return split_argv(argv);
}

Result<Event> decode_fork(std::span<const std::byte> bytes)
{
    auto raw = decode::fixed_part<fns_fork_event>(bytes);
    if (!raw)
        return pass(std::move(raw), "fork");
    Event event = decode::header(raw->header, EventKind::fork);
    event.body = ForkBody{.child = decode::process(raw->child)};
    return event;
}

Endpoint stdio_end(const fns_stdio& stdio, const std::uint8_t (&address)[16], std::uint16_t port)
{
    Endpoint end{.family = stdio.family, .port = port};
    std::ranges::copy(address, end.address.begin());
    return end;
}

Result<Event> decode_exec(std::span<const std::byte> bytes)
{
    auto raw = decode::fixed_part<fns_exec_event>(bytes);
    if (!raw)
        return pass(std::move(raw), "exec");
    if (raw->path_bytes > FNS_PATH_BYTES || raw->filename_bytes > FNS_PATH_BYTES || raw->argv_bytes > FNS_ARGV_BYTES)
        return fail("exec: a length is beyond its limit");
    decode::Tail tail(bytes, sizeof *raw);
    auto path = tail.take(raw->path_bytes);
    auto filename = path ? tail.take(raw->filename_bytes) : path;
    auto argv = filename ? tail.take(raw->argv_bytes) : filename;
    if (!argv)
        return pass(std::move(argv), "exec");
    Event event = decode::header(raw->header, EventKind::exec);
    event.body = ExecBody{.path = std::move(*path),
                          .filename = std::move(*filename),
                          .argv = split_argv(*argv),
                          .inode = raw->inode,
                          .device = raw->device,
                          .file_ctime_ns = raw->ctime_ns,
                          .flags = raw->exec_flags,
                          .stdio_remote = stdio_end(raw->stdio, raw->stdio.remote, raw->stdio.remote_port),
                          .stdio_local = stdio_end(raw->stdio, raw->stdio.local, raw->stdio.local_port),
                          .writer = decode::writer(raw->writer)};
    return event;
}

Result<Event> decode_exit(std::span<const std::byte> bytes)
{
    auto raw = decode::fixed_part<fns_exit_event>(bytes);
    if (!raw)
        return pass(std::move(raw), "exit");
    Event event = decode::header(raw->header, EventKind::exit);
    event.body = ExitBody{.exit_code = raw->exit_code,
                          .signal = raw->signal,
                          .core_dumped = raw->core_dumped != 0,
                          .oom_killed = raw->oom_killed != 0};
    return event;
}

struct KindRow {
    std::uint16_t raw;
    DecodeEvent decode;
};

constexpr KindRow kKinds[] = {
    {FNS_EVENT_FORK, decode_fork},
    {FNS_EVENT_EXEC, decode_exec},
    {FNS_EVENT_EXIT, decode_exit},
};

}  // namespace

ProcessSensor::ProcessSensor(Skeleton<process_bpf> skeleton, std::vector<ProgramStatus> programs)
    : skeleton_(std::move(skeleton)), programs_(std::move(programs))
{
}

ProcessSensor::~ProcessSensor() = default;

Result<void> ProcessSensor::attach()
{
    // Which root directory is the host's has to be known before the first exec is judged.
    if (auto learnt = run_iterator(skeleton_->progs.process_learn_root); !learnt)
        return pass(std::move(learnt));
    links_ = attach_programs(skeleton_.object(), programs_);
    return {};
}

Result<std::vector<Event>> ProcessSensor::running_processes(Nanoseconds now_ns)
{
    auto written = run_iterator(skeleton_->progs.process_iterate);
    if (!written)
        return pass(std::move(written));
    std::vector<Event> found;
    std::span<const std::byte> rest(*written);
    while (!rest.empty()) {
        auto event = decode_task_record(rest);
        if (!event)
            return pass(std::move(event));
        event->time_ns = now_ns;
        std::get<ExecBody>(event->body).argv = argv_of(event->process);
        found.push_back(std::move(*event));
        rest = rest.subspan(sizeof(fns_task_record));
    }
    return found;
}

Result<std::unique_ptr<Sensor>> make_process_sensor(const SensorContext& context)
{
    auto skeleton = Skeleton<process_bpf>::open("process");
    if (!skeleton)
        return pass(std::move(skeleton));
    (*skeleton)->rodata->daemon_tgid = context.daemon_tgid;
    (*skeleton)->rodata->fns_bulk_budget = context.bulk_budget;
    auto programs = choose_programs(skeleton->object(), kPrograms, context.host, context.choice);
    if (auto shared = context.maps.share_with(skeleton->object()); !shared)
        return pass(std::move(shared));
    if (auto loaded = skeleton->load(); !loaded)
        return pass(std::move(loaded));
    return std::make_unique<ProcessSensor>(std::move(*skeleton), std::move(programs));
}

Result<Event> decode_process(std::span<const std::byte> bytes)
{
    auto header = decode::fixed_part<fns_event_header>(bytes);
    if (!header)
        return pass(std::move(header), "process");
    for (const KindRow& row : kKinds)
        if (row.raw == header->kind)
            return row.decode(bytes);
    return fail("process: event of unknown kind " + std::to_string(header->kind));
}

Result<Event> decode_task_record(std::span<const std::byte> bytes)
{
    auto raw = decode::fixed_part<fns_task_record>(bytes);
    if (!raw)
        return pass(std::move(raw), "task record");
    if (raw->path_bytes > sizeof raw->path)
        return fail("task record: the path's length is beyond its limit");
    Event event;
    event.kind = EventKind::process_found;
    event.sensor = FNS_SENSOR_PROCESS;
    event.sandbox = raw->sandbox_id;
    event.process = decode::process(raw->process);
    event.body = ExecBody{.path = std::string(raw->path, raw->path_bytes), .flags = raw->exec_flags};
    return event;
}

std::vector<std::string> split_argv(std::string_view zero_separated)
{
    std::vector<std::string> words;
    while (!zero_separated.empty()) {
        const auto end = zero_separated.find('\0');
        words.emplace_back(zero_separated.substr(0, end));
        zero_separated.remove_prefix(end == std::string_view::npos ? zero_separated.size() : end + 1);
    }
    return words;
}

}  // namespace fnshield
