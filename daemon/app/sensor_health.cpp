// SPDX-License-Identifier: Apache-2.0
#include "daemon/app/sensor_health.h"

#include <algorithm>
#include <optional>

namespace fnshield {
namespace {

std::string what_is_lost(const ProgramStatus& program)
{
    return program.loses.empty() ? std::string() : ": " + program.loses;
}

// Another program that is attached sees what this one would.
bool has_stand_in(const ProgramStatus& program, std::span<const ProgramStatus> all)
{
    return !program.loses.empty() && std::ranges::any_of(all, [&](const ProgramStatus& other) {
        return other.attached && other.program != program.program && other.loses == program.loses;
    });
}

// Why a program that was wanted, and for which this kernel has the hook, is not there; nothing where it is.
std::optional<std::string> failure_of(const ProgramStatus& program, bool has_parents)
{
    if (program.attached)
        return std::nullopt;
    if (program.failed)
        return program.reason + what_is_lost(program);
    if (program.lack == Lack::permission)
        return program.reason;
    if (program.backend == Backend::cgroup && program.lack == Lack::nothing && has_parents)
        return "cannot attach " + program.program + " to the cgroups in which sandboxes appear" + what_is_lost(program);
    return std::nullopt;
}

bool is_there(const ProgramStatus& program, bool has_parents)
{
    const bool later = program.backend == Backend::cgroup && program.lack == Lack::nothing && !has_parents;
    return program.attached || later;
}

// No program of the chosen backend, or none at all, could be used, for this kernel lacks what they attach to.
std::optional<std::string> lesser_backend(std::span<const ProgramStatus> programs, Backend chosen, bool has_parents)
{
    const bool sees = std::ranges::any_of(programs, [&](const auto& one) { return is_there(one, has_parents); });
    const ProgramStatus* lacking = nullptr;
    for (const ProgramStatus& program : programs) {
        if (sees && program.backend != chosen)
            continue;
        if (is_there(program, has_parents))
            return std::nullopt;
        if (program.lack == Lack::hook && !lacking)
            lacking = &program;
    }
    return lacking ? std::optional(lacking->reason) : std::nullopt;
}

std::optional<std::string> shortcoming(const SensorOutcome& sensor, Backend chosen, bool has_parents)
{
    if (!sensor.error.empty())
        return sensor.error;
    std::optional<std::string> first;
    std::size_t more = 0;
    for (const ProgramStatus& program : sensor.programs) {
        auto failure = failure_of(program, has_parents);
        if (!failure || has_stand_in(program, sensor.programs))
            continue;
        if (first)
            ++more;
        else
            first = std::move(failure);
    }
    if (!first)
        return lesser_backend(sensor.programs, chosen, has_parents);
    if (more > 0)
        *first += " (and " + std::to_string(more) + " more)";
    return first;
}

}  // namespace

std::vector<Event> sensor_events(std::span<const SensorOutcome> sensors, Backend chosen, bool has_parents,
                                 Nanoseconds now_ns)
{
    std::vector<Event> events;
    for (const SensorOutcome& sensor : sensors) {
        auto reason = shortcoming(sensor, chosen, has_parents);
        if (!reason)
            continue;
        const bool attached = sensor.error.empty() && std::ranges::any_of(sensor.programs, [&](const auto& program) {
                                  return is_there(program, has_parents);
                              });
        Event event;
        event.kind = EventKind::sensor;
        event.time_ns = now_ns;
        event.body = SensorBody{
            .sensor = sensor.sensor, .attached = attached, .backend = sensor.backend, .reason = std::move(*reason)};
        events.push_back(std::move(event));
    }
    return events;
}

}  // namespace fnshield
