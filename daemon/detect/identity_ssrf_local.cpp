// SPDX-License-Identifier: Apache-2.0
//
// identity.ssrf_local (T1190, T1552.005): a request makes the serving process call a service of its own sandbox.
//
// Signal: once it has served a request, a connect to loopback (or to 0.0.0.0, which is the same) by the workload's
// first process or one that it forked without an exec, on a port on which the function does not serve and that
// egress.warm of its policy does not list. Not only soon after a connection was accepted: gateways keep theirs open,
// and the kernel tells of no request on it. Why it works: server-side request forgery reaches what trusts its own host:
// admin ports, sidecars, debuggers. Only with the list is it known which of them the function uses itself. False
// positives: listed sidecars; the function's own ports; what it connects before its first request; a policy without the
// list is quiet. identity.metadata_service tells of metadata services everywhere. Gets past it: a port that is listed
// anyway; a service that is called by the sandbox's own address, which is egress to the rules about that. Memory: none.
#include <sys/socket.h>

#include <array>

#include "daemon/detect/detectors.h"
#include "daemon/detect/egress_match.h"
#include "daemon/detect/wording.h"

namespace fnshield::detect {
namespace {

constexpr std::array<std::string_view, 2> kTechniques{"T1190", "T1552.005"};
constexpr std::array kKinds{EventKind::connect};
constexpr std::array<std::string_view, 2> kYieldsTo{"identity.runtime_api", "isolation.control_plane"};

constexpr RuleDescriptor kDescriptor{
    .rule = "identity.ssrf_local",
    .category = Category::identity,
    .severity = Severity::high,
    .techniques = kTechniques,
    .short_text = "The serving process called a local port that is not listed",
    .long_text =
        "A request seems to have made the function call a service that listens on loopback of its own sandbox: an "
        "admin "
        "port, a sidecar, a debugger. Look for an address in that request. What the function calls by design is listed "
        "in egress.warm of its policy ({ cidr: 127.0.0.1/32, ports: [...] }).",
    .kinds = kKinds,
    .yields_to = kYieldsTo,
};

// A list has the address that the kernel makes of it.
Endpoint as_loopback(const Endpoint& remote)
{
    Endpoint made = remote;
    if (remote.is_unspecified()) {
        made.address[remote.family == AF_INET ? 0 : 15] = remote.family == AF_INET ? 127 : 1;
        if (remote.family == AF_INET)
            made.address[3] = 1;
    }
    return made;
}

bool is_serving_process(const Observation& seen)
{
    const Process* root = seen.model.process(seen.sandbox->root_tgid, seen.sandbox->root_start_ns);
    return seen.process && root && seen.process->exe == root->exe && seen.process->argv == root->argv;
}

class SsrfLocal : public Detector {
public:
    [[nodiscard]] const RuleDescriptor& descriptor() const override { return kDescriptor; }

    [[nodiscard]] std::optional<Finding> on_event(const Observation& seen) override
    {
        const auto* socket = seen.event.as<SocketBody>();
        if (!socket || !seen.sandbox || !seen.sandbox->warm() || !seen.policy->egress.warm || seen.by_runtime())
            return std::nullopt;
        const Endpoint& remote = socket->remote;
        if (!reaches_loopback(remote) || remote.port == 0 || seen.sandbox->listening.contains(remote.port))
            return std::nullopt;
        const Endpoint listed_as = as_loopback(remote);
        if (is_declared_resolver(*seen.policy, listed_as) || lists_address(*seen.policy->egress.warm, listed_as))
            return std::nullopt;
        if (!seen.sandbox->request_ns || !is_serving_process(seen))
            return std::nullopt;
        Finding finding;
        finding.summary = actor_label(seen) + " called the local port " + endpoint_text(remote) +
                          " while it serves; egress.warm of policy " + seen.policy->name + " does not list it";
        finding.key = endpoint_text(remote);
        finding.target.address = remote.address_text();
        finding.target.port = remote.port;
        return finding;
    }
};

}  // namespace

std::unique_ptr<Detector> make_identity_ssrf_local()
{
    return std::make_unique<SsrfLocal>();
}

}  // namespace fnshield::detect
