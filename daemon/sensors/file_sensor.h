// SPDX-License-Identifier: Apache-2.0
//
// The daemon's half of the file sensor (bpf/sensors/file.bpf.c): what functions do to the files that policies list.
#pragma once

#include "daemon/sensors/sensor.h"

namespace fnshield {

[[nodiscard]] Result<std::unique_ptr<Sensor>> make_file_sensor(const SensorContext& context);
[[nodiscard]] Result<Event> decode_file(std::span<const std::byte> bytes);

}  // namespace fnshield
