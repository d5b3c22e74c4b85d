// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>

namespace fnshield {

// An event as the ring hands it over.
template <typename Raw>
std::span<const std::byte> bytes_of(const Raw& raw)
{
    return std::as_bytes(std::span(&raw, 1));
}

}  // namespace fnshield
