// SPDX-License-Identifier: Apache-2.0
//
// Which sensors see less than the daemon asked of them, as events (health.sensor). Pure: what became of the sensors in,
// events out. What the kernel cannot do for any of them is a choice of backend, which the log and `doctor` tell.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "daemon/kernel/programs.h"
#include "daemon/model/event.h"

namespace fnshield {

struct SensorOutcome {
    fns_sensor sensor = FNS_SENSOR_COUNT;
    std::string error;                        // it was not loaded or attached at all; else empty
    std::span<const ProgramStatus> programs;  // none where there is an error
    std::string backend;                      // that it runs on; empty where nothing is attached
};

// `chosen` is the backend for all; `has_parents`: there are cgroups that cgroup programs attach to. Quiet about what
// the configuration leaves out, about hooks that this kernel lacks where the sensor runs on the chosen backend all the
// same, and about programs of which another one that is attached sees the same.
[[nodiscard]] std::vector<Event> sensor_events(std::span<const SensorOutcome> sensors, Backend chosen, bool has_parents,
                                               Nanoseconds now_ns);

}  // namespace fnshield
