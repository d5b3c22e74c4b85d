/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * Which processes are in a sandbox, and which of them are not the function: an entrant was put in from outside (by a
 * runtime, `runc exec`, an operator) and has not run its own program yet; neither have the children that it forked so
 * far. Kept by the lifecycle sensor (moves) and the process sensor (fork, exec, exit).
 */
#ifndef FNSHIELD_BPF_MEMBER_H
#define FNSHIELD_BPF_MEMBER_H

#include "emit.bpf.h"

static __always_inline __u64 fns_task_start_ns(const struct task_struct *task)
{
    return BPF_CORE_READ(task, group_leader, start_boottime);
}

/* The process's root directory, as a number to compare. */
static __always_inline __u64 fns_task_root(const struct task_struct *task)
{
    return (__u64)BPF_CORE_READ(task, fs, root.dentry);
}

/* The entry of the task's process; NULL where it has none, or where the entry is of an earlier process of this tgid. */
static __always_inline struct fns_member *fns_member_of(const struct task_struct *task)
{
    __u32 tgid = BPF_CORE_READ(task, tgid);
    struct fns_member *member = bpf_map_lookup_elem(&members, &tgid);

    return member && member->start_ns == fns_task_start_ns(task) ? member : NULL;
}

/* Enters or changes the task's process; where the table is full, the loss is counted. */
static __always_inline void fns_set_member(enum fns_sensor sensor, const struct task_struct *task,
                                           struct fns_sandbox *sandbox, __u64 entry_root, __u32 flags)
{
    __u32 tgid = BPF_CORE_READ(task, tgid);
    struct fns_member member = {
        .start_ns = fns_task_start_ns(task),
        .sandbox_id = sandbox->sandbox_id,
        .entry_root = entry_root,
        .flags = flags,
    };

    if (bpf_map_update_elem(&members, &tgid, &member, BPF_ANY))
        fns_count_loss(sensor, FNS_LOSS_TABLE, sandbox);
}

/* FNS_FLAG_ENTRANT where the acting process is an entrant, else 0: for the header's flags of an event of `current`. */
static __always_inline __u32 fns_entrant_flag(void)
{
    const struct fns_member *member = fns_member_of((const struct task_struct *)bpf_get_current_task());

    return member && member->flags & FNS_MEMBER_ENTRANT ? FNS_FLAG_ENTRANT : 0;
}

#endif
