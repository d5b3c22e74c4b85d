// SPDX-License-Identifier: Apache-2.0
#include "daemon/respond/responder.h"

#include "daemon/policy/guards.h"

namespace fnshield {
namespace {

Response kill_actor(const Event& event, std::optional<Action> by_kernel, Responder& responder)
{
    if (by_kernel == Action::kill)
        return {.taken = Action::kill, .failure = {}};
    if (event.process.tgid == 0 || event.has(FNS_FLAG_NO_TASK))
        return {.taken = by_kernel, .failure = "kill: no process is known that did it"};
    const auto killed = responder.kill(event.process.tgid, event.process.start_ns);
    if (!killed)
        return {.taken = by_kernel, .failure = "kill: " + killed.error().message};
    if (!*killed)
        return {.taken = by_kernel, .failure = "kill: the process had ended by then"};
    return {.taken = Action::kill, .failure = {}};
}

Response freeze_sandbox(const Alert& alert, Responder& responder)
{
    if (!alert.sandbox || alert.sandbox->cgroup.empty())
        return {.taken = std::nullopt, .failure = "freeze: the sandbox is not known"};
    if (auto frozen = responder.freeze(alert.sandbox->id, alert.sandbox->cgroup); !frozen)
        return {.taken = std::nullopt, .failure = "freeze: " + frozen.error().message};
    return {.taken = Action::freeze, .failure = {}};
}

}  // namespace

Response respond(const Alert& alert, const Event& event, Mode mode, Responder& responder)
{
    if (alert.requested == Action::alert || alert.requested == Action::off)
        return {.taken = alert.taken, .failure = {}};
    const std::optional<Action> by_kernel = action_of(static_cast<fns_action>(event.verdict.taken));
    const bool by_host = event.sandbox == kHost && event.process.tgid != 0;
    if (mode != Mode::enforce || by_host)
        return {.taken = by_kernel, .failure = {}};
    switch (alert.requested) {
        case Action::kill:
            return kill_actor(event, by_kernel, responder);
        case Action::freeze:
            return freeze_sandbox(alert, responder);
        default:  // deny: before the act, or not at all
            return {.taken = by_kernel, .failure = {}};
    }
}

}  // namespace fnshield
