// SPDX-License-Identifier: Apache-2.0
#include "daemon/respond/make_alert.h"

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
std::optional<AlertSandbox> snapshot(const Sandbox* sandbox, SandboxId id)
{
    if (sandbox)
        return snapshot(*sandbox);
    return id == kHost ? std::nullopt : std::optional(AlertSandbox{.id = id, .state = SandboxState::gone});
}

std::optional<AlertProcess> actor(const Observation& seen)
{
    const ProcessInfo& info = seen.event.process;
    if (info.tgid == 0 || seen.event.has(FNS_FLAG_NO_TASK))
        return std::nullopt;
    AlertProcess process{.pid = info.tgid, .start_ns = info.start_ns, .uid = info.uid};
    if (!seen.process)
        return process;
    process.exe = seen.process->exe;
    process.argv = mask_argv(seen.process->argv);
    for (const Process* ancestor : seen.model.ancestors(*seen.process))
        process.ancestors.push_back({.pid = ancestor->info.tgid, .exe = ancestor->exe});
    return process;
}

AlertTarget target_of(const Finding& finding, const Observation& seen)
{
    AlertTarget target{.detail = finding.target};
    const auto* memory = seen.event.as<MemoryBody>();
    target.sandbox = snapshot(seen.target_sandbox, memory ? memory->target_sandbox : kHost);
    if (seen.target_process || (memory && memory->target.tgid != 0)) {
        const ProcessInfo& info = seen.target_process ? seen.target_process->info : memory->target;
        target.process = AlertProcess{.pid = info.tgid, .start_ns = info.start_ns, .uid = info.uid};
        if (seen.target_process)
            target.process->exe = seen.target_process->exe;
    }
    return target;
}

}  // namespace

Subject subject_of(const Finding& finding, const Observation& seen)
{
    Subject subject{.id = seen.event.sandbox, .sandbox = seen.sandbox, .policy = seen.policy};
    if (finding.about) {
        subject.id = *finding.about;
        subject.sandbox = seen.model.sandbox(*finding.about);
        if (subject.sandbox)
            subject.policy = subject.sandbox->policy.get();
    }
    if (finding.on_behalf_of_target)
        subject.policy = &seen.target_policy();
    return subject;
}

void add_evidence(Alert& alert, const Event& event)
{
    if (event.kind == EventKind::tick || alert.evidence.size() >= kMaxEvidence)
        return;
    Event& kept = alert.evidence.emplace_back(event);
    if (auto* exec = std::get_if<ExecBody>(&kept.body))
        exec->argv = mask_argv(exec->argv, kMaxEvidenceArgvBytes);
}

Alert make_alert(const RuleDescriptor& rule, const Finding& finding, const Observation& seen, const Subject& subject,
                 const AlertContext& context)
{
    Alert alert;
    alert.time_ns = alert.first_seen_ns = alert.last_seen_ns = seen.event.time_ns;
    alert.wall_offset_ns = context.wall_offset_ns;
    alert.node = context.node;
    alert.rule = rule.rule;
    alert.category = rule.category;
    alert.severity = subject.policy->severity_for(rule.rule, rule.severity);
    alert.techniques.assign(rule.techniques.begin(), rule.techniques.end());
    alert.summary = mask_text(finding.summary);
    alert.sandbox = snapshot(subject.sandbox, subject.id);
    alert.process = actor(seen);
    alert.target = target_of(finding, seen);
    // The event itself is the last and may not be crowded out.
    const auto& earlier = finding.earlier_evidence;
    const std::size_t skip = earlier.size() >= kMaxEvidence ? earlier.size() - kMaxEvidence + 1 : 0;
    for (std::size_t i = skip; i < earlier.size(); ++i)
        add_evidence(alert, earlier[i]);
    add_evidence(alert, seen.event);
    alert.count = 1 + static_cast<std::uint64_t>(seen.event.repeats);
    alert.degraded = subject.sandbox && subject.sandbox->lost_events > 0;
    alert.requested = subject.policy->action_for(rule.rule);
    if (alert.requested == Action::alert)
        alert.taken = Action::alert;
    alert.policy = subject.policy->name;
    return alert;
}

}  // namespace fnshield
