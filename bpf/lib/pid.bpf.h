/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * From a pid to a task, the way the kernel does it: the numbers of a pid namespace stand in an xarray of struct pid.
 * Walked with CO-RE reads, so it works on every kernel and in every program type (the kfunc bpf_task_from_vpid is 6.13
 * and later, and only for the caller's namespace). The walk takes no lock: what it finds is checked against the number
 * that was asked for, so that a node freed meanwhile yields nothing and never another process.
 */
#ifndef FNSHIELD_BPF_PID_H
#define FNSHIELD_BPF_PID_H

#include "core.bpf.h"

/* 64 slots a level: four levels hold PID_MAX_LIMIT (2^22); one more for good measure. */
#define FNS_XARRAY_LEVELS 5
#define FNS_PID_NS_LEVELS 32

/* The task (thread) that a struct pid names; NULL where it is gone. */
static __always_inline struct task_struct *fns_task_of_pid(const struct pid *pid)
{
    struct hlist_node *first;

    if (!pid)
        return NULL;
    first = BPF_CORE_READ(pid, tasks[PIDTYPE_PID].first);
    if (!first)
        return NULL;
    return (void *)first - bpf_core_field_offset(struct task_struct, pid_links[PIDTYPE_PID]);
}

static __always_inline struct upid fns_upid(const struct pid *pid, __u32 level)
{
    struct upid upid = {};

    bpf_core_read(&upid, sizeof(upid), &pid->numbers[level & (FNS_PID_NS_LEVELS - 1)]);
    return upid;
}

/* The pid namespace that a task lives in: the deepest one of its pid. */
static __always_inline struct pid_namespace *fns_pid_ns_of_task(const struct task_struct *task)
{
    const struct pid *pid = BPF_CORE_READ(task, thread_pid);

    return pid ? fns_upid(pid, BPF_CORE_READ(pid, level)).ns : NULL;
}

/* The address of the task numbered `nr` in the pid namespace at an address; 0 where there is none. */
FNS_VERIFIED_ALONE __u64 fns_find_task(__u64 ns_address, __u32 nr)
{
    const __u64 mask = bpf_core_field_size(struct xa_node, slots) / sizeof(void *) - 1;
    const struct pid_namespace *ns = (const void *)ns_address;
    const struct pid *pid;
    struct upid upid;
    __u64 entry;

    if (!ns || !nr)
        return 0;
    entry = (__u64)BPF_CORE_READ(ns, idr.idr_rt.xa_head);
    for (int level = 0; level < FNS_XARRAY_LEVELS; level++) {
        /* An inner node is tagged with 2 (xa_is_node); small tagged values are the xarray's own marks. */
        if ((entry & 3) != 2 || entry <= 4096)
            break;
        const struct xa_node *node = (const void *)(entry - 2);
        __u8 shift = BPF_CORE_READ(node, shift);
        __u64 slot = ((__u64)nr >> (shift & 63)) & mask;

        if (bpf_core_read(&entry, sizeof(entry), &node->slots[slot]))
            return 0;
    }
    if (!entry || (entry & 3))
        return 0;
    pid = (const void *)entry;
    upid = fns_upid(pid, BPF_CORE_READ(ns, level));
    if ((__u32)upid.nr != nr || upid.ns != ns)
        return 0;
    return (__u64)fns_task_of_pid(pid);
}

static __always_inline struct task_struct *fns_task_by_number(const struct pid_namespace *ns, __u32 nr)
{
    return (struct task_struct *)fns_find_task((__u64)ns, nr);
}

/* The task that the current task means by `nr`. */
static __always_inline struct task_struct *fns_task_of_vpid(__u32 nr)
{
    return fns_task_by_number(fns_pid_ns_of_task((const struct task_struct *)bpf_get_current_task()), nr);
}

#endif
