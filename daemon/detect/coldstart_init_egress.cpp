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
// "*.models.example"}) matches the addresses in the answers that the sandbox itself got to a matching question from a
// resolver of the policy, on the row's ports and as long as the answer says: the kernel side reads them, and marks the
// contact. Memory: the last question of each sandbox that asks for names while it starts, at most kSandboxes.
#include <array>

#include "daemon/detect/bounded_table.h"
#include "daemon/detect/detectors.h"
#include "daemon/detect/egress_match.h"
#include "daemon/detect/wording.h"

namespace fnshield::detect {
namespace {

constexpr std::array<std::string_view, 2> kTechniques{"T1041", "T1071.001"};
constexpr std::array kKinds{EventKind::connect, EventKind::send, EventKind::dns, EventKind::sandbox_ready};

constexpr std::array<std::string_view, 7> kYieldsTo{
    "coldstart.prewarm_activity", "identity.metadata_service", "identity.token_egress", "isolation.control_plane",
    "isolation.lateral_connect",  "isolation.port_scan",       "supply.install_script"};

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
    .yields_to = kYieldsTo,
};

constexpr std::size_t kSandboxes = 4096;

class InitEgress : public Detector {
public:
    [[nodiscard]] const RuleDescriptor& descriptor() const override { return kDescriptor; }

    [[nodiscard]] std::optional<Finding> on_event(const Observation& seen) override
    {
        if (seen.event.kind == EventKind::sandbox_ready) {
            last_questions_.erase(seen.event.sandbox);
            return std::nullopt;
        }
        if (!seen.sandbox || seen.sandbox->warm() || !seen.policy->egress.init || seen.by_runtime())
            return std::nullopt;
        if (seen.event.as<DnsBody>() != nullptr) {
            last_questions_.get(seen.event.sandbox) = seen.event;
            return std::nullopt;
        }
        const auto* socket = seen.event.as<SocketBody>();
        if (!socket || !is_unlisted(*seen.policy, *seen.policy->egress.init, *socket))
            return std::nullopt;
        return make_finding(seen, *socket);
    }

    void on_sandbox_gone(SandboxId id) override { last_questions_.erase(id); }
    [[nodiscard]] std::vector<TableStats> tables() const override { return {last_questions_.stats()}; }

private:
    Finding make_finding(const Observation& seen, const SocketBody& socket)
    {
        Finding finding = make_unlisted_finding(seen, socket, " before it was ready", "egress.init");
        if (const Event* question = last_questions_.find(seen.event.sandbox)) {
            const auto& name = question->as<DnsBody>()->name;
            finding.summary += " (the last name that it asked for: " + printable(name) + ")";
            finding.earlier_evidence.push_back(*question);
        }
        return finding;
    }

    BoundedTable<SandboxId, Event> last_questions_{"coldstart_init_egress_names", kSandboxes};
};

}  // namespace

std::unique_ptr<Detector> make_coldstart_init_egress()
{
    return std::make_unique<InitEgress>();
}

}  // namespace fnshield::detect
