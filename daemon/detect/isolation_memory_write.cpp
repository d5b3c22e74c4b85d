// SPDX-License-Identifier: Apache-2.0
//
// isolation.memory_write (T1055): memory of another sandbox, or of the host, is written.
//
// Signal: process_vm_writev, /proc/PID/mem opened for writing, PTRACE_POKE; also where it was refused.
// Why it works: as isolation.memory_read; the access is told by the kernel's open mode, not by the caller.
// False positives: as isolation.memory_read.
// Memory: none.
#include <array>

#include "daemon/detect/detectors.h"
#include "daemon/detect/reach.h"

namespace fnshield::detect {
namespace {

constexpr std::array<std::string_view, 1> kTechniques{"T1055"};
constexpr std::array kKinds{EventKind::memory_access};

constexpr RuleDescriptor kDescriptor{
    .rule = "isolation.memory_write",
    .category = Category::infrastructure,
    .severity = Severity::critical,
    .techniques = kTechniques,
    .short_text = "A process wrote, or tried to write, the memory of another sandbox or of the host",
    .long_text =
        "Who writes another process's memory runs code in it: the target is no longer what was deployed. Kill "
        "both sandboxes, do not let the target serve on, keep the incident's timeline, and find out how the "
        "actor can see the target's processes at all: a shared pid namespace, CAP_SYS_PTRACE, or an escape.",
    .kinds = kKinds,
};

class MemoryWrite : public Detector {
public:
    [[nodiscard]] const RuleDescriptor& descriptor() const override { return kDescriptor; }

    [[nodiscard]] std::optional<Finding> on_event(const Observation& seen) override
    {
        if (!is_breach(seen, Reach::write, true))
            return std::nullopt;
        Finding finding = make_reach_finding(seen, "wrote memory of", "tried to write memory of");
        finding.on_behalf_of_target = true;
        return finding;
    }
};

}  // namespace

std::unique_ptr<Detector> make_isolation_memory_write()
{
    return std::make_unique<MemoryWrite>();
}

}  // namespace fnshield::detect
