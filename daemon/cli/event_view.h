// SPDX-License-Identifier: Apache-2.0
//
// Alerts and events for people: a block an alert, a line an event. Everything in them may come from a sandbox, so all
// of it passes printable() first; absent fields are left out.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "daemon/cli/terminal.h"

namespace fnshield::cli {

[[nodiscard]] std::string event_line(const nlohmann::ordered_json& event, const Terminal& terminal);
[[nodiscard]] std::string alert_block(const nlohmann::ordered_json& alert, const Terminal& terminal);
// `shown` is what `show` answers: {"alert": …, "rule": {"short", "long"}}.
[[nodiscard]] std::string incident(const nlohmann::ordered_json& shown, const Terminal& terminal);

}  // namespace fnshield::cli
