// SPDX-License-Identifier: Apache-2.0
#include "daemon/app/system_clock.h"

#include <ctime>

namespace fnshield {
namespace {

std::int64_t read_clock(clockid_t clock)
{
    timespec now{};
    clock_gettime(clock, &now);
    return now.tv_sec * static_cast<std::int64_t>(kSecond) + now.tv_nsec;
}

}  // namespace

Nanoseconds SystemClock::boot_ns() const
{
    return static_cast<Nanoseconds>(read_clock(CLOCK_BOOTTIME));
}

std::int64_t SystemClock::wall_offset_ns() const
{
    return read_clock(CLOCK_REALTIME) - read_clock(CLOCK_BOOTTIME);
}

}  // namespace fnshield
