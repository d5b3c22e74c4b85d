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
        if (!is_over(*found->second.entry, event.time_ns)) {
            raise(found->second, detection, event, model, recorded);
            return recorded;
        }
        forget(found->second.entry, recorded.emit);
    }
    Lineage lineage = lineage_of(event, model);
    if (const auto incident = incident_of(detection, event, lineage); incident != entries_.end()) {
        join(incident, std::move(key), detection, event, model, recorded);
        return recorded;
    }
    if (entries_.size() >= std::max<std::size_t>(options_.active, 1)) {
        forget(entries_.begin(), recorded.emit);
        ++evictions_;
    }

    auto alert = keep(make_alert(detection, event, model, context));
    entries_.push_back({.keys = {key}, .lineage = std::move(lineage), .alert = alert, .emitted_ns = event.time_ns});
    index_.emplace(std::move(key), Place{.entry = std::prev(entries_.end())});
    recorded.outcome = Outcome::made;
    recorded.alert = alert;
    recorded.emit.push_back(std::move(alert));
    return recorded;
}

bool AlertBook::is_over(const Entry& entry, Nanoseconds now_ns) const
{
    return now_ns > entry.alert->last_seen_ns + options_.cooldown_ns;
}

void AlertBook::raise(Place place, const Detection& detection, const Event& event, const Model& model,
                      Recorded& recorded)
{
    Alert& alert = *place.entry->alert;
    std::uint64_t& count = place.key == 0 ? alert.count : alert.steps[place.key - 1].count;
    count += 1 + static_cast<std::uint64_t>(event.repeats);
    recorded.outcome = Outcome::updated;
    see_again(place.entry, detection, event, model, recorded);
}

// The latest alert that the finding is a step of. Those that were seen last stand last, so the search ends early.
AlertBook::Entries::iterator AlertBook::incident_of(const Detection& detection, const Event& event,
                                                    const Lineage& lineage)
{
    if (lineage.empty())
        return entries_.end();
    for (auto entry = entries_.end(); entry != entries_.begin();) {
        --entry;
        if (entry->alert->last_seen_ns + kJoinWithin < event.time_ns)
            break;
        if (joins(detection, event, lineage, *entry->alert, entry->lineage))
            return entry;
    }
    return entries_.end();
}

void AlertBook::join(Entries::iterator entry, Key key, const Detection& detection, const Event& event,
                     const Model& model, Recorded& recorded)
{
    entry->alert->steps.push_back(make_step(detection, event));
    entry->keys.push_back(key);
    index_.emplace(std::move(key), Place{.entry = entry, .key = entry->keys.size() - 1});
    recorded.outcome = Outcome::joined;
    see_again(entry, detection, event, model, recorded);
}

void AlertBook::see_again(Entries::iterator entry, const Detection& detection, const Event& event, const Model& model,
                          Recorded& recorded)
{
    entries_.splice(entries_.end(), entries_, entry);
    Alert& alert = *entry->alert;
    // Two rings: an event may come after one that happened later.
    alert.first_seen_ns = std::min(alert.first_seen_ns, event.time_ns);
    alert.last_seen_ns = std::max(alert.last_seen_ns, event.time_ns);
    alert.degraded = alert.degraded || has_lost_events(detection.sandbox, model);
    add_evidence(alert, event);

    recorded.alert = entry->alert;
    // A new step is news.
    entry->pending =
        recorded.outcome != Outcome::joined && alert.last_seen_ns < entry->emitted_ns + options_.update_interval_ns;
    if (!entry->pending) {
        entry->emitted_ns = alert.last_seen_ns;
        recorded.emit.push_back(entry->alert);
    }
}

void AlertBook::forget(Entries::iterator entry, std::vector<AlertPtr>& emit)
{
    if (entry->pending)
        emit.push_back(entry->alert);
    for (const Key& key : entry->keys)
        index_.erase(key);
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
