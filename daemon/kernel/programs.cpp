// SPDX-License-Identifier: Apache-2.0
#include "daemon/kernel/programs.h"

#include <set>

#include "daemon/kernel/capabilities.h"

namespace fnshield {
namespace {

constexpr std::string_view kRaw = "raw:";
constexpr std::string_view kSyscall = "syscall:";
constexpr std::string_view kFunction = "func:";
constexpr std::string_view kLsm = "lsm:";
constexpr std::string_view kWith = " with ";

// "sys_exit_open" of "syscall:sys_exit_open"; empty where the hook is of another sort.
std::string_view name_after(std::string_view hook, std::string_view sort)
{
    return hook.starts_with(sort) ? hook.substr(sort.size()) : std::string_view();
}

// Cgroup programs and tracepoints that cost a system call nothing are used with every backend.
bool is_of_backend(const ProgramSpec& spec, Backend backend)
{
    switch (spec.backend) {
        case Backend::lsm:
            return backend == Backend::lsm;
        case Backend::fentry:
            return backend == Backend::fentry || (backend == Backend::lsm && spec.tier != Tier::stand_in);
        default:
            return spec.tier == Tier::always || backend == Backend::tracepoint;
    }
}

bool is_wanted(const ProgramSpec& spec, const Host& host, const ProgramChoice& choice)
{
    if (!is_of_backend(spec, choice.backend))
        return false;
    return spec.unless.empty() || spec.unless == choice.absent_hook || !hook_exists(spec.unless, host);
}

struct Skip {
    Lack lack = Lack::nothing;
    std::string reason;
};

Skip look_for(std::string_view hook, const Host& host, const ProgramChoice& choice)
{
    const bool hidden = !hook.empty() && hook == choice.absent_hook;
    if (!hidden && hook_exists(hook, host))
        return {};
    if (!hidden && !name_after(hook, kSyscall).empty() && host.tracefs_is_closed())
        return {Lack::permission, "tracefs can only be read with CAP_DAC_READ_SEARCH"};
    return {Lack::hook, "this kernel has no " + std::string(hook.substr(hook.find(':') + 1))};
}

Skip reason_to_skip(const ProgramSpec& spec, const Host& host, const ProgramChoice& choice)
{
    if (spec.tier == Tier::full && !choice.full_profile)
        return {Lack::wish, "fallback.profile is lean"};
    if (spec.tier == Tier::compat_entry && !choice.compat_entry)
        return {Lack::wish, "fallback.compat_entry is off"};
    return look_for(spec.hook, host, choice);
}

}  // namespace

bool hook_exists(std::string_view hook, const Host& host)
{
    if (const auto with = hook.find(kWith); with != std::string_view::npos) {
        const std::string_view member = hook.substr(with + kWith.size());
        const auto dot = member.find('.');
        return hook_exists(hook.substr(0, with), host) &&
               host.has_member(member.substr(0, dot), member.substr(dot + 1));
    }
    if (const auto name = name_after(hook, kRaw); !name.empty())
        return host.has_raw_tracepoint(name);
    if (const auto name = name_after(hook, kSyscall); !name.empty())
        return host.has_syscall_tracepoint(name);
    if (const auto name = name_after(hook, kFunction); !name.empty())
        return host.has_function(name);
    if (const auto name = name_after(hook, kLsm); !name.empty())
        return host.has_function("bpf_lsm_" + std::string(name));
    return true;
}

std::string_view backend_name(Backend backend)
{
    switch (backend) {
        case Backend::lsm:
            return "lsm";
        case Backend::fentry:
            return "fentry";
        case Backend::tracepoint:
            return "tracepoint";
        case Backend::cgroup:
            return "cgroup";
    }
    return "unknown";
}

std::vector<ProgramStatus> choose_programs(bpf_object* object, std::span<const ProgramSpec> specs, const Host& host,
                                           const ProgramChoice& choice)
{
    std::vector<ProgramStatus> statuses;
    std::set<std::string> wanted;
    for (const ProgramSpec& spec : specs) {
        if (!is_wanted(spec, host, choice))
            continue;
        Skip skip = reason_to_skip(spec, host, choice);
        ProgramStatus status{
            .program = std::string(spec.program),
            .backend = spec.backend,
            .attached = false,
            .reason = std::move(skip.reason),
            .code = std::string(spec.shares.empty() ? spec.program : spec.shares),
            .syscall_tracepoint = std::string(name_after(spec.hook.substr(0, spec.hook.find(kWith)), kSyscall)),
            .lack = skip.lack,
            .loses = std::string(spec.loses)};
        if (!status.reason.empty() && !spec.loses.empty())
            status.reason += ": " + std::string(spec.loses);
        if (bpf_object__find_program_by_name(object, status.code.c_str()) == nullptr) {
            status.failed = true;
            status.reason = "no such program in the object";
        } else if (status.reason.empty())
            wanted.insert(status.code);
        statuses.push_back(std::move(status));
    }
    for (const ProgramSpec& spec : specs) {
        const std::string code(spec.shares.empty() ? spec.program : spec.shares);
        if (bpf_program* program = bpf_object__find_program_by_name(object, code.c_str()))
            bpf_program__set_autoload(program, wanted.contains(code));
    }
    return statuses;
}

std::vector<BpfLink> attach_programs(bpf_object* object, std::vector<ProgramStatus>& statuses)
{
    std::vector<BpfLink> links;
    for (ProgramStatus& status : statuses) {
        if (!status.reason.empty() || status.backend == Backend::cgroup)
            continue;
        const bpf_program* program = bpf_object__find_program_by_name(object, status.code.c_str());
        bpf_link* link = status.syscall_tracepoint.empty()
                             ? bpf_program__attach(program)
                             : bpf_program__attach_tracepoint(program, "syscalls", status.syscall_tracepoint.c_str());
        if (link != nullptr) {
            links.emplace_back(link);
            status.attached = true;
        } else {
            status.failed = true;
            status.reason = fail_errno("cannot attach " + status.program).error().message;
            if (!status.syscall_tracepoint.empty() && perf_events_take_sys_admin())
                status.reason +=
                    ": kernel.perf_event_paranoid is above 2; set it to 2, or 'fallback: { profile: lean }'";
        }
    }
    return links;
}

}  // namespace fnshield
