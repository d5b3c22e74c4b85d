// SPDX-License-Identifier: Apache-2.0
//
// Reads the OCI bundle of a sandbox, where one can be found, for the names that its cgroup path does not tell. Names
// come late and never gate a detection; a bundle that is missing, huge or broken costs nothing but the better name.
#pragma once

#include <optional>

#include "daemon/model/sandbox.h"

namespace fnshield {

// The sandbox's name with what its bundle adds; nothing where no bundle is found or it says nothing new.
[[nodiscard]] std::optional<SandboxName> name_from_bundle(const Sandbox& sandbox);

}  // namespace fnshield
