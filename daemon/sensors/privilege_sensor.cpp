// SPDX-License-Identifier: Apache-2.0
#include "daemon/sensors/privilege_sensor.h"

#include <algorithm>

#include "daemon/kernel/own_objects.h"
#include "daemon/sensors/decode.h"
#include "fnshield/abi/privilege.h"
#include "privilege.skel.h"

namespace fnshield {
namespace {

constexpr std::string_view kActs = "namespaces entered, mounts, modules, open_by_handle_at";
constexpr std::string_view kTampering = "bpf() of other processes on the daemon's own maps, programs and links";

// A system call of the fallback before 6.14.
constexpr ProgramSpec call(std::string_view hook)
{
    const auto name = hook.substr(hook.find(':') + 1);
    return {name == "sys_exit_setns" ? "exit_call" : name,
            Backend::tracepoint,
            Tier::full,
            hook,
            kActs,
            "exit_call",
            "raw:cap_capable"};
}

// One that asks for no capability: by its tracepoint on every fallback.
constexpr ProgramSpec rare_call(std::string_view hook, std::string_view loses)
{
    return {hook.substr(hook.find(':') + 1), Backend::tracepoint, Tier::full, hook, loses, "exit_call"};
}

constexpr ProgramSpec kPrograms[] = {
    {"lsm_capable", Backend::lsm, Tier::always, "lsm:capable", kActs},
    {"lsm_userns", Backend::lsm, Tier::always, "lsm:userns_create",
     "new user namespaces are not refused: who makes one is killed instead"},
    {"lsm_bpf", Backend::lsm, Tier::always, "lsm:bpf", "bpf() on descriptors that were got from elsewhere"},
    {"lsm_bpf_map", Backend::lsm, Tier::always, "lsm:bpf_map", kTampering},
    {"lsm_bpf_prog", Backend::lsm, Tier::always, "lsm:bpf_prog", kTampering},
    {"lsm_module_request", Backend::lsm, Tier::always, "lsm:kernel_module_request",
     "modules that the kernel fetches for a function"},
    {"lsm_task_kill", Backend::lsm, Tier::always, "lsm:task_kill", "signals to the daemon are not refused"},
    {"exit_capable", Backend::fentry, Tier::always, "func:security_capable", kActs},
    {"exit_create_user_ns", Backend::fentry, Tier::always, "func:create_user_ns", "new user namespaces"},
    {"enter_bpf", Backend::fentry, Tier::stand_in, "func:security_bpf",
     "bpf() on descriptors that were got from elsewhere"},
    {"enter_bpf_map", Backend::fentry, Tier::stand_in, "func:security_bpf_map", kTampering},
    {"enter_bpf_prog", Backend::fentry, Tier::stand_in, "func:security_bpf_prog", kTampering},
    {"enter_link_fd", Backend::fentry, Tier::always, "func:anon_inode_getfd", kTampering},
    {"tp_capable", Backend::tracepoint, Tier::always, "raw:cap_capable", ""},
    {"exit_unshare", Backend::tracepoint, Tier::full, "syscall:sys_exit_unshare", "new user namespaces by unshare"},
    {"exit_bpf", Backend::tracepoint, Tier::full, "syscall:sys_exit_bpf", kTampering},
    {"namespace_fork", Backend::tracepoint, Tier::always, "raw:sched_process_fork", "new namespaces by clone"},
    {"module_request", Backend::tracepoint, Tier::always, "raw:module_request", ""},
    {"signal_sent", Backend::tracepoint, Tier::always, "raw:signal_generate",
     "signals to the daemon, to other sandboxes and to the host"},
    {"ring_made", Backend::tracepoint, Tier::always, "raw:io_uring_create", "rings of io_uring that are made"},
    rare_call("syscall:sys_exit_keyctl", "kernel keys"),
    rare_call("syscall:sys_exit_add_key", "kernel keys"),
    rare_call("syscall:sys_exit_request_key", "kernel keys"),
    rare_call("syscall:sys_exit_modify_ldt", "modify_ldt"),
    rare_call("syscall:sys_exit_userfaultfd", "userfaultfd for user mode only"),
    call("syscall:sys_exit_setns"),
    call("syscall:sys_exit_mount"),
    call("syscall:sys_exit_umount"),
    call("syscall:sys_exit_pivot_root"),
    call("syscall:sys_exit_open_tree"),
    call("syscall:sys_exit_move_mount"),
    call("syscall:sys_exit_fsopen"),
    call("syscall:sys_exit_fsconfig"),
    call("syscall:sys_exit_fsmount"),
    call("syscall:sys_exit_fspick"),
    call("syscall:sys_exit_mount_setattr"),
    call("syscall:sys_exit_open_by_handle_at"),
    call("syscall:sys_exit_init_module"),
    call("syscall:sys_exit_finit_module"),
    call("syscall:sys_exit_delete_module"),
    call("syscall:sys_exit_kexec_load"),
    call("syscall:sys_exit_kexec_file_load"),
    call("syscall:sys_exit_perf_event_open"),
    call("syscall:sys_exit_mknod"),
    call("syscall:sys_exit_mknodat"),
    call("syscall:sys_exit_acct"),
    call("syscall:sys_exit_swapon"),
    call("syscall:sys_exit_swapoff"),
    call("syscall:sys_exit_iopl"),
    call("syscall:sys_exit_ioperm"),
    call("syscall:sys_exit_settimeofday"),
    call("syscall:sys_exit_clock_settime"),
    call("syscall:sys_exit_reboot"),
    call("syscall:sys_exit_fanotify_init"),
    call("syscall:sys_exit_quotactl"),
    call("syscall:sys_exit_syslog"),
};

class PrivilegeSensor final : public Sensor {
public:
    PrivilegeSensor(Skeleton<privilege_bpf> skeleton, std::vector<ProgramStatus> programs)
        : skeleton_(std::move(skeleton)), programs_(std::move(programs))
    {
    }
    fns_sensor id() const override { return FNS_SENSOR_PRIVILEGE; }
    Result<void> attach() override
    {
        links_ = attach_programs(skeleton_.object(), programs_);
        if (links_.empty())
            return fail("no program of the privilege sensor could be attached", ExitCode::unsupported);
        return guard_own_objects();
    }
    // The other sensors have attached their links there by now: this one stands last in the registry.
    Result<void> attach_to_parent(std::uint64_t, const std::string&) override { return guard_own_objects(); }
    const std::vector<ProgramStatus>& programs() const override { return programs_; }

private:
    Result<void> guard_own_objects()
    {
        auto keys = own_objects();
        if (!keys)
            return pass(std::move(keys), "the daemon's own BPF objects are not guarded");
        const Map<std::uint64_t, std::uint32_t> guarded(bpf_map__fd(skeleton_->maps.own_objects));
        for (const std::uint64_t key : *keys)
            if (auto added = guarded.update(key, 1); !added)
                return pass(std::move(added), "not all of the daemon's BPF objects are guarded");
        return {};
    }

