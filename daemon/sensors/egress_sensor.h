// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/sensors/sensor.h"

namespace fnshield {

[[nodiscard]] Result<std::unique_ptr<Sensor>> make_egress_sensor(const SensorContext& context);
[[nodiscard]] Result<Event> decode_egress(std::span<const std::byte> bytes);

}  // namespace fnshield
