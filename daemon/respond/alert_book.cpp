// SPDX-License-Identifier: Apache-2.0
#include "daemon/respond/alert_book.h"

#include <algorithm>
#include <cctype>
#include <utility>

namespace fnshield {
namespace {

bool begins_with_ignoring_case(std::string_view text, std::string_view prefix)
{
    return text.size() >= prefix.size() &&
           std::ranges::equal(text.substr(0, prefix.size()), prefix,
                              [](unsigned char a, unsigned char b) { return std::toupper(a) == std::toupper(b); });
}

}  // namespace

std::size_t AlertBook::KeyHash::operator()(const Key& key) const
{
    std::size_t hash = std::hash<std::string>{}(key.rule);
    hash = hash * 31 + std::hash<SandboxId>{}(key.sandbox);
    return hash * 31 + std::hash<std::string>{}(key.key);
}

AlertBook::Recorded AlertBook::record(const Detection& detection, const Event& event, const Model& model,
                                      const AlertContext& context)
{
    Recorded recorded;
    if (detection.action() == Action::off) {
        ++turned_off_;
        return recorded;
    }

    Key key{.rule = std::string(detection.rule->rule), .sandbox = detection.sandbox, .key = detection.finding.key};
    if (const auto found = index_.find(key); found != index_.end()) {
        if (!is_over(*found->second, event.time_ns)) {
            entries_.splice(entries_.end(), entries_, found->second);
            raise(entries_.back(), detection, event, model, recorded);
            return recorded;
        }
        forget(found->second, recorded.emit);
    }
    if (entries_.size() >= std::max<std::size_t>(options_.active, 1)) {
        forget(entries_.begin(), recorded.emit);
        ++evictions_;
    }

    auto alert = keep(make_alert(detection, event, model, context));
    entries_.push_back({.key = key, .alert = alert, .emitted_ns = event.time_ns});
    index_.emplace(std::move(key), std::prev(entries_.end()));
    recorded.outcome = Outcome::made;
    recorded.alert = alert;
    recorded.emit.push_back(std::move(alert));
    return recorded;
}

bool AlertBook::is_over(const Entry& entry, Nanoseconds now_ns) const
{
    return now_ns > entry.alert->last_seen_ns + options_.cooldown_ns;
}

void AlertBook::raise(Entry& entry, const Detection& detection, const Event& event, const Model& model,
                      Recorded& recorded)
{
    Alert& alert = *entry.alert;
    alert.count += 1 + static_cast<std::uint64_t>(event.repeats);
    // Two rings: an event may come after one that happened later.
    alert.first_seen_ns = std::min(alert.first_seen_ns, event.time_ns);
    alert.last_seen_ns = std::max(alert.last_seen_ns, event.time_ns);
    alert.degraded = alert.degraded || has_lost_events(detection.sandbox, model);
    add_evidence(alert, event);

    recorded.outcome = Outcome::updated;
    recorded.alert = entry.alert;
    entry.pending = alert.last_seen_ns < entry.emitted_ns + options_.update_interval_ns;
    if (!entry.pending) {
        entry.emitted_ns = alert.last_seen_ns;
        recorded.emit.push_back(entry.alert);
    }
}

void AlertBook::forget(Entries::iterator entry, std::vector<AlertPtr>& emit)
{
    if (entry->pending)
        emit.push_back(entry->alert);
    index_.erase(entry->key);
    entries_.erase(entry);
}

std::shared_ptr<Alert> AlertBook::keep(Alert alert)
{
    alert.id = ids_.make((static_cast<std::int64_t>(alert.time_ns) + alert.wall_offset_ns) /
                         static_cast<std::int64_t>(kMillisecond));
    auto kept = std::make_shared<Alert>(std::move(alert));
    recent_.push_back(kept);
    if (recent_.size() > options_.recent)
        recent_.pop_front();
    return kept;
}

void AlertBook::set_taken(const Alert& alert, Action taken)
{
    const auto found = std::ranges::find_if(entries_.rbegin(), entries_.rend(),
                                            [&](const Entry& entry) { return entry.alert.get() == &alert; });
    if (found != entries_.rend())
        found->alert->taken = taken;
}

std::vector<AlertBook::AlertPtr> AlertBook::tick(Nanoseconds now_ns)
{
    std::vector<AlertPtr> emit;
    for (auto entry = entries_.begin(); entry != entries_.end();) {
        const auto next = std::next(entry);
        if (is_over(*entry, now_ns)) {
            forget(entry, emit);
        } else if (entry->pending && now_ns >= entry->emitted_ns + options_.update_interval_ns) {
            entry->pending = false;
            entry->emitted_ns = now_ns;
            emit.push_back(entry->alert);
        }
        entry = next;
    }
    return emit;
}

std::vector<AlertBook::AlertPtr> AlertBook::flush()
{
    std::vector<AlertPtr> emit;
    for (Entry& entry : entries_)
        if (std::exchange(entry.pending, false))
            emit.push_back(entry.alert);
    return emit;
}

AlertBook::AlertPtr AlertBook::find(std::string_view id) const
{
    AlertPtr match;
    for (const AlertPtr& alert : recent_) {
        if (id.empty() || !begins_with_ignoring_case(alert->id, id))
            continue;
        if (match)
            return nullptr;
        match = alert;
    }
    return match;
}

TableStats AlertBook::table() const
{
    return {.table = "alerts", .entries = entries_.size(), .capacity = options_.active, .evictions = evictions_};
}

}  // namespace fnshield
