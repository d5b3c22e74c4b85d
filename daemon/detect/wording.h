// SPDX-License-Identifier: Apache-2.0
//
// How findings name things, the same in every rule: someone reads these lines at three in the morning. Whatever a
// sandbox chose itself (paths, comm, names) is made printable here: no line break or escape sequence of an attacker
// reaches a terminal through a summary.
#pragma once

#include <string>
#include <string_view>

#include "daemon/detect/detector.h"

namespace fnshield::detect {

// Control bytes become '?', and at most 256 bytes are kept.
[[nodiscard]] std::string printable(std::string_view text);

// "resnet/i-4", its cgroup where it has no name, "sandbox 4711" where the model does not know it.
[[nodiscard]] std::string sandbox_label(const Sandbox* sandbox, SandboxId id);
// The acting sandbox's label, or "host process /usr/bin/gdb (pid 12)".
[[nodiscard]] std::string actor_label(const Observation& seen);
// "warm sandbox resnet/i-4", "frozen sandbox …", or "host process systemd (pid 1)". `seen` is of an event that
// has a target_of().
[[nodiscard]] std::string target_label(const Observation& seen);

// The acting program: its path, or its comm where the model does not know the process.
[[nodiscard]] std::string program_of(const Observation& seen);
// The path of the nearest ancestor's program; "" where unknown.
[[nodiscard]] std::string parent_program_of(const Observation& seen);

// ": Operation not permitted" for a failed act (`result` is −errno), else "".
[[nodiscard]] std::string failure_text(bool failed, std::int64_t result);
// "203.0.113.7:443", "[fe80::1]:443"; without the port where it is 0.
[[nodiscard]] std::string endpoint_text(const Endpoint& endpoint);
// "4.21 s"
[[nodiscard]] std::string seconds_text(Nanoseconds duration_ns);

}  // namespace fnshield::detect
