/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * pidfd_getfd: a descriptor taken out of another process. The process is named by a descriptor, so it is looked at when
 * the call begins and when it ends; a racing thread that exchanges it would have to win twice.
 */
#ifndef FNSHIELD_BPF_MEMORY_PIDFD_H
#define FNSHIELD_BPF_MEMORY_PIDFD_H

#include "../lib/syscalls.bpf.h"
#include "memory_act.bpf.h"

#define PID_FS_MAGIC 0x50494446

/* A process by its number in the outermost pid namespace: what may be kept while the call runs. */
struct fns_pinned_pid {
    const struct pid_namespace *ns;
    __u32 number;
    __u32 padding;
};

/* Key: the thread that is in the call. Written and read by these programs alone. LRU: when it is full, calls under way
 * for long are judged by their end alone. */
struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 1024);
    __type(key, __u64);
    __type(value, struct fns_pinned_pid);
} pidfd_calls SEC(".maps");

/* The process that a pidfd stands for. Since 6.9 its inode says so, before that the file. */
static __always_inline const struct pid *fns_pid_of_pidfd(__u32 fd)
{
    const struct file *file = fns_current_file(fd);
    __u64 head = 0;

    if (!file)
        return NULL;
    if (fns_inode_magic(BPF_CORE_READ(file, f_inode)) == PID_FS_MAGIC)
        return BPF_CORE_READ(file, f_inode, i_private);
    bpf_probe_read_kernel_str(&head, sizeof(head), BPF_CORE_READ(file, f_path.dentry, d_name.name));
    return head == FNS_HEAD("[pidfd]") ? BPF_CORE_READ(file, private_data) : NULL;
}

static __always_inline void fns_pidfd_getfd_begins(const struct fns_call *call)
{
    const struct pid *pid = fns_pid_of_pidfd(fns_call_argument(call, 0));
    __u64 thread = bpf_get_current_pid_tgid();
    struct fns_pinned_pid pinned = {};
    struct upid upid;

    if (!pid)
        return;
    upid = fns_upid(pid, 0);
    pinned.ns = upid.ns;
    pinned.number = upid.nr;
    bpf_map_update_elem(&pidfd_calls, &thread, &pinned, BPF_ANY);
}

static __always_inline void fns_report_fd_taken(const struct fns_call *call, long result,
                                                const struct task_struct *target)
{
    struct fns_memory_act *act = target ? fns_new_act(call->compat ? FNS_ACT_COMPAT : FNS_ACT_EXIT) : NULL;

    if (!act)
        return;
    act->target = target;
    act->syscall_nr = call->nr;
    act->flags = call->compat ? FNS_FLAG_COMPAT : 0;
    act->result = result;
    act->attempted = result < 0;
    act->via = FNS_VIA_PIDFD_GETFD;
    act->access = FNS_ACCESS_FD;
    fns_report_act(act);
}

static __noinline int fns_pidfd_getfd_returned(const struct fns_call *call, long result)
{
    __u64 thread = bpf_get_current_pid_tgid();
    struct fns_pinned_pid *pinned = bpf_map_lookup_elem(&pidfd_calls, &thread);
    const struct task_struct *before = NULL;
    const struct task_struct *after;

    if (pinned) {
        before = fns_task_by_number(pinned->ns, pinned->number);
        bpf_map_delete_elem(&pidfd_calls, &thread);
    }
    if (result < 0 && result != -EPERM && result != -EACCES)
        return 0;
    after = fns_task_of_pid(fns_pid_of_pidfd(fns_call_argument(call, 0)));
    fns_report_fd_taken(call, result, before);
    if (after != before)
        fns_report_fd_taken(call, result, after);
    return 0;
}

#endif
