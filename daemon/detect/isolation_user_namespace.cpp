// SPDX-License-Identifier: Apache-2.0
//
// isolation.user_namespace (T1611): a warm function makes a user namespace.
//
// Signal: unshare, clone or clone3 with CLONE_NEWUSER, allowed or refused. Whoever makes one has every capability in
// it, and with them the parts of the kernel that most local exploits begin with (nftables, filesystems, traffic
// control). Why it works: it needs no privilege, but serving a request does not need it either. False positives:
// browsers and rootless builders make them as they start, which is before ready; those that do so while warm turn the
// rule off in their policy. New namespaces of other kinds need CAP_SYS_ADMIN that the sandbox has already: an event, no
// finding. What gets past: in the lean profile, unshare; on the fallback also unshare by the 32-bit entry. Memory:
// none.
#include <linux/sched.h>

#include <array>

#include "daemon/detect/detectors.h"
#include "daemon/detect/privilege.h"

namespace fnshield::detect {
namespace {

constexpr std::array<std::string_view, 1> kTechniques{"T1611"};
constexpr std::array kKinds{EventKind::namespace_};

constexpr RuleDescriptor kDescriptor{
    .rule = "isolation.user_namespace",
    .category = Category::infrastructure,
    .severity = Severity::high,
    .techniques = kTechniques,
    .short_text = "A warm function made, or tried to make, a user namespace",
    .long_text =
        "In a user namespace of its own a process has all capabilities, and so reaches kernel code that is closed to "
        "it otherwise: most container escapes by a kernel fault begin here. Look at what the process did next "
        "(mounts, raw sockets, bpf). Where a browser or a builder needs it, turn this rule off in that function's "
        "policy; elsewhere set user.max_user_namespaces=0 or a seccomp profile.",
    .kinds = kKinds,
};

class UserNamespace : public Detector {
public:
    [[nodiscard]] const RuleDescriptor& descriptor() const override { return kDescriptor; }

    [[nodiscard]] std::optional<Finding> on_event(const Observation& seen) override
    {
        const auto* act = functions_act(seen);
        if (!act || act->act == FNS_PRIVILEGE_SETNS || !(act->argument & CLONE_NEWUSER))
            return std::nullopt;
        if (!seen.sandbox || !seen.sandbox->warm())
            return std::nullopt;
        return make_privilege_finding(seen, *act);
    }
};

}  // namespace

std::unique_ptr<Detector> make_isolation_user_namespace()
{
    return std::make_unique<UserNamespace>();
}

}  // namespace fnshield::detect
