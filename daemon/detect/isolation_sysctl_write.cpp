// SPDX-License-Identifier: Apache-2.0
//
// isolation.sysctl_write (T1611): a function opens a setting of the kernel for writing.
//
// Signal: an open for writing in procfs of a file that is about no process (/proc/sys, sysrq-trigger, irq, …), in
// sysfs, securityfs, configfs, efivarfs or binfmt_misc, known by the superblock and not by the path: core_pattern,
// modprobe, binfmt_misc and uevent_helper name programs that the kernel runs as root on the host. Why it works:
// containers get these read-only. False positives: a sandbox with a network namespace and /proc/sys of its own to write
// may set what is under /proc/sys/net (VPNs do): turn the rule off in its policy. Reads are quiet, as is all that is
// about a process
// (/proc/self/oom_score_adj, comm, uid_map, attr, timerslack_ns), the set-up and what enters from outside.
// Gets past it: an open that failed, as that of a read-only /proc/sys does; a descriptor that was handed in.
// Memory: none.
#include <array>

#include "daemon/detect/detectors.h"
#include "daemon/detect/file_acts.h"

namespace fnshield::detect {
namespace {

constexpr std::array<std::string_view, 1> kTechniques{"T1611"};
constexpr std::array kKinds{EventKind::file_write};

constexpr RuleDescriptor kDescriptor{
    .rule = "isolation.sysctl_write",
    .category = Category::infrastructure,
    .severity = Severity::critical,
    .techniques = kTechniques,
    .short_text =
        "A function opened a setting of the kernel for writing (/proc/sys, /sys, sysrq, core_pattern, binfmt_misc)",
    .long_text =
        "Settings of the kernel belong to the node, and some name a program that the kernel runs as root on the host: "
        "core_pattern, modprobe, uevent_helper, binfmt_misc. That the open succeeded means that the sandbox has the "
        "file "
        "mounted to write. Compare the setting with another node's, freeze the sandbox, and mount /proc/sys and /sys "
        "read-only. Below /proc/sys/net it may be the sandbox's own network only.",
    .kinds = kKinds,
};

class SysctlWrite : public Detector {
public:
    [[nodiscard]] const RuleDescriptor& descriptor() const override { return kDescriptor; }

    [[nodiscard]] std::optional<Finding> on_event(const Observation& seen) override
    {
        const FileBody* file = file_act(seen, FNS_FILE_CLASS_KERNEL_SETTING);
        if (!file)
            return std::nullopt;
        return make_file_finding(seen, *file, "kernel setting");
    }
};

}  // namespace

std::unique_ptr<Detector> make_isolation_sysctl_write()
{
    return std::make_unique<SysctlWrite>();
}

}  // namespace fnshield::detect
