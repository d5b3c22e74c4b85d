// SPDX-License-Identifier: Apache-2.0
//
// isolation.kernel_module (T1547.006): a function puts code into the kernel, or makes the kernel fetch some.
//
// Signal: init_module, finit_module, delete_module, kexec_load, kexec_file_load, allowed or refused; and a request of
// the kernel's own for a module, made in the name of a function that asked for a rare protocol, cipher or file system:
// old, seldom used modules are where exploits find their faults. Why it works: each passes one check or one tracepoint
// whatever the entry. False positives: requests that ordinary programs cause where the kernel lacks IPv6 and the like
// are left out by the kernel side (bpf/sensors/privilege.bpf.c says which).
// What gets past: nothing known; a module that is loaded already is not requested.
// Memory: none.
#include <array>

#include "daemon/detect/detectors.h"
#include "daemon/detect/privilege.h"
#include "daemon/detect/wording.h"

namespace fnshield::detect {
namespace {

constexpr std::array<std::string_view, 1> kTechniques{"T1547.006"};
constexpr std::array kKinds{EventKind::module};

constexpr RuleDescriptor kDescriptor{
    .rule = "isolation.kernel_module",
    .category = Category::infrastructure,
    .severity = Severity::critical,
    .techniques = kTechniques,
    .short_text = "A function loaded or removed a kernel module, or tried to, or made the kernel fetch one",
    .long_text =
        "Who loads code into the kernel owns the node and everything on it. If it was allowed, take the node out of "
        "service: nothing that it tells can be believed. If it was refused, kill the sandbox and find out what it was "
        "built from. A request made by the kernel itself, for a protocol or cipher that a function named, is how "
        "faults in seldom used modules are reached: forbid such modules on worker nodes (install NAME /bin/false).",
    .kinds = kKinds,
};

class KernelModule : public Detector {
public:
    [[nodiscard]] const RuleDescriptor& descriptor() const override { return kDescriptor; }

    [[nodiscard]] std::optional<Finding> on_event(const Observation& seen) override
    {
        const auto* act = functions_act(seen);
        if (!act)
            return std::nullopt;
        Finding finding = make_privilege_finding(seen, *act);
        if (act->act == FNS_PRIVILEGE_MODULE_REQUEST) {
            finding.summary = actor_label(seen) + " made the kernel ask for the module " + printable(act->name) + " (" +
                              program_of(seen) + ")" + failure_text(act->refused(), act->result);
            finding.target.name = printable(act->name);
        }
        return finding;
    }
};

}  // namespace

std::unique_ptr<Detector> make_isolation_kernel_module()
{
    return std::make_unique<KernelModule>();
}

}  // namespace fnshield::detect
