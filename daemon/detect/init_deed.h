// SPDX-License-Identifier: Apache-2.0
//
// What a start does beyond itself. Shared by the rules about what runs before the function's own code.
#pragma once

#include <string>

#include "daemon/detect/detector.h"

namespace fnshield::detect {

// "ran /usr/bin/curl", "connected to 203.0.113.7:443", "sent to …"; empty for another event, and for what a start may
// do: what exec.init or egress.init of the policy names, an operator's exec, what stays in the sandbox, declared
// resolvers. `seen` has a policy.
[[nodiscard]] std::string init_deed(const Observation& seen);

}  // namespace fnshield::detect
