/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* Reads of task_struct: which cgroup, which process. All are CO-RE probe reads and take any task pointer. */
#ifndef FNSHIELD_BPF_TASK_H
#define FNSHIELD_BPF_TASK_H

#include "regs.bpf.h"

/* The id of the task's cgroup in the default hierarchy; 0 if a read failed. */
static __always_inline __u64 fns_task_cgroup_id(const struct task_struct *task)
{
    return BPF_CORE_READ(task, cgroups, dfl_cgrp, kn, id);
}

static __always_inline void fns_fill_process(struct fns_process *process, const struct task_struct *task)
{
    const struct task_struct *leader = BPF_CORE_READ(task, group_leader);

    process->start_ns = BPF_CORE_READ(leader, start_boottime);
    process->tgid = BPF_CORE_READ(task, tgid);
    process->tid = BPF_CORE_READ(task, pid);
    process->parent_tgid = BPF_CORE_READ(task, real_parent, tgid);
    process->uid = BPF_CORE_READ(task, cred, euid.val);
    bpf_probe_read_kernel(process->comm, sizeof(process->comm), &task->comm);
}

/*
 * FNS_FLAG_COMPAT and FNS_FLAG_IO_URING as far as the task itself tells: the 32-bit entry marks its thread, and
 * io_uring has worker threads. A request that io_uring does in its submitter's own time looks like any system call
 * here.
 */
static __always_inline __u32 fns_task_flags(const struct task_struct *task)
{
    __u32 flags = BPF_CORE_READ(task, flags) & PF_IO_WORKER ? FNS_FLAG_IO_URING : 0;

    return BPF_CORE_READ(task, thread_info.status) & FNS_TS_COMPAT ? flags | FNS_FLAG_COMPAT : flags;
}

#endif
