// SPDX-License-Identifier: Apache-2.0
//
// isolation.lateral_connect (T1021, T1210): a function talks to another sandbox of the node directly, past the gateway.
//
// Signal: connect or send to an address that another sandbox of this node owns: it accepted a connection there
// (address_book.h). What it bound to says nothing, for with IP_FREEBIND one binds to anybody's. Why it works: functions
// are called through their platform's gateway, which knows who may call whom; a direct contact knows no such rule.
// False positives: gateway and prober of the host are in no sandbox; one pod's containers share their address; what the
// egress list of the phase names (declared edges); answers to clients' ports. A service's address that is translated on
// the way (a Kubernetes ClusterIP) is nobody's own: not seen. Low of sandboxes of Kubernetes, Docker and their like,
// whose containers need not be functions; a policy raises it. Gets past it: an address on which the other sandbox has
// accepted nothing yet; loopback of a shared host network. Memory: an address book of 16384 addresses.
#include <algorithm>
#include <array>
#include <ranges>

#include "daemon/detect/address_book.h"
#include "daemon/detect/detectors.h"
#include "daemon/detect/egress_match.h"
#include "daemon/detect/wording.h"

namespace fnshield::detect {
namespace {

constexpr std::size_t kAddresses = 16384;
constexpr std::uint16_t kClientPorts = 32768;

constexpr std::array<std::string_view, 2> kTechniques{"T1021", "T1210"};
constexpr std::array kKinds{EventKind::accept, EventKind::connect, EventKind::send};
constexpr std::array<std::string_view, 2> kYieldsTo{"isolation.control_plane", "isolation.port_scan"};

constexpr RuleDescriptor kDescriptor{
    .rule = "isolation.lateral_connect",
    .category = Category::infrastructure,
    .severity = Severity::high,
    .techniques = kTechniques,
    .short_text = "A function talked to another sandbox directly, past the gateway",
    .long_text =
        "One sandbox contacted another by its own address. The platform's gateway did not see the call and could not "
        "refuse it. See what the target did then (its timeline). Separate the functions' networks; an edge that is "
        "meant to be is declared in egress of the caller's policy.",
    .kinds = kKinds,
    .yields_to = kYieldsTo,
};

std::string_view folder_of(std::string_view cgroup)
{
    return cgroup.substr(0, cgroup.rfind('/'));
}

class LateralConnect : public Detector {
public:
    [[nodiscard]] const RuleDescriptor& descriptor() const override { return kDescriptor; }

    [[nodiscard]] std::optional<Finding> on_event(const Observation& seen) override
    {
        const auto* socket = seen.event.as<SocketBody>();
        if (!socket || !seen.sandbox || seen.by_runtime())
            return std::nullopt;
        if (seen.event.kind == EventKind::accept) {
            addresses_.note(seen.event.sandbox, socket->local);
            return std::nullopt;
        }
        // What a server sends to a client's port is an answer; a connection is none.
        if (seen.event.kind == EventKind::send && socket->remote.port >= kClientPorts)
            return std::nullopt;
        const Sandbox* other = owner_of(seen, socket->remote);
        if (!other || is_declared(seen, *socket))
            return std::nullopt;
        const std::string remote = endpoint_text(socket->remote);
        Finding finding;
        finding.summary = actor_label(seen) + (seen.event.kind == EventKind::send ? " sent to " : " connected to ") +
                          "sandbox " + sandbox_label(other, other->id) + " directly (" + remote + ", " +
                          program_of(seen) + ")";
        finding.key = program_of(seen) + " " + remote;
        finding.target.address = socket->remote.address_text();
        finding.target.port = socket->remote.port;
        finding.target_sandbox = other->id;
        if (!holds_functions(seen.sandbox->name.platform))
            finding.severity = Severity::low;
        return finding;
    }

    void on_sandbox_gone(SandboxId id) override { addresses_.forget(id); }
    [[nodiscard]] std::vector<TableStats> tables() const override { return {addresses_.stats()}; }

private:
    // Containers of these need not be functions.
    static bool holds_functions(std::string_view platform)
    {
        return platform == "template" || platform == "firecracker";
    }

    // The live sandbox that came to the address last; null where it is the actor's own, too, or nobody's.
    const Sandbox* owner_of(const Observation& seen, const Endpoint& remote)
    {
        const std::vector<SandboxId>& owners = addresses_.owners(remote);
        if (std::ranges::find(owners, seen.event.sandbox) != owners.end())
            return nullptr;
        for (const SandboxId id : owners | std::views::reverse) {
            const Sandbox* other = seen.model.sandbox(id);
            if (other && other->state != SandboxState::gone && folder_of(other->cgroup) != pod_of(*seen.sandbox))
                return other;
        }
        return nullptr;
    }

    // The folder of a pod's containers; empty where the platform has no pods.
    static std::string_view pod_of(const Sandbox& sandbox)
    {
        return sandbox.name.platform == "kubernetes" ? folder_of(sandbox.cgroup) : std::string_view{};
    }

    static bool is_declared(const Observation& seen, const SocketBody& socket)
    {
        const auto& listed = seen.sandbox->warm() ? seen.policy->egress.warm : seen.policy->egress.init;
        return listed && !is_unlisted(*seen.policy, *listed, socket);
    }

    AddressBook addresses_{"isolation_lateral_connect_addresses", kAddresses};
};

}  // namespace

std::unique_ptr<Detector> make_isolation_lateral_connect()
{
    return std::make_unique<LateralConnect>();
}

}  // namespace fnshield::detect
