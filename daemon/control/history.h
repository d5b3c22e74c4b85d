// SPDX-License-Identifier: Apache-2.0
//
// The last lines of one stream, for `--since`: bounded by number and bytes, the oldest go first. A line with the id of
// an earlier one takes its place (an alert whose count rose).
//
// Rendering an event costs some microseconds, so events are only kept at a bounded rate while nobody follows them
// (RateBudget); those that were passed over are counted where they would have stood.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>

#include "daemon/base/time.h"
#include "daemon/control/filter.h"

namespace fnshield::control {

struct HistoryEntry {
    std::string id;  // empty = never replaced
    Nanoseconds time_ns = 0;
    MatchKeys keys;
    std::shared_ptr<const std::string> line;  // with its newline
    std::uint64_t skipped_before = 0;         // not kept, between the entry before this one and it
};

class History {
public:
    History(std::size_t max_entries, std::size_t max_bytes) : max_entries_(max_entries), max_bytes_(max_bytes) {}

    void add(HistoryEntry entry);
    void count_skipped() { ++skipped_; }

    [[nodiscard]] const std::deque<HistoryEntry>& entries() const { return entries_; }
    // Not kept since the last entry.
    [[nodiscard]] std::uint64_t skipped_after_last() const { return skipped_; }
    [[nodiscard]] std::size_t bytes() const { return bytes_; }

private:
    std::deque<HistoryEntry> entries_;
    std::size_t max_entries_;
    std::size_t max_bytes_;
    std::size_t bytes_ = 0;  // of the lines
    std::uint64_t skipped_ = 0;
};

// A token bucket over the events' own time.
class RateBudget {
public:
    RateBudget(double per_second, double burst) : per_second_(per_second), burst_(burst), tokens_(burst) {}
    [[nodiscard]] bool take(Nanoseconds now_ns);

private:
    double per_second_;
    double burst_;
    double tokens_;
    Nanoseconds last_ns_ = 0;
};

}  // namespace fnshield::control
