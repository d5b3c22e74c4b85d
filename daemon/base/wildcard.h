// SPDX-License-Identifier: Apache-2.0
//
// Patterns over names: * is any text, a slash included, ? is one character. For paths, where * stops at a slash, there
// is glob_match (daemon/policy/policy.h).
#pragma once

#include <string_view>

namespace fnshield {

// Only the last * is ever tried again, so a hostile pattern costs pattern × text steps at most.
[[nodiscard]] bool wildcard_match(std::string_view pattern, std::string_view text);

}  // namespace fnshield
