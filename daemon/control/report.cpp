// SPDX-License-Identifier: Apache-2.0
#include "daemon/control/report.h"

#include <algorithm>
#include <array>

#include "daemon/policy/policy.h"

namespace fnshield::control {
namespace {

using Json = nlohmann::ordered_json;

constexpr auto kStates = static_cast<std::size_t>(SandboxState::count_);

double seconds_between(Nanoseconds from_ns, Nanoseconds to_ns)
{
    return to_ns > from_ns ? to_seconds(to_ns - from_ns) : 0;
}

Json sensor_json(const SensorReport& sensor)
{
    Json programs = Json::array();
    for (const ProgramReport& program : sensor.programs)
        programs.push_back({{"program", program.program},
                            {"backend", program.backend},
                            {"attached", program.attached},
                            {"reason", program.reason}});
    Json lost = Json::object();
    for (const auto& [stage, events] : sensor.lost)
        lost[stage] = events;
    Json json{{"name", sensor.name},     {"backend", sensor.backend},       {"error", sensor.error},
              {"events", sensor.events}, {"suppressed", sensor.suppressed}, {"lost", std::move(lost)}};
    json["programs"] = std::move(programs);
    return json;
}

// Counts each state, the ones without a sandbox at 0; a gone sandbox is only kept for late questions.
Json sandbox_counts(const ControlBackend& backend)
{
    std::array<std::uint64_t, kStates> counts{};
    backend.for_each_sandbox([&](const Sandbox& sandbox) { ++counts.at(static_cast<std::size_t>(sandbox.state)); });
    Json json = Json::object();
    for (std::size_t state = 0; state < kStates; ++state)
        json[std::string(sandbox_state_name(static_cast<SandboxState>(state)))] = counts[state];
    return json;
}

Json phase_json(const std::optional<Nanoseconds>& phase_ns)
{
    return phase_ns ? Json(to_seconds(*phase_ns)) : Json(nullptr);
}

Json sandbox_json(const Sandbox& sandbox, const Clock& clock)
{
    const PhaseBody& phases = sandbox.cold_start;
    Json json{{"id", std::to_string(sandbox.id)},
              {"cgroup", sandbox.cgroup},
              {"cgroup_id", sandbox.id},
              {"platform", sandbox.name.platform},
              {"tenant", sandbox.name.tenant},
              {"function", sandbox.name.function},
              {"instance", sandbox.name.instance},
              {"state", sandbox_state_name(sandbox.state)},
              {"adopted", sandbox.adopted},
              {"created", format_rfc3339(sandbox.created_ns, clock.wall_offset_ns())},
              {"age_seconds", seconds_between(sandbox.created_ns, clock.boot_ns())},
              {"invocations", sandbox.invocation},
              {"events", sandbox.events},
              {"lost_events", sandbox.lost_events},
              {"alerts", sandbox.alerts},
              {"policy", sandbox.policy ? sandbox.policy->name : ""}};
    json["listening"] = sandbox.listening;
    json["cold_start_seconds"] = {{"setup", phase_json(phases.setup_ns)},
                                  {"init", phase_json(phases.init_ns)},
                                  {"first_request", phase_json(phases.first_request_ns)},
                                  {"total", phase_json(phases.total_ns)}};
    return json;
}

}  // namespace

Json status_json(const ControlBackend& backend)
{
    const StatusReport report = backend.status();
    const Clock& clock = backend.clock();
    const Nanoseconds now_ns = clock.boot_ns();
    Json json{{"version", FNSHIELD_VERSION},
              {"pid", report.pid},
              {"node", report.node},
              {"kernel", report.kernel},
              {"started", format_rfc3339(report.started_ns, clock.wall_offset_ns())},
              {"uptime_seconds", seconds_between(report.started_ns, now_ns)},
              {"mode", report.mode},
              {"backend", report.backend},
              {"ready", report.not_ready.empty()},
              {"not_ready", report.not_ready},
              {"listen", report.listen},
              {"config_file", report.config_file},
              {"policy_dir", report.policy_dir},
              {"state_dir", report.state_dir},
              {"reload_error", report.reload_error}};
    json["heartbeat_age_seconds"] =
        report.heartbeat_ns ? Json(seconds_between(*report.heartbeat_ns, now_ns)) : Json(nullptr);
    json["heartbeats"] = report.heartbeats;
    json["sandboxes"] = sandbox_counts(backend);
    json["sandboxes_created"] = report.sandboxes_created;
    json["alerts"] = report.alerts;
    json["missing_capabilities"] = Json::array();
    for (const MissingCapability& missing : report.missing_capabilities)
        json["missing_capabilities"].push_back({{"name", missing.name}, {"serves", missing.serves}});
    json["sensors"] = Json::array();
    for (const SensorReport& sensor : report.sensors)
        json["sensors"].push_back(sensor_json(sensor));
    json["policies"] = Json::array();
    for (const PolicyReport& policy : report.policies)
        json["policies"].push_back({{"name", policy.name}, {"file", policy.file}});
    json["tables"] = Json::array();
    for (const TableStats& table : report.tables)
        json["tables"].push_back({{"table", table.table},
                                  {"entries", table.entries},
                                  {"capacity", table.capacity},
                                  {"evictions", table.evictions}});
    return json;
}

Json sandboxes_json(const ControlBackend& backend, const Filter& filter)
{
    std::vector<const Sandbox*> wanted;
    backend.for_each_sandbox([&](const Sandbox& sandbox) {
        if (filter.matches(match_keys(sandbox)))
            wanted.push_back(&sandbox);
    });
    std::ranges::sort(wanted, {}, [](const Sandbox* sandbox) { return std::pair(sandbox->created_ns, sandbox->id); });
    Json rows = Json::array();
    for (const Sandbox* sandbox : wanted)
        rows.push_back(sandbox_json(*sandbox, backend.clock()));
    return rows;
}

}  // namespace fnshield::control
