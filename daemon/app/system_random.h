// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/respond/ulid.h"

namespace fnshield {

// The kernel's random numbers.
class SystemRandom final : public RandomSource {
public:
    void fill(std::span<std::uint8_t> bytes) override;
};

}  // namespace fnshield
