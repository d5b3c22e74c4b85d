// SPDX-License-Identifier: Apache-2.0
#include "daemon/sensors/ipc_sensor.h"

#include <cstring>

#include "daemon/sensors/decode.h"
#include "fnshield/abi/ipc.h"
#include "ipc.skel.h"

namespace fnshield {
namespace {

constexpr std::string_view kConnects = "connections to the UNIX sockets of runtimes and other sandboxes";

constexpr std::string_view kSegments = "System V segments of other sandboxes that are attached";
constexpr std::string_view kPassed = "descriptors that are passed to other sandboxes";

constexpr ProgramSpec kPrograms[] = {
    {"lsm_stream_connect", Backend::lsm, Tier::always, "lsm:unix_stream_connect", kConnects},
    {"stream_connect", Backend::fentry, Tier::stand_in, "func:security_unix_stream_connect", kConnects},
    {"exit_connect", Backend::tracepoint, Tier::full, "syscall:sys_exit_connect", kConnects},
    {"ring_connected", Backend::tracepoint, Tier::fallback, "raw:io_uring_complete with io_kiocb.cqe",
     "connections to UNIX sockets by io_uring"},
    {"rights_sent", Backend::fentry, Tier::always, "func:__scm_send", kPassed},
    {"lsm_segment_made", Backend::lsm, Tier::always, "lsm:shm_alloc_security", kSegments},
    {"lsm_segment_freed", Backend::lsm, Tier::always, "lsm:shm_free_security", kSegments},
    {"lsm_attaches", Backend::lsm, Tier::always, "lsm:shm_shmat", kSegments},
    {"segment_made", Backend::fentry, Tier::stand_in, "func:security_shm_alloc", kSegments},
    {"segment_freed", Backend::fentry, Tier::stand_in, "func:security_shm_free", kSegments},
    {"segment_attached", Backend::fentry, Tier::stand_in, "func:security_shm_shmat", kSegments},
    {"exit_shmget", Backend::tracepoint, Tier::full, "syscall:sys_exit_shmget", kSegments},
    {"enter_shmat", Backend::tracepoint, Tier::full, "syscall:sys_enter_shmat", kSegments},
    {"enter_sendmsg", Backend::tracepoint, Tier::full, "syscall:sys_enter_sendmsg", kPassed},
    {"enter_sendmmsg", Backend::tracepoint, Tier::full, "syscall:sys_enter_sendmmsg", kPassed},
};

class IpcSensor final : public Sensor {
public:
    IpcSensor(Skeleton<ipc_bpf> skeleton, std::vector<ProgramStatus> programs)
        : skeleton_(std::move(skeleton)), programs_(std::move(programs))
    {
    }
    fns_sensor id() const override { return FNS_SENSOR_IPC; }
    Result<void> attach() override
    {
        links_ = attach_programs(skeleton_.object(), programs_);
        return {};  // in the lean profile there may be none
    }
    const std::vector<ProgramStatus>& programs() const override { return programs_; }

private:
    Skeleton<ipc_bpf> skeleton_;
    std::vector<ProgramStatus> programs_;
    std::vector<BpfLink> links_;
};

// "/run/docker.sock"; "@name" for an abstract one, in which any byte may stand.
std::string path_of(const fns_unix_event& raw)
{
    std::string path(raw.path, raw.path_bytes);
    if (path.starts_with('\0')) {
        path[0] = '@';
        return path;
    }
    return path.substr(0, path.find('\0'));
}

Result<Event> decode_shared_memory(std::span<const std::byte> bytes)
{
    auto raw = decode::fixed_part<fns_shared_memory_event>(bytes);
    if (!raw)
        return pass(std::move(raw));
    if (raw->kind >= FNS_SHARED_MEMORY_COUNT)
        return fail("shared memory event of unknown kind " + std::to_string(raw->kind));
    Event event = decode::header(raw->header, EventKind::shm);
    event.body = SharedMemoryBody{.kind = static_cast<fns_shared_memory>(raw->kind),
                                  .id = raw->id,
                                  .name = std::string(raw->name, strnlen(raw->name, sizeof raw->name)),
                                  .owner = decode::process(raw->owner),
                                  .owner_sandbox = raw->owner_sandbox_id,
                                  .owner_known = raw->owner_known != 0,
                                  .writes = raw->writes != 0};
    return event;
}

}  // namespace

Result<std::unique_ptr<Sensor>> make_ipc_sensor(const SensorContext& context)
{
    auto skeleton = Skeleton<ipc_bpf>::open("ipc");
    if (!skeleton)
        return pass(std::move(skeleton));
    (*skeleton)->rodata->fns_bulk_budget = context.bulk_budget;
    (*skeleton)->rodata->fns_repeat_after_ns = context.repeat_after_ns;
    (*skeleton)->rodata->fns_seen_secret = context.seen_secret;
    auto programs = choose_programs(skeleton->object(), kPrograms, context.host, context.choice);
    if (auto shared = context.maps.share_with(skeleton->object()); !shared)
        return pass(std::move(shared));
    if (auto loaded = skeleton->load(); !loaded)
        return pass(std::move(loaded));
    return std::make_unique<IpcSensor>(std::move(*skeleton), std::move(programs));
}

Result<Event> decode_ipc(std::span<const std::byte> bytes)
{
    auto header = decode::fixed_part<fns_event_header>(bytes);
    if (!header)
        return pass(std::move(header));
    if (header->kind == FNS_EVENT_SHM)
        return decode_shared_memory(bytes);
    if (header->kind != FNS_EVENT_UNIX_CONNECT)
        return fail("event kind " + std::to_string(header->kind) + " is not the ipc sensor's");
    auto raw = decode::fixed_part<fns_unix_event>(bytes);
    if (!raw)
        return pass(std::move(raw));
    if (raw->path_bytes > sizeof raw->path)
        return fail("connect event with a path of " + std::to_string(raw->path_bytes) + " bytes");
    Event event = decode::header(raw->header, EventKind::unix_connect);
    event.body = UnixBody{.path = path_of(*raw),
                          .peer = decode::process(raw->peer),
                          .peer_sandbox = raw->peer_sandbox_id,
                          .result = raw->result,
                          .descriptors = raw->descriptors};
    return event;
}

}  // namespace fnshield
