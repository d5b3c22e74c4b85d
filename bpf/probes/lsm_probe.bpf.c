// SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
/*
 * Probe of the LSM backend: a program that counts how often it ran. The prober loads it, attaches it, makes the hook
 * fire with a getpgid() of its own and looks at the count. Loaded and attached is not enough: where bpf is not in the
 * kernel's lsm= list, some kernels take the program and never call it.
 *
 * Hook: lsm/task_getpgid, which is rare, harmless and as old as the LSM framework. It honours the `ret` it is given.
 */
#include "../lib/core.bpf.h"

__u64 fired = 0;

SEC("lsm/task_getpgid")
int BPF_PROG(lsm_probe, struct task_struct *task, int ret)
{
    __sync_fetch_and_add(&fired, 1);
    return ret;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
