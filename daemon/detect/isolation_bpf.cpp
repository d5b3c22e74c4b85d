// SPDX-License-Identifier: Apache-2.0
//
// isolation.bpf (T1014): a function calls bpf().
//
// Signal: any bpf(), allowed or refused. A BPF program sees and changes what the kernel does for the whole node, hides
// processes and files, and can blind this daemon. Why it works: the kernel asks for a capability for nearly all of it,
// and what needs none (a descriptor that was passed) is seen when the call is made. False positives: agents that use
// BPF run on the host; classic filters of sockets (SO_ATTACH_FILTER) are no bpf(); runc's device filter is attached
// outside. Acts on the daemon's own objects are health.tamper as well.
// What gets past: on the fallback, bpf() on passed descriptors by the 32-bit entry or in the lean profile.
// Memory: none.
#include <array>

#include "daemon/detect/detectors.h"
#include "daemon/detect/privilege.h"

namespace fnshield::detect {
namespace {

constexpr std::array<std::string_view, 1> kTechniques{"T1014"};
constexpr std::array kKinds{EventKind::bpf};

constexpr RuleDescriptor kDescriptor{
    .rule = "isolation.bpf",
    .category = Category::infrastructure,
    .severity = Severity::critical,
    .techniques = kTechniques,
    .short_text = "A function called, or tried to call, bpf()",
    .long_text =
        "With bpf() a process changes how the kernel works for everyone on the node: rootkits hide that way, and "
        "monitors are blinded that way. No function needs it. If it was allowed, take the node out of service and look "
        "at what is loaded (bpftool prog); take CAP_BPF and CAP_SYS_ADMIN away from the sandbox, and keep "
        "kernel.unprivileged_bpf_disabled at 1 or 2.",
    .kinds = kKinds,
};

class Bpf : public Detector {
public:
    [[nodiscard]] const RuleDescriptor& descriptor() const override { return kDescriptor; }

    [[nodiscard]] std::optional<Finding> on_event(const Observation& seen) override
    {
        const auto* act = functions_act(seen);
        if (!act)
            return std::nullopt;
        return make_privilege_finding(seen, *act);
    }
};

}  // namespace

std::unique_ptr<Detector> make_isolation_bpf()
{
    return std::make_unique<Bpf>();
}

}  // namespace fnshield::detect
