// SPDX-License-Identifier: Apache-2.0
//
// The processes of all sandboxes with their ancestry. A process is named by (tgid, start), so a pid that is used again
// is another process. One that exited stays for keep_exited_ns, for the events that are still in a ring, and as long as
// children of it are known, so that a double fork does not cut a lineage.
//
// Bounded by `capacity`: when it is full, the process that exited first goes, then the oldest of the newcomer's sandbox
// if that holds more than its share, then the oldest of all: a fork storm costs the one who makes it. Chains of exited
// ancestors are cut behind kMaxAncestry generations. Every operation is O(1) but for those bounds.
#pragma once

#include <cstdint>
#include <list>
#include <optional>
#include <unordered_map>
#include <vector>

#include "daemon/model/model.h"

namespace fnshield {

class ProcessTable {
public:
    ProcessTable(std::size_t capacity, Nanoseconds keep_exited_ns);
    ProcessTable(const ProcessTable&) = delete;
    ProcessTable& operator=(const ProcessTable&) = delete;

    // The actor of an event in a sandbox: known, or entered with what the event tells of it.
    const Process& see(const Event& event);
    // The events of the process sensor. A fork or an exit may come in any order.
    void fork(const Event& event, const ForkBody& body);
    void exec(const Event& event, const ExecBody& body);
    void exit(const Event& event);
    void found(const Event& event, const ExecBody& body);
    // Moves between cgroups: into a sandbox, out of all.
    void enter_by_move(const ProcessInfo& subject, SandboxId to, bool entrant);
    void leave(const ProcessInfo& subject);

    // Lets go of those that exited long enough ago.
    void expire(Nanoseconds now_ns);
    void forget_sandbox(SandboxId sandbox);

    [[nodiscard]] const Process* find(std::uint32_t tgid, Nanoseconds start_ns) const;
    [[nodiscard]] std::vector<const Process*> ancestors(const Process& process, std::size_t depth) const;
    [[nodiscard]] TableStats stats() const;

private:
    static constexpr int kMaxAncestry = 32;

    struct Key {
        std::uint32_t tgid = 0;
        Nanoseconds start_ns = 0;
        bool operator==(const Key&) const = default;
    };
    struct KeyHash {
        std::size_t operator()(const Key& key) const;
    };
    struct Node;
    using Nodes = std::list<Node*>;
    // Which of the lists by age holds a node.
    enum class Age : std::uint8_t { live, exited, retained };
    struct Node {
        Process process;
        Nanoseconds exited_ns = 0;
        std::uint32_t children = 0;  // nodes that are linked to this one
        bool linked = false;         // counted in its parent's children
        Age age = Age::live;
        Nodes::iterator by_age;
        Nodes::iterator in_sandbox;
    };

    static Key key_of(const ProcessInfo& info) { return {info.tgid, info.start_ns}; }
    Node* node(const Key& key);
    const Node* parent_of(const Process& process) const;
    Node* parent_of(const Process& process);
    Node& enter(const ProcessInfo& info, SandboxId sandbox);
    Node& see_node(const Event& event);
    void link(Node& child);
    void unlink(Node& child);
    void cut_long_ancestry(Node& youngest);
    void set_age(Node& node, Age age);
    void remove(Node& node);
    void make_room(SandboxId newcomer);
    Nodes& list_of(Age age) { return by_age_[static_cast<std::size_t>(age)]; }

    std::size_t capacity_;
    Nanoseconds keep_exited_ns_;
    std::uint64_t evictions_ = 0;
    std::unordered_map<Key, Node, KeyHash> nodes_;
    std::unordered_map<std::uint32_t, Node*> newest_by_tgid_;
    std::unordered_map<SandboxId, Nodes> by_sandbox_;
    std::array<Nodes, 3> by_age_;  // oldest first; exited: in the order of their exits
};

}  // namespace fnshield
