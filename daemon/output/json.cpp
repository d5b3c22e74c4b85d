// SPDX-License-Identifier: Apache-2.0
#include "daemon/output/json.h"

#include "daemon/output/event_fields.h"

namespace fnshield {
namespace {

using Json = nlohmann::ordered_json;

Json sandbox_object(SandboxId id, const std::string& cgroup, const SandboxName& name, SandboxState state,
                    std::uint64_t invocation)
{
    return {{"id", std::to_string(id)},  {"cgroup", cgroup},
            {"cgroup_id", id},           {"platform", name.platform},
            {"tenant", name.tenant},     {"function", name.function},
            {"instance", name.instance}, {"state", sandbox_state_name(state)},
            {"invocation", invocation}};
}

Json event_sandbox(const Event& event, const Model& model)
{
    if (event.sandbox == kHost)
        return nullptr;
    if (const Sandbox* sandbox = model.sandbox(event.sandbox))
        return sandbox_json(*sandbox);
    return {{"id", std::to_string(event.sandbox)}, {"cgroup_id", event.sandbox}};
}

Json event_process(const Event& event, const Model& model)
{
    const ProcessInfo& info = event.process;
    if (info.tgid == 0 || event.has(FNS_FLAG_NO_TASK))
        return nullptr;
    const Process* process = model.process(info.tgid, info.start_ns);
    return {{"pid", info.tgid}, {"start_ns", info.start_ns}, {"exe", process ? process->exe : std::string()},
            {"uid", info.uid},  {"comm", info.comm},         {"parent_pid", info.parent_tgid}};
}

Json alert_process(const AlertProcess& process)
{
    Json ancestors = Json::array();
    for (const AlertProcess::Ancestor& ancestor : process.ancestors)
        ancestors.push_back({{"pid", ancestor.pid}, {"exe", ancestor.exe}});
    return {{"pid", process.pid},   {"start_ns", process.start_ns}, {"exe", process.exe},
            {"argv", process.argv}, {"uid", process.uid},           {"ancestors", std::move(ancestors)}};
}

Json alert_target(const AlertTarget& target)
{
    Json json = Json::object();
    if (target.sandbox)
        json["sandbox"] = {{"cgroup", target.sandbox->cgroup}, {"function", target.sandbox->name.function}};
    if (target.process)
        json["process"] = {{"pid", target.process->pid}, {"exe", target.process->exe}};
    if (!target.detail.file.empty())
        json["file"] = target.detail.file;
    if (!target.detail.address.empty())
        json["address"] = target.detail.address;
    if (target.detail.port != 0)
        json["port"] = target.detail.port;
    if (!target.detail.name.empty())
        json["name"] = target.detail.name;
    return json;
}

// An event of an alert: the alert says who and where already, so only what differs is repeated.
Json evidence(const Alert& alert, const Event& event)
{
    Json json{{"seq", event.seq}, {"kind", event_kind_name(event.kind)}};
    add_own_fields(json, event);
    json["time"] = format_rfc3339(event.time_ns, alert.wall_offset_ns);
    if (event.process.tgid != 0 && (!alert.process || alert.process->pid != event.process.tgid))
        json["process"] = {{"pid", event.process.tgid}, {"comm", event.process.comm}};
    return json;
}

Json steps(const Alert& alert)
{
    Json list = Json::array();
    for (const AlertStep& step : alert.steps)
        list.push_back({{"time", format_rfc3339(step.time_ns, alert.wall_offset_ns)},
                        {"rule", step.rule},
                        {"severity", severity_name(step.severity)},
                        {"techniques", step.techniques},
                        {"summary", step.summary},
                        {"count", step.count}});
    return list;
}

}  // namespace

bool is_public(EventKind kind)
{
    return kind < EventKind::cgroup_made;  // event.h: the first group is the contract's
}

Json sandbox_json(const Sandbox& sandbox)
{
    return sandbox_object(sandbox.id, sandbox.cgroup, sandbox.name, sandbox.state, sandbox.invocation);
}

Json event_json(const Event& event, const Model& model, std::int64_t wall_offset_ns)
{
    Json json{{"time", format_rfc3339(event.time_ns, wall_offset_ns)},
              {"seq", event.seq},
              {"kind", event_kind_name(event.kind)},
              {"sandbox", event_sandbox(event, model)},
              {"process", event_process(event, model)}};
    add_own_fields(json, event);
    return json;
}

Json alert_json(const Alert& alert)
{
    Json events = Json::array();
    for (const Event& event : alert.evidence)
        events.push_back(evidence(alert, event));
    const auto& box = alert.sandbox;
    return {{"time", format_rfc3339(alert.time_ns, alert.wall_offset_ns)},
            {"id", alert.id},
            {"node", alert.node},
            {"rule", alert.rule},
            {"category", category_name(alert.category)},
            {"severity", severity_name(alert.severity)},
            {"techniques", alert.techniques},
            {"summary", alert.summary},
            {"sandbox", box ? sandbox_object(box->id, box->cgroup, box->name, box->state, box->invocation) : Json()},
            {"process", alert.process ? alert_process(*alert.process) : Json()},
            {"target", alert.target.empty() ? Json() : alert_target(alert.target)},
            {"evidence", std::move(events)},
            {"steps", steps(alert)},
            {"count", alert.count},
            {"first_seen", format_rfc3339(alert.first_seen_ns, alert.wall_offset_ns)},
            {"last_seen", format_rfc3339(alert.last_seen_ns, alert.wall_offset_ns)},
            {"degraded", alert.degraded},
            {"action",
             {{"requested", action_name(alert.requested)},
              {"taken", alert.taken ? action_name(*alert.taken) : std::string_view("none")}}},
            {"policy", alert.policy}};
}

std::string to_line(const Json& json)
{
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace fnshield
