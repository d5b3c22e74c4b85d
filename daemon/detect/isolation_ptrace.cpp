// SPDX-License-Identifier: Apache-2.0
//
// isolation.ptrace (T1055.008): a process attaches to one of another sandbox, or of the host, with ptrace.
//
// Signal: PTRACE_ATTACH, PTRACE_SEIZE and other requests on a foreign tracee; also where it was refused.
// Why it works: both ends are resolved in the kernel. PTRACE_TRACEME and tracing one's own child stay inside one
// sandbox. False positives: gdb and strace on the host are the operator's unless memory.allow_from says who may.
// Memory: none.
#include <array>

#include "daemon/detect/detectors.h"
#include "daemon/detect/reach.h"

namespace fnshield::detect {
namespace {

constexpr std::array<std::string_view, 1> kTechniques{"T1055.008"};
constexpr std::array kKinds{EventKind::memory_access};

constexpr RuleDescriptor kDescriptor{
    .rule = "isolation.ptrace",
    .category = Category::infrastructure,
    .severity = Severity::critical,
    .techniques = kTechniques,
    .short_text = "A process attached, or tried to attach, to one of another sandbox or of the host with ptrace",
    .long_text =
        "A tracer owns its tracee: it reads and writes memory and registers and can make it call anything. "
        "Kill the acting sandbox, treat the target as compromised, and find out how the actor can see the "
        "target's processes at all. If the tracer is a debugger of yours, name it under memory.allow_from in "
        "the target's policy.",
    .kinds = kKinds,
};

class Ptrace : public Detector {
public:
    [[nodiscard]] const RuleDescriptor& descriptor() const override { return kDescriptor; }

    [[nodiscard]] std::optional<Finding> on_event(const Observation& seen) override
    {
        if (!is_breach(seen, Reach::trace, true))
            return std::nullopt;
        const bool attach = seen.event.as<MemoryBody>()->access == FNS_ACCESS_ATTACH;
        Finding finding = attach
                              ? make_reach_finding(seen, "attached to a process of", "tried to attach to a process of")
                              : make_reach_finding(seen, "traced a process of", "tried to trace a process of");
        finding.on_behalf_of_target = true;
        return finding;
    }
};

}  // namespace

std::unique_ptr<Detector> make_isolation_ptrace()
{
    return std::make_unique<Ptrace>();
}

}  // namespace fnshield::detect
