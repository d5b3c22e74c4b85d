// SPDX-License-Identifier: Apache-2.0
//
// isolation.runtime_socket (T1610): a function connects to the socket of a container runtime or of the kubelet.
//
// Signal: a connect to a UNIX socket outside of the sandbox whose name is one of docker, containerd, CRI-O, Podman,
// kubelet and the like, or lies in their folders. The name is the one to which its owner bound it: a mount under
// another name changes nothing. Why it works: who can talk to the runtime can start a container with the host's root:
// it is the shortest way out. False positives: the host's agents are in no sandbox; a sandbox's own sockets are not
// told; a builder that is meant to has the rule turned off in its policy. On the fallback also attempts that failed.
// Gets past it: a proxy for that socket under a name of its own on the host, and the runtime over TCP
// (isolation.control_plane). Memory: none.
#include <algorithm>
#include <array>

#include "daemon/detect/detectors.h"
#include "daemon/detect/file_acts.h"
#include "daemon/detect/wording.h"

namespace fnshield::detect {
namespace {

constexpr std::array<std::string_view, 1> kTechniques{"T1610"};
constexpr std::array kKinds{EventKind::unix_connect};

constexpr RuleDescriptor kDescriptor{
    .rule = "isolation.runtime_socket",
    .category = Category::infrastructure,
    .severity = Severity::critical,
    .techniques = kTechniques,
    .short_text = "A function connected, or tried to connect, to a container runtime's socket",
    .long_text =
        "Whoever can talk to the container runtime or the kubelet owns the node: a container with the host's root is "
        "one "
        "request away. Freeze the sandbox, look at the runtime's own log for what was asked, and take the socket out "
        "of "
        "the sandbox's mounts. Where a function builds images by design, give it a builder that needs no such socket.",
    .kinds = kKinds,
};

constexpr auto kNames = std::to_array<std::string_view>(
    {"buildkitd.sock", "containerd.sock", "containerd.sock.ttrpc", "containerd-shim.sock", "cri-dockerd.sock",
     "crio.sock", "docker.sock", "dockershim.sock", "frakti.sock", "kubelet.sock", "podman.sock", "runc.sock"});
constexpr auto kFolders =
    std::to_array<std::string_view>({"/run/containerd/", "/run/crio/", "/run/docker/", "/run/k3s/containerd/",
                                     "/run/podman/", "/var/lib/kubelet/", "/run/firecracker-containerd/"});

bool is_runtimes(std::string_view path)
{
    if (path.starts_with("/var/run/"))
        path.remove_prefix(4);
    return std::ranges::find(kNames, base_name(path)) != kNames.end() ||
           std::ranges::any_of(kFolders, [&](std::string_view folder) { return path.starts_with(folder); }) ||
           path.starts_with("@/containerd-shim/");
}

class RuntimeSocket : public Detector {
public:
    [[nodiscard]] const RuleDescriptor& descriptor() const override { return kDescriptor; }

    [[nodiscard]] std::optional<Finding> on_event(const Observation& seen) override
    {
        const auto* contact = seen.event.as<UnixBody>();
        if (!contact || seen.event.sandbox == kHost || seen.by_runtime() || contact->peer_sandbox == seen.event.sandbox)
            return std::nullopt;
        if (!is_runtimes(contact->path))
            return std::nullopt;
        const bool failed = contact->result < 0;
        Finding finding;
        finding.summary = actor_label(seen) + (failed ? " tried to connect to " : " connected to ") +
                          "the runtime's socket " + printable(contact->path) + " (" + program_of(seen) + ")" +
                          failure_text(failed, contact->result);
        finding.key = contact->path + (failed ? " tried" : "");
        finding.target.file = contact->path;
        return finding;
    }
};

}  // namespace

std::unique_ptr<Detector> make_isolation_runtime_socket()
{
    return std::make_unique<RuntimeSocket>();
}

}  // namespace fnshield::detect
