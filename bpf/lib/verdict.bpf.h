/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * From an act that a policy minds to what is done about it. A hook asks fns_judge() what the policy of a sandbox wants
 * for a guard, and gives the verdict to fns_enforce(), which does it as far as this hook can. In monitor mode both run
 * as in enforce mode, and nothing is touched.
 *
 * What a hook can: an LSM or cgroup program refuses (its return value); a tracing program cannot, so that a `deny`
 * becomes a kill, which takes effect before the process runs another instruction of its own. `freeze` is user space's
 * to do.
 */
#ifndef FNSHIELD_BPF_VERDICT_H
#define FNSHIELD_BPF_VERDICT_H

#include "member.bpf.h"

#define FNS_SIGKILL 9

/* The policy of a sandbox, and where it stands. policy NULL: nothing is judged. */
struct fns_rule_of {
    const struct fns_policy *policy;
    __u32 policy_id;
    __u32 phase; /* enum fns_phase */
    __u32 name_id;
};

static __always_inline struct fns_rule_of fns_policy_of(const struct fns_sandbox *sandbox)
{
    struct fns_rule_of rule = {};
    const struct fns_assignment *assignment;
    __u64 id = fns_sandbox_id(sandbox);

    assignment = id ? bpf_map_lookup_elem(&assignments, &id) : NULL;
    if (!assignment)
        return rule;
    rule.policy_id = assignment->policy_id;
    rule.name_id = assignment->name_id;
    rule.phase = assignment->warm || sandbox->flags & FNS_SANDBOX_READY ? FNS_PHASE_WARM : FNS_PHASE_INIT;
    rule.policy = rule.policy_id ? bpf_map_lookup_elem(&policies, &rule.policy_id) : NULL;
    return rule;
}

/* The list applies: the policy has one of that kind. */
static __always_inline bool fns_has_list(const struct fns_rule_of *rule, enum fns_list list)
{
    return rule->policy && rule->policy->lists & (1U << list);
}

/*
 * What the policy asks for against an act of this guard; requested NONE where it only wants to be told. Acts of
 * entrants and of the set-up are not the function's: the caller does not ask for them.
 */
static __always_inline struct fns_verdict fns_judge(const struct fns_rule_of *rule, enum fns_guard guard)
{
    struct fns_verdict verdict = {};

    if (!rule->policy)
        return verdict;
    verdict.guard = guard;
    verdict.policy_id = rule->policy_id;
    verdict.requested = rule->policy->action[rule->phase & 1][guard & (FNS_GUARDS_MAX - 1)];
    return verdict;
}

static __always_inline bool fns_enforces(const struct fns_rule_of *rule)
{
    return rule->policy && rule->policy->flags & FNS_POLICY_ENFORCE;
}

/* The policy wants the act stopped, by `deny` or by `kill`. */
static __always_inline bool fns_must_stop(const struct fns_rule_of *rule, const struct fns_verdict *verdict)
{
    return fns_enforces(rule) && (verdict->requested == FNS_ACTION_DENY || verdict->requested == FNS_ACTION_KILL);
}

/*
 * For a hook that can refuse: 0, or -EPERM, which the hook must return. Fills in `taken`. A kill is carried out here
 * where this program type may send signals (`may_kill`: a cgroup program may not, and then refuses; the daemon kills).
 */
static __always_inline int fns_refuse(const struct fns_rule_of *rule, struct fns_verdict *verdict, bool may_kill)
{
    if (!fns_must_stop(rule, verdict))
        return 0;
    verdict->taken = FNS_ACTION_DENY;
    if (verdict->requested == FNS_ACTION_KILL && may_kill && bpf_send_signal(FNS_SIGKILL) == 0)
        verdict->taken = FNS_ACTION_KILL;
    return -EPERM;
}

/* For a hook that cannot refuse: the acting process is killed instead, before it sees what it did. */
static __always_inline void fns_kill_instead(const struct fns_rule_of *rule, struct fns_verdict *verdict)
{
    if (fns_must_stop(rule, verdict) && bpf_send_signal(FNS_SIGKILL) == 0)
        verdict->taken = FNS_ACTION_KILL;
}

/* The act is the function's own: the sandbox's workload has begun, and the acting process is no entrant. */
static __always_inline bool fns_is_functions_act(const struct fns_sandbox *sandbox)
{
    return sandbox && sandbox->started_ns && !fns_entrant_flag();
}

/*
 * What an LSM program returns, as constants: since 6.12 the verifier wants to know its range (5d99e198be27), and loses
 * it behind a function that is not inlined, or where the compiler takes another register that happens to be 0.
 */
static __always_inline int fns_as_answer(int ret)
{
    barrier_var(ret);
    return ret ? -EPERM : 0;
}

#endif
