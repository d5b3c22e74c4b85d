// SPDX-License-Identifier: Apache-2.0
//
// isolation.memory_read (T1055, T1003.007): memory of another sandbox, or of the host, is read.
//
// Signal: process_vm_readv, an open of /proc/PID/mem by whatever road, PTRACE_PEEK, and any other lock of a foreign
// address space that the kernel side cannot name ("reached into"). Attempts that were refused count: they are the early
// warning, and the next one may come from a process that is allowed to.
// Why it works: both ends are resolved to their sandboxes in the kernel, whatever pid, tid or namespace was named.
// False positives: none from within a sandbox, from parent to child, or from runc's own stages; debuggers, CRIU and
// sanitizers on the host are the operator's unless memory.allow_from says who may; a sandbox that may is named there.
// Memory: none.
#include <array>

#include "daemon/detect/detectors.h"
#include "daemon/detect/reach.h"

namespace fnshield::detect {
namespace {

constexpr std::array<std::string_view, 2> kTechniques{"T1055", "T1003.007"};
constexpr std::array kKinds{EventKind::memory_access};

constexpr RuleDescriptor kDescriptor{
    .rule = "isolation.memory_read",
    .category = Category::infrastructure,
    .severity = Severity::critical,
    .techniques = kTechniques,
    .short_text = "A process read, or tried to read, the memory of another sandbox or of the host",
    .long_text =
        "What a warm sandbox holds in memory (keys, model weights, requests of its users) can be read by who reaches "
        "its address space. No function has a reason to do this to another one. Freeze or kill the acting sandbox, "
        "take what the target held in memory for known to others, rotate its credentials, and find out how the actor "
        "can see the target's processes at all: a shared pid namespace, CAP_SYS_PTRACE, or an escape. If the reader is "
        "a tool of yours, name it under memory.allow_from in the target's policy.",
    .kinds = kKinds,
};

class MemoryRead : public Detector {
public:
    [[nodiscard]] const RuleDescriptor& descriptor() const override { return kDescriptor; }

    [[nodiscard]] std::optional<Finding> on_event(const Observation& seen) override
    {
        if (!is_breach(seen, Reach::read, true))
            return std::nullopt;
        const bool named = seen.event.as<MemoryBody>()->access != FNS_ACCESS_UNKNOWN;
        Finding finding = named ? make_reach_finding(seen, "read memory of", "tried to read memory of")
                                : make_reach_finding(seen, "reached into memory of", "tried to reach into memory of");
        finding.on_behalf_of_target = true;
        return finding;
    }
};

}  // namespace

std::unique_ptr<Detector> make_isolation_memory_read()
{
    return std::make_unique<MemoryRead>();
}

}  // namespace fnshield::detect
