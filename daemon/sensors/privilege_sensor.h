// SPDX-License-Identifier: Apache-2.0
//
// The daemon's half of the privilege sensor (bpf/sensors/privilege.bpf.c): namespaces, mounts, modules, bpf(), and what
// is aimed at the daemon itself.
#pragma once

#include "daemon/sensors/sensor.h"

namespace fnshield {

[[nodiscard]] Result<std::unique_ptr<Sensor>> make_privilege_sensor(const SensorContext& context);
[[nodiscard]] Result<Event> decode_privilege(std::span<const std::byte> bytes);

}  // namespace fnshield
