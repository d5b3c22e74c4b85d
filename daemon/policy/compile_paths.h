// SPDX-License-Identifier: Apache-2.0
//
// One list of path globs as rows of the kernel's trie. Used by compile.cpp alone.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "fnshield/abi/policy.h"

namespace fnshield {

struct PathRow {
    std::string prefix;
    std::uint32_t tails = 0;  // enum fns_tail
    std::uint16_t shorter_bytes = 0;
};

struct PathFault {
    std::size_t index = 0;
    std::string reason;
};

struct PathRows {
    std::vector<PathRow> rows;  // by prefix
    std::vector<PathFault> faults;
};

// `programs`: /usr/bin and /bin are one folder, and sbin likewise.
[[nodiscard]] PathRows compile_paths(std::span<const std::string> globs, bool programs);

}  // namespace fnshield
