// SPDX-License-Identifier: Apache-2.0
#include "daemon/kernel/programs.h"

namespace fnshield {
namespace {

bool hook_exists(std::string_view hook, const Host& host)
{
    constexpr std::string_view kRaw = "raw:";
    constexpr std::string_view kSyscall = "syscall:";
    if (hook.starts_with(kRaw))
        return host.has_raw_tracepoint(hook.substr(kRaw.size()));
    if (hook.starts_with(kSyscall))
        return host.has_syscall_tracepoint(hook.substr(kSyscall.size()));
    return true;
}

std::string reason_to_skip(const ProgramSpec& spec, const Host& host, const ProgramChoice& choice)
{
    if (spec.tier == Tier::full && !choice.full_profile)
        return "fallback.profile is lean";
    if (spec.tier == Tier::compat_entry && !choice.compat_entry)
        return "fallback.compat_entry is off";
    if (!hook_exists(spec.hook, host))
        return "this kernel has no " + std::string(spec.hook.substr(spec.hook.find(':') + 1));
    return {};
}

}  // namespace

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
    for (const ProgramSpec& spec : specs) {
        ProgramStatus status{std::string(spec.program), spec.backend, false, reason_to_skip(spec, host, choice)};
        if (!status.reason.empty() && !spec.loses.empty())
            status.reason += ": " + std::string(spec.loses);
        if (bpf_program* program = bpf_object__find_program_by_name(object, status.program.c_str()))
            bpf_program__set_autoload(program, status.reason.empty());
        else
            status.reason = "no such program in the object";
        statuses.push_back(std::move(status));
    }
    return statuses;
}

std::vector<BpfLink> attach_programs(bpf_object* object, std::vector<ProgramStatus>& statuses)
{
    std::vector<BpfLink> links;
    for (ProgramStatus& status : statuses) {
        if (!status.reason.empty() || status.backend == Backend::cgroup)
            continue;
        const bpf_program* program = bpf_object__find_program_by_name(object, status.program.c_str());
        if (bpf_link* link = bpf_program__attach(program)) {
            links.emplace_back(link);
            status.attached = true;
        } else {
            status.reason = fail_errno("cannot attach " + status.program).error().message;
        }
    }
    return links;
}

}  // namespace fnshield
