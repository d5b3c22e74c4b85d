// SPDX-License-Identifier: Apache-2.0
#include "daemon/app/system_random.h"

#include <sys/random.h>

namespace fnshield {

void SystemRandom::fill(std::span<std::uint8_t> bytes)
{
    // Up to 256 bytes come whole once the pool is up, which it is long before a service starts.
    while (!bytes.empty()) {
        const ssize_t got = getrandom(bytes.data(), bytes.size(), 0);
        if (got > 0)
            bytes = bytes.subspan(static_cast<std::size_t>(got));
        else if (got < 0 && errno != EINTR)
            return;  // what is left stays as it was: ids lose randomness, not order
    }
}

}  // namespace fnshield
