// SPDX-License-Identifier: Apache-2.0
//
// How long a thing of a function's takes, learnt from the last times that it did: its p99, and when a new level becomes
// what is normal.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "daemon/base/time.h"

namespace fnshield::detect {

// Keeps the last `Kept` durations, in microseconds (4 bytes each). What is beyond what was expected is not learnt, so
// that an attack does not teach its own pace; but `NewNormal` of them in a row are a new normal, learnt anew. There is
// a p99 once `Enough` durations are known; of fewer than 100 it is their maximum.
template <std::size_t Kept, std::size_t Enough, std::uint32_t NewNormal>
class LearntDurations {
public:
    void learn(Nanoseconds took, bool beyond)
    {
        beyond_in_a_row_ = beyond ? beyond_in_a_row_ + 1 : 0;
        if (beyond && beyond_in_a_row_ < NewNormal)
            return;
        if (beyond)
            *this = {};
        const auto us = static_cast<std::uint32_t>(std::min<Nanoseconds>(took / 1000, UINT32_MAX));
        if (durations_.size() < Kept)
            durations_.push_back(us);
        else
            durations_[next_++ % Kept] = us;
    }

    [[nodiscard]] std::optional<Nanoseconds> p99() const
    {
        if (durations_.size() < Enough)
            return std::nullopt;
        auto sorted = durations_;
        const auto nth = sorted.begin() + static_cast<std::ptrdiff_t>((sorted.size() * 99 + 99) / 100 - 1);
        std::ranges::nth_element(sorted, nth);
        return Nanoseconds{*nth} * 1000;
    }

private:
    std::vector<std::uint32_t> durations_;
    std::size_t next_ = 0;  // the oldest, which the next one replaces
    std::uint32_t beyond_in_a_row_ = 0;
};

}  // namespace fnshield::detect
