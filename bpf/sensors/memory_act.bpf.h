/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * One process reaching into another: is it a breach candidate, was it said already, and the event if not. Shared by
 * all programs of the memory sensor.
 *
 * A candidate has actor and target in different sandboxes, at least one of them in one, or is one process of a sandbox
 * that reaches into another of the same. Dropped: the process itself and its threads, and a parent reaching into its
 * own child. A child that reaches into its parent is a candidate. Within a sandbox nothing is judged, and the bulk ring
 * has to do: a `ps` there passes for every process.
 */
#ifndef FNSHIELD_BPF_MEMORY_ACT_H
#define FNSHIELD_BPF_MEMORY_ACT_H

#include "fnshield/abi/memory.h"
#include "../lib/verdict.bpf.h"
#include "../lib/proc.bpf.h"

/* The daemon reads /proc of sandboxes itself; set before loading. */
const volatile __u32 daemon_tgid = 0;

struct fns_memory_act {
    const struct task_struct *target; /* NULL: not resolved */
    const struct mm_struct *mm;       /* whose lock was taken; not sent */
    __u64 requested_pid;
    __s64 result;
    __u32 syscall_nr;
    __u32 flags; /* enum fns_event_flag */
    __u16 access;
    __u16 via;
    __u8 attempted;
    __u8 hint;
    __u8 path_in_kernel;
    __u8 changed;     /* enum fns_changed: what the call itself has just moved the caller to */
    const char *path; /* that the call was given, NULL where it was given none; not sent */
    __s32 folder_fd;  /* that a relative path begins at, or AT_FDCWD */
    struct fns_verdict verdict;
    struct fns_proc_name name;
};

/* Of what the caller stands on, that which the call has just changed. */
enum fns_changed { FNS_CHANGED_NOTHING, FNS_CHANGED_DIRECTORY, FNS_CHANGED_ROOT };

/*
 * Where acts are put together. Not on the stack: the verifier follows every constant there, and would look at all that
 * comes after once for each. One entry for each kind of hook that could interrupt another; within a kind the kernel
 * never nests programs on a CPU. An fexit program may be preempted, but not be entered again on that CPU meanwhile:
 * each has an entry of its own.
 */
enum fns_act_slot {
    FNS_ACT_LOCK,
    FNS_ACT_EXIT,
    FNS_ACT_RING,
    FNS_ACT_COMPAT,
    FNS_ACT_CHECKED,
    FNS_ACT_OPENED,
    FNS_ACT_ATTACHED,
    FNS_ACT_TRACED,
    FNS_ACT_TRACED_32,
    FNS_ACT_UNTRACED,
    FNS_ACT_MOVED,
    FNS_ACT_ROOTED,
    FNS_ACT_REMOTE,
    FNS_ACT_REFUSED,
    FNS_ACT_SLOTS
};

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, FNS_ACT_SLOTS);
    __type(key, __u32);
    __type(value, struct fns_memory_act);
} memory_acts SEC(".maps");

/* An empty act; never NULL, but the verifier wants to hear it. */
static __always_inline struct fns_memory_act *fns_new_act(enum fns_act_slot slot)
{
    __u32 key = slot;
    struct fns_memory_act *act = bpf_map_lookup_elem(&memory_acts, &key);

    if (act)
        __builtin_memset(act, 0, sizeof(*act));
    return act;
}

static __always_inline bool fns_is_own_child(const struct task_struct *target)
{
    return (__u32)BPF_CORE_READ(target, real_parent, tgid) == bpf_get_current_pid_tgid() >> 32;
}

static __always_inline bool fns_is_within(const struct fns_sandbox *actor, const struct fns_sandbox *target)
{
    return actor && actor->sandbox_id == fns_sandbox_id(target);
}

