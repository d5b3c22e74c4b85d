// SPDX-License-Identifier: Apache-2.0
//
// Which findings are steps of one incident. Who downloads, makes it executable, runs it and connects sets off a rule
// with each; the operator wants one alert that tells the chain. A finding joins an alert of the last kJoinWithin that
// is about the same sandbox and the same lineage: the same process, one of its ancestors or a descendant, or a relative
// by an ancestor that both have. The workload's first process makes no lineage by itself, for all descend from it.
//
// It stays an alert of its own where something would be hidden or lost otherwise: a critical one, one that is graver
// than the alert, one that asks for another action, one that the target's policy decides, one about the host, the
// daemon's health, and the same rule about something else.
#pragma once

#include <utility>
#include <vector>

#include "daemon/detect/engine.h"
#include "daemon/respond/alert.h"

namespace fnshield {

inline constexpr Nanoseconds kJoinWithin = 30 * kSecond;
inline constexpr std::size_t kMaxSteps = 16;  // an alert; further findings are alerts of their own

// The actor and those that it descends from, in its sandbox; empty where nobody is known to have acted.
using Lineage = std::vector<std::pair<std::uint32_t, Nanoseconds>>;  // (tgid, start)

[[nodiscard]] Lineage lineage_of(const Event& event, const Model& model);

// `of_alert` is the lineage of the act that made the alert.
[[nodiscard]] bool joins(const Detection& detection, const Event& event, const Lineage& lineage, const Alert& alert,
                         const Lineage& of_alert);

}  // namespace fnshield
