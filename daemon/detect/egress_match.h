// SPDX-License-Identifier: Apache-2.0
//
// Where a policy lets a sandbox talk to. Shared by the rules about egress.
#pragma once

#include <span>
#include <string_view>

#include "daemon/detect/detector.h"

namespace fnshield::detect {

// Stays inside of the sandbox's own network namespace: loopback, the unspecified address (Linux connects 0.0.0.0 to
// loopback), an address that is the socket's own, or none at all (a family without addresses).
[[nodiscard]] bool stays_inside(const SocketBody& socket);

// Loopback, or the unspecified address, which Linux connects to it: 0.0.0.0 is the way around a filter for 127.0.0.1.
[[nodiscard]] bool reaches_loopback(const Endpoint& remote);

// Port 53 or 853 of a resolver that the policy names. Port 53 of any other address is egress like any other: it is a
// well-known way out.
[[nodiscard]] bool is_declared_resolver(const Policy& policy, const Endpoint& remote);

// One row lists the port: no ports given means all.
[[nodiscard]] bool lists_port(const EgressRule& rule, std::uint16_t port);

// A row with a cidr lists the address and port. Rows with a name are not looked at.
[[nodiscard]] bool lists_address(std::span<const EgressRule> rules, const Endpoint& remote);

// The act may leave the sandbox and goes where `rules` do not say: neither a row with a network lists the peer, nor one
// with a name, which the kernel side tells (SocketBody::named): only it sees the answers that the sandbox got.
[[nodiscard]] bool is_unlisted(const Policy& policy, std::span<const EgressRule> rules, const SocketBody& socket);

// "resize/i-1 connected to 203.0.113.7:443 while warm; egress.warm of policy default does not list it", with its key
// and target. `when` is " while warm", `list` "egress.warm".
[[nodiscard]] Finding make_unlisted_finding(const Observation& seen, const SocketBody& socket, std::string_view when,
                                            std::string_view list);

}  // namespace fnshield::detect
