// SPDX-License-Identifier: Apache-2.0
//
// From what a detector saw to an alert: copies all that the alert says out of the model, masked and bounded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "daemon/respond/alert.h"

namespace fnshield {

// What an alert needs that is neither in the event nor in the model.
struct AlertContext {
    std::string node;
    bool enforce = false;             // mode: enforce
    std::int64_t wall_offset_ns = 0;  // now
};

inline constexpr std::size_t kMaxEvidence = 8;              // events an alert
inline constexpr std::size_t kMaxEvidenceArgvBytes = 1024;  // of each of them

// The sandbox that a finding is about (null = the host) and the policy that decides on it (never null).
struct Subject {
    SandboxId id = kHost;
    const Sandbox* sandbox = nullptr;
    const Policy* policy = nullptr;
};
[[nodiscard]] Subject subject_of(const Finding& finding, const Observation& seen);

// Without an id; count, times and evidence are those of this one finding.
[[nodiscard]] Alert make_alert(const RuleDescriptor& rule, const Finding& finding, const Observation& seen,
                               const Subject& subject, const AlertContext& context);

// Appends an event with its argv masked and cut, unless the alert has kMaxEvidence already.
void add_evidence(Alert& alert, const Event& event);

}  // namespace fnshield
