// SPDX-License-Identifier: Apache-2.0
//
// function.unexpected_egress (T1071.001): a function that serves talks to what its policy does not list.
//
// Signal: connect, send or a packet after ready, to an address and port that no row of egress.warm lists.
// Why it works: a handler talks to the few backends that it was written for; who has taken it over calls home, fetches
// more, or looks around. False positives: as for coldstart.init_egress, whose rows and excuses are the same: loopback,
// the address that the socket is bound to, AF_UNIX (not seen at all), port 53 and 853 of the policy's resolvers, an
// answer that the sandbox got for a listed name. Answers to its clients are no contacts of its own. A connection from
// before it was ready is not judged again. Entrants are quiet; so is a policy without the list. Memory: none.
#include <array>

#include "daemon/detect/detectors.h"
#include "daemon/detect/egress_match.h"

namespace fnshield::detect {
namespace {

constexpr std::array<std::string_view, 1> kTechniques{"T1071.001"};
constexpr std::array kKinds{EventKind::connect, EventKind::send};

constexpr std::array<std::string_view, 7> kYieldsTo{
    "function.undead_process",   "identity.metadata_service", "identity.token_egress", "isolation.control_plane",
    "isolation.lateral_connect", "isolation.port_scan",       "supply.install_script"};

constexpr RuleDescriptor kDescriptor{
    .rule = "function.unexpected_egress",
    .category = Category::function,
    .severity = Severity::high,
    .techniques = kTechniques,
    .short_text = "A warm function talked to an address that the policy does not list",
    .long_text =
        "A function that serves contacted an address that egress.warm of its policy does not name. Look at the request "
        "that was served then and at what ran: an injected command or a stolen token leaves like this. If the handler "
        "needs that address, list it, by network where you can.",
    .kinds = kKinds,
    .yields_to = kYieldsTo,
};

class UnexpectedEgress : public Detector {
public:
    [[nodiscard]] const RuleDescriptor& descriptor() const override { return kDescriptor; }

    [[nodiscard]] std::optional<Finding> on_event(const Observation& seen) override
    {
        const auto* socket = seen.event.as<SocketBody>();
        if (!socket || !seen.sandbox || !seen.sandbox->warm() || !seen.policy->egress.warm)
            return std::nullopt;
        if (seen.by_runtime() || !is_unlisted(*seen.policy, *seen.policy->egress.warm, *socket))
            return std::nullopt;
        return make_unlisted_finding(seen, *socket, " while warm", "egress.warm");
    }
};

}  // namespace

std::unique_ptr<Detector> make_function_unexpected_egress()
{
    return std::make_unique<UnexpectedEgress>();
}

}  // namespace fnshield::detect
