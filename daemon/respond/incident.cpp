// SPDX-License-Identifier: Apache-2.0
//
// See incident.h.
#include "daemon/respond/incident.h"

#include <algorithm>

namespace fnshield {
namespace {

bool is_first(const Process& process, const Sandbox* sandbox)
{
    return sandbox && process.info.tgid == sandbox->root_tgid && process.info.start_ns == sandbox->root_start_ns;
}

bool share_one(const Lineage& one, const Lineage& other)
{
    return std::ranges::any_of(one, [&](const auto& id) { return std::ranges::find(other, id) != other.end(); });
}

bool stays_apart(const Detection& detection, const Alert& alert)
{
    return detection.sandbox == kHost || detection.severity() == Severity::critical ||
           detection.severity() > alert.severity || detection.action() != alert.requested ||
           detection.finding.on_behalf_of_target || detection.rule->category == Category::health ||
           alert.category == Category::health || detection.rule->rule == alert.rule || alert.steps.size() >= kMaxSteps;
}

}  // namespace

Lineage lineage_of(const Event& event, const Model& model)
{
    if (event.process.tgid == 0 || event.has(FNS_FLAG_NO_TASK))
        return {};
    Lineage lineage{{event.process.tgid, event.process.start_ns}};
    const Process* actor = model.process(event.process.tgid, event.process.start_ns);
    if (!actor)
        return lineage;
    const Sandbox* sandbox = event.sandbox == kHost ? nullptr : model.sandbox(event.sandbox);
    for (const Process* ancestor : model.ancestors(*actor)) {
        if (ancestor->sandbox != event.sandbox || is_first(*ancestor, sandbox))
            break;
        if (ancestor != actor)
            lineage.emplace_back(ancestor->info.tgid, ancestor->info.start_ns);
    }
    return lineage;
}

bool joins(const Detection& detection, const Event& event, const Lineage& lineage, const Alert& alert,
           const Lineage& of_alert)
{
    if (!alert.sandbox || alert.sandbox->id != detection.sandbox || stays_apart(detection, alert))
        return false;
    return event.time_ns <= alert.last_seen_ns + kJoinWithin && share_one(lineage, of_alert);
}

}  // namespace fnshield
