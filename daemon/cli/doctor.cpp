// SPDX-License-Identifier: Apache-2.0
#include "daemon/cli/doctor.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>

#include "daemon/cli/text.h"
#include "daemon/kernel/backend_probe.h"
#include "daemon/kernel/capabilities.h"
#include "daemon/kernel/programs.h"
#include "daemon/policy/guards.h"
#include "daemon/sensors/dry_run.h"

namespace fnshield::cli {
namespace {

struct RawTracepoint {
    const char* name;
    bool needed;
    const char* serves;
    const char* with = "";  // what it must hand over: " with TYPE.MEMBER", as in ProgramSpec
};

// In the order of an event's life; `serves` completes "without it: …".
constexpr RawTracepoint kRawTracepoints[] = {
    {"cgroup_mkdir", true, "sandboxes are not registered"},
    {"cgroup_rmdir", true, "the end of sandboxes is not seen"},
    {"cgroup_attach_task", true, "processes that enter a sandbox are not seen"},
    {"cgroup_notify_populated", false, "empty sandboxes are found late"},
    {"cgroup_notify_frozen", false, "freezes by cgroup v2 are not seen"},
    {"sched_process_fork", true, "processes are not followed"},
    {"sched_process_exec", true, "programs are not seen"},
    {"sched_process_exit", true, "the end of processes is not seen"},
    {"signal_generate", true, "the heartbeat cannot come back"},
    {"inet_sock_set_state", false, "listen and accept are not seen"},
    {"mmap_lock_start_locking", false, "memory access is seen by its system calls only"},
    {"cap_capable", false, "privileged acts are seen by their system calls only (the kernel has it from 6.14 on)"},
    {"io_uring_submit_req", false, "what is done by io_uring is not seen on the tracepoint backend"},
    {"io_uring_complete", false, "results of io_uring are not seen on the tracepoint backend", " with io_kiocb.cqe"},
};

void add(Examination& examination, std::string area, std::string item, Verdict verdict, std::string text)
{
    examination.findings.push_back({std::move(area), std::move(item), verdict, std::move(text)});
}

nlohmann::ordered_json sensor_json(const DryRun& tried)
{
    nlohmann::ordered_json programs = nlohmann::ordered_json::array();
    for (const ProgramStatus& program : tried.programs)
        programs.push_back({{"program", program.program},
                            {"backend", backend_name(program.backend)},
                            {"attached", program.attached},
                            {"reason", program.reason}});
    return {{"name", sensor_name(tried.sensor)}, {"error", tried.error}, {"programs", std::move(programs)}};
}

}  // namespace

bool Examination::can_run() const
{
    return std::ranges::none_of(findings, [](const Finding& finding) { return finding.verdict == Verdict::missing; });
}

std::string Examination::backend() const
{
    for (const Finding& finding : findings)
        if (finding.area == "backends" && finding.verdict == Verdict::ok)
            return finding.item;
    return {};
}

void examine_kernel(const HostFiles& files, Examination& examination)
{
    utsname name{};
    ::uname(&name);
    add(examination, "kernel", "release", Verdict::ok, std::string(name.release) + " " + name.machine);
    struct stat btf{};
    const bool has_btf = ::stat(files.btf.c_str(), &btf) == 0;
    add(examination, "kernel", "BTF", has_btf ? Verdict::ok : Verdict::missing,
        has_btf ? files.btf
                : files.btf +
                      " is missing: run a kernel built with CONFIG_DEBUG_INFO_BTF=y, as those of distributions are");
    // The mount table alone: BTF was judged above, and any readable file passes for it here.
    const auto host = Host::probe(files.mounts, has_btf ? files.btf : files.mounts);
    if (!host) {
        add(examination, "kernel", "cgroup v2", Verdict::missing, host.error().message);
        return;
    }
    add(examination, "kernel", "cgroup v2", Verdict::ok,
        host->cgroup2_mount() + (host->freezer_mount() ? " (hybrid: beside v1)" : ""));
    if (host->freezer_mount())
        add(examination, "kernel", "v1 freezer", Verdict::ok,
            *host->freezer_mount() + ": runc pauses containers by it; watched with inotify");
    if (host->tracefs_mount())
        add(examination, "kernel", "tracefs", Verdict::ok, *host->tracefs_mount());
    else
        add(examination, "kernel", "tracefs", Verdict::less,
            "not mounted: the daemon mounts it for itself alone where it may (CAP_SYS_ADMIN); "
            "'mount -t tracefs nodev /sys/kernel/tracing' spares it that");
}

void examine_tracepoints(const Host& host, Examination& examination)
{
    for (const RawTracepoint& tracepoint : kRawTracepoints) {
        const bool there = hook_exists("raw:" + std::string(tracepoint.name) + tracepoint.with, host);
        const Verdict without = tracepoint.needed ? Verdict::missing : Verdict::less;
        add(examination, "tracepoints", tracepoint.name, there ? Verdict::ok : without,
            there ? "" : std::string("this kernel has it not") + tracepoint.with + ": " + tracepoint.serves);
    }
    const bool syscalls = host.has_syscall_tracepoint("sys_exit_openat");
    add(examination, "tracepoints", "system calls", syscalls ? Verdict::ok : Verdict::less,
        syscalls ? ""
                 : "no per-syscall tracepoints (CONFIG_FTRACE_SYSCALLS, or tracefs cannot be mounted or read): refused "
                   "attempts and opens by path are not seen on the tracepoint backend");
}

void examine_backends(Examination& examination)
{
    struct Row {
        const char* name;
        BackendSupport (*probe)();
        const char* use;
    };
    constexpr Row kRows[] = {{"lsm", probe_lsm, "sees every way in and can deny"},
                             {"fentry", probe_fentry, "sees every way in"},
                             {"tracepoint", probe_tracepoint, "works everywhere, with the blind spots below"}};
    for (const Row& row : kRows) {
        const BackendSupport support = row.probe();
        const bool last = &row == std::end(kRows) - 1;
        const Verdict without = last && examination.backend().empty() ? Verdict::missing : Verdict::less;
        add(examination, "backends", row.name, support.usable ? Verdict::ok : without,
            support.usable ? std::string("a probe of it loaded and fired; ") + row.use : support.reason);
    }
    const std::string lsms = active_lsms();
    if (!lsms.empty())
        add(examination, "backends", "security modules", Verdict::ok, lsms);
}

void examine_enforcement(Examination& examination)
{
    const bool refuses = examination.backend() == "lsm";
    for (const GuardRow& row : guard_rows()) {
        const bool by_kill = row.needs_lsm && !refuses;
        add(examination, "what deny means", std::string(row.what), by_kill ? Verdict::less : Verdict::ok,
            by_kill ? "the act is done and its process killed before it sees the result; LSM programs would refuse it"
                    : "refused before it happens");
    }
}

void examine_privileges(const HostFiles& files, Examination& examination)
{
    const HeldCapabilities held = HeldCapabilities::read(files.status);
    for (const Capability& capability : used_capabilities()) {
        const Held has = held.has(capability);
        const Verdict without = capability.needed ? Verdict::missing : Verdict::less;
        add(examination, "privileges", capability.name, has != Held::no ? Verdict::ok : without,
            has == Held::by_sys_admin ? "by CAP_SYS_ADMIN"
            : has == Held::yes
                ? ""
                : std::string("not held by this process: ") + capability.serves + "; run this as root (sudo)");
    }
    const bool closed = perf_events_take_sys_admin(files.perf_event_paranoid);
    add(examination, "privileges", "perf_event_paranoid", closed ? Verdict::less : Verdict::ok,
        closed ? "above 2: to watch system calls takes CAP_SYS_ADMIN, which the unit does not give; "
                 "'sysctl kernel.perf_event_paranoid=2', or 'fallback: { profile: lean }'"
               : "");
    rlimit memory{};
    ::getrlimit(RLIMIT_MEMLOCK, &memory);
    const bool unlimited = memory.rlim_cur == RLIM_INFINITY;
    add(examination, "privileges", "RLIMIT_MEMLOCK", Verdict::ok,
        (unlimited ? "unlimited" : human_count(memory.rlim_cur / 1024) + " KiB") +
            std::string(unlimited ? "" : "; raised where the kernel charges BPF maps to it (before 5.11)"));
}

void examine_blind_spots(Examination& examination)
{
    const bool only_tracepoints = examination.backend() == "tracepoint";
    const bool compat = compat_entry_works();
    add(examination, "blind spots", "32-bit entry", compat && only_tracepoints ? Verdict::less : Verdict::ok,
        !compat ? "int 0x80 is not to be had here"
        : only_tracepoints
            ? "works, and per-syscall tracepoints do not fire for it; 'fallback: { compat_entry: true }' "
              "watches it too, at about 58 ns for every system call of the node"
            : "works, and passes the hooks of the backend in use");
    const bool rings = io_uring_works();
    add(examination, "blind spots", "io_uring", Verdict::ok,
        rings ? "works; its requests are watched by their own tracepoints" : "switched off or not built in");
}

void examine_sensors(const Host& host, Examination& examination)
{
    const auto tried = dry_run_sensors(host, {});
    if (!tried) {
        add(examination, "sensors", "dry run", Verdict::missing, tried.error().message);
        return;
    }
    for (const DryRun& sensor : *tried) {
        examination.sensors.push_back(sensor_json(sensor));
        const auto attached = std::ranges::count_if(sensor.programs, &ProgramStatus::attached);
        const std::string name(sensor_name(sensor.sensor));
        if (!sensor.error.empty() || attached == 0)
            add(examination, "sensors", name, Verdict::missing,
                sensor.error.empty() ? "none of its programs can be attached" : sensor.error);
        else
            add(examination, "sensors", name, Verdict::ok,
                std::to_string(attached) + " of " + std::to_string(sensor.programs.size()) + " programs attach");
    }
}

Examination examine_host(const HostFiles& files)
{
    Examination examination;
    examine_kernel(files, examination);
    examine_privileges(files, examination);
    const auto mounted = mount_private_tracefs();  // from here on as the daemon has it
    const auto host = Host::probe(files.mounts, files.btf);
    if (host)
        examine_tracepoints(*host, examination);
    examine_backends(examination);
    examine_enforcement(examination);
    examine_blind_spots(examination);
    if (host)
        examine_sensors(*host, examination);
    if (!mounted)
        add(examination, "kernel", "private tracefs", Verdict::less, mounted.error().message);
    return examination;
}

}  // namespace fnshield::cli
