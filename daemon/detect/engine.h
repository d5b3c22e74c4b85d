// SPDX-License-Identifier: Apache-2.0
//
// Runs the detectors: gives each event to those that want its kind, together with what the model knows of both ends,
// and answers what they found. The dispatch table is made once from the descriptors, so an event that no detector wants
// costs one look at an empty list.
//
// Pure like the detectors themselves: live, in tests and over a recording the same events give the same findings. Call
// it after Model::apply() of the same event, and with the events that apply() answered. Not thread-safe; the daemon's
// loop owns it.
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "daemon/detect/detector.h"

namespace fnshield {

// A finding, and whose it is.
struct Detection {
    const RuleDescriptor* rule = nullptr;  // lives as long as the program
    Finding finding;
    SandboxId sandbox = kHost;             // that the finding is about; kHost = the node
    std::shared_ptr<const Policy> policy;  // that decides action and severity; never null

    [[nodiscard]] Action action() const { return policy->action_for(rule->rule); }
    [[nodiscard]] Severity severity() const
    {
        return policy->severity_for(rule->rule, finding.severity.value_or(rule->severity));
    }
};

class DetectorEngine {
public:
    // On a tick a detector is asked again until it has nothing more to say (many sandboxes can be late at once), at
    // most this often; what is left comes with the next tick.
    static constexpr std::size_t kFindingsPerTick = 64;

    // `host_policy` decides for what happens outside of any sandbox: PolicySource::policy_for({}). Never null.
    DetectorEngine(std::vector<std::unique_ptr<Detector>> detectors, std::shared_ptr<const Policy> host_policy);

    // Also findings of rules that the deciding policy turns off: Detection::action() says so, who makes alerts counts
    // them.
    [[nodiscard]] std::vector<Detection> on_event(const Event& event, const Model& model);

    // After a reload.
    void set_host_policy(std::shared_ptr<const Policy> host_policy) { host_policy_ = std::move(host_policy); }

    [[nodiscard]] std::vector<TableStats> tables() const;
    // In the order of the rule table.
    [[nodiscard]] std::vector<const RuleDescriptor*> rules() const;

private:
    [[nodiscard]] Detection resolve(const RuleDescriptor& rule, Finding finding, const Observation& seen) const;

    std::vector<std::unique_ptr<Detector>> detectors_;
    std::array<std::vector<Detector*>, static_cast<std::size_t>(EventKind::count_)> by_kind_;
    std::shared_ptr<const Policy> host_policy_;
};

}  // namespace fnshield
