// SPDX-License-Identifier: Apache-2.0
#include "daemon/base/time.h"

#include <array>
#include <cstdio>
#include <ctime>

namespace fnshield {

std::string format_rfc3339(Nanoseconds boot_ns, std::int64_t wall_offset_ns)
{
    const auto wall_ns = static_cast<std::int64_t>(boot_ns) + wall_offset_ns;
    const std::time_t seconds = wall_ns / static_cast<std::int64_t>(kSecond);
    std::tm utc{};
    gmtime_r(&seconds, &utc);
    std::array<char, 32> date{};
    std::strftime(date.data(), date.size(), "%FT%T", &utc);
    std::array<char, 16> fraction{};
    std::snprintf(fraction.data(), fraction.size(), ".%09lldZ",
                  static_cast<long long>(wall_ns % static_cast<std::int64_t>(kSecond)));
    return std::string(date.data()) + fraction.data();
}

}  // namespace fnshield
