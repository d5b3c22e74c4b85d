// SPDX-License-Identifier: Apache-2.0
//
// Values as they are written in configuration, policies and on the command line. Each answers the value, or an error
// whose message says what was expected ("must be a duration such as 500ms, 2s or 1m, not '2'").
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "daemon/base/result.h"
#include "daemon/base/time.h"
#include "daemon/model/event.h"
#include "daemon/policy/policy.h"

namespace fnshield {

// "500ms", "2s", "1m", "1h"; a whole number and one unit.
[[nodiscard]] Result<Nanoseconds> parse_duration(std::string_view text);
// "90s", "2m": in the largest unit that holds it exactly; "0s". Below a millisecond it is cut.
[[nodiscard]] std::string duration_text(Nanoseconds duration);
// Decimal digits only, min ≤ value ≤ max.
[[nodiscard]] Result<std::uint64_t> parse_number(std::string_view text, std::uint64_t min, std::uint64_t max);
// "10.0.0.1", "fe80::1"; port 0.
[[nodiscard]] Result<Endpoint> parse_address(std::string_view text);
// "10.20.0.0/16", "fd00::/8", or an address alone for that one host. Bits beyond the prefix are an error.
[[nodiscard]] Result<Cidr> parse_cidr(std::string_view text);
// "127.0.0.1:9938", "[::1]:9938". min_port 0 also takes port 0.
[[nodiscard]] Result<Endpoint> parse_address_port(std::string_view text, std::uint16_t min_port = 1);

// "10.0.0.0/8", as parse_cidr reads it.
[[nodiscard]] std::string cidr_text(const Cidr& cidr);

// The nearest of `known` to a mistyped `word`; nothing where none is near.
[[nodiscard]] std::optional<std::string_view> nearest(std::string_view word, std::span<const std::string_view> known);

}  // namespace fnshield
