// SPDX-License-Identifier: Apache-2.0
#include "daemon/control/history.h"

#include <algorithm>
#include <ranges>

namespace fnshield::control {

void History::add(HistoryEntry entry)
{
    if (!entry.id.empty()) {
        const auto same = std::ranges::find(entries_, entry.id, &HistoryEntry::id);
        if (same != entries_.end()) {
            bytes_ -= same->line->size();
            entries_.erase(same);
        }
    }
    entry.skipped_before = std::exchange(skipped_, 0);
    bytes_ += entry.line->size();
    entries_.push_back(std::move(entry));
    while (entries_.size() > max_entries_ || (bytes_ > max_bytes_ && entries_.size() > 1)) {
        bytes_ -= entries_.front().line->size();
        entries_.pop_front();
    }
}

bool RateBudget::take(Nanoseconds now_ns)
{
    if (now_ns > last_ns_) {
        tokens_ = std::min(burst_, tokens_ + to_seconds(now_ns - last_ns_) * per_second_);
        last_ns_ = now_ns;
    }
    if (tokens_ < 1)
        return false;
    tokens_ -= 1;
    return true;
}

}  // namespace fnshield::control
