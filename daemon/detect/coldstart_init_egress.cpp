// SPDX-License-Identifier: Apache-2.0
//
// coldstart.init_egress (T1041, T1071.001): a sandbox that is not ready yet talks to what its policy does not list.
//
// Signal: connect, send or a packet between the workload's first exec and ready, to an address and port that no row of
// egress.init lists.
// Why it works: what a function fetches while it starts (its model, its configuration) is known beforehand; a payload
// in a package or a start-up hook phones home now. False positives: loopback and the sandbox's own address, AF_UNIX
// (not seen at all), port 53 and 853 of the resolvers that the policy declares. Port 53 of anything else is no excuse:
// it is a well-known way out. The entrant's set-up is quiet; so is a policy without the list. A row with a name ({dns:
// "*.models.example"}) matches for kNameHolds after the sandbox asked for a matching name, on the row's ports. Weak,
// and to be known: the kernel side sees questions, not answers, so a payload that asks for a listed name can go
// anywhere on that row's ports for that time. Where that matters, list networks. Memory: one entry a sandbox that asks
// for names while it starts, at most kSandboxes; in it one time for each matching row of its policy (at most kRows) and
// the last question.
#include <algorithm>
#include <array>

#include "daemon/detect/bounded_table.h"
#include "daemon/detect/detectors.h"
#include "daemon/detect/egress_match.h"
#include "daemon/detect/wording.h"

namespace fnshield::detect {
namespace {

constexpr std::array<std::string_view, 2> kTechniques{"T1041", "T1071.001"};
constexpr std::array kKinds{EventKind::connect, EventKind::send, EventKind::dns, EventKind::sandbox_ready};

constexpr RuleDescriptor kDescriptor{
    .rule = "coldstart.init_egress",
    .category = Category::function,
    .severity = Severity::high,
    .techniques = kTechniques,
    .short_text = "A starting sandbox talked to an address that the policy does not list",
    .long_text =
        "Before it was ready the function contacted an address that egress.init of its policy does not name. "
        "If its start needs that address, list it, by network where you can. If it is a DNS server, name it "
        "under egress.resolvers. Otherwise look at what ran before (the sandbox's timeline): a package or a "
        "start-up hook may be calling out, and what it sent is lost.",
    .kinds = kKinds,
};

constexpr std::size_t kSandboxes = 4096;
constexpr std::size_t kRows = 32;
constexpr Nanoseconds kNameHolds = 60 * kSecond;

struct Asked {
    struct Row {
        std::string glob;
        Nanoseconds time_ns = 0;
    };
    std::vector<Row> rows;  // globs of the policy for which a matching name was asked
    std::optional<Event> last_question;
};

bool asked_lately(const Asked& asked, std::string_view glob, Nanoseconds now_ns)
{
    // The question was processed before, but the clocks of two CPUs may be a little apart.
    return std::ranges::any_of(
        asked.rows, [&](const Asked::Row& row) { return row.glob == glob && now_ns < row.time_ns + kNameHolds; });
}

class InitEgress : public Detector {
public:
    [[nodiscard]] const RuleDescriptor& descriptor() const override { return kDescriptor; }

    [[nodiscard]] std::optional<Finding> on_event(const Observation& seen) override
    {
        if (seen.event.kind == EventKind::sandbox_ready) {
            asked_.erase(seen.event.sandbox);
            return std::nullopt;
        }
        if (!seen.sandbox || seen.sandbox->warm() || !seen.policy->egress.init)
            return std::nullopt;
        if (seen.event.has(FNS_FLAG_ENTRANT) || seen.event.has(FNS_FLAG_SETUP))
            return std::nullopt;
        if (const auto* question = seen.event.as<DnsBody>()) {
            remember(seen, *question);
            return std::nullopt;
        }
        const auto* socket = seen.event.as<SocketBody>();
        if (!socket || stays_inside(*socket) || is_declared_resolver(*seen.policy, socket->remote) ||
            lists_address(*seen.policy->egress.init, socket->remote) || lists_name(seen, socket->remote))
            return std::nullopt;
        return make_finding(seen, *socket);
    }

    void on_sandbox_gone(SandboxId id) override { asked_.erase(id); }
    [[nodiscard]] std::vector<TableStats> tables() const override { return {asked_.stats()}; }

private:
    void remember(const Observation& seen, const DnsBody& question)
    {
        Asked& asked = asked_.get(seen.event.sandbox);
        asked.last_question = seen.event;
        if (question.malformed)
            return;
        for (const EgressRule& rule : *seen.policy->egress.init) {
            if (rule.dns.empty() || !glob_match(rule.dns, question.name))
                continue;
            const auto row = std::ranges::find(asked.rows, rule.dns, &Asked::Row::glob);
            if (row != asked.rows.end())
                row->time_ns = seen.event.time_ns;
            else if (asked.rows.size() < kRows)
                asked.rows.push_back({.glob = rule.dns, .time_ns = seen.event.time_ns});
        }
    }

    bool lists_name(const Observation& seen, const Endpoint& remote)
    {
        const Asked* asked = asked_.find(seen.event.sandbox);
        return asked && std::ranges::any_of(*seen.policy->egress.init, [&](const EgressRule& rule) {
                   return !rule.dns.empty() && lists_port(rule, remote.port) &&
                          asked_lately(*asked, rule.dns, seen.event.time_ns);
               });
    }

    Finding make_finding(const Observation& seen, const SocketBody& socket)
    {
        Finding finding;
        const std::string remote = endpoint_text(socket.remote);
        const bool sent = seen.event.kind == EventKind::send;
        finding.summary = actor_label(seen) + (sent ? " sent to " : " connected to ") + remote +
                          " before it was ready; egress.init of policy " + seen.policy->name + " does not list it";
        if (const Asked* asked = asked_.find(seen.event.sandbox); asked && asked->last_question) {
            const auto& name = asked->last_question->as<DnsBody>()->name;
            finding.summary += " (the last name that it asked for: " + printable(name) + ")";
            finding.earlier_evidence.push_back(*asked->last_question);
        }
        finding.key = program_of(seen) + " " + remote;
        finding.target.address = socket.remote.address_text();
        finding.target.port = socket.remote.port;
        return finding;
    }

    BoundedTable<SandboxId, Asked> asked_{"coldstart_init_egress_names", kSandboxes};
};

}  // namespace

std::unique_ptr<Detector> make_coldstart_init_egress()
{
    return std::make_unique<InitEgress>();
}

}  // namespace fnshield::detect
