/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * pidfd_getfd: a descriptor taken out of another process. The process is named by a descriptor, which a racing thread
 * can exchange while the call runs; so it is believed only where that process really has the file that was got, under
 * the number that was asked for. Else the act is reported without a target. (A look at the call's beginning as well
 * would cost every system call of the node a second tracepoint.)
 */
#ifndef FNSHIELD_BPF_MEMORY_PIDFD_H
#define FNSHIELD_BPF_MEMORY_PIDFD_H

#include "memory_exit.bpf.h"

#define PID_FS_MAGIC 0x50494446

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

static __noinline int fns_pidfd_getfd_returned(const struct fns_call *call, long result)
{
    struct fns_memory_act *act;
    const struct task_struct *target;

    if (result < 0 && !fns_was_refused(result))
        return 0;
    act = fns_begin_act(call, result);
    if (!act)
        return 0;
    target = fns_task_of_pid(fns_pid_of_pidfd(fns_call_argument(call, 0)));
    if (result < 0 && !target)
        return 0;
    if (result >= 0 && target) {
        const struct file *taken = fns_current_file(result);

        if (!taken || fns_file_in(fns_fds_of_task(target), fns_call_argument(call, 1)) != taken)
            target = NULL;
    }
    act->target = target;
    act->via = FNS_VIA_PIDFD_GETFD;
    act->access = FNS_ACCESS_FD;
    fns_report_act(act);
    return 0;
}

#endif
