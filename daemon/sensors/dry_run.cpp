// SPDX-License-Identifier: Apache-2.0
#include "daemon/sensors/dry_run.h"

#include "daemon/kernel/backend_probe.h"
#include "daemon/kernel/own_tgid.h"

namespace fnshield {
namespace {

DryRun try_sensor(const SensorRow& row, const SensorContext& context)
{
    DryRun tried{.sensor = row.id, .error = {}, .programs = {}};
    auto sensor = row.make(context);
    if (!sensor) {
        tried.error = sensor.error().message;
        return tried;
    }
    if (auto attached = (*sensor)->attach(); !attached)
        tried.error = attached.error().message;
    tried.programs = (*sensor)->programs();
    for (ProgramStatus& program : tried.programs)
        program.attached = program.attached || (program.backend == Backend::cgroup && program.reason.empty());
    return tried;
}

}  // namespace

Result<std::vector<DryRun>> dry_run_sensors(const Host& host, const ProgramChoice& choice)
{
    capture_libbpf_output();
    auto maps = SharedMaps::make();
    if (!maps)
        return pass(std::move(maps));
    auto self = own_tgid();
    if (!self)
        return pass(std::move(self));
    auto backend = choose_backend(std::nullopt);
    if (!backend)
        return pass(std::move(backend));
    ProgramChoice best = choice;
    best.backend = *backend;
    const SensorContext context{.host = host, .maps = *maps, .choice = best, .daemon_tgid = self->number};
    std::vector<DryRun> tried;
    for (const SensorRow& row : sensor_rows())
        tried.push_back(try_sensor(row, context));
    return tried;
}

}  // namespace fnshield
