// SPDX-License-Identifier: Apache-2.0
//
// A policy as the kernel side reads it (include/fnshield/abi/policy.h): actions by phase and guard, and its lists as
// rows of the kernel's tries. Pure; daemon/kernel/kernel_policies.h writes the rows into the maps.
//
// Of globs the kernel decides those whose wildcards stand at the end: "/bin/sh", "/usr/bin/python3*", "/app/**". The
// answers are those of glob_match and, for exec lists, of detect::lists_program, for which /usr/bin and /bin (and sbin)
// are one folder. A list with any other glob, or with more than the tables hold, is `unsupported`; where no rule wants
// the kernel to act on it, it is left out and user space alone decides.
//
// Rows of egress lists that give a name (`dns`): compile_names.h.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "daemon/policy/config.h"
#include "daemon/policy/policy.h"
#include "fnshield/abi/policy.h"

namespace fnshield {

// What the kernel cannot do of what the policy asks for.
struct Unsupported {
    std::string rule;       // whose action needs it
    std::string list;       // "exec.warm"; empty where the rule itself is what cannot be done
    std::size_t index = 0;  // of the list's item
    std::string reason;     // "a wildcard in the middle: the kernel decides …"
};

struct CompiledPolicy {
    fns_policy head{};
    std::vector<std::pair<fns_path_key, fns_path_value>> paths;
    std::vector<std::pair<fns_network_key, fns_ports>> networks;
    std::vector<std::pair<fns_name_key, fns_ports>> names;
    std::vector<Unsupported> unsupported;  // empty in a policy that was loaded
};

[[nodiscard]] CompiledPolicy compile(const Policy& policy, Mode mode, std::uint32_t number);

}  // namespace fnshield
