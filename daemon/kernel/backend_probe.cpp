// SPDX-License-Identifier: Apache-2.0
#include "daemon/kernel/backend_probe.h"

#include <linux/io_uring.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>

#include "daemon/kernel/libbpf.h"
#include "fentry_probe.skel.h"
#include "lsm_probe.skel.h"
#include "tracepoint_probe.skel.h"

namespace fnshield {
namespace {

// Makes security_task_getpgid() run: for pid 0 the kernel does not ask it.
void look_at_own_group()
{
    (void)::getpgid(::getpid());
}

void signal_itself()
{
    (void)::kill(::getpid(), SIGURG);
}

std::string refusal(std::string_view step, int code)
{
    std::string text = "the kernel refuses to " + std::string(step) + " such a program (" +
                       std::generic_category().message(code < 0 ? -code : code) + ")";
    switch (code < 0 ? -code : code) {
        case EPERM:
        case EACCES:
            return text + (::geteuid() == 0 ? ": a hypervisor, lockdown or a seccomp filter stands in the way"
                                            : ": run this as root");
        case ENOENT:
        case ESRCH:
        case EINVAL:
        case ENOTSUP:
        case 524:  // ENOTSUPP, the kernel's own
            return text +
                   ": it was built without what this needs (CONFIG_BPF_LSM, CONFIG_FUNCTION_TRACER, "
                   "CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS)";
        default:
            return text;
    }
}

// Loads, attaches, fires, counts. `silent` is what it means when all went well and nothing was counted.
template <typename Skel, typename Fire, typename Fired>
BackendSupport probe(const std::string& name, Fire fire, Fired fired, const std::string& silent)
{
    auto skeleton = Skeleton<Skel>::open(name);
    if (!skeleton)
        return {false, skeleton.error().message};
    if (const int failed = Skel::load(skeleton->operator->()); failed != 0)
        return {false, refusal("load", failed)};
    if (const int failed = Skel::attach(skeleton->operator->()); failed != 0)
        return {false, refusal("attach", failed)};
    fire();
    const bool counted = fired(*skeleton->operator->());
    Skel::detach(skeleton->operator->());
    return {counted, counted ? std::string() : silent};
}

// libbpf's warnings about refused probes are expected, and are not for the operator's terminal.
void silence_libbpf()
{
    capture_libbpf_output();
    (void)take_libbpf_output();
}

}  // namespace

std::string active_lsms()
{
    std::ifstream file("/sys/kernel/security/lsm");
    std::string list;
    std::getline(file, list);
    return list;
}

bool compat_entry_works()
{
#ifdef __x86_64__
    const pid_t child = ::fork();
    if (child == 0) {
        constexpr long kGetpid32 = 20;
        const struct rlimit no_core{.rlim_cur = 0, .rlim_max = 0};
        (void)::setrlimit(RLIMIT_CORE, &no_core);
        (void)::signal(SIGSEGV, SIG_DFL);
        long result = kGetpid32;
        __asm__ volatile("int $0x80" : "+a"(result) : : "memory", "r8", "r9", "r10", "r11");
        ::_exit(result > 0 ? 0 : 1);
    }
    int status = 1;
    while (child > 0 && ::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return child > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
#else
    return false;
#endif
}

bool io_uring_works()
{
    io_uring_params parameters{};
    const UniqueFd ring(static_cast<int>(::syscall(__NR_io_uring_setup, 1, &parameters)));
    return static_cast<bool>(ring);
}

BackendSupport probe_lsm()
{
    silence_libbpf();
    const std::string list = active_lsms();
    auto support = probe<lsm_probe_bpf>(
        "the LSM probe", look_at_own_group, [](const lsm_probe_bpf& probe) { return probe.bss->fired > 0; },
        "the kernel takes the program but never calls it: bpf is not in its list of security modules; boot with lsm=" +
            (list.empty() ? "(the present list)" : list) + ",bpf");
    (void)take_libbpf_output();
    return support;
}

BackendSupport probe_fentry()
{
    silence_libbpf();
    auto support = probe<fentry_probe_bpf>(
        "the fentry probe", look_at_own_group,
        [](const fentry_probe_bpf& probe) { return probe.bss->entered > 0 && probe.bss->left > 0; },
        "the kernel takes the program but never calls it: the function it was attached to is not the one that runs");
    (void)take_libbpf_output();
    return support;
}

BackendSupport probe_tracepoint()
{
    silence_libbpf();
    auto support = probe<tracepoint_probe_bpf>(
        "the tracepoint probe", signal_itself, [](const tracepoint_probe_bpf& probe) { return probe.bss->fired > 0; },
        "the kernel takes the program but the tracepoint never fires");
    (void)take_libbpf_output();
    return support;
}

Result<Backend> choose_backend(std::optional<Backend> forced)
{
    struct Row {
        Backend backend;
        BackendSupport (*probe)();
    };
    constexpr Row kInOrder[] = {
        {Backend::lsm, probe_lsm}, {Backend::fentry, probe_fentry}, {Backend::tracepoint, probe_tracepoint}};
    for (const Row& row : kInOrder) {
        if (forced && row.backend != *forced)
            continue;
        const BackendSupport support = row.probe();
        if (support.usable)
            return row.backend;
        if (forced || row.backend == Backend::tracepoint)
            return fail("backend " + std::string(backend_name(row.backend)) + " does not work here: " + support.reason +
                            (forced ? "; 'backend: auto' takes the best that does" : ""),
                        ExitCode::unsupported);
    }
    return fail("no backend works here", ExitCode::unsupported);
}

}  // namespace fnshield
