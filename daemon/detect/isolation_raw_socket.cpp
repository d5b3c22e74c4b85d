// SPDX-License-Identifier: Apache-2.0
//
// isolation.raw_socket (T1040): a function makes a socket below TCP and UDP.
//
// Signal: AF_PACKET (any type), AF_XDP, or AF_INET/AF_INET6 with SOCK_RAW or SOCK_PACKET, made or refused; or the
// kernel being asked for CAP_NET_RAW where the socket's domain is not known. With it a function sniffs its neighbours
// on a bridge, spoofs ARP and addresses, and sends what the egress hooks do not see. Why it works: serving a request
// needs no such socket. Some platforms (faasd) grant CAP_NET_RAW to every function; the grant alone is quiet. False
// positives: a declared ping: an ICMP socket of a program named ping, ping6 or fping that the policy's exec list (of
// the phase) names. Unprivileged ping (SOCK_DGRAM, ICMP) is no raw socket. Netlink, CAN and others use SOCK_RAW for
// something else: quiet. The entrant's set-up: quiet. busybox's ping is the file busybox: it cannot be told from
// another applet by anything that the caller does not choose, so it is reported.
// Memory: none.
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>

#include "daemon/detect/detectors.h"
#include "daemon/detect/exec_match.h"
#include "daemon/detect/file_acts.h"
#include "daemon/detect/wording.h"

namespace fnshield::detect {
namespace {

constexpr std::array<std::string_view, 1> kTechniques{"T1040"};
constexpr std::array kKinds{EventKind::socket};

constexpr RuleDescriptor kDescriptor{
    .rule = "isolation.raw_socket",
    .category = Category::infrastructure,
    .severity = Severity::high,
    .techniques = kTechniques,
    .short_text = "A function made, or tried to make, a raw or packet socket",
    .long_text =
        "With a raw or packet socket a function can read its neighbours' traffic, answer for them and send "
        "past the filters. Functions do not need one. Drop CAP_NET_RAW from the sandbox, look at what the "
        "process did next (its timeline), and at the neighbours on the same bridge. A ping that belongs to "
        "the function is declared by its path in the policy's exec list.",
    .kinds = kKinds,
};

constexpr std::uint16_t kTypeMask = 0xf;  // above it stand SOCK_NONBLOCK and SOCK_CLOEXEC

bool is_raw(const SocketBody& socket)
{
    const int type = socket.type & kTypeMask;
    switch (socket.domain) {
        case AF_PACKET:
        case AF_XDP:
            return true;
        case AF_INET:
        case AF_INET6:
            return type == SOCK_RAW || type == SOCK_PACKET;
        case AF_UNSPEC:
            return socket.via == FNS_SOCKET_CAPABLE;
        default:
            return false;
    }
}

bool is_declared_ping(const Observation& seen, const SocketBody& socket)
{
    const bool icmp = (socket.domain == AF_INET && socket.protocol == IPPROTO_ICMP) ||
                      (socket.domain == AF_INET6 && socket.protocol == IPPROTO_ICMPV6) ||
                      (socket.domain == AF_UNSPEC && socket.via == FNS_SOCKET_CAPABLE);
    if (!icmp || !seen.process || !seen.sandbox)
        return false;
    const std::string_view exe = seen.process->exe;
    const std::string_view name = base_name(exe);
    if (name != "ping" && name != "ping6" && name != "fping")
        return false;
    const auto& listed = seen.sandbox->warm() ? seen.policy->exec.warm : seen.policy->exec.init;
    return listed && lists_program(*listed, exe);
}

std::string_view socket_text(const SocketBody& socket)
{
    switch (socket.domain) {
        case AF_PACKET:
            return "a packet socket";
        case AF_XDP:
            return "an XDP socket";
        case AF_INET:
        case AF_INET6:
            return "a raw IP socket";
        default:
            return "a socket that needs CAP_NET_RAW";
    }
}

class RawSocket : public Detector {
public:
    [[nodiscard]] const RuleDescriptor& descriptor() const override { return kDescriptor; }

    [[nodiscard]] std::optional<Finding> on_event(const Observation& seen) override
    {
        const auto* socket = seen.event.as<SocketBody>();
        if (!socket || seen.event.sandbox == kHost || !is_raw(*socket))
            return std::nullopt;
        if (seen.by_runtime() || is_declared_ping(seen, *socket))
            return std::nullopt;
        const bool failed = socket->result < 0;
        Finding finding;
        finding.summary = actor_label(seen) + (failed ? " tried to make " : " made ") +
                          std::string(socket_text(*socket)) + " (" + program_of(seen) + ", protocol " +
                          std::to_string(socket->protocol) + ")" + failure_text(failed, socket->result);
        finding.key = program_of(seen) + " " + std::to_string(socket->domain) + (failed ? " tried" : "");
        return finding;
    }
};

}  // namespace

std::unique_ptr<Detector> make_isolation_raw_socket()
{
    return std::make_unique<RawSocket>();
}

}  // namespace fnshield::detect
