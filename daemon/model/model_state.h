// SPDX-License-Identifier: Apache-2.0
//
// Inside of the model: its tables and one handler for each kind of event. model_state.cpp finds the sandbox that an
// event belongs to and makes the events that follow; handlers.cpp has the handlers; cold_start the rules of a sandbox's
// life.
#pragma once

#include <array>
#include <vector>

#include "daemon/model/cold_start.h"
#include "daemon/model/model.h"
#include "daemon/model/process_table.h"
#include "daemon/model/sandbox_table.h"

namespace fnshield {

// The cgroup that a lifecycle event is about is the sandbox's own, not one nested in it.
[[nodiscard]] inline bool is_own_cgroup(const Event& event, const LifecycleBody& body)
{
    return body.cgroup_id == 0 || body.cgroup_id == event.sandbox;
}

// The event that `cause` leads to: its time, its process, no sensor.
[[nodiscard]] Event derived_event(EventKind kind, SandboxId sandbox, const Event& cause, EventBody body);
[[nodiscard]] LifecycleBody lifecycle_body(const Sandbox& box);

struct Model::State {
    State(const Recogniser& recogniser_, const PolicySource& policies_, Limits limits_)
        : recogniser(recogniser_),
          policies(policies_),
          limits(limits_),
          sandboxes(limits_.sandboxes),
          processes(limits_.processes, limits_.keep_exited_ns)
    {
    }

    // A handler changes the model by one event. Its sandbox is known and may be gone; `out` gets what follows.
    using Out = std::vector<Event>;
    using Handler = void (State::*)(SandboxEntry& entry, const Event& event, Out& out);
    struct Row {
        EventKind kind;
        Handler handler;
        bool adopts;  // shows that its sandbox exists, if nothing did before
    };
    static const std::array<Row, 33> kRows;

    void apply(const Event& event, Out& out);
    void tick(Nanoseconds now_ns);
    SandboxEntry* adopt(SandboxId id, const Event& event, Out& out);
    SandboxEntry& insert(SandboxId id, const Event& event, Out& out);
    void name(SandboxEntry& entry, std::string path);
    void see_target(const Event& event, Out& out);
    void end(SandboxEntry& entry, const Event& event, Out& out);
    void revive(SandboxEntry& entry, const Event& event, Out& out);
    void follow(const SandboxEntry& entry, const Event& cause, const cold_start::Follows& kinds, Out& out);
    bool by_workload(const Event& event);

    void on_made(SandboxEntry& entry, const Event& event, Out& out);
    void on_removed(SandboxEntry& entry, const Event& event, Out& out);
    void on_populated(SandboxEntry& entry, const Event& event, Out& out);
    void on_frozen(SandboxEntry& entry, const Event& event, Out& out);
    void on_move(SandboxEntry& entry, const Event& event, Out& out);
    void on_found(SandboxEntry& entry, const Event& event, Out& out);
    void on_fork(SandboxEntry& entry, const Event& event, Out& out);
    void on_exec(SandboxEntry& entry, const Event& event, Out& out);
    void on_exit(SandboxEntry& entry, const Event& event, Out& out);
    void on_listen(SandboxEntry& entry, const Event& event, Out& out);
    void on_connect(SandboxEntry& entry, const Event& event, Out& out);
    void on_accept(SandboxEntry& entry, const Event& event, Out& out);
    void on_act(SandboxEntry& entry, const Event& event, Out& out);
    void on_loss(SandboxEntry& entry, const Event& event, Out& out);

    const Recogniser& recogniser;
    const PolicySource& policies;
    const Limits limits;
    SandboxTable sandboxes;
    ProcessTable processes;
};

}  // namespace fnshield
