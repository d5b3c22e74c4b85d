// SPDX-License-Identifier: Apache-2.0
//
// identity.metadata_service (T1552.005): a sandbox contacts the cloud's metadata service, where the node's credentials
// are.
//
// Signal: connect, send or any packet to one of the addresses below, on any port, also as an IPv4-mapped or NAT64
// address; or a question for the service's name, which is the same intent one step earlier.
// Why it works: the addresses are fixed and serve nothing else that a function needs.
// False positives: policies that allow it (egress.metadata_service: allow), the host, runc's set-up. On some clouds the
// same address is the node's DNS server: port 53 of a resolver that the policy declares is quiet, and only that. Blind
// to: a proxy or SSRF through another host, which has another address. Memory: none.
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>

#include "daemon/detect/detectors.h"
#include "daemon/detect/egress_match.h"
#include "daemon/detect/wording.h"

namespace fnshield::detect {
namespace {

constexpr std::array<std::string_view, 1> kTechniques{"T1552.005"};
constexpr std::array kKinds{EventKind::connect, EventKind::send, EventKind::dns};

constexpr RuleDescriptor kDescriptor{
    .rule = "identity.metadata_service",
    .category = Category::identity,
    .severity = Severity::critical,
    .techniques = kTechniques,
    .short_text = "A sandbox contacted the cloud's metadata service",
    .long_text =
        "The metadata service hands the node's credentials to whoever asks. Look at what the process did next: "
        "if it connected onwards, take the node's role for stolen, revoke its sessions and look for their use "
        "elsewhere. Block the address for sandboxes and require session tokens with a hop limit of one. A "
        "function that needs it by design says so: egress.metadata_service: allow.",
    .kinds = kKinds,
};

using Ipv4 = std::array<std::uint8_t, 4>;
using Ipv6 = std::array<std::uint8_t, 16>;

constexpr auto kIpv4 = std::to_array<Ipv4>({
    {169, 254, 169, 254},  // AWS, Azure, Google, Oracle, OpenStack, DigitalOcean and most others
    {169, 254, 170, 2},    // AWS ECS task credentials
    {169, 254, 170, 23},   // AWS EKS pod identity
    {168, 63, 129, 16},    // Azure's wire server
    {100, 100, 100, 200},  // Alibaba
    {192, 0, 0, 192},      // Oracle classic
});

constexpr auto kIpv6 = std::to_array<Ipv6>({
    {0xfd, 0x00, 0x0e, 0xc2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x02, 0x54},  // AWS fd00:ec2::254
    {0xfd, 0x00, 0x0e, 0xc2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x00, 0x23},  // AWS EKS fd00:ec2::23
    {0xfd, 0x20, 0x00, 0xce, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x02, 0x54},  // Google fd20:ce::254
    {0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xa9, 0xfe, 0xa9, 0xfe},  // OpenStack fe80::a9fe:a9fe
});

constexpr auto kNames = std::to_array<std::string_view>(
    {"metadata.google.internal", "metadata.goog", "instance-data", "instance-data.ec2.internal"});

// The IPv4 address in ::ffff:a.b.c.d, in NAT64's 64:ff9b::/96 and in its local 64:ff9b:1::/48.
std::optional<Ipv4> embedded_ipv4(const Ipv6& address)
{
    constexpr std::array<std::uint8_t, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    constexpr std::array<std::uint8_t, 12> kNat64{0, 0x64, 0xff, 0x9b};
    constexpr std::array<std::uint8_t, 6> kLocalNat64{0, 0x64, 0xff, 0x9b, 0, 1};
    const auto begins_with = [&](const auto& prefix) {
        return std::equal(prefix.begin(), prefix.end(), address.begin());
    };
    if (!begins_with(kMapped) && !begins_with(kNat64) && !begins_with(kLocalNat64))
        return std::nullopt;
    return Ipv4{address[12], address[13], address[14], address[15]};
}

bool is_metadata_address(const Endpoint& remote)
{
    std::optional<Ipv4> ipv4;
    if (remote.family == AF_INET)
        ipv4 = Ipv4{remote.address[0], remote.address[1], remote.address[2], remote.address[3]};
    else if (remote.family == AF_INET6)
        ipv4 = embedded_ipv4(remote.address);
    if (ipv4)
        return std::ranges::find(kIpv4, *ipv4) != kIpv4.end();
    return remote.family == AF_INET6 && std::ranges::find(kIpv6, remote.address) != kIpv6.end();
}

// Also with a search list's suffix, which resolvers append first: metadata.google.internal.default.svc.cluster.local.
bool is_metadata_name(std::string_view name)
{
    return std::ranges::any_of(kNames, [&](std::string_view known) {
        return name.starts_with(known) && (name.size() == known.size() || name[known.size()] == '.');
    });
}

Finding on_question(const Observation& seen, const DnsBody& question)
{
    Finding finding;
    finding.summary = actor_label(seen) + " asked for the address of the metadata service (" +
                      printable(question.name) + ", " + program_of(seen) + ")";
    finding.key = program_of(seen) + " name";
    finding.target.name = question.name;
    return finding;
}

Finding on_contact(const Observation& seen, const SocketBody& socket)
{
    Finding finding;
    const bool packet = socket.via == FNS_SOCKET_PACKET;
    finding.summary = actor_label(seen) + (packet ? " sent a packet to" : " contacted") + " the metadata service at " +
                      endpoint_text(socket.remote);
    if (const std::string program = program_of(seen); !program.empty())
        finding.summary += " (" + program + ")";
    finding.key = program_of(seen) + " " + socket.remote.address_text();
    finding.target.address = socket.remote.address_text();
    finding.target.port = socket.remote.port;
    return finding;
}

class MetadataService : public Detector {
public:
    [[nodiscard]] const RuleDescriptor& descriptor() const override { return kDescriptor; }

    [[nodiscard]] std::optional<Finding> on_event(const Observation& seen) override
    {
        if (seen.event.sandbox == kHost || seen.policy->egress.metadata_service_allowed)
            return std::nullopt;
        if (seen.by_runtime())
            return std::nullopt;
        if (const auto* question = seen.event.as<DnsBody>())
            return is_metadata_name(question->name) ? std::optional(on_question(seen, *question)) : std::nullopt;
        const auto* socket = seen.event.as<SocketBody>();
        if (!socket || !is_metadata_address(socket->remote) || is_declared_resolver(*seen.policy, socket->remote))
            return std::nullopt;
        return on_contact(seen, *socket);
    }
};

}  // namespace

std::unique_ptr<Detector> make_identity_metadata_service()
{
    return std::make_unique<MetadataService>();
}

}  // namespace fnshield::detect
