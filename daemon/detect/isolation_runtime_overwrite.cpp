// SPDX-License-Identifier: Apache-2.0
//
// isolation.runtime_overwrite (T1611, T1554): a function opens a program of the node for writing.
//
// Signal: an open for writing, by whatever road, /proc/PID/exe and /proc/self/fd included (CVE-2019-5736), of an
// executable file that is older than the sandbox and lies neither in an overlay nor on a tmpfs, where its name is a
// container runtime's or its path is one of the system's folders. Why it works: the function's own image is an overlay,
// so what it changes there is its own copy; such a file is the node's, and the node runs it as root. False positives: a
// platform without overlays, whose function upgrades its own packages; the host's package upgrades are no function's
// act. Quiet: programs in folders of data (a virtual environment on a volume), the set-up, what enters from outside.
// Gets past it: another file put in its place (with a way into that folder). Not told: tries at a program that runs,
// which the kernel refuses. Memory: none.
#include <algorithm>
#include <array>

#include "daemon/detect/detectors.h"
#include "daemon/detect/file_acts.h"

namespace fnshield::detect {
namespace {

constexpr std::array<std::string_view, 2> kTechniques{"T1611", "T1554"};
constexpr std::array kKinds{EventKind::file_write};

constexpr RuleDescriptor kDescriptor{
    .rule = "isolation.runtime_overwrite",
    .category = Category::infrastructure,
    .severity = Severity::critical,
    .techniques = kTechniques,
    .short_text = "A function opened the container runtime or another program of the node for writing",
    .long_text =
        "Who writes to a program of the node is root on the node the next time it runs: for the runtime that is the "
        "next start of any function. Take the node out of service, compare its programs with their packages (debsums, "
        "rpm -V), and find how the file came within the function's reach.",
    .kinds = kKinds,
};

constexpr auto kRuntimes = std::to_array<std::string_view>(
    {"conmon", "containerd", "containerd-shim", "containerd-shim-runc-v2", "crio", "crun", "ctr", "dockerd", "faasd",
     "firecracker", "jailer", "kata-agent", "kata-runtime", "kubelet", "podman", "runc", "runsc", "youki"});
constexpr auto kSystem =
    std::to_array<std::string_view>({"/usr/", "/bin/", "/sbin/", "/lib/", "/lib64/", "/libexec/", "/opt/cni/"});

bool is_of_the_node(std::string_view path)
{
    return std::ranges::find(kRuntimes, base_name(path)) != kRuntimes.end() ||
           std::ranges::any_of(kSystem, [&](std::string_view folder) { return path.starts_with(folder); }) ||
           path.contains("/usr/");  // a host path
}

class RuntimeOverwrite : public Detector {
public:
    [[nodiscard]] const RuleDescriptor& descriptor() const override { return kDescriptor; }

    [[nodiscard]] std::optional<Finding> on_event(const Observation& seen) override
    {
        const FileBody* file = file_act(seen, FNS_FILE_CLASS_EXECUTABLE);
        if (!file || !is_of_the_node(file->path))
            return std::nullopt;
        return make_file_finding(seen, *file, "the node's program");
    }
};

}  // namespace

std::unique_ptr<Detector> make_isolation_runtime_overwrite()
{
    return std::make_unique<RuntimeOverwrite>();
}

}  // namespace fnshield::detect
