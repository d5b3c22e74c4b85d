// SPDX-License-Identifier: Apache-2.0
#include "daemon/output/metric_helpers.h"

namespace fnshield {
namespace {

constexpr std::size_t kMaxLabelBytes = 128;

// Bytes of the well-formed UTF-8 character at `at`; 0 = there is none (Unicode 15, table 3-7).
std::size_t character_bytes(std::string_view text, std::size_t at)
{
    const auto byte = [&](std::size_t i) {
        return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0U;
    };
    const auto tail = [&](std::size_t i) { return (byte(i) & 0xc0) == 0x80; };
    const unsigned first = byte(0);
    if (first < 0x80)
        return 1;
    if (first >= 0xc2 && first <= 0xdf)
        return tail(1) ? 2 : 0;
    if (first >= 0xe0 && first <= 0xef) {
        const bool overlong = first == 0xe0 && byte(1) < 0xa0;
        const bool surrogate = first == 0xed && byte(1) > 0x9f;
        return tail(1) && tail(2) && !overlong && !surrogate ? 3 : 0;
    }
    if (first >= 0xf0 && first <= 0xf4) {
        const bool overlong = first == 0xf0 && byte(1) < 0x90;
        const bool beyond = first == 0xf4 && byte(1) > 0x8f;
        return tail(1) && tail(2) && tail(3) && !overlong && !beyond ? 4 : 0;
    }
    return 0;
}

}  // namespace

std::string label_value(std::string_view text)
{
    std::string value;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t bytes = character_bytes(text, at);
        if (value.size() + (bytes == 0 ? 1 : bytes) > kMaxLabelBytes)
            break;
        if (bytes == 0)
            value += '?';
        else
            value += text.substr(at, bytes);
        at += bytes == 0 ? 1 : bytes;
    }
    return value;
}

}  // namespace fnshield
