// SPDX-License-Identifier: Apache-2.0
#include "daemon/policy/guards.h"

#include <algorithm>
#include <array>

namespace fnshield {
namespace {

constexpr bool kByLsm = true;
constexpr bool kByCgroup = false;

constexpr GuardRow row(fns_guard guard, std::string_view what, std::string_view rule, bool needs_lsm)
{
    return {guard, what, rule, rule, needs_lsm};
}

constexpr auto kRows = std::to_array<GuardRow>({
    {FNS_GUARD_EXEC, "exec", "coldstart.init_exec", "function.unexpected_exec", kByLsm},
    row(FNS_GUARD_FILELESS_EXEC, "fileless exec", "function.fileless_exec", kByLsm),
    {FNS_GUARD_EGRESS, "egress", "coldstart.init_egress", "function.unexpected_egress", kByCgroup},
    row(FNS_GUARD_METADATA, "the metadata service", "identity.metadata_service", kByCgroup),
    row(FNS_GUARD_RAW_SOCKET, "raw sockets", "isolation.raw_socket", kByCgroup),
    row(FNS_GUARD_MEMORY_READ, "memory reads", "isolation.memory_read", kByLsm),
    row(FNS_GUARD_MEMORY_WRITE, "memory writes", "isolation.memory_write", kByLsm),
    row(FNS_GUARD_PTRACE, "ptrace", "isolation.ptrace", kByLsm),
    row(FNS_GUARD_PROC_PEEK, "peeking into /proc", "isolation.proc_peek", kByLsm),
    row(FNS_GUARD_FD_THEFT, "taking descriptors", "isolation.fd_theft", kByLsm),
    row(FNS_GUARD_NAMESPACE_ENTRY, "entering namespaces", "isolation.namespace_entry", kByLsm),
    row(FNS_GUARD_USER_NAMESPACE, "user namespaces", "isolation.user_namespace", kByLsm),
    row(FNS_GUARD_MOUNT, "mounts", "isolation.mount", kByLsm),
    row(FNS_GUARD_KERNEL_MODULE, "kernel modules", "isolation.kernel_module", kByLsm),
    row(FNS_GUARD_BPF, "bpf()", "isolation.bpf", kByLsm),
    row(FNS_GUARD_MODEL_WRITE, "writes to models", "model.tampered", kByLsm),
    row(FNS_GUARD_MODEL_READ, "reads of models", "model.weights_read", kByLsm),
});
static_assert(kRows.size() == FNS_GUARD_COUNT - 1);
static_assert(FNS_GUARD_COUNT <= FNS_GUARDS_MAX);

}  // namespace

std::span<const GuardRow> guard_rows()
{
    return kRows;
}

std::string_view rule_of(fns_guard guard, fns_phase phase)
{
    const auto found = std::ranges::find(kRows, guard, &GuardRow::guard);
    if (found == kRows.end())
        return {};
    return phase == FNS_PHASE_WARM ? found->warm_rule : found->init_rule;
}

std::optional<fns_guard> guard_of(std::string_view rule)
{
    for (const GuardRow& row : kRows)
        if (row.init_rule == rule || row.warm_rule == rule)
            return row.guard;
    return std::nullopt;
}

fns_action kernel_action(Action action)
{
    switch (action) {
        case Action::deny:
            return FNS_ACTION_DENY;
        case Action::kill:
            return FNS_ACTION_KILL;
        case Action::freeze:
            return FNS_ACTION_FREEZE;
        default:
            return FNS_ACTION_NONE;
    }
}

std::optional<Action> action_of(fns_action action)
{
    switch (action) {
        case FNS_ACTION_DENY:
            return Action::deny;
        case FNS_ACTION_KILL:
            return Action::kill;
        case FNS_ACTION_FREEZE:
            return Action::freeze;
        default:
            return std::nullopt;
    }
}

std::vector<std::string_view> denied_by_kill(const Policy& policy)
{
    std::vector<std::string_view> what;
    for (const GuardRow& row : kRows)
        if (row.needs_lsm &&
            (policy.action_for(row.init_rule) == Action::deny || policy.action_for(row.warm_rule) == Action::deny))
            what.push_back(row.what);
    return what;
}

}  // namespace fnshield
