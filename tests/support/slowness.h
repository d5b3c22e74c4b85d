// SPDX-License-Identifier: Apache-2.0
//
// How much slower than a real machine this one is: FNSHIELD_TEST_SLOWNESS, a whole number, 1 where it is not set. The
// virtual machines of tests/vm set it. Limits for what must come are stretched by it; nothing that a case proves is.
#pragma once

#include <chrono>

namespace fnshield::testing {

[[nodiscard]] unsigned slowness();

// A limit of waiting as it is meant for a real machine → the one to keep here.
[[nodiscard]] inline std::chrono::milliseconds patient(std::chrono::milliseconds limit)
{
    return limit * slowness();
}

}  // namespace fnshield::testing
