// SPDX-License-Identifier: Apache-2.0
//
// isolation.host_path (T1611): a function reaches files that are outside of its mounts.
//
// Signal: open_by_handle_at, allowed or refused; /proc/PID/root or cwd of a process on the host, where the kernel let
// it through. Why it works: both lead past every mount that the sandbox was given: the first by a number that can be
// guessed ("shocker"), the second because what lies behind the link is looked up in the host's mounts. No function
// needs either. A refused handle counts, and is high: it is an attack and nothing else. A refused link is
// isolation.proc_peek's, as another sandbox's is. False positives: backup agents and CRIU in a sandbox: turn the rule
// off there. A process of the own sandbox, so init of a private pid namespace that looks at itself, the host, the
// set-up and what enters from outside are quiet. Whoever only reads where the link points to has passed the same check
// and is told too. Gets past it: host files that were mounted, a descriptor of a host folder (isolation.leaked_fd),
// a host's device (isolation.block_device, isolation.mount). Memory: none.
#include <array>

#include "daemon/detect/detectors.h"
#include "daemon/detect/privilege.h"
#include "daemon/detect/reach.h"

namespace fnshield::detect {
namespace {

constexpr std::array<std::string_view, 1> kTechniques{"T1611"};
constexpr std::array kKinds{EventKind::mount, EventKind::memory_access};

constexpr RuleDescriptor kDescriptor{
    .rule = "isolation.host_path",
    .category = Category::infrastructure,
    .severity = Severity::critical,
    .techniques = kTechniques,
    .short_text = "A function reached, or tried to reach, files outside of its mounts",
    .long_text =
        "A sandbox sees what is mounted in it. By the root or working folder of a host process, or by a file handle, "
        "it sees the host's files: keys, other sandboxes' layers, the runtime's sockets. Kill the sandbox, look in its "
        "timeline at what it opened next, and take the host's pid namespace, CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH "
        "away from it. A backup agent that must do so turns this rule off in its policy.",
    .kinds = kKinds,
};

std::optional<Finding> by_handle(const Observation& seen)
{
    const PrivilegeBody* act = functions_act(seen);
    if (!act || act->act != FNS_PRIVILEGE_OPEN_BY_HANDLE)
        return std::nullopt;
    Finding finding = make_privilege_finding(seen, *act);
    if (act->refused())
        finding.severity = Severity::high;
    return finding;
}

bool leads_out(std::string_view name)
{
    name = without_task(name);
    return name == "root" || name == "cwd";
}

std::optional<Finding> by_link(const Observation& seen)
{
    if (!is_breach(seen, Reach::peek, false))
        return std::nullopt;
    const auto& memory = *seen.event.as<MemoryBody>();
    const bool followed = memory.via == FNS_VIA_PROC_LINK && !memory.attempted;
    if (!followed || memory.target_sandbox != kHost || !leads_out(memory.name))
        return std::nullopt;
    return make_reach_finding(seen, "reached the files of", "tried to reach the files of");
}

class HostPath : public Detector {
public:
    [[nodiscard]] const RuleDescriptor& descriptor() const override { return kDescriptor; }

    [[nodiscard]] std::optional<Finding> on_event(const Observation& seen) override
    {
        return seen.event.kind == EventKind::mount ? by_handle(seen) : by_link(seen);
    }
};

}  // namespace

std::unique_ptr<Detector> make_isolation_host_path()
{
    return std::make_unique<HostPath>();
}

}  // namespace fnshield::detect
