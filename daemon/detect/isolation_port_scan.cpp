// SPDX-License-Identifier: Apache-2.0
//
// isolation.port_scan (T1046): a sandbox tries many ports, or many of its neighbours.
//
// Signal: within a minute 16 different ports of one address, or 32 different private addresses. Both over TCP and UDP,
// answered or not. Why it works: a function has a handful of backends; who looks around has none. False positives:
// reconnects go to one port; happy eyeballs try two addresses; a crawler goes to many public addresses, on few ports:
// only private ones (RFC 1918, unique local, link local, shared 100.64/10) count as neighbours; answers to clients'
// ports (32768 and up) are no targets. What the egress list of the phase names does not count. Gets past it: a scan
// slower than that, of fewer ports at a time, or by raw packets (isolation.raw_socket). Memory: BoundedTable of
// sandboxes, with 64 ports of one address and 64 addresses each.
#include <sys/socket.h>

#include <algorithm>
#include <array>

#include "daemon/detect/bounded_table.h"
#include "daemon/detect/detectors.h"
#include "daemon/detect/egress_match.h"
#include "daemon/detect/wording.h"

namespace fnshield::detect {
namespace {

constexpr Nanoseconds kWindow = 60 * kSecond;
constexpr std::size_t kManyPorts = 16;
constexpr std::size_t kManyHosts = 32;
constexpr std::size_t kKept = 64;
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

struct Try {
    Endpoint remote;
    Nanoseconds time_ns = 0;
};

bool is_private(const Endpoint& remote)
{
    const auto& a = remote.address;
    if (remote.family == AF_INET6)
        return (a[0] & 0xfe) == 0xfc || (a[0] == 0xfe && (a[1] & 0xc0) == 0x80);
    return a[0] == 10 || (a[0] == 172 && (a[1] & 0xf0) == 16) || (a[0] == 192 && a[1] == 168) ||
           (a[0] == 169 && a[1] == 254) || (a[0] == 100 && (a[1] & 0xc0) == 64);
}

class PortScan : public Detector {
public:
    [[nodiscard]] const RuleDescriptor& descriptor() const override { return kDescriptor; }

    [[nodiscard]] std::optional<Finding> on_event(const Observation& seen) override
    {
        const auto* socket = seen.event.as<SocketBody>();
        if (!socket || !seen.sandbox || seen.by_runtime() || (seen.process && seen.process->from_outside))
            return std::nullopt;
        const Endpoint& remote = socket->remote;
        if (remote.family == 0 || remote.port == 0 || remote.port >= kClientPorts || is_listed(seen, *socket))
            return std::nullopt;
        Scan& scan = scans_.get(seen.event.sandbox);
        note(scan, remote, seen.event.time_ns);
        const std::size_t ports = ports_of(scan, remote);
        const std::size_t hosts = is_private(remote) ? hosts_of(scan) : 0;
        if (ports < kManyPorts && hosts < kManyHosts)
            return std::nullopt;
        scan.tries.clear();
        const bool one_host = ports >= kManyPorts;
        Finding finding;
        finding.summary = actor_label(seen) + " tried " +
                          (one_host ? std::to_string(ports) + " ports of " + remote.address_text()
                                    : std::to_string(hosts) + " private addresses") +
                          " within a minute, the last " + endpoint_text(remote) + " (" + program_of(seen) + ")";
        finding.key = one_host ? "ports" : "hosts";
        finding.target.address = remote.address_text();
        return finding;
    }

    void on_sandbox_gone(SandboxId id) override { scans_.erase(id); }
    [[nodiscard]] std::vector<TableStats> tables() const override { return {scans_.stats()}; }

private:
    struct Scan {
        std::vector<Try> tries;  // each peer once, oldest first
    };

    static bool is_listed(const Observation& seen, const SocketBody& socket)
    {
        const auto& listed = seen.sandbox->warm() ? seen.policy->egress.warm : seen.policy->egress.init;
        return (listed && (socket.named || lists_address(*listed, socket.remote))) ||
               is_declared_resolver(*seen.policy, socket.remote) ||
               (socket.remote.is_loopback() && seen.sandbox->listening.contains(socket.remote.port));
    }

    static void note(Scan& scan, const Endpoint& remote, Nanoseconds now)
    {
        std::erase_if(scan.tries, [&](const Try& one) { return one.time_ns + kWindow < now || one.remote == remote; });
        if (scan.tries.size() >= kKept)
            scan.tries.erase(scan.tries.begin());
        scan.tries.push_back({.remote = remote, .time_ns = now});
    }

    static std::size_t ports_of(const Scan& scan, const Endpoint& host)
    {
        return static_cast<std::size_t>(std::ranges::count_if(scan.tries, [&](const Try& one) {
            return one.remote.family == host.family && one.remote.address == host.address;
        }));
    }

    static std::size_t hosts_of(const Scan& scan)
    {
        std::size_t hosts = 0;
        for (std::size_t i = 0; i < scan.tries.size(); ++i) {
            const Endpoint& host = scan.tries[i].remote;
            const auto before = std::span(scan.tries).first(i);
            const bool known = std::ranges::any_of(before, [&](const Try& one) {
                return one.remote.family == host.family && one.remote.address == host.address;
            });
            hosts += !known && is_private(host) ? 1 : 0;
        }
        return hosts;
    }

    BoundedTable<SandboxId, Scan> scans_{"isolation_port_scan_sandboxes", kSandboxes};
};

}  // namespace

std::unique_ptr<Detector> make_isolation_port_scan()
{
    return std::make_unique<PortScan>();
}

}  // namespace fnshield::detect