/* `target` may be NULL: then the actor's sandbox alone decides. */
static __always_inline bool fns_is_candidate(const struct fns_sandbox *actor, const struct task_struct *target,
                                             const struct fns_sandbox *target_sandbox)
{
    if (!target)
        return actor != NULL;
    if (fns_sandbox_id(actor) == fns_sandbox_id(target_sandbox)) {
        if (!actor)
            return false;
        return (__u32)BPF_CORE_READ(target, tgid) != bpf_get_current_pid_tgid() >> 32 && !fns_is_own_child(target);
    }
    /* A process of another sandbox may have become one's child by being orphaned in a shared pid namespace. */
    return (actor && target_sandbox) || !fns_is_own_child(target);
}

static __always_inline void fns_fill_memory_event(struct fns_memory_event *event, const struct fns_memory_act *act,
                                                  const struct fns_sandbox *actor,
                                                  const struct fns_sandbox *target_sandbox)
{
    fns_fill_header(&event->header, FNS_SENSOR_MEMORY,
                    act->access == FNS_ACCESS_FD ? FNS_EVENT_FD_ACCESS : FNS_EVENT_MEMORY_ACCESS, sizeof(*event),
                    actor);
    event->header.flags |= act->flags;
    fns_fill_process(&event->header.process, (const struct task_struct *)bpf_get_current_task());
    __builtin_memset(&event->target, 0, sizeof(event->target));
    if (act->target)
        fns_fill_process(&event->target, act->target);
    event->target_sandbox_id = fns_sandbox_id(target_sandbox);
    event->requested_pid = act->requested_pid;
    event->result = act->result;
    event->syscall_nr = act->syscall_nr;
    event->access = act->access;
    event->via = act->via;
    __builtin_memcpy(event->name, act->name.text, sizeof(event->name));
    event->attempted = act->attempted;
    event->hint = act->hint;
    event->header.verdict = act->verdict;
}

#include "memory_verdict.bpf.h"

/* Says it, unless it was just said. Not inlined: one copy serves all programs of the object. */
static __noinline int fns_report_candidate(struct fns_memory_act *act, struct fns_sandbox *actor,
                                           const struct fns_sandbox *target_sandbox)
{
    __u32 tgid = bpf_get_current_pid_tgid() >> 32;
    const struct task_struct *target = act->target;
    enum fns_event_kind kind = act->access == FNS_ACCESS_FD ? FNS_EVENT_FD_ACCESS : FNS_EVENT_MEMORY_ACCESS;
    bool within = fns_is_within(actor, target_sandbox);
    struct fns_memory_event *event;
    __u32 repeats;
    __u64 what;

    if (tgid == daemon_tgid)
        return 0;
    if (!within)
        fns_decide_memory(act, actor, target_sandbox);
    what = fns_mix(fns_seen_secret, act->name.head);
    what = fns_mix(what, (__u64)act->access << 32 | (__u64)act->via << 16 | act->attempted);
    if (target)
        what = fns_mix(what, BPF_CORE_READ(target, tgid));
    if (fns_is_repeat(FNS_SENSOR_MEMORY, fns_sandbox_id(actor), kind, tgid, what, &repeats))
        return 0;
    event = fns_reserve(FNS_SENSOR_MEMORY, within ? FNS_RING_BULK : fns_critical_within_share(actor), sizeof(*event),
                        actor);
    if (!event)
        return 0;
    fns_fill_memory_event(event, act, actor, target_sandbox);
    event->header.repeats = repeats;
    fns_submit(FNS_SENSOR_MEMORY, event);
    return 0;
}

/* For acts whose target is known from the start. */
static __always_inline void fns_report_act(struct fns_memory_act *act)
{
    struct fns_sandbox *actor = fns_current_sandbox();
    struct fns_sandbox *target_sandbox = act->target ? fns_sandbox_of_task(act->target) : NULL;

    if (fns_is_candidate(actor, act->target, target_sandbox))
        fns_report_candidate(act, actor, target_sandbox);
}

#endif
