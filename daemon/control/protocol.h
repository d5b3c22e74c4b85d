// SPDX-License-Identifier: Apache-2.0
//
// The words of the control socket: newline-delimited JSON, both ways.
//
//   request   {"version":1,"command":"sandboxes","function":"resize*"}
//   answer    {"ok":true,"data":…}    or    {"ok":false,"error":"…"}
//   follow    the same answer once, then one object a line until the client goes: an event or an alert as every other
//             output writes it, or {"dropped":N} where the client read too slowly
//
// Requests are hostile input: this file is their one parser, without a socket in it, so that it can be fuzzed. Unknown
// commands, unknown keys, wrong types and nonsense values are errors that say what would have been right.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "daemon/base/result.h"
#include "daemon/control/filter.h"

namespace fnshield::control {

inline constexpr int kVersion = 1;
inline constexpr std::size_t kMaxRequestBytes = 64 * 1024;  // of one line, its newline not counted
inline constexpr int kMaxDepth = 8;
inline constexpr std::size_t kMaxTextBytes = 4096;  // of one string value
inline constexpr std::string_view kSocketName = "control.sock";
inline constexpr std::string_view kLockName = "fnshieldd.lock";

enum class Command { status, sandboxes, events, alerts, show, reload };

struct Request {
    Command command = Command::status;
    Filter filter;        // sandboxes, events, alerts
    bool follow = false;  // events, alerts
    std::string alert;    // show: an alert's id, or the beginning of one
};

[[nodiscard]] std::string_view command_name(Command command);
// True where the command changes what the daemon does: for root alone.
[[nodiscard]] bool changes_state(Command command);

// One line without its newline.
[[nodiscard]] Result<Request> parse_request(std::string_view line);

// The client's half. Only what differs from the default is written.
[[nodiscard]] std::string format_request(const Request& request);

// Whole lines, newline included. Bytes that are not UTF-8 are replaced.
[[nodiscard]] std::string format_answer(const nlohmann::ordered_json& data);
[[nodiscard]] std::string format_error(std::string_view message);
[[nodiscard]] std::string format_line(const nlohmann::ordered_json& value);

}  // namespace fnshield::control
