// SPDX-License-Identifier: Apache-2.0
//
// The sandboxes of the node, live and lately gone. Bounded by `capacity`: when it is full, the one that is gone longest
// leaves, else the live one that was longest without an event. O(1) for each operation.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <optional>
#include <unordered_map>
#include <vector>

#include "daemon/model/model.h"

namespace fnshield {

// A sandbox and what the model alone needs to know of it.
struct SandboxEntry {
    Sandbox box;
    bool ready_seen = false;    // ready_ns is measured, not the time when it was found
    bool running_seen = false;  // adopted with processes in it
    bool learns_ports = false;  // its listens may not all have been seen: an accept names a listening port
    std::list<SandboxEntry*>::iterator by_age;
};

class SandboxTable {
public:
    explicit SandboxTable(std::size_t capacity);
    SandboxTable(const SandboxTable&) = delete;
    SandboxTable& operator=(const SandboxTable&) = delete;

    struct Inserted {
        SandboxEntry* entry;
        std::optional<Sandbox> evicted;  // to make room for it
    };
    // `id` is not in the table. The entry stays where it is until it is erased.
    [[nodiscard]] Inserted insert(SandboxId id);
    [[nodiscard]] SandboxEntry* find(SandboxId id);
    [[nodiscard]] const SandboxEntry* find(SandboxId id) const;
    void erase(SandboxId id);

    // It had an event.
    void touch(SandboxEntry& entry);
    // Sets state and time; from now on it is among the gone.
    void mark_gone(SandboxEntry& entry, Nanoseconds now_ns);
    void mark_live(SandboxEntry& entry, SandboxState state);
    // Erases those gone since `before_ns` or longer, and answers which.
    std::vector<SandboxId> expire(Nanoseconds before_ns);

    void for_each(const std::function<void(SandboxEntry&)>& visit);
    void for_each(const std::function<void(const SandboxEntry&)>& visit) const;
    [[nodiscard]] TableStats stats() const;

private:
    using Entries = std::list<SandboxEntry*>;

    std::size_t capacity_;
    std::uint64_t evictions_ = 0;
    std::unordered_map<SandboxId, SandboxEntry> entries_;
    Entries live_;  // longest without an event first
    Entries gone_;  // longest gone first
};

}  // namespace fnshield
