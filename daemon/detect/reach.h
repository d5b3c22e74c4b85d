// SPDX-License-Identifier: Apache-2.0
//
// One process reaching into another: what the five rules about it share. Which rule an act belongs to, whether it
// crosses a boundary at all, and who is allowed to.
//
// What crosses: a sandbox into another sandbox or into the host; the host into a sandbox only where that sandbox's
// policy lists who may (memory.allow_from), since the host is the operator and the runtime. Within one sandbox, or a
// process in itself, nothing does. The entrant (runc's stages) is not the function and is never reported.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "daemon/detect/detector.h"

namespace fnshield::detect {

enum class Reach : std::uint8_t { none, read, write, trace, peek, descriptor };

// Which of the rules an act belongs to; none for what every `ps` and exporter reads of every process.
[[nodiscard]] Reach reach_of(const Event& event);

// An act of this reach by this actor on this target is reported. `host_may_be_listed`: the rule also tells of host
// programs that the target's policy does not list.
[[nodiscard]] bool is_breach(const Observation& seen, Reach reach, bool host_may_be_listed);

// A name below /proc/PID, of the process itself: "environ" for "task/812/environ"; empty for "task/812".
[[nodiscard]] std::string_view without_task(std::string_view name);

// "process_vm_readv", "/proc/633/environ", "system call 440"
[[nodiscard]] std::string road_text(const MemoryBody& memory);

// `deed` and `attempt` read "read memory of", "tried to read memory of". The finding has its key, and is about the
// target's sandbox where the host acted.
[[nodiscard]] Finding make_reach_finding(const Observation& seen, std::string_view deed, std::string_view attempt);

}  // namespace fnshield::detect
