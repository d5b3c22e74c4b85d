// SPDX-License-Identifier: Apache-2.0
//
// What metrics.cpp builds on: counters that follow one counted elsewhere, and label values that are always valid.
#pragma once

#include <prometheus/counter.h>
#include <prometheus/family.h>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>

namespace fnshield {

// Follows an absolute count (of the kernel, of a table) and never goes down: where the source began anew, what it has
// counted since is added.
class MirroredCounter {
public:
    explicit MirroredCounter(prometheus::Counter& counter) : counter_(&counter) {}

    void set(std::uint64_t value)
    {
        const std::uint64_t more = value >= last_ ? value - last_ : value;
        if (more > 0)
            counter_->Increment(static_cast<double>(more));
        last_ = value;
    }

private:
    prometheus::Counter* counter_;
    std::uint64_t last_ = 0;
};

// Mirrored counters by the value of one label.
class MirroredCounters {
public:
    MirroredCounters(prometheus::Family<prometheus::Counter>& family, std::string label)
        : family_(family), label_(std::move(label))
    {
    }

    MirroredCounter& of(const std::string& value)
    {
        const auto found = counters_.find(value);
        if (found != counters_.end())
            return found->second;
        return counters_.emplace(value, MirroredCounter(family_.Add({{label_, value}}))).first->second;
    }

private:
    prometheus::Family<prometheus::Counter>& family_;
    std::string label_;
    std::unordered_map<std::string, MirroredCounter> counters_;
};

// A label's value has to be UTF-8, and a name from outside may be anything and of any length: other bytes become '?',
// what is beyond 128 bytes is cut.
[[nodiscard]] std::string label_value(std::string_view text);

}  // namespace fnshield
