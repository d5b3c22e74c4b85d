// SPDX-License-Identifier: Apache-2.0
//
// isolation.kernel_memory (T1003): a function opens the kernel's memory, its log or its insides.
//
// Signal: character devices 1:1, 1:2, 1:4 and 1:11 (mem, kmem, port, kmsg) by their number, so under any name; kcore
// and kmsg of procfs; any file of debugfs and tracefs by the superblock. Reading counts as well as writing. Why it
// works: no container gets them unless it is privileged. False positives: profilers and node agents in a privileged
// sandbox: turn the rule off in their policy. Masked paths (/dev/null mounted over /proc/kcore) are the null device and
// quiet. Gets past it: an open that failed; a descriptor that was handed in. Memory: none.
#include <array>

#include "daemon/detect/detectors.h"
#include "daemon/detect/file_acts.h"

namespace fnshield::detect {
namespace {

constexpr std::array<std::string_view, 1> kTechniques{"T1003"};
constexpr std::array kKinds{EventKind::file_open, EventKind::file_write};

constexpr RuleDescriptor kDescriptor{
    .rule = "isolation.kernel_memory",
    .category = Category::infrastructure,
    .severity = Severity::critical,
    .techniques = kTechniques,
    .short_text = "A function opened the kernel's memory, its log, debugfs or tracefs",
    .long_text =
        "Through these files a function reads what other tenants and the kernel hold in memory, or where to strike. A "
        "sandbox that can open them is privileged, or has made the device itself. Freeze it, look for mknod and mounts "
        "before this, and take its privileges away. Secrets of every tenant of the node may be known by now.",
    .kinds = kKinds,
};

class KernelMemory : public Detector {
public:
    [[nodiscard]] const RuleDescriptor& descriptor() const override { return kDescriptor; }

    [[nodiscard]] std::optional<Finding> on_event(const Observation& seen) override
    {
        const FileBody* file = file_act(seen, FNS_FILE_CLASS_KERNEL_MEMORY);
        if (!file)
            return std::nullopt;
        return make_file_finding(seen, *file, "kernel memory or log");
    }
};

}  // namespace

std::unique_ptr<Detector> make_isolation_kernel_memory()
{
    return std::make_unique<KernelMemory>();
}

}  // namespace fnshield::detect
