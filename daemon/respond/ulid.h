// SPDX-License-Identifier: Apache-2.0
//
// ULIDs (https://github.com/ulid/spec): 48 bits of wall-clock milliseconds and 80 random bits in Crockford's base 32,
// 26 characters that sort by time. Within one millisecond the random part counts up, so that order holds there as well.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>

namespace fnshield {

class RandomSource {
public:
    virtual ~RandomSource() = default;
    virtual void fill(std::span<std::uint8_t> bytes) = 0;
};

class UlidMaker {
public:
    // `random` outlives the maker.
    explicit UlidMaker(RandomSource& random) : random_(random) {}

    // unix_ms before 1970 counts as 0, beyond 48 bits as the largest value.
    [[nodiscard]] std::string make(std::int64_t unix_ms);

private:
    RandomSource& random_;
    std::uint64_t last_ms_ = UINT64_MAX;
    std::array<std::uint8_t, 10> tail_{};
};

}  // namespace fnshield
