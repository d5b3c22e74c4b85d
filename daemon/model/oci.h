// SPDX-License-Identifier: Apache-2.0
//
// What a runtime's own files say about a sandbox: the OCI bundle's config.json (names, by its annotations) and runc's
// state.json (where the bundle is). Pure: the caller reads the files, which it finds by bundle_candidates(). Their
// content is what an image and a runtime made of it: names are cut and cleaned, environment values are never looked at.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "daemon/base/result.h"
#include "daemon/model/sandbox.h"

namespace fnshield {

inline constexpr std::size_t kOciFileBytes = 1U << 20;  // read no more; real ones are some 20 KiB

struct OciNames {
    std::string tenant;  // each empty where the file does not say
    std::string function;
    std::string instance;
    std::string hostname;           // as given, not among the names: often only the id again
    std::vector<std::string> args;  // process.args
    bool pod_sandbox = false;       // the pause container of a pod: it holds the pod's namespaces, no function
};

// From config.json. Annotations, the first that is there:
//   tenant    io.fnshield.tenant, Kubernetes' namespace as containerd, CRI-O and Podman write it, nerdctl/namespace
//   function  io.fnshield.function, Knative's service, OpenFaaS's and Fission's function, nerdctl/name, the
//             Kubernetes container's name
//   instance  io.fnshield.instance, the pod's name
[[nodiscard]] Result<OciNames> parse_oci_config(std::string_view text);

// The bundle's directory, from runc's state.json.
[[nodiscard]] Result<std::string> parse_runc_state(std::string_view text);

// What is learnt goes over what the path said, but a template's names stay: whoever wrote the template chose them.
[[nodiscard]] SandboxName merge_names(const SandboxName& from_path, const OciNames& learnt);

// Where to look, in this order. Either kind of file may not be there.
struct BundleCandidate {
    enum class Kind : unsigned char {
        config,  // config.json: parse_oci_config
        state,   // state.json: parse_runc_state, then config.json in that directory
    };
    Kind kind;
    std::string path;
    bool operator==(const BundleCandidate&) const = default;
};

// By the sandbox's platform and cgroup path; none where the path holds no id that could be a container's.
[[nodiscard]] std::vector<BundleCandidate> bundle_candidates(std::string_view platform, std::string_view cgroup_path);

// The container's id in the last segment of a cgroup path: "docker-<id>.scope" and "<id>" → "<id>"; "" where it cannot
// be one (ids are letters, digits, '_', '.', '-' and '+').
[[nodiscard]] std::string container_id(std::string_view cgroup_path);

}  // namespace fnshield
