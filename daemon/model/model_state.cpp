// SPDX-License-Identifier: Apache-2.0
#include "daemon/model/model_state.h"

#include <algorithm>
#include <utility>

namespace fnshield {
namespace {

// A lifecycle event that tells of an end is no reason to enter a sandbox that nothing is known of.
bool tells_of_an_end(const Event& event)
{
    const auto* body = event.as<LifecycleBody>();
    return event.kind == EventKind::cgroup_populated && body != nullptr && body->value == 0;
}

bool has_phases(EventKind kind)
{
    return kind == EventKind::sandbox_started || kind == EventKind::sandbox_ready ||
           kind == EventKind::sandbox_first_request || kind == EventKind::sandbox_gone;
}

}  // namespace

Event derived_event(EventKind kind, SandboxId sandbox, const Event& cause, EventBody body)
{
    Event event;
    event.kind = kind;
    event.time_ns = cause.time_ns;
    event.sandbox = sandbox;
    event.process = cause.process;
    event.body = std::move(body);
    return event;
}

LifecycleBody lifecycle_body(const Sandbox& box)
{
    return {.cgroup_id = box.id, .path = box.cgroup, .adopted = box.adopted};
}

void Model::State::apply(const Event& event, Out& out)
{
    if (event.kind == EventKind::tick)
        return tick(event.time_ns);
    see_target(event, out);
    if (event.sandbox == kHost)
        return;
    SandboxEntry* entry = sandboxes.find(event.sandbox);
    if (event.kind == EventKind::loss && entry != nullptr)
        return on_loss(*entry, event, out);
    const auto row = std::ranges::find(kRows, event.kind, &Row::kind);
    if (row == kRows.end())
        return;
    if (entry == nullptr && row->adopts && !tells_of_an_end(event))
        entry = adopt(event.sandbox, event, out);
    if (entry == nullptr)
        return;
    ++entry->box.events;
    sandboxes.touch(*entry);
    (this->*row->handler)(*entry, event, out);
}

void Model::State::tick(Nanoseconds now_ns)
{
    processes.expire(now_ns);
    if (now_ns < limits.keep_gone_ns)
        return;
    for (const SandboxId id : sandboxes.expire(now_ns - limits.keep_gone_ns))
        processes.forget_sandbox(id);
}

// First sight of a sandbox whose cgroup_made is lost or still to come. What the event tells decides whether the start
// can still be followed; otherwise it is one that runs.
SandboxEntry* Model::State::adopt(SandboxId id, const Event& event, Out& out)
{
    SandboxEntry& entry = insert(id, event, out);
    const auto* lifecycle = event.as<LifecycleBody>();
    const bool own = id == event.sandbox;
    const bool tells_path = own && lifecycle != nullptr && is_own_cgroup(event, *lifecycle);
    name(entry, tells_path ? lifecycle->path : std::string());
    if (event.kind == EventKind::cgroup_made && tells_path)
        return &entry;  // not adopted at all: on_made says the rest
    const auto* exec = event.as<ExecBody>();
    const bool begins = own && (event.has(FNS_FLAG_SETUP) ||
                                (event.kind == EventKind::exec && exec != nullptr && exec->has(FNS_EXEC_FIRST)));
    cold_start::take_as_running(entry, event.time_ns);
    if (begins) {
        entry.box.state = SandboxState::created;
        entry.box.ready_ns.reset();
        entry.learns_ports = false;
    }
    out.push_back(derived_event(EventKind::sandbox_created, id, event, lifecycle_body(entry.box)));
    return &entry;
}

SandboxEntry& Model::State::insert(SandboxId id, const Event& event, Out& out)
{
    auto [entry, evicted] = sandboxes.insert(id);
    entry->box.created_ns = event.time_ns;
    if (evicted) {
        processes.forget_sandbox(evicted->id);
        if (evicted->state != SandboxState::gone)
            out.push_back(derived_event(EventKind::sandbox_gone, evicted->id, event,
                                        cold_start::phases_for(EventKind::sandbox_gone, *evicted)));
    }
    return *entry;
}

void Model::State::name(SandboxEntry& entry, std::string path)
{
    entry.box.cgroup = std::move(path);
    entry.box.name = entry.box.cgroup.empty() ? SandboxName{} : recogniser.recognise(entry.box.cgroup);
    entry.box.policy = policies.policy_for(entry.box.name);
}

// The other end of a memory access is a sandbox as well.
void Model::State::see_target(const Event& event, Out& out)
{
    const auto target = target_of(event);
    if (target && target->sandbox != kHost && target->sandbox != event.sandbox &&
        sandboxes.find(target->sandbox) == nullptr)
        adopt(target->sandbox, event, out);
}

void Model::State::end(SandboxEntry& entry, const Event& event, Out& out)
{
    if (entry.box.state == SandboxState::gone)
        return;
    sandboxes.mark_gone(entry, event.time_ns);
    follow(entry, event, {EventKind::sandbox_gone}, out);
}

// The cgroup was empty and is not any more: another life, whose start the kernel does not tell apart.
void Model::State::revive(SandboxEntry& entry, const Event& event, Out& out)
{
    sandboxes.mark_live(entry, SandboxState::ready);
    Sandbox fresh;
    fresh.id = entry.box.id;
    fresh.cgroup = std::move(entry.box.cgroup);
    fresh.name = std::move(entry.box.name);
    fresh.policy = std::move(entry.box.policy);
    fresh.created_ns = event.time_ns;
    fresh.events = entry.box.events;
    fresh.lost_events = entry.box.lost_events;
    fresh.alerts = entry.box.alerts;
    entry.box = std::move(fresh);
    cold_start::take_as_running(entry, event.time_ns);
    out.push_back(derived_event(EventKind::sandbox_created, entry.box.id, event, lifecycle_body(entry.box)));
}

void Model::State::follow(const SandboxEntry& entry, const Event& cause, const cold_start::Follows& kinds, Out& out)
{
    for (const EventKind kind : kinds) {
        EventBody body;
        if (has_phases(kind))
            body = cold_start::phases_for(kind, entry.box);
        else
            body = lifecycle_body(entry.box);
        out.push_back(derived_event(kind, entry.box.id, cause, std::move(body)));
    }
}

// Enters the actor, and tells whether what it does is the function's doing.
bool Model::State::by_workload(const Event& event)
{
    const bool has_actor = event.process.tgid != 0 && !event.has(FNS_FLAG_NO_TASK);
    return cold_start::is_workload(event, has_actor ? &processes.see(event) : nullptr);
}

}  // namespace fnshield
