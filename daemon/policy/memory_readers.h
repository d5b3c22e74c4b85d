// SPDX-License-Identifier: Apache-2.0
//
// Which sandboxes memory.allow_from names.
#pragma once

#include <string_view>

#include "daemon/model/sandbox.h"
#include "daemon/policy/policy.h"

namespace fnshield {

// "resize" is a function of the target's own tenant, "acme/resize" one of that tenant; both may be globs. A bare name
// never reaches across tenants: anyone may call a function `resize`. "/usr/bin/gdb" is a host program, never a sandbox.
[[nodiscard]] bool names_reader(std::string_view entry, const SandboxName& target, const SandboxName& actor);

// One of the entries does; `policy` is the target's.
[[nodiscard]] bool may_read_memory(const Policy& policy, const SandboxName& target, const SandboxName& actor);

}  // namespace fnshield
