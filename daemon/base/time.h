// SPDX-License-Identifier: Apache-2.0
//
// Time as the kernel side gives it: CLOCK_BOOTTIME nanoseconds. Only what is printed becomes wall-clock time, by the
// offset between both clocks, which is passed in: nothing below app/ reads a clock.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace fnshield {

using Nanoseconds = std::uint64_t;  // since boot (a point in time) or a duration; the name says which

inline constexpr Nanoseconds kSecond = 1'000'000'000;
inline constexpr Nanoseconds kMillisecond = 1'000'000;

class Clock {
public:
    virtual ~Clock() = default;
    [[nodiscard]] virtual Nanoseconds boot_ns() const = 0;
    // CLOCK_REALTIME − CLOCK_BOOTTIME, ns; changes when the wall clock is set.
    [[nodiscard]] virtual std::int64_t wall_offset_ns() const = 0;
};

// RFC 3339 in UTC with nine digits: 2026-11-23T05:17:02.123456789Z
[[nodiscard]] std::string format_rfc3339(Nanoseconds boot_ns, std::int64_t wall_offset_ns);

[[nodiscard]] inline double to_seconds(Nanoseconds duration_ns)
{
    return static_cast<double>(duration_ns) / 1e9;
}

}  // namespace fnshield
