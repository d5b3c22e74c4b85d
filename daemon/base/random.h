// SPDX-License-Identifier: Apache-2.0
//
// Numbers that nobody outside can foresee, from the kernel's generator.
#pragma once

#include <cstdint>

namespace fnshield {

[[nodiscard]] std::uint64_t random_word();

}  // namespace fnshield
