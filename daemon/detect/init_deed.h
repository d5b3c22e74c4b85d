// SPDX-License-Identifier: Apache-2.0
//
// What a start does beyond itself. Shared by the rules about what runs before the function's own code.
#pragma once

#include <string>

#include "daemon/detect/detector.h"

namespace fnshield::detect {

// The event is an act of a start that it may not do: an exec or a contact, but for what exec.init or egress.init of the
// policy names, the runtime's stages and an operator's execs, what stays in the sandbox, declared resolvers.
[[nodiscard]] bool is_init_deed(const Observation& seen);

// "ran /usr/bin/curl", "connected to 203.0.113.7:443", "sent to …"; empty where it is none.
[[nodiscard]] std::string init_deed(const Observation& seen);

}  // namespace fnshield::detect
