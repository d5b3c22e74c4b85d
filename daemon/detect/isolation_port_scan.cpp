// SPDX-License-Identifier: Apache-2.0
//
// isolation.port_scan (T1046): a sandbox tries many ports, or many of its neighbours.
//
// Signal: within a minute 16 different ports of one address, 32 different private addresses, 48 different ports of
// private addresses (which is how scanners mix both), or a port for remote logins of 32 public addresses. Over TCP and
// UDP, answered or not; hosts also by ping. Why it works: a function has a handful of backends; who looks around has
// none. False positives: reconnects go to one port; happy eyeballs try two addresses; getaddrinfo connects a UDP socket
// to each address of a name, which sends nothing and is no neighbour tried; a crawler goes to many public addresses, on
// few ports; only private ones (RFC 1918, unique local, link local, shared 100.64/10) and loopback, which is one host
// whatever its number, count as neighbours; clients' ports (32768 and up) are no targets. What the egress list of the
// phase names does not count. Gets past it: a scan slower than that, of fewer ports at a time, or by raw packets
// (isolation.raw_socket). Memory: BoundedTable of sandboxes, with 64 near and 64 far peers each.
#include <sys/socket.h>

#include <algorithm>
#include <array>

#include "daemon/detect/bounded_table.h"
#include "daemon/detect/detectors.h"
#include "daemon/detect/egress_match.h"
#include "daemon/detect/peers_tried.h"
#include "daemon/detect/wording.h"

namespace fnshield::detect {
namespace {

constexpr std::size_t kManyPorts = 16;
constexpr std::size_t kManyHosts = 32;
constexpr std::size_t kManyPeers = 48;
constexpr std::size_t kSandboxes = 4096;
constexpr std::uint16_t kClientPorts = 32768;

constexpr std::array<std::string_view, 1> kTechniques{"T1046"};
constexpr std::array kKinds{EventKind::connect, EventKind::send};

constexpr RuleDescriptor kDescriptor{
    .rule = "isolation.port_scan",
    .category = Category::infrastructure,
    .severity = Severity::high,
    .techniques = kTechniques,
    .short_text = "A sandbox tried many ports of an address, or many neighbours",
    .long_text =
        "Somebody in the sandbox looks for what else there is to reach. Look at what answered (its timeline), freeze "
        "the "
        "sandbox, and close the network between functions: a function needs its gateway and its backends. A service "
        "that checks many others by design lists their network in egress of its policy.",
    .kinds = kKinds,
};

// By which one logs in, or by which worms do: SSH, telnet, Windows, ADB, VNC, WinRM, Redis, a container engine.
constexpr auto kLoginPorts =
    std::to_array<std::uint16_t>({22, 23, 135, 139, 445, 2323, 2375, 3389, 5555, 5900, 5985, 5986, 6379});
static_assert(std::ranges::is_sorted(kLoginPorts));

class PortScan : public Detector {
public:
    [[nodiscard]] const RuleDescriptor& descriptor() const override { return kDescriptor; }

    [[nodiscard]] std::optional<Finding> on_event(const Observation& seen) override
    {
        const auto* socket = seen.event.as<SocketBody>();
        if (!socket || !seen.sandbox || seen.by_runtime() || (seen.process && seen.process->from_outside))
            return std::nullopt;
        const Endpoint remote = host_of(socket->remote);
        const bool is_ping = remote.port == 0 && seen.event.kind == EventKind::send;
        if (remote.family == 0 || (remote.port == 0 && !is_ping) || remote.port >= kClientPorts ||
            is_listed(seen, *socket))
            return std::nullopt;
        const bool sends_nothing = seen.event.kind == EventKind::connect && socket->type == SOCK_DGRAM;
        Scan& scan = scans_.get(seen.event.sandbox);
        PeersTried& tries = is_near(remote) ? scan.near : scan.far;
        if (!tries.note({.remote = remote, .time_ns = seen.event.time_ns, .counts_as_host = !sends_nothing}))
            return std::nullopt;
        std::string what = what_was_scanned(tries, remote);
        if (what.empty())
            return std::nullopt;
        const bool one_host = tries.ports_of(remote) >= kManyPorts;
        tries.clear();
        Finding finding;
        finding.summary = actor_label(seen) + " tried " + what + " within a minute, the last " +
                          endpoint_text(socket->remote) + " (" + program_of(seen) + ")";
        finding.key = one_host ? "ports" : "hosts";
        finding.target.address = socket->remote.address_text();
        return finding;
    }

    void on_sandbox_gone(SandboxId id) override { scans_.erase(id); }
    [[nodiscard]] std::vector<TableStats> tables() const override { return {scans_.stats()}; }

private:
    struct Scan {
        PeersTried near;
        PeersTried far;
    };

    // Empty where it is no scan.
    static std::string what_was_scanned(const PeersTried& tries, const Endpoint& last)
    {
        if (const std::size_t ports = tries.ports_of(last); ports >= kManyPorts)
            return std::to_string(ports) + " ports of " + last.address_text();
        if (!is_near(last)) {
            const auto is_login = [&](const Endpoint& one) {
                return one.port == last.port && std::ranges::binary_search(kLoginPorts, one.port);
            };
            const std::size_t hosts = tries.hosts(is_login);
            return hosts < kManyHosts ? std::string{}
                                      : std::to_string(hosts) + " addresses at port " + std::to_string(last.port);
        }
        if (const std::size_t hosts = tries.hosts([](const Endpoint&) { return true; }); hosts >= kManyHosts)
            return std::to_string(hosts) + " private addresses";
        const std::size_t peers = tries.ports();
        return peers < kManyPeers ? std::string{} : std::to_string(peers) + " ports of private addresses";
    }

    static bool is_listed(const Observation& seen, const SocketBody& socket)
    {
        const auto& listed = seen.sandbox->warm() ? seen.policy->egress.warm : seen.policy->egress.init;
        return (listed && (socket.named || lists_address(*listed, socket.remote))) ||
               is_declared_resolver(*seen.policy, socket.remote) ||
               (reaches_loopback(socket.remote) && seen.sandbox->listening.contains(socket.remote.port));
    }

    BoundedTable<SandboxId, Scan> scans_{"isolation_port_scan_sandboxes", kSandboxes};
};

}  // namespace

std::unique_ptr<Detector> make_isolation_port_scan()
{
    return std::make_unique<PortScan>();
}

}  // namespace fnshield::detect
