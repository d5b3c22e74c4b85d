// SPDX-License-Identifier: Apache-2.0
#include "daemon/model/process_table.h"

#include <algorithm>
#include <utility>

namespace fnshield {

std::size_t ProcessTable::KeyHash::operator()(const Key& key) const
{
    std::uint64_t hash = key.start_ns * 0x9e3779b97f4a7c15ULL ^ key.tgid;
    hash = (hash ^ (hash >> 29)) * 0xbf58476d1ce4e5b9ULL;
    return hash ^ (hash >> 32);
}

ProcessTable::ProcessTable(std::size_t capacity, Nanoseconds keep_exited_ns)
    : capacity_(std::max<std::size_t>(capacity, 1)), keep_exited_ns_(keep_exited_ns)
{
}

const Process& ProcessTable::see(const Event& event)
{
    return see_node(event).process;
}

void ProcessTable::fork(const Event& event, const ForkBody& body)
{
    if (body.child.tgid == 0 || key_of(body.child) == key_of(event.process))
        return;  // a thread is no process of its own
    Node* const known = node(key_of(body.child));
    Node& child = known != nullptr ? *known : enter(body.child, event.sandbox);
    const Node* const parent = node(key_of(event.process));
    if (!child.linked) {
        child.process.info.parent_tgid = event.process.tgid;
        child.process.parent_start_ns = event.process.start_ns;
        link(child);
    }
    if (known == nullptr)
        child.process.entrant = event.has(FNS_FLAG_ENTRANT);
    if (parent != nullptr && child.process.exe.empty()) {
        child.process.exe = parent->process.exe;
        child.process.argv = parent->process.argv;
        child.process.exec_flags = parent->process.exec_flags;
        // A child that begins in another sandbox than its parent's was put there.
        child.process.entrant |= parent->process.entrant || parent->process.sandbox != event.sandbox;
    }
    child.process.from_outside |= parent != nullptr && parent->process.from_outside;
    cut_long_ancestry(child);
}

void ProcessTable::exec(const Event& event, const ExecBody& body)
{
    Process& process = see_node(event).process;
    process.exe = body.path;
    process.argv = body.argv;
    process.exec_flags = body.flags;
    process.info.comm = event.process.comm;
    process.info.uid = event.process.uid;
    process.entrant = event.has(FNS_FLAG_ENTRANT) || body.has(FNS_EXEC_RUNTIME);
    if (body.has(FNS_EXEC_FROM_OUTSIDE))
        process.from_outside = true;
    else if (body.has(FNS_EXEC_FIRST))
        process.from_outside = false;
}

void ProcessTable::exit(const Event& event)
{
    // Also where the fork is still to come: it must not bring the process back to life.
    Node& exited = see_node(event);
    if (exited.process.exited)
        return;
    exited.process.exited = true;
    exited.exited_ns = event.time_ns;
    set_age(exited, Age::exited);
}

void ProcessTable::found(const Event& event, const ExecBody& body)
{
    Process& process = see_node(event).process;
    if (!process.exe.empty())
        return;  // its exec was seen since
    process.exe = body.path;
    process.argv = body.argv;
    process.exec_flags = body.flags;
}

void ProcessTable::enter_by_move(const ProcessInfo& subject, SandboxId to, bool entrant)
{
    Node* known = node(key_of(subject));
    if (known == nullptr) {
        known = &enter(subject, to);
    } else if (known->process.sandbox != to) {
        Nodes& before = by_sandbox_[known->process.sandbox];
        Nodes& after = by_sandbox_[to];
        after.splice(after.end(), before, known->in_sandbox);
        if (before.empty())
            by_sandbox_.erase(known->process.sandbox);
        known->process.sandbox = to;
    }
    known->process.entrant |= entrant;
}

void ProcessTable::leave(const ProcessInfo& subject)
{
    if (Node* const known = node(key_of(subject)))
        remove(*known);
}

void ProcessTable::expire(Nanoseconds now_ns)
{
    Nodes& exited = list_of(Age::exited);
    while (!exited.empty() && exited.front()->exited_ns + keep_exited_ns_ <= now_ns) {
        Node& oldest = *exited.front();
        if (oldest.children > 0)
            set_age(oldest, Age::retained);
        else
            remove(oldest);
    }
}

void ProcessTable::forget_sandbox(SandboxId sandbox)
{
    // Removing one may remove its parent too, and the list with the last: look it up anew each time.
    for (auto found = by_sandbox_.find(sandbox); found != by_sandbox_.end(); found = by_sandbox_.find(sandbox))
        remove(*found->second.front());
}

const Process* ProcessTable::find(std::uint32_t tgid, Nanoseconds start_ns) const
{
    const auto found = nodes_.find({tgid, start_ns});
    return found == nodes_.end() ? nullptr : &found->second.process;
}

std::vector<const Process*> ProcessTable::ancestors(const Process& process, std::size_t depth) const
{
    std::vector<const Process*> line;
    const Process* next = &process;
    while (next != nullptr && line.size() < depth) {
        line.push_back(next);
        const Node* const parent = parent_of(*next);
        next = parent != nullptr ? &parent->process : nullptr;
    }
    return line;
}

TableStats ProcessTable::stats() const
{
    return {.table = "processes", .entries = nodes_.size(), .capacity = capacity_, .evictions = evictions_};
}

ProcessTable::Node* ProcessTable::node(const Key& key)
{
    const auto found = nodes_.find(key);
    return found == nodes_.end() ? nullptr : &found->second;
}

const ProcessTable::Node* ProcessTable::parent_of(const Process& process) const
{
    if (process.info.parent_tgid == 0)
        return nullptr;
    if (process.parent_start_ns != 0) {
        const auto found = nodes_.find({process.info.parent_tgid, process.parent_start_ns});
        return found == nodes_.end() || &found->second.process == &process ? nullptr : &found->second;
    }
    // Its fork was not seen: whoever has that pid now is the parent, unless it is younger than the child.
    const auto found = newest_by_tgid_.find(process.info.parent_tgid);
    if (found == newest_by_tgid_.end() || found->second->process.info.start_ns >= process.info.start_ns)
        return nullptr;
    return found->second;
}

ProcessTable::Node* ProcessTable::parent_of(const Process& process)
{
    return const_cast<Node*>(std::as_const(*this).parent_of(process));
}

ProcessTable::Node& ProcessTable::enter(const ProcessInfo& info, SandboxId sandbox)
{
    make_room(sandbox);
    Node& entered = nodes_[key_of(info)];
    entered.process.info = info;
    entered.process.info.tid = info.tgid;
    entered.process.sandbox = sandbox;
    entered.by_age = list_of(Age::live).insert(list_of(Age::live).end(), &entered);
    Nodes& siblings = by_sandbox_[sandbox];
    entered.in_sandbox = siblings.insert(siblings.end(), &entered);
    Node*& newest = newest_by_tgid_[info.tgid];
    if (newest == nullptr || newest->process.info.start_ns <= info.start_ns)
        newest = &entered;
    return entered;
}

ProcessTable::Node& ProcessTable::see_node(const Event& event)
{
    if (Node* const known = node(key_of(event.process)))
        return *known;
    Node& entered = enter(event.process, event.sandbox);
    entered.process.entrant = event.has(FNS_FLAG_ENTRANT);
    link(entered);
    return entered;
}

// Binds a child to its parent where that is known, so that the parent outlives its exit.
void ProcessTable::link(Node& child)
{
    Node* const parent = parent_of(child.process);
    if (parent == nullptr || child.linked)
        return;
    child.process.parent_start_ns = parent->process.info.start_ns;
    child.linked = true;
    ++parent->children;
}

void ProcessTable::unlink(Node& child)
{
    Node* const parent = child.linked ? parent_of(child.process) : nullptr;
    child.linked = false;
    if (parent != nullptr && parent->children > 0)
        --parent->children;
}

// A process that forks and exits, and so on for ever, would keep all its ancestors.
void ProcessTable::cut_long_ancestry(Node& youngest)
{
    Node* last = &youngest;
    for (int generation = 0; generation < kMaxAncestry; ++generation) {
        last = parent_of(last->process);
        if (last == nullptr)
            return;
    }
    Node* const beyond = last->linked ? parent_of(last->process) : nullptr;
    if (beyond == nullptr || !beyond->process.exited)
        return;
    unlink(*last);
    if (beyond->age == Age::retained && beyond->children == 0)
        remove(*beyond);
}

void ProcessTable::set_age(Node& node, Age age)
{
    Nodes& to = list_of(age);
    to.splice(to.end(), list_of(node.age), node.by_age);
    node.age = age;
}

// Takes a node out, and with it the exited ancestors that were only kept for it.
void ProcessTable::remove(Node& node)
{
    for (Node* next = &node; next != nullptr;) {
        Node* const parent = next->linked ? parent_of(next->process) : nullptr;
        unlink(*next);
        list_of(next->age).erase(next->by_age);
        const auto siblings = by_sandbox_.find(next->process.sandbox);
        siblings->second.erase(next->in_sandbox);
        if (siblings->second.empty())
            by_sandbox_.erase(siblings);
        const auto newest = newest_by_tgid_.find(next->process.info.tgid);
        if (newest != newest_by_tgid_.end() && newest->second == next)
            newest_by_tgid_.erase(newest);
        nodes_.erase(key_of(next->process.info));
        const bool only_kept_for_it = parent != nullptr && parent->age == Age::retained && parent->children == 0;
        next = only_kept_for_it ? parent : nullptr;
    }
}

void ProcessTable::make_room(SandboxId newcomer)
{
    while (nodes_.size() >= capacity_) {
        ++evictions_;
        if (!list_of(Age::exited).empty()) {
            remove(*list_of(Age::exited).front());
        } else if (!list_of(Age::retained).empty()) {
            remove(*list_of(Age::retained).front());
        } else {
            const auto own = by_sandbox_.find(newcomer);
            const bool greedy = own != by_sandbox_.end() && own->second.size() >= capacity_ / by_sandbox_.size();
            remove(greedy ? *own->second.front() : *list_of(Age::live).front());
        }
    }
}

}  // namespace fnshield