    Skeleton<privilege_bpf> skeleton_;
    std::vector<ProgramStatus> programs_;
    std::vector<BpfLink> links_;
};

bool is_chosen(const std::vector<ProgramStatus>& programs, std::string_view name)
{
    return std::ranges::any_of(programs, [&](const auto& row) { return row.program == name && row.reason.empty(); });
}

EventKind kind_of(std::uint16_t raw)
{
    switch (raw) {
        case FNS_EVENT_NAMESPACE:
            return EventKind::namespace_;
        case FNS_EVENT_MOUNT:
            return EventKind::mount;
        case FNS_EVENT_MODULE:
            return EventKind::module;
        case FNS_EVENT_BPF:
            return EventKind::bpf;
        case FNS_EVENT_PERF_EVENT:
            return EventKind::perf_event;
        case FNS_EVENT_IO_URING:
            return EventKind::io_uring;
        case FNS_EVENT_SYSCALL:
            return EventKind::syscall_;
        default:
            return EventKind::count_;
    }
}

Result<Event> decode_signal(std::span<const std::byte> bytes)
{
    auto raw = decode::fixed_part<fns_signal_event>(bytes);
    if (!raw)
        return pass(std::move(raw));
    Event event = decode::header(raw->header, EventKind::signal);
    event.body = SignalBody{.target = decode::process(raw->target),
                            .target_sandbox = raw->target_sandbox_id,
                            .signal = raw->signal,
                            .code = raw->code,
                            .at_daemon = raw->at_daemon != 0};
    return event;
}

}  // namespace

Result<std::unique_ptr<Sensor>> make_privilege_sensor(const SensorContext& context)
{
    auto skeleton = Skeleton<privilege_bpf>::open("privilege");
    if (!skeleton)
        return pass(std::move(skeleton));
    auto* const knobs = (*skeleton)->rodata;
    knobs->daemon_tgid = context.daemon_tgid;
    knobs->fns_bulk_budget = context.bulk_budget;
    knobs->fns_repeat_after_ns = context.repeat_after_ns;
    knobs->fns_seen_secret = context.seen_secret;
    auto programs = choose_programs(skeleton->object(), kPrograms, context.host, context.choice);
    knobs->lsm_has_capable = is_chosen(programs, "lsm_capable");
    knobs->lsm_has_userns = is_chosen(programs, "lsm_userns");
    if (auto shared = context.maps.share_with(skeleton->object()); !shared)
        return pass(std::move(shared));
    if (auto loaded = skeleton->load(); !loaded)
        return pass(std::move(loaded));
    return std::make_unique<PrivilegeSensor>(std::move(*skeleton), std::move(programs));
}

Result<Event> decode_privilege(std::span<const std::byte> bytes)
{
    auto header = decode::fixed_part<fns_event_header>(bytes);
    if (!header)
        return pass(std::move(header));
    if (header->kind == FNS_EVENT_SIGNAL)
        return decode_signal(bytes);
    const EventKind kind = kind_of(header->kind);
    if (kind == EventKind::count_)
        return fail("event kind " + std::to_string(header->kind) + " is not the privilege sensor's");
    auto raw = decode::fixed_part<fns_privilege_event>(bytes);
    if (!raw)
        return pass(std::move(raw));
    if (raw->act >= FNS_PRIVILEGE_COUNT || raw->object >= FNS_OBJECT_COUNT)
        return fail("privilege event with act " + std::to_string(raw->act) + " and object " +
                    std::to_string(raw->object));
    Event event = decode::header(raw->header, kind);
    event.body = PrivilegeBody{.act = static_cast<fns_privilege>(raw->act),
                               .argument = raw->argument,
                               .result = raw->result,
                               .syscall_nr = raw->syscall_nr,
                               .name = decode::text(raw->name),
                               .object = static_cast<fns_object>(raw->object),
                               .object_id = raw->object_id,
                               .own_object = raw->own_object != 0,
                               .writes = raw->writes != 0};
    return event;
}

}  // namespace fnshield
