// SPDX-License-Identifier: Apache-2.0
//
// identity.cloud_cli (T1059.009): a function that serves runs a cloud's or a cluster's command line tool.
//
// Signal: an exec while warm of aws, gcloud, az, kubectl and the like, by the file's name, as a script or a module. Why
// it works: a function talks to its cloud by a library; the tools are what one takes who has found credentials. False
// positives: what exec.warm of the policy lists (ops functions); before ready; what comes from outside. Gets past it:
// the same calls by a library (their destination is for the egress rules), a tool under another name. Memory: none.
#include <array>

#include "daemon/detect/detectors.h"
#include "daemon/detect/tool.h"

namespace fnshield::detect {
namespace {

constexpr std::array<std::string_view, 1> kTechniques{"T1059.009"};
constexpr std::array kKinds{EventKind::exec};

constexpr RuleDescriptor kDescriptor{
    .rule = "identity.cloud_cli",
    .category = Category::identity,
    .severity = Severity::medium,
    .techniques = kTechniques,
    .short_text = "A warm function ran a cloud's or a cluster's command line tool",
    .long_text =
        "The tool acts with whatever credentials it finds: the function's role, a service account, a key that lies "
        "about. "
        "Look at its arguments and at the cloud's audit log of that time, and take the tool out of the image. A "
        "function that is there to operate the cloud lists the tool in exec.warm of its policy.",
    .kinds = kKinds,
};

constexpr auto kTools = std::to_array<std::string_view>(
    {"aliyun", "argocd",   "aws",      "awscli", "az",      "azcopy",    "azure.cli", "bq",     "crictl",
     "ctr",    "docker",   "doctl",    "eksctl", "etcdctl", "flyctl",    "gcloud",    "gsutil", "hcloud",
     "helm",   "ibmcloud", "istioctl", "k3s",    "kubectl", "nerdctl",   "oc",        "oci",    "openstack",
     "podman", "pulumi",   "s3cmd",    "s5cmd",  "scw",     "terraform", "tofu",      "vault"});
static_assert(std::ranges::is_sorted(kTools));

class CloudCli : public Detector {
public:
    [[nodiscard]] const RuleDescriptor& descriptor() const override { return kDescriptor; }

    [[nodiscard]] std::optional<Finding> on_event(const Observation& seen) override
    {
        const ExecBody* exec = undeclared_warm_exec(seen);
        if (!exec)
            return std::nullopt;
        std::string_view name = tool_of(*exec).name;
        if (name.ends_with(".py"))
            name.remove_suffix(3);  // gcloud is a script that runs gcloud.py: one tool, one finding
        if (!is_one_of(kTools, name))
            return std::nullopt;
        Finding finding = make_warm_exec_finding(seen, *exec, name, name);
        finding.target.name = name;
        return finding;
    }
};

}  // namespace

std::unique_ptr<Detector> make_identity_cloud_cli()
{
    return std::make_unique<CloudCli>();
}

}  // namespace fnshield::detect
