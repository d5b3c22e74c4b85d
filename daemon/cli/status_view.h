// SPDX-License-Identifier: Apache-2.0
//
// What the daemon answers to `status` and `sandboxes`, for people. Takes the answers as they came: an absent or odd
// field is shown as unknown, never a crash, so that tool and daemon may differ by a version.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "daemon/cli/terminal.h"

namespace fnshield::cli {

[[nodiscard]] std::string status_text(const nlohmann::ordered_json& status, const Terminal& terminal, bool programs);
[[nodiscard]] std::string programs_text(const nlohmann::ordered_json& status, const Terminal& terminal);
// "without CAP_KILL: what is not possible", each that the daemon runs without.
[[nodiscard]] std::vector<std::string> missing_capabilities(const nlohmann::ordered_json& status);
[[nodiscard]] std::string sandboxes_text(const nlohmann::ordered_json& rows, const Terminal& terminal);

}  // namespace fnshield::cli
