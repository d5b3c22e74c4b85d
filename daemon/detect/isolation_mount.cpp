// SPDX-License-Identifier: Apache-2.0
//
// isolation.mount (T1611): a function changes what is mounted.
//
// Signal: mount, umount, pivot_root, and the newer calls that do the same in steps (open_tree with a clone, fsopen,
// fsconfig, fsmount, fspick, move_mount, mount_setattr), allowed or refused. With it a function reaches a host's disk,
// cgroupfs (release_agent), procfs without its masks. Why it works: the kernel asks for CAP_SYS_ADMIN in the mount
// namespace's owner, also where that is the function's own user namespace, and once for every step. False positives:
// all of runc's mounts come before the workload and are not told. open_tree without a clone is an open like any other.
// open_by_handle_at is told as a mount event, but is isolation.host_path's.
// What gets past: on the fallback before kernel 6.14, the 32-bit entry, and the lean profile.
// Memory: none.
#include <array>

#include "daemon/detect/detectors.h"
#include "daemon/detect/privilege.h"

namespace fnshield::detect {
namespace {

constexpr std::array<std::string_view, 1> kTechniques{"T1611"};
constexpr std::array kKinds{EventKind::mount};

constexpr RuleDescriptor kDescriptor{
    .rule = "isolation.mount",
    .category = Category::infrastructure,
    .severity = Severity::critical,
    .techniques = kTechniques,
    .short_text = "A function mounted or unmounted something, or tried to",
    .long_text =
        "What a sandbox can see is what is mounted in it. A function that mounts is reaching for the host's disk, for "
        "cgroupfs or for a /proc without its masks, the usual steps of an escape. Nothing that serves requests does "
        "so. Kill the sandbox, look at what was opened after the mount, and take CAP_SYS_ADMIN and user namespaces "
        "away from it.",
    .kinds = kKinds,
};

class Mount : public Detector {
public:
    [[nodiscard]] const RuleDescriptor& descriptor() const override { return kDescriptor; }

    [[nodiscard]] std::optional<Finding> on_event(const Observation& seen) override
    {
        const auto* act = functions_act(seen);
        if (!act || act->act == FNS_PRIVILEGE_OPEN_BY_HANDLE)
            return std::nullopt;
        return make_privilege_finding(seen, *act);
    }
};

}  // namespace

std::unique_ptr<Detector> make_isolation_mount()
{
    return std::make_unique<Mount>();
}

}  // namespace fnshield::detect
