// SPDX-License-Identifier: Apache-2.0
#include "daemon/sensors/memory_sensor.h"

#include <algorithm>

#include "daemon/sensors/decode.h"
#include "fnshield/abi/memory.h"
#include "memory.skel.h"

namespace fnshield {
namespace {

constexpr std::string_view kOpens = "/proc/PID files opened but not read, or that read without the memory's lock";

constexpr std::string_view kFolders = "a working or root directory taken through /proc/PID/root or cwd";
constexpr std::string_view kLinks = "/proc/PID/{exe,cwd,root,fd,ns} read as links";

constexpr std::string_view kLock = "raw:mmap_lock_start_locking";
constexpr std::string_view kOpened = "func:do_filp_open";

constexpr ProgramSpec kPrograms[] = {
    {"memory_lock", Backend::tracepoint, Tier::always, kLock,
     "memory that is read or written is seen only by process_vm_readv, process_vm_writev, ptrace and the opening of "
     "/proc/PID files"},

    {"guard_access", Backend::lsm, Tier::always, "lsm:ptrace_access_check", "nothing is refused, only killed"},
    {"access_checked", Backend::fentry, Tier::always, "func:ptrace_may_access",
     "refused reads of another's memory; descriptors taken; links of /proc/PID read"},
    {"opened", Backend::fentry, Tier::always, kOpened, kOpens, {}, "func:do_file_open"},
    {"opened_renamed", Backend::fentry, Tier::always, "func:do_file_open", kOpens, {}, kOpened},
    {"attached", Backend::fentry, Tier::always, "func:ptrace_attach", "ptrace attach and seize, refused or not"},
    {"untraced", Backend::fentry, Tier::always, "func:ptrace_check_attach", "ptrace requests that were refused"},
    {"traced", Backend::fentry, Tier::always, "func:arch_ptrace", "registers read by ptrace"},
    {"traced_32", Backend::fentry, Tier::always, "func:compat_arch_ptrace", "the same by the 32-bit entry"},
    {"moved", Backend::fentry, Tier::always, "func:set_fs_pwd", kFolders},
    {"rooted", Backend::fentry, Tier::always, "func:set_fs_root", kFolders},
    {"remote_memory", Backend::fentry, Tier::always, "func:access_remote_vm", "", {}, kLock},

    {"exit_process_vm_readv", Backend::tracepoint, Tier::full, "syscall:sys_exit_process_vm_readv",
     "refused reads of another's memory"},
    {"exit_process_vm_writev", Backend::tracepoint, Tier::full, "syscall:sys_exit_process_vm_writev",
     "refused writes to another's memory"},
    {"exit_ptrace", Backend::tracepoint, Tier::full, "syscall:sys_exit_ptrace",
     "ptrace attach and seize, refused or not; registers read by ptrace"},
    {"exit_open", Backend::tracepoint, Tier::full, "syscall:sys_exit_open", kOpens},
    {"exit_openat", Backend::tracepoint, Tier::full, "syscall:sys_exit_openat", kOpens, "exit_open"},
    {"exit_openat2", Backend::tracepoint, Tier::full, "syscall:sys_exit_openat2", kOpens, "exit_open"},
    {"ring_complete", Backend::tracepoint, Tier::fallback, "raw:io_uring_complete with io_kiocb.cqe",
     "/proc/PID files opened by io_uring and not read"},
    {"exit_pidfd_getfd", Backend::tracepoint, Tier::full, "syscall:sys_exit_pidfd_getfd",
     "descriptors taken out of another process"},
    {"exit_chdir", Backend::tracepoint, Tier::full, "syscall:sys_exit_chdir", kFolders},
    {"exit_fchdir", Backend::tracepoint, Tier::full, "syscall:sys_exit_fchdir", kFolders, "exit_chdir"},
    {"exit_chroot", Backend::tracepoint, Tier::full, "syscall:sys_exit_chroot", kFolders},
    {"exit_readlink", Backend::tracepoint, Tier::full, "syscall:sys_exit_readlink", kLinks},
    {"exit_readlinkat", Backend::tracepoint, Tier::full, "syscall:sys_exit_readlinkat", kLinks, "exit_readlink"},
    {"exit_kcmp", Backend::tracepoint, Tier::full, "syscall:sys_exit_kcmp", "kcmp of another process"},
    {"exit_compat", Backend::tracepoint, Tier::compat_entry, "raw:sys_exit",
     "all of these by the 32-bit system call entry, but for memory that is really read or written"},
};

class MemorySensor final : public Sensor {
public:
    MemorySensor(Skeleton<memory_bpf> skeleton, std::vector<ProgramStatus> programs)
        : skeleton_(std::move(skeleton)), programs_(std::move(programs))
    {
    }
    fns_sensor id() const override { return FNS_SENSOR_MEMORY; }
    Result<void> attach() override
    {
        links_ = attach_programs(skeleton_.object(), programs_);
        if (links_.empty())
            return fail("no program of the memory sensor could be attached", ExitCode::unsupported);
        return {};
    }
    const std::vector<ProgramStatus>& programs() const override { return programs_; }

private:
    Skeleton<memory_bpf> skeleton_;
    std::vector<ProgramStatus> programs_;
    std::vector<BpfLink> links_;
};

bool is_known(const fns_memory_event& raw)
{
    return raw.access < FNS_ACCESS_COUNT && raw.via < FNS_VIA_COUNT;
}

}  // namespace

Result<std::unique_ptr<Sensor>> make_memory_sensor(const SensorContext& context)
{
    auto skeleton = Skeleton<memory_bpf>::open("memory");
    if (!skeleton)
        return pass(std::move(skeleton));
    (*skeleton)->rodata->daemon_tgid = context.daemon_tgid;
    (*skeleton)->rodata->fns_bulk_budget = context.bulk_budget;
    (*skeleton)->rodata->fns_repeat_after_ns = context.repeat_after_ns;
    (*skeleton)->rodata->fns_seen_secret = context.seen_secret;
    auto programs = choose_programs(skeleton->object(), kPrograms, context.host, context.choice);
    const auto is_lock = [](const ProgramStatus& status) { return status.program == "memory_lock"; };
    const auto lock = std::ranges::find_if(programs, is_lock);
    (*skeleton)->rodata->fns_lock_is_watched = lock != programs.end() && lock->reason.empty();
    (*skeleton)->rodata->fns_refuses = context.choice.backend == Backend::lsm;
    if (auto shared = context.maps.share_with(skeleton->object()); !shared)
        return pass(std::move(shared));
    if (auto loaded = skeleton->load(); !loaded)
        return pass(std::move(loaded));
    return std::make_unique<MemorySensor>(std::move(*skeleton), std::move(programs));
}

Result<Event> decode_memory(std::span<const std::byte> bytes)
{
    auto raw = decode::fixed_part<fns_memory_event>(bytes);
    if (!raw)
        return pass(std::move(raw));
    const bool is_fd = raw->header.kind == FNS_EVENT_FD_ACCESS;
    if (!is_fd && raw->header.kind != FNS_EVENT_MEMORY_ACCESS)
        return fail("event kind " + std::to_string(raw->header.kind) + " is not the memory sensor's");
    if (!is_known(*raw))
        return fail("memory event with access " + std::to_string(raw->access) + " and via " + std::to_string(raw->via));

    Event event = decode::header(raw->header, is_fd ? EventKind::fd_access : EventKind::memory_access);
    event.body = MemoryBody{.target = decode::process(raw->target),
                            .target_sandbox = raw->target_sandbox_id,
                            .requested_pid = raw->requested_pid,
                            .result = raw->result,
                            .syscall_nr = raw->syscall_nr,
                            .access = static_cast<fns_access>(raw->access),
                            .via = static_cast<fns_via>(raw->via),
                            .name = decode::text(raw->name),
                            .attempted = raw->attempted != 0,
                            .hint = raw->hint != 0};
    return event;
}

}  // namespace fnshield
