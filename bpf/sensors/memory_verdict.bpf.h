/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * Part of memory_act.bpf.h: what the policies say about reaching into another process, and what is done about it. The
 * target's policy decides about its memory, the actor's about all else (daemon/detect/reach.cpp has the same rules).
 */
#ifndef FNSHIELD_BPF_MEMORY_VERDICT_H
#define FNSHIELD_BPF_MEMORY_VERDICT_H

/*
 * A thread whose access the LSM program has refused, until the fexit program that reports it comes by, at the end of
 * the same call. Written by guard_access, taken by fns_take_refusal. Full: the oldest is forgotten, and then reported
 * as a plain attempt.
 */
struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 1024);
    __type(key, __u64); /* pid_tgid */
    __type(value, struct fns_verdict);
} refusals SEC(".maps");

/* Set where LSM programs are loaded: only then is there a refusal to look for. */
const volatile bool fns_refuses = false;

/* What ps, top and exporters read of every process, and what says nothing that is not public. */
FNS_VERIFIED_ALONE int fns_is_public(__u64 head, int directory)
{
    if (directory && (__u8)head >= '0' && (__u8)head <= '9') /* /proc/PID and its task/TID */
        return true;
    return head == FNS_HEAD("stat") || head == FNS_HEAD("statm") || head == FNS_HEAD("status") ||
           head == FNS_HEAD("cmdline") || head == FNS_HEAD("comm") || head == FNS_HEAD("cgroup") ||
           head == FNS_HEAD("cpuset") || head == FNS_HEAD("task") || head == FNS_HEAD("limits") ||
           head == FNS_HEAD("io") || head == FNS_HEAD("loginuid") || head == FNS_HEAD("sessionid") ||
           head == FNS_HEAD("sched") || head == FNS_HEAD("schedstat") || head == FNS_HEAD("wchan") ||
           head == FNS_HEAD("oom_score") || /* _adj as well */
           head == FNS_HEAD("oom_adj") || head == FNS_HEAD("autogroup") || head == FNS_HEAD("children") ||
           head == FNS_HEAD("timens_offsets") || head == FNS_HEAD(".") || head == FNS_HEAD(".."); /* leads elsewhere */
}

static __always_inline enum fns_guard fns_guard_of_proc(const struct fns_memory_act *act)
{
    if (act->via == FNS_VIA_PROC_MEM)
        return act->access == FNS_ACCESS_WRITE ? FNS_GUARD_MEMORY_WRITE : FNS_GUARD_MEMORY_READ;
    if (act->via == FNS_VIA_PROC_FILE && act->access == FNS_ACCESS_PEEK &&
        fns_is_public(act->name.head, act->name.directory))
        return FNS_GUARD_NONE;
    return FNS_GUARD_PROC_PEEK;
}

static __always_inline enum fns_guard fns_guard_of(const struct fns_memory_act *act)
{
    if (act->access == FNS_ACCESS_FD)
        return FNS_GUARD_FD_THEFT;
    switch (act->via) {
    case FNS_VIA_PROC_MEM:
    case FNS_VIA_PROC_FILE:
    case FNS_VIA_PROC_LINK:
        return fns_guard_of_proc(act);
    case FNS_VIA_PTRACE_ATTACH:
    case FNS_VIA_PTRACE_SEIZE:
    case FNS_VIA_PTRACE_OTHER:
        return FNS_GUARD_PTRACE;
    default:
        break;
    }
    if (act->access == FNS_ACCESS_WRITE)
        return FNS_GUARD_MEMORY_WRITE;
    return act->access == FNS_ACCESS_PEEK ? FNS_GUARD_PROC_PEEK : FNS_GUARD_MEMORY_READ;
}

/* Whose policy decides; policy NULL where the target's lets this actor in. */
static __always_inline struct fns_rule_of fns_memory_rule(enum fns_guard guard, const struct fns_sandbox *actor,
                                                          const struct fns_sandbox *target)
{
    struct fns_rule_of of_actor = fns_policy_of(actor);
    struct fns_rule_of of_target = fns_policy_of(target);
    struct fns_name_pair pair = { .target = of_target.name_id, .actor = of_actor.name_id };

    if (of_target.policy && of_target.policy->flags & FNS_POLICY_MEMORY_LISTED && pair.target && pair.actor &&
        bpf_map_lookup_elem(&memory_allowed, &pair)) {
        of_target.policy = NULL;
        return of_target;
    }
    return target && (guard == FNS_GUARD_MEMORY_READ || guard == FNS_GUARD_MEMORY_WRITE) ? of_target : of_actor;
}

/* The verdict of the LSM program about the call that the current thread is in; true where it refused. */
static __always_inline bool fns_take_refusal(struct fns_memory_act *act)
{
    __u64 key = bpf_get_current_pid_tgid();
    struct fns_verdict *refusal = fns_refuses && act->attempted ? bpf_map_lookup_elem(&refusals, &key) : NULL;

    if (!refusal)
        return false;
    act->verdict = *refusal;
    act->flags |= FNS_FLAG_DENIED;
    bpf_map_delete_elem(&refusals, &key);
    return true;
}

/*
 * For every act, said or only counted. An act that did not happen needs no deny; that it was tried may still be worth a
 * kill.
 */
static __noinline int fns_decide_memory(struct fns_memory_act *act, const struct fns_sandbox *actor,
                                        const struct fns_sandbox *target)
{
    enum fns_guard guard;
    struct fns_rule_of rule;

    if (!fns_is_functions_act(actor) || fns_take_refusal(act))
        return 0;
    guard = fns_guard_of(act);
    if (guard == FNS_GUARD_NONE)
        return 0;
    rule = fns_memory_rule(guard, actor, target);
    act->verdict = fns_judge(&rule, guard);
    if (!act->attempted || act->verdict.requested == FNS_ACTION_KILL)
        fns_kill_instead(&rule, &act->verdict);
    return 0;
}

#endif
