// SPDX-License-Identifier: Apache-2.0
//
// Events and alerts as JSON, one object a line, in the order and under the names of the contract. Bytes that are not
// UTF-8 (a path may hold any) become U+FFFD: nothing here fails on what it is given. argv is masked once more.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "daemon/model/event.h"
#include "daemon/model/model.h"
#include "daemon/respond/alert.h"

namespace fnshield {

// Kinds that are printed and streamed; the others are the daemon's own.
[[nodiscard]] bool is_public(EventKind kind);

// `time`, `seq`, `kind`, `sandbox` (null = the host), `process` (null = no task acted), then the event's own fields.
[[nodiscard]] nlohmann::ordered_json event_json(const Event& event, const Model& model, std::int64_t wall_offset_ns);

[[nodiscard]] nlohmann::ordered_json alert_json(const Alert& alert);

// {id, cgroup, cgroup_id, platform, tenant, function, instance, state, invocation}; also for the control socket. `id`
// is cgroup_id as text: a JSON number of that size loses digits in many readers.
[[nodiscard]] nlohmann::ordered_json sandbox_json(const Sandbox& sandbox);

// One line without its end.
[[nodiscard]] std::string to_line(const nlohmann::ordered_json& json);

}  // namespace fnshield
