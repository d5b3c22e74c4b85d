// SPDX-License-Identifier: Apache-2.0
//
// function.undead_process (T1546): a process that a request left behind acts after a thaw, before any request came.
//
// Signal: after the sandbox was thawed and before the next invocation began, a connect, send, exec or a write to a
// listed file by a process, or a descendant of one, that was started after ready and before the thaw. Why it works:
// platforms freeze a sandbox between requests; what a request's child does in the moments after a thaw that nobody
// asked for it does for somebody else. False positives: the serving process and what it started before ready (workers,
// extensions) may flush logs and keep connections; programs that exec.warm of the policy lists; what comes from outside
// (probes). Gets past it: a child that waits for the next request, and one that was started before ready. Memory: none.
#include <array>

#include "daemon/detect/detectors.h"
#include "daemon/detect/egress_match.h"
#include "daemon/detect/exec_match.h"
#include "daemon/detect/wording.h"

namespace fnshield::detect {
namespace {

constexpr std::array<std::string_view, 1> kTechniques{"T1546"};
constexpr std::array kKinds{EventKind::connect, EventKind::send, EventKind::exec, EventKind::file_write};

constexpr RuleDescriptor kDescriptor{
    .rule = "function.undead_process",
    .category = Category::function,
    .severity = Severity::high,
    .techniques = kTechniques,
    .short_text = "A process left by a request acted after a thaw without a request",
    .long_text =
        "A child of an earlier request was still there when the sandbox was thawed, and acted before any request came: "
        "somebody keeps a foothold across freezes. See what it is (its ancestors and start), freeze the sandbox and "
        "find the request that left it. Background workers by design start before the function is ready, or "
        "are listed in exec.warm.",
    .kinds = kKinds,
};

// Of the acting process and its ancestors, one that a request left behind.
const Process* undead_of(const Observation& seen)
{
    const Sandbox& box = *seen.sandbox;
    for (const Process* process : seen.model.ancestors(*seen.process)) {
        if (process->sandbox != box.id || process->from_outside)
            return nullptr;
        if (process->info.tgid == box.root_tgid && process->info.start_ns == box.root_start_ns)
            return nullptr;
        if (process->info.start_ns > *box.ready_ns && process->info.start_ns < *box.thawed_ns)
            return process;
    }
    return nullptr;
}

std::string deed(const Event& event)
{
    if (const auto* socket = event.as<SocketBody>())
        return (event.kind == EventKind::send ? "sent to " : "connected to ") + endpoint_text(socket->remote);
    if (const auto* exec = event.as<ExecBody>())
        return "ran " + exec_label(*exec);
    if (const auto* file = event.as<FileBody>())
        return "wrote to " + printable(file->path);
    return "acted";
}

class UndeadProcess : public Detector {
public:
    [[nodiscard]] const RuleDescriptor& descriptor() const override { return kDescriptor; }

    [[nodiscard]] std::optional<Finding> on_event(const Observation& seen) override
    {
        if (!seen.sandbox || !seen.process || !seen.sandbox->warm() || !seen.sandbox->thawed_without_request())
            return std::nullopt;
        if (const auto* socket = seen.event.as<SocketBody>(); socket && stays_inside(*socket))
            return std::nullopt;
        const Process* undead = undead_of(seen);
        if (!undead || seen.event.time_ns < *seen.sandbox->thawed_ns)
            return std::nullopt;
        const auto& listed = seen.policy->exec.warm;
        if (listed && lists_program(*listed, undead->exe))
            return std::nullopt;
        Finding finding;
        finding.summary = actor_label(seen) + ": " + printable(undead->exe) + " (pid " +
                          std::to_string(undead->info.tgid) + "), left by an earlier request, " + deed(seen.event) +
                          " " + seconds_text(seen.event.time_ns - *seen.sandbox->thawed_ns) +
                          " after a thaw, before any request";
        finding.key = undead->exe;
        finding.target.file = undead->exe;
        return finding;
    }
};

}  // namespace

std::unique_ptr<Detector> make_function_undead_process()
{
    return std::make_unique<UndeadProcess>();
}

}  // namespace fnshield::detect
