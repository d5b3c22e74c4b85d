// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/base/time.h"

namespace fnshield {

// The machine's own clocks.
class SystemClock final : public Clock {
public:
    [[nodiscard]] Nanoseconds boot_ns() const override;
    [[nodiscard]] std::int64_t wall_offset_ns() const override;
};

}  // namespace fnshield
