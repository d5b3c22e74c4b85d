// SPDX-License-Identifier: Apache-2.0
#include "daemon/respond/make_alert.h"

#include <ranges>

#include "daemon/respond/mask.h"

namespace fnshield {
namespace {

AlertSandbox snapshot(const Sandbox& sandbox)
{
    return {.id = sandbox.id,
            .cgroup = sandbox.cgroup,
            .name = sandbox.name,
            .state = sandbox.state,
            .invocation = sandbox.invocation};
}

// A sandbox that the model does not know (any more) keeps its id at least.
std::optional<AlertSandbox> sandbox_of(SandboxId id, const Model& model)
{
    if (id == kHost)
        return std::nullopt;
    const Sandbox* sandbox = model.sandbox(id);
    return sandbox ? snapshot(*sandbox) : AlertSandbox{.id = id, .state = SandboxState::gone};
}

std::optional<AlertProcess> actor_of(const Event& event, const Model& model)
{
    const ProcessInfo& info = event.process;
    if (info.tgid == 0 || event.has(FNS_FLAG_NO_TASK))
        return std::nullopt;
    AlertProcess actor{.pid = info.tgid, .start_ns = info.start_ns, .uid = info.uid};
    const Process* process = model.process(info.tgid, info.start_ns);
    if (!process) {
        if (const auto* memory = event.as<MemoryBody>())
            actor.exe = memory->actor_exe;  // on the host
        return actor;
    }
    actor.exe = process->exe;
    actor.argv = mask_argv(process->argv);
    for (const Process* ancestor : model.ancestors(*process) | std::views::drop(1))  // the first is the process itself
        actor.ancestors.push_back({.pid = ancestor->info.tgid, .exe = ancestor->exe});
    return actor;
}

AlertTarget make_target(const Finding& finding, const Event& event, const Model& model)
{
    AlertTarget target{.detail = finding.target};
    if (finding.target_sandbox)
        target.sandbox = sandbox_of(*finding.target_sandbox, model);
    const auto aimed_at = target_of(event);
    if (!aimed_at)
        return target;
    target.sandbox = sandbox_of(aimed_at->sandbox, model);
    if (const ProcessInfo& info = aimed_at->process; info.tgid != 0) {
        const Process* process = model.process(info.tgid, info.start_ns);
        target.process = AlertProcess{.pid = info.tgid,
                                      .start_ns = info.start_ns,
                                      .exe = process ? process->exe : std::string(),
                                      .uid = info.uid};
    }
    return target;
}

}  // namespace

void add_evidence(Alert& alert, const Event& event)
{
    if (event.kind == EventKind::tick || alert.evidence.size() >= kMaxEvidence)
        return;
    Event& kept = alert.evidence.emplace_back(event);
    if (auto* exec = std::get_if<ExecBody>(&kept.body))
        exec->argv = mask_argv(exec->argv, kMaxEvidenceArgvBytes);
}

Alert make_alert(const Detection& detection, const Event& event, const Model& model, const AlertContext& context)
{
    const RuleDescriptor& rule = *detection.rule;
    const Finding& finding = detection.finding;
    Alert alert;
    alert.time_ns = alert.first_seen_ns = alert.last_seen_ns = event.time_ns;
    alert.wall_offset_ns = context.wall_offset_ns;
    alert.node = context.node;
    alert.rule = rule.rule;
    alert.category = rule.category;
    alert.severity = detection.severity();
    alert.techniques.assign(rule.techniques.begin(), rule.techniques.end());
    alert.summary = mask_text(finding.summary);
    alert.sandbox = sandbox_of(detection.sandbox, model);
    alert.process = actor_of(event, model);
    alert.target = make_target(finding, event, model);
    // The event itself is the last and may not be crowded out.
    const auto& earlier = finding.earlier_evidence;
    const std::size_t skip = earlier.size() >= kMaxEvidence ? earlier.size() - kMaxEvidence + 1 : 0;
    for (std::size_t i = skip; i < earlier.size(); ++i)
        add_evidence(alert, earlier[i]);
    add_evidence(alert, event);
    alert.count = 1 + static_cast<std::uint64_t>(event.repeats);
    alert.degraded = context.lost_events || has_lost_events(detection.sandbox, model);
    alert.requested = detection.action();
    if (alert.requested == Action::alert)
        alert.taken = Action::alert;
    alert.policy = detection.policy->name;
    return alert;
}

AlertStep make_step(const Detection& detection, const Event& event)
{
    const RuleDescriptor& rule = *detection.rule;
    return {.time_ns = event.time_ns,
            .rule = std::string(rule.rule),
            .severity = detection.severity(),
            .techniques = {rule.techniques.begin(), rule.techniques.end()},
            .summary = mask_text(detection.finding.summary),
            .count = 1 + static_cast<std::uint64_t>(event.repeats)};
}

bool has_lost_events(SandboxId id, const Model& model)
{
    const Sandbox* sandbox = model.sandbox(id);
    return sandbox && sandbox->lost_events > 0;
}

}  // namespace fnshield
