// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>

namespace fnshield {

// The beginning of a file under /proc or of a cgroup, which do not tell their size: what one read of at most `limit`
// bytes gives. Empty with errno where it cannot be read, and with errno 0 where there is nothing in it.
[[nodiscard]] std::string read_beginning(const std::string& path, std::size_t limit);

}  // namespace fnshield
