// SPDX-License-Identifier: Apache-2.0
//
// The only container in which a detector keeps state about sandboxes or functions: a map with a cap. When it is full
// the entry that was touched longest ago makes room, and that is counted, so that neither thousands of short-lived
// sandboxes nor an attacker who makes names up can make the daemon grow.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "daemon/model/model.h"

namespace fnshield::detect {

template <typename Key, typename Value>
class BoundedTable {
public:
    // `name` is the value of the metric's label `table` and outlives the table.
    BoundedTable(std::string_view name, std::size_t capacity) : name_(name), capacity_(capacity) {}

    // The entry, made with Value{} where there is none; valid until it is evicted or erased. Touches it.
    [[nodiscard]] Value& get(const Key& key)
    {
        if (const auto found = index_.find(key); found != index_.end()) {
            entries_.splice(entries_.end(), entries_, found->second);
            return found->second->second;
        }
        if (index_.size() >= capacity_) {
            index_.erase(entries_.front().first);
            entries_.pop_front();
            ++evictions_;
        }
        entries_.emplace_back(key, Value{});
        index_.emplace(key, std::prev(entries_.end()));
        return entries_.back().second;
    }

    // The entry or null. Does not touch it.
    [[nodiscard]] Value* find(const Key& key)
    {
        const auto found = index_.find(key);
        return found == index_.end() ? nullptr : &found->second->second;
    }

    bool erase(const Key& key)
    {
        const auto found = index_.find(key);
        if (found == index_.end())
            return false;
        entries_.erase(found->second);
        index_.erase(found);
        return true;
    }

    // Least recently touched first.
    [[nodiscard]] auto begin() { return entries_.begin(); }
    [[nodiscard]] auto end() { return entries_.end(); }

    [[nodiscard]] TableStats stats() const
    {
        return {.table = name_, .entries = index_.size(), .capacity = capacity_, .evictions = evictions_};
    }

private:
    std::string_view name_;
    std::size_t capacity_;
    std::list<std::pair<Key, Value>> entries_;
    std::unordered_map<Key, typename std::list<std::pair<Key, Value>>::iterator> index_;
    std::uint64_t evictions_ = 0;
};

}  // namespace fnshield::detect
