// SPDX-License-Identifier: Apache-2.0
#include "daemon/respond/ulid.h"

#include <algorithm>
#include <string_view>

namespace fnshield {
namespace {

constexpr std::string_view kAlphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
constexpr std::uint64_t kMaxMs = (1ULL << 48) - 1;
constexpr std::size_t kCharacters = 26;

// 128 bits, most significant byte first, as 26 characters of five bits; the first holds three.
std::string encode(const std::array<std::uint8_t, 16>& bytes)
{
    std::string text(kCharacters, '0');
    for (std::size_t i = 0; i < kCharacters; ++i) {
        unsigned value = 0;
        for (std::size_t bit = i * 5; bit < i * 5 + 5; ++bit) {
            value <<= 1;
            if (bit >= 2)  // 130 bits of text hold 128: two zeroes lead
                value |= (bytes[(bit - 2) / 8] >> (7 - (bit - 2) % 8)) & 1U;
        }
        text[i] = kAlphabet[value];
    }
    return text;
}

}  // namespace

std::string UlidMaker::make(std::int64_t unix_ms)
{
    const std::uint64_t ms = std::min(static_cast<std::uint64_t>(std::max<std::int64_t>(unix_ms, 0)), kMaxMs);
    if (ms == last_ms_) {
        for (auto byte = tail_.rbegin(); byte != tail_.rend(); ++byte)
            if (++*byte != 0)
                break;
    } else {
        random_.fill(tail_);
        tail_[0] &= 0x7f;  // room to count up within the millisecond
        last_ms_ = ms;
    }
    std::array<std::uint8_t, 16> bytes{};
    for (std::size_t i = 0; i < 6; ++i)
        bytes[i] = static_cast<std::uint8_t>(ms >> (40 - 8 * i));
    std::ranges::copy(tail_, bytes.begin() + 6);
    return encode(bytes);
}

}  // namespace fnshield
