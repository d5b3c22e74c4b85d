// SPDX-License-Identifier: Apache-2.0
//
// What each kind of event changes. A handler is only called with its sandbox's entry, which may be of one that is gone:
// then late events still change its processes and counts, but not its state.
#include "daemon/model/model_state.h"

namespace fnshield {

const std::array<Model::State::Row, 33> Model::State::kRows = {{
    {EventKind::cgroup_made, &State::on_made, true},
    {EventKind::cgroup_removed, &State::on_removed, false},
    {EventKind::cgroup_populated, &State::on_populated, true},
    {EventKind::cgroup_frozen, &State::on_frozen, true},
    {EventKind::cgroup_move, &State::on_move, true},
    {EventKind::process_found, &State::on_found, true},
    {EventKind::fork, &State::on_fork, true},
    {EventKind::exec, &State::on_exec, true},
    {EventKind::exit, &State::on_exit, false},
    {EventKind::listen, &State::on_listen, true},
    {EventKind::connect, &State::on_connect, true},
    {EventKind::accept, &State::on_accept, true},
    {EventKind::send, &State::on_act, true},
    {EventKind::bind, &State::on_act, true},
    {EventKind::dns, &State::on_act, true},
    {EventKind::socket, &State::on_act, true},
    {EventKind::memory_access, &State::on_act, true},
    {EventKind::fd_access, &State::on_act, true},
    {EventKind::namespace_, &State::on_act, true},
    {EventKind::mount, &State::on_act, true},
    {EventKind::module, &State::on_act, true},
    {EventKind::bpf, &State::on_act, true},
    {EventKind::perf_event, &State::on_act, true},
    {EventKind::io_uring, &State::on_act, true},
    {EventKind::syscall_, &State::on_act, true},
    {EventKind::credentials, &State::on_act, true},
    {EventKind::signal, &State::on_act, true},
    {EventKind::file_open, &State::on_act, true},
    {EventKind::file_write, &State::on_act, true},
    {EventKind::map_exec, &State::on_act, true},
    {EventKind::unix_connect, &State::on_act, true},
    {EventKind::shm, &State::on_act, true},
    {EventKind::traffic, &State::on_act, true},
}};

void Model::State::on_made(SandboxEntry& entry, const Event& event, Out& out)
{
    const auto* body = event.as<LifecycleBody>();
    if (body == nullptr || !is_own_cgroup(event, *body))
        return;
    Sandbox& box = entry.box;
    if (box.state == SandboxState::gone)
        return;  // ids are not used twice in an uptime: an old event
    const bool first_sight = box.events == 1;
    if (!first_sight && !box.adopted)
        return;  // said twice
    if (box.cgroup.empty())
        name(entry, body->path);
    if (body->adopted) {
        if (!first_sight)
            return;
        cold_start::take_as_running(entry, event.time_ns);
        if (body->starting_since)
            cold_start::take_as_starting(entry, *body->starting_since);
    } else {
        cold_start::made_late(entry, event.time_ns);
    }
    out.push_back(derived_event(EventKind::sandbox_created, box.id, event, *body));
}

void Model::State::on_removed(SandboxEntry& entry, const Event& event, Out& out)
{
    const auto* body = event.as<LifecycleBody>();
    if (body != nullptr && is_own_cgroup(event, *body))
        end(entry, event, out);
}

void Model::State::on_populated(SandboxEntry& entry, const Event& event, Out& out)
{
    const auto* body = event.as<LifecycleBody>();
    if (body == nullptr || !is_own_cgroup(event, *body))
        return;
    if (body->value != 0) {
        if (entry.box.state == SandboxState::gone)
            revive(entry, event, out);
        return;
    }
    // Before its start an empty cgroup is one that waits. One that was found running, or that was empty before, may be
    // a pod whose containers restart: only its removal ends it.
    const SandboxState state = entry.box.state == SandboxState::frozen ? entry.box.before_freeze : entry.box.state;
    if (!entry.box.adopted && state != SandboxState::created)
        end(entry, event, out);
}

void Model::State::on_frozen(SandboxEntry& entry, const Event& event, Out& out)
{
    const auto* body = event.as<LifecycleBody>();
    if (body != nullptr && is_own_cgroup(event, *body))
        follow(entry, event, cold_start::on_frozen(entry, event, body->value != 0), out);
}

void Model::State::on_move(SandboxEntry&, const Event& event, Out&)
{
    const auto* body = event.as<LifecycleBody>();
    if (body == nullptr || body->subject.tgid == 0)
        return;
    // Of a process that left, the event is the sandbox's that it left.
    if (body->value == 0)
        processes.leave(body->subject);
    else if (body->from_sandbox != event.sandbox)
        processes.enter_by_move(body->subject, event.sandbox, event.has(FNS_FLAG_ENTRANT));
}

void Model::State::on_found(SandboxEntry& entry, const Event& event, Out&)
{
    entry.running_seen = true;
    if (const auto* body = event.as<ExecBody>())
        processes.found(event, *body);
}

void Model::State::on_fork(SandboxEntry&, const Event& event, Out&)
{
    if (const auto* body = event.as<ForkBody>())
        processes.fork(event, *body);
}

void Model::State::on_exec(SandboxEntry& entry, const Event& event, Out& out)
{
    const auto* body = event.as<ExecBody>();
    if (body == nullptr)
        return;
    if (event.has(FNS_FLAG_DENIED)) {  // it did not happen: the process runs on as what it was
        on_act(entry, event, out);
        return;
    }
    processes.exec(event, *body);
    if (entry.box.state == SandboxState::gone)
        return;
    follow(entry, event, cold_start::on_exec(entry, event, *body), out);
    if (by_workload(event))
        cold_start::on_activity(entry);
}

void Model::State::on_exit(SandboxEntry& entry, const Event& event, Out&)
{
    const auto* body = event.as<ExitBody>();
    if (body == nullptr || event.process.tgid == 0)
        return;
    processes.exit(event);
    Sandbox& box = entry.box;
    if (box.root_tgid == event.process.tgid && box.root_start_ns == event.process.start_ns)
        box.root_exit = *body;
}

void Model::State::on_listen(SandboxEntry& entry, const Event& event, Out& out)
{
    const auto* body = event.as<SocketBody>();
    if (!by_workload(event) || body == nullptr || entry.box.state == SandboxState::gone)
        return;
    cold_start::on_activity(entry);
    follow(entry, event, cold_start::on_listen(entry, event, *body, limits.ports_per_sandbox), out);
}

void Model::State::on_connect(SandboxEntry& entry, const Event& event, Out& out)
{
    const auto* body = event.as<SocketBody>();
    if (!by_workload(event) || body == nullptr || entry.box.state == SandboxState::gone)
        return;
    cold_start::on_activity(entry);
    follow(entry, event, cold_start::on_connect(entry, event, *body), out);
}

void Model::State::on_accept(SandboxEntry& entry, const Event& event, Out& out)
{
    const auto* body = event.as<SocketBody>();
    if (body != nullptr && entry.box.state != SandboxState::gone)
        follow(entry, event, cold_start::on_accept(entry, event, *body, limits.ports_per_sandbox), out);
}

void Model::State::on_act(SandboxEntry& entry, const Event& event, Out&)
{
    if (by_workload(event) && entry.box.state != SandboxState::gone)
        cold_start::on_activity(entry);
}

void Model::State::on_loss(SandboxEntry& entry, const Event& event, Out&)
{
    if (const auto* body = event.as<LossBody>())
        entry.box.lost_events += body->events;
}

}  // namespace fnshield
