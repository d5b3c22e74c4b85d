// SPDX-License-Identifier: Apache-2.0
//
// The life of one sandbox: created → starting → ready → serving ⇄ frozen, and how long each phase of its cold start
// took. Each function takes a sandbox and one event, changes the sandbox and says which derived events follow, in
// order. docs/architecture.md, "Sandboxes, states and phases", has the rules in prose.
//
// Only what the workload does counts: not what the runtime's own stage does on the way in (FNS_FLAG_SETUP,
// FNS_FLAG_ENTRANT, FNS_EXEC_RUNTIME), nor what an operator runs in it later (Process::from_outside).
#pragma once

#include <vector>

#include "daemon/model/event.h"
#include "daemon/model/sandbox_table.h"

namespace fnshield::cold_start {

using Follows = std::vector<EventKind>;

// Known from now on as a sandbox whose start was not seen: ready, without a measured phase.
void take_as_running(SandboxEntry& entry, Nanoseconds now_ns);
// After it, for one that is known not to be ready yet: its start is followed from here.
void take_as_starting(SandboxEntry& entry, Nanoseconds started_ns);
// Its cgroup_made came after other events of it.
void made_late(SandboxEntry& entry, Nanoseconds created_ns);
// True where the event's actor is the workload itself; `process` is the actor, null where unknown.
[[nodiscard]] bool is_workload(const Event& event, const Process* process);

// An act of the workload. Where its first exec was lost, this is what shows that it runs.
void on_activity(SandboxEntry& entry);
[[nodiscard]] Follows on_exec(SandboxEntry& entry, const Event& event, const ExecBody& body);
// The next three: the actor is the workload.
[[nodiscard]] Follows on_listen(SandboxEntry& entry, const Event& event, const SocketBody& body,
                                std::size_t ports_limit);
[[nodiscard]] Follows on_connect(SandboxEntry& entry, const Event& event, const SocketBody& body);
[[nodiscard]] Follows on_accept(SandboxEntry& entry, const Event& event, const SocketBody& body,
                                std::size_t ports_limit);
[[nodiscard]] Follows on_frozen(SandboxEntry& entry, const Event& event, bool frozen);

// What a derived event of this kind tells about the phases; sandbox_gone tells all that were measured.
[[nodiscard]] PhaseBody phases_for(EventKind kind, const Sandbox& sandbox);

}  // namespace fnshield::cold_start
