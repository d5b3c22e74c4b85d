// SPDX-License-Identifier: Apache-2.0
//
// Every sensor loaded and attached for real, then taken out again: what a daemon would get on this host, told by the
// verifier and the kernel and not by a table. For `fnshield doctor`. Takes some hundred milliseconds; a running daemon
// does not notice, for the maps are the dry run's own.
#pragma once

#include <string>
#include <vector>

#include "daemon/kernel/host.h"
#include "daemon/kernel/programs.h"
#include "daemon/sensors/sensor.h"

namespace fnshield {

struct DryRun {
    fns_sensor sensor;
    std::string error;  // why it would see nothing; empty = it would see
    // Programs for cgroups are loaded but not attached: `attached` says "would be" for them.
    std::vector<ProgramStatus> programs;
};

// An error where not even the shared maps can be made (no privileges, no BPF).
[[nodiscard]] Result<std::vector<DryRun>> dry_run_sensors(const Host& host, const ProgramChoice& choice);

}  // namespace fnshield
