// SPDX-License-Identifier: Apache-2.0
//
// The daemon's answers to `status` and `sandboxes` as JSON. Durations are seconds, points in time are RFC 3339.
#pragma once

#include <nlohmann/json.hpp>

#include "daemon/control/backend.h"
#include "daemon/control/filter.h"

namespace fnshield::control {

[[nodiscard]] nlohmann::ordered_json status_json(const ControlBackend& backend);

// Those that the filter lets through, the oldest first.
[[nodiscard]] nlohmann::ordered_json sandboxes_json(const ControlBackend& backend, const Filter& filter);

}  // namespace fnshield::control
