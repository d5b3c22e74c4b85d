// SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
/*
 * Which number the kernel's programs see for a process that lives in a pid namespace of its own, where getpid() says
 * another. The asker sends itself a SIGURG and is known by its number and namespace; no other process has both.
 */
#include "../lib/pid.bpf.h"

#define SIGURG 23

/* Set before loading: getpid() and the inode of /proc/self/ns/pid. */
const volatile __u32 asker = 0;
const volatile __u32 asker_namespace = 0;

__u32 tgid = 0;

SEC("tp_btf/signal_generate")
int BPF_PROG(own_tgid, int sig, struct kernel_siginfo *info, struct task_struct *target)
{
    const struct task_struct *task = (const struct task_struct *)bpf_get_current_task();
    const struct pid *pid;
    struct upid upid;

    if (sig != SIGURG)
        return 0;
    pid = BPF_CORE_READ(task, group_leader, thread_pid);
    if (!pid)
        return 0;
    upid = fns_upid(pid, BPF_CORE_READ(pid, level));
    if ((__u32)upid.nr == asker && BPF_CORE_READ(upid.ns, ns.inum) == asker_namespace)
        tgid = bpf_get_current_pid_tgid() >> 32;
    return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
