// SPDX-License-Identifier: Apache-2.0
#include "daemon/sensors/decode.h"
#include "daemon/sensors/egress_sensor.h"
#include "daemon/sensors/file_sensor.h"
#include "daemon/sensors/heartbeat_sensor.h"
#include "daemon/sensors/ipc_sensor.h"
#include "daemon/sensors/lifecycle_sensor.h"
#include "daemon/sensors/memory_sensor.h"
#include "daemon/sensors/privilege_sensor.h"
#include "daemon/sensors/process_sensor.h"
#include "daemon/sensors/sensor.h"

namespace fnshield {
namespace {

// lifecycle first: a sandbox must be known before anything that happens in it can be seen. privilege last: it guards
// what the others have loaded and attached.
constexpr SensorRow kRows[] = {
    {FNS_SENSOR_LIFECYCLE, make_lifecycle_sensor, decode_lifecycle},
    {FNS_SENSOR_PROCESS, make_process_sensor, decode_process},
    {FNS_SENSOR_EGRESS, make_egress_sensor, decode_egress},
    {FNS_SENSOR_MEMORY, make_memory_sensor, decode_memory},
    {FNS_SENSOR_HEARTBEAT, make_heartbeat_sensor, decode_heartbeat},
    {FNS_SENSOR_FILE, make_file_sensor, decode_file},
    {FNS_SENSOR_IPC, make_ipc_sensor, decode_ipc},
    {FNS_SENSOR_PRIVILEGE, make_privilege_sensor, decode_privilege},
};

}  // namespace

std::span<const SensorRow> sensor_rows()
{
    return kRows;
}

Result<Event> decode_event(std::span<const std::byte> bytes)
{
    auto header = decode::fixed_part<fns_event_header>(bytes);
    if (!header)
        return pass(std::move(header));
    if (header->size_bytes != bytes.size())
        return fail("event says " + std::to_string(header->size_bytes) + " bytes but has " +
                    std::to_string(bytes.size()));
    for (const SensorRow& row : kRows)
        if (row.id == header->sensor)
            return row.decode(bytes);
    return fail("event of unknown sensor " + std::to_string(header->sensor));
}

}  // namespace fnshield
