// SPDX-License-Identifier: Apache-2.0
//
// isolation.release_agent (T1611): a function opens release_agent or notify_on_release for writing.
//
// Signal: the name of a file that lies in a cgroup file system by its superblock, whatever path, mount or link led
// there. Why it works: the kernel runs the program that release_agent names, as root and outside of all namespaces,
// when a cgroup of version 1 empties; both files exist for that alone. False positives: none known; container managers
// that run inside a sandbox write them (systemd sets its own agent on version 1): turn the rule off in their policy.
// The set-up and what enters from outside are quiet. Gets past it: an open that failed; a descriptor that was handed
// in. Memory: none.
#include <array>

#include "daemon/detect/detectors.h"
#include "daemon/detect/file_acts.h"

namespace fnshield::detect {
namespace {

constexpr std::array<std::string_view, 1> kTechniques{"T1611"};
constexpr std::array kKinds{EventKind::file_write};

constexpr RuleDescriptor kDescriptor{
    .rule = "isolation.release_agent",
    .category = Category::infrastructure,
    .severity = Severity::critical,
    .techniques = kTechniques,
    .short_text = "A function opened release_agent or notify_on_release of a cgroup for writing",
    .long_text =
        "The kernel runs what release_agent names as root on the host when a cgroup becomes empty: the best known "
        "escape "
        "from a container. Treat the node as taken over until you know better: freeze the sandbox, read release_agent "
        "of "
        "each cgroup v1 hierarchy, and look for what the host ran. Take CAP_SYS_ADMIN and writable cgroup mounts away.",
    .kinds = kKinds,
};

class ReleaseAgent : public Detector {
public:
    [[nodiscard]] const RuleDescriptor& descriptor() const override { return kDescriptor; }

    [[nodiscard]] std::optional<Finding> on_event(const Observation& seen) override
    {
        const FileBody* file = file_act(seen, FNS_FILE_CLASS_CGROUP);
        if (!file)
            return std::nullopt;
        const std::string_view name = base_name(file->path);
        if (name != "release_agent" && name != "notify_on_release")
            return std::nullopt;
        return make_file_finding(seen, *file, "cgroup file");
    }
};

}  // namespace

std::unique_ptr<Detector> make_isolation_release_agent()
{
    return std::make_unique<ReleaseAgent>();
}

}  // namespace fnshield::detect
