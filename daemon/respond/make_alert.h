// SPDX-License-Identifier: Apache-2.0
//
// From what a detector saw to an alert: copies all that the alert says out of the model, masked and bounded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "daemon/detect/engine.h"
#include "daemon/respond/alert.h"

namespace fnshield {

// What an alert needs that is neither in the event nor in the model.
struct AlertContext {
    std::string node;
    std::int64_t wall_offset_ns = 0;  // now
    bool lost_events = false;         // the kernel counted losses of the sandbox, which the model may not know of yet
};

inline constexpr std::size_t kMaxEvidence = 8;              // events an alert
inline constexpr std::size_t kMaxEvidenceArgvBytes = 1024;  // of each of them

// Without an id; count, times and evidence are those of this one event. `model` is as it was when the detector ran.
[[nodiscard]] Alert make_alert(const Detection& detection, const Event& event, const Model& model,
                               const AlertContext& context);

// A finding as a step of an alert that is there.
[[nodiscard]] AlertStep make_step(const Detection& detection, const Event& event);

[[nodiscard]] bool has_lost_events(SandboxId id, const Model& model);

// Appends an event with its argv masked and cut, unless the alert has kMaxEvidence already.
void add_evidence(Alert& alert, const Event& event);

}  // namespace fnshield
