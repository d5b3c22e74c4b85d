// SPDX-License-Identifier: Apache-2.0
//
// Processes by /proc. Names the program of a host process that reached into a sandbox, so that a policy's
// memory.allow_from can list it by its path. The model follows sandboxes only, and a comm is whatever the process calls
// itself.
#pragma once

#include <string>

#include "daemon/model/event.h"

namespace fnshield {

// Sets MemoryBody::actor_exe where the event's actor is on the host and is still the same process (same start). Where
// it is not, or cannot be read, actor_exe stays empty: then no list names it. `proc` is where procfs of the initial pid
// namespace is mounted.
void name_host_actor(Event& event, const std::string& proc = "/proc");

// The process of this number is (still) the one that started then. False where that cannot be read.
[[nodiscard]] bool is_process(std::uint32_t tgid, Nanoseconds start_ns, const std::string& proc = "/proc");

}  // namespace fnshield
