// SPDX-License-Identifier: Apache-2.0
//
// Fork, exec and exit in sandboxes, and the processes that ran in them before the daemon did.
#pragma once

#include "daemon/sensors/sensor.h"

struct process_bpf;

namespace fnshield {

class ProcessSensor final : public Sensor {
public:
    ProcessSensor(Skeleton<process_bpf> skeleton, std::vector<ProgramStatus> programs);
    ~ProcessSensor() override;

    [[nodiscard]] fns_sensor id() const override { return FNS_SENSOR_PROCESS; }
    [[nodiscard]] Result<void> attach() override;
    [[nodiscard]] const std::vector<ProgramStatus>& programs() const override { return programs_; }

    // Every process that is in a sandbox now, as process_found events with an ExecBody; the kernel side knows them as
    // members from then on. Call after adoption. Their argv comes from /proc: what the process made of it since.
    // `now_ns` becomes the events' time.
    [[nodiscard]] Result<std::vector<Event>> running_processes(Nanoseconds now_ns);

private:
    Skeleton<process_bpf> skeleton_;
    std::vector<ProgramStatus> programs_;
    std::vector<BpfLink> links_;
};

[[nodiscard]] Result<std::unique_ptr<Sensor>> make_process_sensor(const SensorContext& context);
// fork, exec and exit
[[nodiscard]] Result<Event> decode_process(std::span<const std::byte> bytes);
// One record of the iterator, without time and argv.
[[nodiscard]] Result<Event> decode_task_record(std::span<const std::byte> bytes);
// "a\0b\0" → {"a", "b"}; a last word without its terminator was cut and is kept.
[[nodiscard]] std::vector<std::string> split_argv(std::string_view zero_separated);

}  // namespace fnshield
