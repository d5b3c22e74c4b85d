// SPDX-License-Identifier: Apache-2.0
//
// health.loss: events of a sandbox were lost.
//
// Signal: the loss counters that the kernel side keeps for each sandbox. Losses that no sandbox can be named for are
// told where they matter most: a full critical ring, or a full table, which means that a sandbox could not be
// registered. Why it works: who wants to act unseen makes noise first; a loss says where to look. False positives: none
// in the sense of a rule: the loss is real. A noisy neighbour loses its own events, not others'. Memory: none.
#include <array>

#include "daemon/detect/detectors.h"
#include "daemon/detect/wording.h"

namespace fnshield::detect {
namespace {

constexpr std::array kKinds{EventKind::loss};

constexpr RuleDescriptor kDescriptor{
    .rule = "health.loss",
    .category = Category::health,
    .severity = Severity::medium,
    .techniques = {},
    .short_text = "Events of a sandbox were lost",
    .long_text =
        "The sandbox did more than could be passed on; what was lost is counted, not known. Its other alerts "
        "say degraded. Look at what it does (fnshield events --sandbox): a flood may be meant to hide something. "
        "Losses "
        "of the node as a whole mean that a ring or a table is too small for it.",
    .kinds = kKinds,
};

class Loss : public Detector {
public:
    [[nodiscard]] const RuleDescriptor& descriptor() const override { return kDescriptor; }

    [[nodiscard]] std::optional<Finding> on_event(const Observation& seen) override
    {
        const auto* loss = seen.event.as<LossBody>();
        if (!loss || loss->events == 0)
            return std::nullopt;
        const bool of_node = seen.event.sandbox == kHost;
        if (of_node && loss->stage != loss_stage_name(FNS_LOSS_RING_CRITICAL) &&
            loss->stage != loss_stage_name(FNS_LOSS_TABLE))
            return std::nullopt;
        Finding finding;
        finding.summary = std::to_string(loss->events) + (loss->events == 1 ? " event of " : " events of ") +
                          (of_node ? "this node" : sandbox_label(seen.sandbox, seen.event.sandbox)) +
                          (loss->events == 1 ? " was lost" : " were lost");
        if (!loss->sensor.empty() || !loss->stage.empty())
            finding.summary +=
                " (" + loss->sensor + (loss->sensor.empty() || loss->stage.empty() ? "" : ", ") + loss->stage + ")";
        finding.key = loss->sensor + " " + loss->stage;
        return finding;
    }
};

}  // namespace

std::unique_ptr<Detector> make_health_loss()
{
    return std::make_unique<Loss>();
}

}  // namespace fnshield::detect
