// SPDX-License-Identifier: Apache-2.0
//
// The daemon's half of a sensor: loads one BPF object, attaches it, decodes its events.
//
// Adding one: bpf/sensors/NAME.bpf.c, include/fnshield/abi/NAME.h, NAME_sensor.cpp here (program table, make,
// decoders), one row in registry.cpp, tests/kernel/NAME_test.cpp. heartbeat is the smallest example.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/base/random.h"
#include "daemon/base/result.h"
#include "daemon/kernel/host.h"
#include "daemon/kernel/programs.h"
#include "daemon/kernel/shared_maps.h"
#include "daemon/model/event.h"

namespace fnshield {

// What a sensor is made with. The references outlive the sensor.
struct SensorContext {
    const Host& host;
    const SharedMaps& maps;
    ProgramChoice choice;
    std::uint32_t daemon_tgid = 0;     // as the kernel's programs see it: own_tgid()
    std::uint32_t bulk_budget = 4000;  // events a second and sandbox in the bulk ring
    Nanoseconds repeat_after_ns = kSecond;
    std::uint64_t seen_secret = random_word();  // begins the hashes of acts, so that nobody can foresee them
};

class Sensor {
public:
    virtual ~Sensor() = default;
    [[nodiscard]] virtual fns_sensor id() const = 0;
    // Attaches all programs that are not bound to a cgroup. Those that cannot be are in programs() with a reason; an
    // error means that the sensor sees nothing.
    [[nodiscard]] virtual Result<void> attach() = 0;
    // A cgroup under which sandboxes appear exists now (at start, or made later). Only cgroup programs care.
    [[nodiscard]] virtual Result<void> attach_to_parent(std::uint64_t /*cgroup_id*/, const std::string& /*directory*/)
    {
        return {};
    }
    // CLOCK_REALTIME − CLOCK_BOOTTIME, now and whenever it may have changed: the times of files are of the former.
    virtual void set_wall_offset(std::int64_t /*offset_ns*/) {}
    virtual void detach_from_parent(std::uint64_t /*cgroup_id*/) {}
    [[nodiscard]] virtual const std::vector<ProgramStatus>& programs() const = 0;
};

// Opens, sets up and loads one sensor; nothing is attached yet.
using MakeSensor = Result<std::unique_ptr<Sensor>> (*)(const SensorContext&);
// Ring bytes of one kind → event, without seq. The bytes are hostile: every length is checked.
using DecodeEvent = Result<Event> (*)(std::span<const std::byte>);

struct SensorRow {
    fns_sensor id;
    MakeSensor make;
    DecodeEvent decode;  // of every kind that this sensor sends
};

// One row a sensor, in the order in which they are attached (sensors/registry.cpp).
[[nodiscard]] std::span<const SensorRow> sensor_rows();

// Any event of any sensor.
[[nodiscard]] Result<Event> decode_event(std::span<const std::byte> bytes);

}  // namespace fnshield
