// SPDX-License-Identifier: Apache-2.0
//
// What the kernel side can refuse, and which rule asks for it: the table behind enum fns_guard. A rule without a guard
// can be answered by user space only, after the act: it takes `kill` and `freeze`, but not `deny`.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/policy/policy.h"
#include "fnshield/abi/policy.h"

namespace fnshield {

struct GuardRow {
    fns_guard guard;
    std::string_view what;       // "exec", for messages
    std::string_view init_rule;  // before the sandbox is ready
    std::string_view warm_rule;
    // Refused by LSM programs only: on the other backends the acting process is killed instead. The others are refused
    // by cgroup programs, which every backend has.
    bool needs_lsm;
};

// In the order of enum fns_guard, from 1.
[[nodiscard]] std::span<const GuardRow> guard_rows();

// "" for FNS_GUARD_NONE and numbers that no guard has.
[[nodiscard]] std::string_view rule_of(fns_guard guard, fns_phase phase);
// Nothing for a rule that the kernel side cannot decide.
[[nodiscard]] std::optional<fns_guard> guard_of(std::string_view rule);

[[nodiscard]] fns_action kernel_action(Action action);
[[nodiscard]] std::optional<Action> action_of(fns_action action);

// The guarded acts that the policy denies and that are done by killing where LSM programs are not used: "exec, mount".
[[nodiscard]] std::vector<std::string_view> denied_by_kill(const Policy& policy);

}  // namespace fnshield
