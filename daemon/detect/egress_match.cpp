// SPDX-License-Identifier: Apache-2.0
//
// See egress_match.h.
#include "daemon/detect/egress_match.h"

#include <algorithm>

#include "daemon/detect/wording.h"

namespace fnshield::detect {

bool reaches_loopback(const Endpoint& remote)
{
    return remote.is_loopback() || remote.is_unspecified();
}

bool stays_inside(const SocketBody& socket)
{
    const Endpoint& remote = socket.remote;
    if (remote.family == 0 || reaches_loopback(remote))
        return true;
    return remote.family == socket.local.family && remote.address == socket.local.address;
}

bool is_declared_resolver(const Policy& policy, const Endpoint& remote)
{
    return (remote.port == 53 || remote.port == 853) &&
           std::ranges::any_of(policy.egress.resolvers, [&](const Cidr& cidr) { return cidr.contains(remote); });
}

bool lists_port(const EgressRule& rule, std::uint16_t port)
{
    return rule.ports.empty() || std::ranges::find(rule.ports, port) != rule.ports.end();
}

bool lists_address(std::span<const EgressRule> rules, const Endpoint& remote)
{
    return std::ranges::any_of(rules, [&](const EgressRule& rule) {
        return rule.cidr && rule.cidr->contains(remote) && lists_port(rule, remote.port);
    });
}

bool is_unlisted(const Policy& policy, std::span<const EgressRule> rules, const SocketBody& socket)
{
    return !stays_inside(socket) && !is_declared_resolver(policy, socket.remote) && !socket.named &&
           !lists_address(rules, socket.remote);
}

Finding make_unlisted_finding(const Observation& seen, const SocketBody& socket, std::string_view when,
                              std::string_view list)
{
    Finding finding;
    const std::string remote = endpoint_text(socket.remote);
    finding.summary =
        actor_label(seen) + (seen.event.kind == EventKind::send ? " sent to " : " connected to ") + remote;
    finding.summary.append(when).append("; ").append(list);
    finding.summary += " of policy " + seen.policy->name + " does not list it";
    finding.key = program_of(seen) + " " + remote;
    finding.target.address = socket.remote.address_text();
    finding.target.port = socket.remote.port;
    return finding;
}

}  // namespace fnshield::detect
