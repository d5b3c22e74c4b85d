// SPDX-License-Identifier: Apache-2.0
//
// The daemon's half of the ipc sensor (bpf/sensors/ipc.bpf.c): connections to UNIX sockets outside of the sandbox.
#pragma once

#include "daemon/sensors/sensor.h"

namespace fnshield {

[[nodiscard]] Result<std::unique_ptr<Sensor>> make_ipc_sensor(const SensorContext& context);
[[nodiscard]] Result<Event> decode_ipc(std::span<const std::byte> bytes);

}  // namespace fnshield
