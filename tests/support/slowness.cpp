// SPDX-License-Identifier: Apache-2.0
#include "tests/support/slowness.h"

#include <charconv>
#include <cstdlib>
#include <string_view>

namespace fnshield::testing {

unsigned slowness()
{
    static const unsigned times = [] {
        const char* set = std::getenv("FNSHIELD_TEST_SLOWNESS");
        const std::string_view text = set != nullptr ? set : "";
        unsigned value = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
        return error == std::errc() && end == text.data() + text.size() && value > 0 ? value : 1U;
    }();
    return times;
}

}  // namespace fnshield::testing
