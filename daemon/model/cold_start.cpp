// SPDX-License-Identifier: Apache-2.0
#include "daemon/model/cold_start.h"

#include <cerrno>
#include <optional>

#include "daemon/policy/policy.h"

namespace fnshield::cold_start {
namespace {

// Events of two rings may swap by a little: a phase is never negative.
Nanoseconds elapsed(Nanoseconds from, Nanoseconds to)
{
    return to > from ? to - from : 0;
}

// The state but for freezing, which lies over the others.
SandboxState& state_of(Sandbox& box)
{
    return box.state == SandboxState::frozen ? box.before_freeze : box.state;
}

bool is_before_ready(SandboxState state)
{
    return state == SandboxState::created || state == SandboxState::starting;
}

Follows become_ready(SandboxEntry& entry, Nanoseconds now_ns, std::uint16_t port)
{
    Sandbox& box = entry.box;
    state_of(box) = SandboxState::ready;
    box.ready_ns = now_ns;
    entry.ready_seen = true;
    if (box.started_ns)
        box.cold_start.init_ns = elapsed(*box.started_ns, now_ns);
    if (!box.adopted)
        box.cold_start.total_ns = elapsed(box.created_ns, now_ns);
    box.cold_start.port = port;
    return {EventKind::sandbox_ready};
}

// False where the port is not kept because there are too many.
void keep_port(SandboxEntry& entry, std::uint16_t port, std::size_t limit)
{
    // Port 0: listen() without bind(); the kernel tells of it before it has chosen one.
    if (port != 0 && (entry.box.listening.size() < limit || entry.box.listening.contains(port)))
        entry.box.listening.insert(port);
    else
        entry.learns_ports = true;
}

}  // namespace

void take_as_running(SandboxEntry& entry, Nanoseconds now_ns)
{
    entry.box.adopted = true;
    entry.box.state = SandboxState::ready;
    entry.box.ready_ns = now_ns;
    entry.ready_seen = false;
    entry.learns_ports = true;
}

void take_as_starting(SandboxEntry& entry, Nanoseconds started_ns)
{
    state_of(entry.box) = SandboxState::starting;
    entry.box.started_ns = started_ns;
    entry.box.ready_ns.reset();
    entry.learns_ports = false;
}

void made_late(SandboxEntry& entry, Nanoseconds created_ns)
{
    Sandbox& box = entry.box;
    box.created_ns = created_ns;
    if (!is_before_ready(state_of(box)))
        return;  // taken for a running one: what was missed is not made up
    box.adopted = false;
    if (box.started_ns)
        box.cold_start.setup_ns = elapsed(created_ns, *box.started_ns);
}

bool is_workload(const Event& event, const Process* process)
{
    if (event.has(FNS_FLAG_SETUP) || event.has(FNS_FLAG_ENTRANT) || event.has(FNS_FLAG_NO_TASK))
        return false;
    return process == nullptr || (!process->entrant && !process->from_outside);
}

void on_activity(SandboxEntry& entry)
{
    if (state_of(entry.box) == SandboxState::created)
        state_of(entry.box) = SandboxState::starting;
}

Follows on_exec(SandboxEntry& entry, const Event& event, const ExecBody& body)
{
    Sandbox& box = entry.box;
    if (!body.has(FNS_EXEC_FIRST) || body.has(FNS_EXEC_RUNTIME) || event.has(FNS_FLAG_ENTRANT) || box.started_ns)
        return {};
    if (box.adopted && entry.running_seen)
        return {};  // it began before the daemon did
    const bool was_empty = box.adopted && !entry.ready_seen && box.listening.empty();
    if (was_empty && state_of(box) == SandboxState::ready) {
        // Nothing was seen to run in it until now: its start can be followed after all.
        state_of(box) = SandboxState::starting;
        box.ready_ns.reset();
    }
    on_activity(entry);
    box.started_ns = event.time_ns;
    box.root_tgid = event.process.tgid;
    box.root_start_ns = event.process.start_ns;
    if (!box.adopted)
        box.cold_start.setup_ns = elapsed(box.created_ns, event.time_ns);
    if (entry.ready_seen)
        box.cold_start.init_ns = elapsed(event.time_ns, box.ready_ns.value_or(event.time_ns));
    return {EventKind::sandbox_started};
}

Follows on_listen(SandboxEntry& entry, const Event& event, const SocketBody& body, std::size_t ports_limit)
{
    keep_port(entry, body.local.port, ports_limit);
    const ReadyRule& rule = entry.box.policy->ready;
    const bool wanted = rule.kind == ReadyRule::Kind::listen && (rule.port == 0 || rule.port == body.local.port);
    if (!wanted || state_of(entry.box) != SandboxState::starting)
        return {};
    return become_ready(entry, event.time_ns, body.local.port);
}

Follows on_connect(SandboxEntry& entry, const Event& event, const SocketBody& body)
{
    const ReadyRule& rule = entry.box.policy->ready;
    if (rule.kind != ReadyRule::Kind::connect || state_of(entry.box) != SandboxState::starting)
        return {};
    const bool refused = body.result < 0 && body.result != -EINPROGRESS;
    if (refused || body.remote != rule.address)
        return {};
    return become_ready(entry, event.time_ns, body.remote.port);
}

Follows on_accept(SandboxEntry& entry, const Event& event, const SocketBody& body, std::size_t ports_limit)
{
    Sandbox& box = entry.box;
    const std::uint16_t port = body.local.port;
    if (!box.listening.contains(port)) {
        if (!entry.learns_ports)
            return {};
        if (box.listening.size() < ports_limit)
            box.listening.insert(port);
    }
    // Connections that come fast are counted in the kernel, and told with the next one.
    box.invocation += 1ULL + event.repeats;
    box.request_ns = event.time_ns;

    Follows follows;
    if (box.policy->ready.kind == ReadyRule::Kind::first_response && state_of(box) == SandboxState::starting)
        follows = become_ready(entry, event.time_ns, port);
    if (state_of(box) != SandboxState::ready)
        return follows;
    state_of(box) = SandboxState::serving;
    box.first_request_ns = event.time_ns;
    if (entry.ready_seen)
        box.cold_start.first_request_ns = elapsed(*box.ready_ns, event.time_ns);
    follows.push_back(EventKind::sandbox_first_request);
    return follows;
}

Follows on_frozen(SandboxEntry& entry, const Event& event, bool frozen)
{
    Sandbox& box = entry.box;
    if (box.state == SandboxState::gone || frozen == (box.state == SandboxState::frozen))
        return {};
    if (frozen) {
        box.before_freeze = box.state;
        box.state = SandboxState::frozen;
        box.frozen_ns = event.time_ns;
        return {EventKind::sandbox_frozen};
    }
    box.state = box.before_freeze;
    box.frozen_ns.reset();
    box.thawed_ns = event.time_ns;
    return {EventKind::sandbox_thawed};
}

PhaseBody phases_for(EventKind kind, const Sandbox& sandbox)
{
    const PhaseBody& all = sandbox.cold_start;
    switch (kind) {
        case EventKind::sandbox_started:
            return {.setup_ns = all.setup_ns};
        case EventKind::sandbox_ready:
            return {.setup_ns = all.setup_ns, .init_ns = all.init_ns, .total_ns = all.total_ns, .port = all.port};
        case EventKind::sandbox_first_request:
            return {.first_request_ns = all.first_request_ns, .port = all.port};
        default:
            return all;
    }
}

}  // namespace fnshield::cold_start
