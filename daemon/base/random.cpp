// SPDX-License-Identifier: Apache-2.0
//
// See random.h.
#include "daemon/base/random.h"

#include <sys/random.h>

namespace fnshield {

std::uint64_t random_word()
{
    std::uint64_t word = 0;
    // Up to 256 bytes are never cut short once the generator is ready, which it is long before a daemon starts; a
    // signal may come while it is not.
    while (getrandom(&word, sizeof word, 0) != static_cast<ssize_t>(sizeof word)) {
    }
    return word;
}

}  // namespace fnshield
