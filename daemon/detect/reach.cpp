// SPDX-License-Identifier: Apache-2.0
//
// See reach.h.
#include "daemon/detect/reach.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "daemon/detect/wording.h"
#include "daemon/policy/memory_readers.h"

namespace fnshield::detect {

std::string_view without_task(std::string_view name)
{
    if (!name.starts_with("task/"))
        return name;
    name.remove_prefix(5);
    const auto slash = name.find('/');
    return slash == std::string_view::npos ? std::string_view{} : name.substr(slash + 1);
}

namespace {

// What ps, top, pgrep and node exporters read of every process, and what tells nothing that a neighbour could use. All
// else under /proc/PID is a peek, also names that future kernels add.
constexpr auto kPublicNames = std::to_array<std::string_view>(
    {"",          "autogroup", "cgroup",  "children",  "cmdline",       "comm",           "cpuset",
     "limits",    "loginuid",  "oom_adj", "oom_score", "oom_score_adj", "sched",          "schedstat",
     "sessionid", "stat",      "statm",   "status",    "task",          "timens_offsets", "wchan"});

bool is_public(std::string_view name)
{
    name = without_task(name);
    const bool is_number = std::ranges::all_of(name, [](unsigned char c) { return std::isdigit(c) != 0; });
    return is_number || std::ranges::find(kPublicNames, name) != kPublicNames.end();  // a number: /proc/PID itself
}

// "fd/3" opens the target's file; "fd" and "fdinfo/3" only tell of it.
bool is_descriptor(std::string_view name)
{
    name = without_task(name);
    return name.size() > 3 && name.starts_with("fd/") && std::isdigit(static_cast<unsigned char>(name[3])) != 0;
}

bool is_of_proc(fns_via via)
{
    return via == FNS_VIA_PROC_MEM || via == FNS_VIA_PROC_FILE || via == FNS_VIA_PROC_LINK;
}

// PEEK and POKE are reads and writes of memory.
bool is_ptrace(fns_via via)
{
    return via == FNS_VIA_PTRACE_ATTACH || via == FNS_VIA_PTRACE_SEIZE || via == FNS_VIA_PTRACE_OTHER;
}

Reach reach_of_proc(const MemoryBody& memory)
{
    if (is_descriptor(memory.name))
        return Reach::descriptor;
    if (memory.via == FNS_VIA_PROC_MEM || without_task(memory.name) == "mem")
        return memory.access == FNS_ACCESS_WRITE ? Reach::write : Reach::read;
    // A link that was followed leads to private things whatever its name; and nothing of another's is to be written, be
    // it public to read (oom_score_adj).
    if (memory.via == FNS_VIA_PROC_LINK || memory.access == FNS_ACCESS_WRITE)
        return Reach::peek;
    return is_public(memory.name) ? Reach::none : Reach::peek;
}

bool is_listed(const std::string& entry, const Observation& seen)
{
    if (entry.starts_with('/'))  // comm would not do: a process chooses it
        return seen.event.sandbox == kHost && glob_match(entry, seen.event.as<MemoryBody>()->actor_exe);
    return seen.sandbox && seen.target_sandbox && names_reader(entry, seen.target_sandbox->name, seen.sandbox->name);
}

bool is_allowed(const Observation& seen)
{
    if (!seen.target_sandbox)
        return false;  // the host names nobody who may
    const auto& allow_from = seen.target_sandbox->policy->memory.allow_from;
    return allow_from && std::ranges::any_of(*allow_from, [&](const auto& entry) { return is_listed(entry, seen); });
}

}  // namespace

Reach reach_of(const Event& event)
{
    const auto* memory = event.as<MemoryBody>();
    if (!memory)
        return Reach::none;
    if (memory->via == FNS_VIA_PIDFD_GETFD || memory->access == FNS_ACCESS_FD)
        return Reach::descriptor;
    if (is_of_proc(memory->via))
        return reach_of_proc(*memory);
    if (is_ptrace(memory->via))
        return Reach::trace;
    switch (memory->access) {
        case FNS_ACCESS_WRITE:
            return Reach::write;
        case FNS_ACCESS_ATTACH:
            return Reach::trace;
        case FNS_ACCESS_PEEK:
            return Reach::peek;
        default:
            return Reach::read;
    }
}

bool is_breach(const Observation& seen, Reach reach, bool host_may_be_listed)
{
    const auto* memory = seen.event.as<MemoryBody>();
    if (!memory || reach == Reach::none || reach_of(seen.event) != reach)
        return false;
    if (seen.event.sandbox == memory->target_sandbox)
        return false;  // inside one sandbox, or the host with itself
    if (memory->target.tgid == 0 && memory->attempted)
        return false;  // nobody is there; where it succeeded, somebody is, and the kernel side could not tell who
    if (seen.by_runtime())
        return false;
    if (seen.event.sandbox != kHost)
        return !is_allowed(seen);
    return host_may_be_listed && seen.target_sandbox && seen.target_sandbox->policy->memory.allow_from &&
           !is_allowed(seen);
}

std::string road_text(const MemoryBody& memory)
{
    if (is_of_proc(memory.via)) {
        const std::string name = memory.via == FNS_VIA_PROC_MEM && memory.name.empty() ? "mem" : memory.name;
        const std::string pid = memory.target.tgid == 0 ? "…" : std::to_string(memory.target.tgid);
        return name.empty() ? "a link of /proc/" + pid : "/proc/" + pid + "/" + printable(name);
    }
    if (memory.via == FNS_VIA_OTHER_SYSCALL)
        return "system call " + std::to_string(memory.syscall_nr);
    return memory.via == FNS_VIA_UNKNOWN ? "by an unnamed way" : std::string(via_name(memory.via));
}

Finding make_reach_finding(const Observation& seen, std::string_view deed, std::string_view attempt)
{
    const auto& memory = *seen.event.as<MemoryBody>();
    Finding finding;
    finding.summary = actor_label(seen) + " " + std::string(memory.attempted ? attempt : deed) + " " +
                      target_label(seen) + " (" + road_text(memory) + (memory.hint ? ", as the caller wrote it" : "") +
                      ")" + failure_text(memory.attempted, memory.result);
    finding.key = program_of(seen) + " " + std::to_string(memory.target_sandbox) + " " +
                  std::string(via_name(memory.via)) + (memory.attempted ? " tried" : "");
    if (is_of_proc(memory.via) && !memory.name.empty())
        finding.target.file = road_text(memory);
    if (seen.event.sandbox == kHost && memory.target_sandbox != kHost)
        finding.about = memory.target_sandbox;
    return finding;
}

}  // namespace fnshield::detect
