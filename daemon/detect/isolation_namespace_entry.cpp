// SPDX-License-Identifier: Apache-2.0
//
// isolation.namespace_entry (T1611): a function enters a namespace that exists already.
//
// Signal: setns, by a namespace's descriptor or a pidfd, allowed or refused. With the host's namespaces within reach (a
// shared pid namespace, a leaked descriptor) it is the shortest way out of a container. Why it works: the kernel asks
// for CAP_SYS_ADMIN whatever the entry, and setns has no use in a function. False positives: `runc exec` and probes
// enter from outside, before they are in the cgroup; a child that was made by a runtime is an entrant until its exec.
// What gets past: on the fallback before kernel 6.14, the 32-bit entry.
// Memory: none.
#include <array>

#include "daemon/detect/detectors.h"
#include "daemon/detect/privilege.h"

namespace fnshield::detect {
namespace {

constexpr std::array<std::string_view, 1> kTechniques{"T1611"};
constexpr std::array kKinds{EventKind::namespace_};

constexpr RuleDescriptor kDescriptor{
    .rule = "isolation.namespace_entry",
    .category = Category::infrastructure,
    .severity = Severity::critical,
    .techniques = kTechniques,
    .short_text = "A function entered, or tried to enter, another namespace",
    .long_text =
        "A process that joins the namespaces of the host or of another container has left its sandbox in all but "
        "name. Functions have no use for setns. Kill the sandbox, look in its timeline for what the process did "
        "next, and find out how it came by the namespace: a shared pid namespace, CAP_SYS_ADMIN, a descriptor "
        "that the runtime leaked.",
    .kinds = kKinds,
};

class NamespaceEntry : public Detector {
public:
    [[nodiscard]] const RuleDescriptor& descriptor() const override { return kDescriptor; }

    [[nodiscard]] std::optional<Finding> on_event(const Observation& seen) override
    {
        const auto* act = functions_act(seen);
        if (!act || act->act != FNS_PRIVILEGE_SETNS)
            return std::nullopt;
        return make_privilege_finding(seen, *act);
    }
};

}  // namespace

std::unique_ptr<Detector> make_isolation_namespace_entry()
{
    return std::make_unique<NamespaceEntry>();
}

}  // namespace fnshield::detect
