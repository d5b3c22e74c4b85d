// SPDX-License-Identifier: Apache-2.0
//
// isolation.control_plane (T1613, T1552.007): a function talks to what runs the node or the cluster.
//
// Signal: connect or send to a port that is known for it (the Kubernetes API, kubelet, etcd, a container engine over
// TCP); in a sandbox of Kubernetes also to the API's usual service address; or a question for the API's name. Why it
// works: functions serve requests and do not operate clusters; who got in asks the API with the token that every pod
// has. False positives: what the egress list of the phase names, by network or by name (declared operators); a port on
// which the sandbox itself listens. The init of SDKs for Kubernetes is an operator's, and is listed. Gets past it: an
// API behind another address and port, asked for by number. Memory: none.
#include <arpa/inet.h>

#include <algorithm>
#include <array>

#include "daemon/detect/detectors.h"
#include "daemon/detect/egress_match.h"
#include "daemon/detect/wording.h"

namespace fnshield::detect {
namespace {

constexpr std::array<std::string_view, 2> kTechniques{"T1613", "T1552.007"};
constexpr std::array kKinds{EventKind::connect, EventKind::send, EventKind::dns};

constexpr RuleDescriptor kDescriptor{
    .rule = "isolation.control_plane",
    .category = Category::infrastructure,
    .severity = Severity::high,
    .techniques = kTechniques,
    .short_text = "A function talked to the cluster's API, a kubelet, etcd or a container engine",
    .long_text =
        "These interfaces tell of every workload and can start, change and end them. See in the API server's audit log "
        "what was asked with which token, revoke the service account's token, and do not mount one into functions. A "
        "function that operates the cluster lists the address in egress of its policy.",
    .kinds = kKinds,
};

struct Interface {
    std::uint16_t port;
    std::string_view what;
};

constexpr auto kInterfaces = std::to_array<Interface>({{2375, "a container engine"},
                                                       {2376, "a container engine"},
                                                       {2379, "etcd"},
                                                       {2380, "etcd"},
                                                       {4194, "cAdvisor"},
                                                       {4243, "a container engine"},
                                                       {6443, "the Kubernetes API"},
                                                       {10249, "kube-proxy"},
                                                       {10250, "the kubelet"},
                                                       {10255, "the kubelet"},
                                                       {10256, "kube-proxy"},
                                                       {10257, "the controller manager"},
                                                       {10259, "the scheduler"},
                                                       {16443, "the Kubernetes API"}});

// The first address of the service network in usual clusters: kubeadm, k3s, EKS (two), AKS, MicroK8s, Kubespray,
// DigitalOcean, OpenShift, IBM, GKE.
constexpr auto kServiceAddresses =
    std::to_array<std::string_view>({"10.96.0.1", "10.43.0.1", "10.100.0.1", "172.20.0.1", "10.0.0.1", "10.152.183.1",
                                     "10.233.0.1", "10.245.0.1", "172.30.0.1", "172.21.0.1", "34.118.224.1"});
constexpr std::uint16_t kServicePort = 443;

// Under which managed clusters have their API: EKS, AKS, GKE, DigitalOcean.
constexpr auto kManagedNames =
    std::to_array<std::string_view>({".eks.amazonaws.com", ".azmk8s.io", ".gke.goog", ".k8s.ondigitalocean.com"});

std::string_view interface_at(const Observation& seen, const Endpoint& remote)
{
    const auto found = std::ranges::find(kInterfaces, remote.port, &Interface::port);
    if (found != kInterfaces.end())
        return found->what;
    if (remote.port == kServicePort && seen.sandbox->name.platform == "kubernetes" &&
        std::ranges::find(kServiceAddresses, remote.address_text()) != kServiceAddresses.end())
        return "the Kubernetes API";
    return {};
}

// "kubernetes.default", with or without what the search list puts behind it; a managed cluster's.
bool is_api_name(std::string_view name)
{
    return name == "kubernetes" || name == "kubernetes.default" || name.starts_with("kubernetes.default.svc") ||
           std::ranges::any_of(kManagedNames, [&](std::string_view end) { return name.ends_with(end); });
}

// Where the connection that follows the question would be quiet, as far as that can be known before the answer, so is
// the question: a row with the name, with a port of the API, or with its service address.
bool declares_api(const EgressRule& rule, std::string_view name)
{
    if (!rule.dns.empty())
        return glob_match(rule.dns, name);
    if (std::ranges::any_of(rule.ports, [](std::uint16_t port) { return port == 6443 || port == 16443; }))
        return true;
    return rule.cidr && lists_port(rule, kServicePort) &&
           std::ranges::any_of(kServiceAddresses, [&](std::string_view text) {
               Endpoint address{.family = AF_INET, .port = kServicePort};
               return inet_pton(AF_INET, std::string(text).c_str(), address.address.data()) == 1 &&
                      rule.cidr->contains(address);
           });
}

const std::optional<std::vector<EgressRule>>& list_of(const Observation& seen)
{
    return seen.sandbox->warm() ? seen.policy->egress.warm : seen.policy->egress.init;
}

class ControlPlane : public Detector {
public:
    [[nodiscard]] const RuleDescriptor& descriptor() const override { return kDescriptor; }

    [[nodiscard]] std::optional<Finding> on_event(const Observation& seen) override
    {
        if (!seen.sandbox || seen.by_runtime() || (seen.process && seen.process->from_outside))
            return std::nullopt;
        if (const auto* question = seen.event.as<DnsBody>())
            return on_question(seen, *question);
        const auto* socket = seen.event.as<SocketBody>();
        if (!socket || (stays_inside(*socket) && seen.sandbox->listening.contains(socket->remote.port)))
            return std::nullopt;
        const std::string_view what = interface_at(seen, socket->remote);
        const auto& listed = list_of(seen);
        if (what.empty() || (listed && !is_unlisted_anywhere(*listed, *socket)))
            return std::nullopt;
        const std::string remote = endpoint_text(socket->remote);
        Finding finding = make_finding(seen, std::string(what) + " at " + remote, remote);
        finding.target.address = socket->remote.address_text();
        finding.target.port = socket->remote.port;
        return finding;
    }

private:
    // Loopback counts: node-local interfaces are there where a sandbox shares the host's network.
    static bool is_unlisted_anywhere(std::span<const EgressRule> rules, const SocketBody& socket)
    {
        return !socket.named && !lists_address(rules, socket.remote);
    }

    static std::optional<Finding> on_question(const Observation& seen, const DnsBody& question)
    {
        if (!is_api_name(question.name))
            return std::nullopt;
        const auto& listed = list_of(seen);
        if (listed &&
            std::ranges::any_of(*listed, [&](const EgressRule& rule) { return declares_api(rule, question.name); }))
            return std::nullopt;
        Finding finding = make_finding(seen, "the Kubernetes API, by asking for " + printable(question.name), "name");
        finding.target.name = question.name;
        return finding;
    }

    static Finding make_finding(const Observation& seen, const std::string& what, const std::string& key)
    {
        Finding finding;
        finding.summary = actor_label(seen) + " turned to " + what + " (" + program_of(seen) + ")";
        finding.key = program_of(seen) + " " + key;
        return finding;
    }
};

}  // namespace

std::unique_ptr<Detector> make_isolation_control_plane()
{
    return std::make_unique<ControlPlane>();
}

}  // namespace fnshield::detect
