// SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
/*
 * Probe of the fentry backend: counts how often both kinds of program ran on one security_* function, as the sensors
 * attach there. The prober makes it happen with a getpgid() of its own.
 */
#include "../lib/core.bpf.h"

__u64 entered = 0;
__u64 left = 0;

SEC("fentry/security_task_getpgid")
int BPF_PROG(fentry_probe, struct task_struct *task)
{
    __sync_fetch_and_add(&entered, 1);
    return 0;
}

SEC("fexit/security_task_getpgid")
int BPF_PROG(fexit_probe, struct task_struct *task, int ret)
{
    __sync_fetch_and_add(&left, 1);
    return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
