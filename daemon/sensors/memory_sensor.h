// SPDX-License-Identifier: Apache-2.0
//
// The daemon's half of the memory sensor (bpf/sensors/memory.bpf.c): one process reaching into another.
#pragma once

#include "daemon/sensors/sensor.h"

namespace fnshield {

[[nodiscard]] Result<std::unique_ptr<Sensor>> make_memory_sensor(const SensorContext& context);
[[nodiscard]] Result<Event> decode_memory(std::span<const std::byte> bytes);

}  // namespace fnshield
