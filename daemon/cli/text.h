// SPDX-License-Identifier: Apache-2.0
//
// Text for people: durations, and strings that came from a sandbox made safe to print. A function chooses its own argv
// and file names, so they may hold anything, escape sequences for the operator's terminal included.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "daemon/base/result.h"

namespace fnshield::cli {

// "0.3ms", "240ms", "1.2s", "42s", "3m", "3m20s", "2h5m", "3d4h": two units at most.
[[nodiscard]] std::string human_duration(double seconds);
// "90s", "5m", "1.5h", "2d", "250ms", or a number of seconds; an RFC 3339 time is how long ago that was.
[[nodiscard]] Result<double> parse_ago(const std::string& text, std::int64_t now_unix_seconds);
// "1234567" → "1,234,567"
[[nodiscard]] std::string human_count(std::uint64_t count);
// "2026-11-23T05:17:02.123456789Z" → "2026-11-23 05:17:02.123Z"; anything else as it is
[[nodiscard]] std::string human_time(const std::string& rfc3339);

// Control characters, marks that turn the direction of text, and bytes that are not UTF-8 as \xNN or \u{NNNN}.
[[nodiscard]] std::string printable(std::string_view text);
// One character a code point; what printable() lets through is taken to be one column wide.
[[nodiscard]] std::size_t display_width(std::string_view text);
// At most `width` columns, the last one an ellipsis where something was cut.
[[nodiscard]] std::string fitted(std::string_view text, std::size_t width);

}  // namespace fnshield::cli
