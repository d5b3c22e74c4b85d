// SPDX-License-Identifier: Apache-2.0
//
// See engine.h.
#include "daemon/detect/engine.h"

#include <algorithm>
#include <utility>

namespace fnshield {
namespace {

Observation observe(const Event& event, const Model& model, const Policy& host_policy)
{
    Observation seen{.event = event, .model = model};
    if (event.sandbox != kHost)
        seen.sandbox = model.sandbox(event.sandbox);
    // Made in interrupt context: the task that happened to run there is not the actor.
    if (!event.has(FNS_FLAG_NO_TASK) && event.process.tgid != 0)
        seen.process = model.process(event.process.tgid, event.process.start_ns);
    if (const auto target = target_of(event)) {
        if (target->sandbox != kHost)
            seen.target_sandbox = model.sandbox(target->sandbox);
        if (target->process.tgid != 0)
            seen.target_process = model.process(target->process.tgid, target->process.start_ns);
    }
    seen.policy = seen.sandbox ? seen.sandbox->policy.get() : &host_policy;
    return seen;
}

bool yields(const Detection& general, const Detection& specific)
{
    return specific.sandbox == general.sandbox && specific.action() != Action::off &&
           std::ranges::find(general.rule->yields_to, specific.rule->rule) != general.rule->yields_to.end();
}

void drop_what_others_tell_better(std::vector<Detection>& found)
{
    std::vector<bool> told_better(found.size());
    for (std::size_t i = 0; i < found.size(); ++i)
        told_better[i] = std::ranges::any_of(found, [&](const Detection& other) { return yields(found[i], other); });
    std::size_t index = 0;
    std::erase_if(found, [&](const Detection&) { return told_better[index++]; });
}

}  // namespace

DetectorEngine::DetectorEngine(std::vector<std::unique_ptr<Detector>> detectors,
                               std::shared_ptr<const Policy> host_policy)
    : detectors_(std::move(detectors)), host_policy_(std::move(host_policy))
{
    for (const auto& detector : detectors_)
        for (const EventKind kind : detector->descriptor().kinds)
            by_kind_[static_cast<std::size_t>(kind)].push_back(detector.get());
}

std::vector<Detection> DetectorEngine::on_event(const Event& event, const Model& model)
{
    std::vector<Detection> found;
    const auto& wanted_by = by_kind_[static_cast<std::size_t>(event.kind)];
    if (!wanted_by.empty()) {
        const Observation seen = observe(event, model, *host_policy_);
        const std::size_t asks = event.kind == EventKind::tick ? kFindingsPerTick : 1;
        for (Detector* detector : wanted_by) {
            for (std::size_t ask = 0; ask < asks; ++ask) {
                auto finding = detector->on_event(seen);
                if (!finding)
                    break;
                found.push_back(resolve(detector->descriptor(), std::move(*finding), seen));
            }
        }
    }
    if (found.size() > 1)
        drop_what_others_tell_better(found);
    if (event.kind == EventKind::sandbox_gone)
        for (const auto& detector : detectors_)
            detector->on_sandbox_gone(event.sandbox);
    return found;
}

// Whose policy decides: the sandbox's that the finding is about, or the target's where the rule guards the target.
Detection DetectorEngine::resolve(const RuleDescriptor& rule, Finding finding, const Observation& seen) const
{
    Detection detection{.rule = &rule, .sandbox = finding.about.value_or(seen.event.sandbox), .policy = host_policy_};
    if (finding.on_behalf_of_target && seen.target_sandbox)
        detection.policy = seen.target_sandbox->policy;
    else if (const Sandbox* about = detection.sandbox == kHost ? nullptr : seen.model.sandbox(detection.sandbox))
        detection.policy = about->policy;
    detection.finding = std::move(finding);
    return detection;
}

std::vector<TableStats> DetectorEngine::tables() const
{
    std::vector<TableStats> stats;
    for (const auto& detector : detectors_)
        for (const TableStats& table : detector->tables())
            stats.push_back(table);
    return stats;
}

std::vector<const RuleDescriptor*> DetectorEngine::rules() const
{
    std::vector<const RuleDescriptor*> rules;
    rules.reserve(detectors_.size());
    for (const auto& detector : detectors_)
        rules.push_back(&detector->descriptor());
    return rules;
}

}  // namespace fnshield
