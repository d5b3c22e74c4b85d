// SPDX-License-Identifier: Apache-2.0
#include "daemon/model/sandbox_table.h"

#include <algorithm>

namespace fnshield {

SandboxTable::SandboxTable(std::size_t capacity) : capacity_(std::max<std::size_t>(capacity, 1)) {}

SandboxTable::Inserted SandboxTable::insert(SandboxId id)
{
    std::optional<Sandbox> evicted;
    if (entries_.size() >= capacity_) {
        SandboxEntry& leaves = gone_.empty() ? *live_.front() : *gone_.front();
        evicted = std::move(leaves.box);
        (evicted->state == SandboxState::gone ? gone_ : live_).erase(leaves.by_age);
        entries_.erase(evicted->id);
        ++evictions_;
    }
    SandboxEntry& entry = entries_[id];
    entry.box.id = id;
    entry.by_age = live_.insert(live_.end(), &entry);
    return {&entry, std::move(evicted)};
}

SandboxEntry* SandboxTable::find(SandboxId id)
{
    const auto found = entries_.find(id);
    return found == entries_.end() ? nullptr : &found->second;
}

const SandboxEntry* SandboxTable::find(SandboxId id) const
{
    const auto found = entries_.find(id);
    return found == entries_.end() ? nullptr : &found->second;
}

void SandboxTable::erase(SandboxId id)
{
    const auto found = entries_.find(id);
    if (found == entries_.end())
        return;
    (found->second.box.state == SandboxState::gone ? gone_ : live_).erase(found->second.by_age);
    entries_.erase(found);
}

void SandboxTable::touch(SandboxEntry& entry)
{
    if (entry.box.state != SandboxState::gone)
        live_.splice(live_.end(), live_, entry.by_age);
}

void SandboxTable::mark_gone(SandboxEntry& entry, Nanoseconds now_ns)
{
    if (entry.box.state == SandboxState::gone)
        return;
    gone_.splice(gone_.end(), live_, entry.by_age);
    entry.box.state = SandboxState::gone;
    entry.box.gone_ns = now_ns;
    entry.box.frozen_ns.reset();
}

void SandboxTable::mark_live(SandboxEntry& entry, SandboxState state)
{
    if (entry.box.state != SandboxState::gone)
        return;
    live_.splice(live_.end(), gone_, entry.by_age);
    entry.box.state = state;
    entry.box.gone_ns.reset();
}

std::vector<SandboxId> SandboxTable::expire(Nanoseconds before_ns)
{
    std::vector<SandboxId> expired;
    while (!gone_.empty() && gone_.front()->box.gone_ns.value_or(0) <= before_ns) {
        expired.push_back(gone_.front()->box.id);
        erase(expired.back());
    }
    return expired;
}

void SandboxTable::for_each(const std::function<void(SandboxEntry&)>& visit)
{
    for (auto& [id, entry] : entries_)
        visit(entry);
}

void SandboxTable::for_each(const std::function<void(const SandboxEntry&)>& visit) const
{
    for (const auto& [id, entry] : entries_)
        visit(entry);
}

TableStats SandboxTable::stats() const
{
    return {.table = "sandboxes", .entries = entries_.size(), .capacity = capacity_, .evictions = evictions_};
}

}  // namespace fnshield
