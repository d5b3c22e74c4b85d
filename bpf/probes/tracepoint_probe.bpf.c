// SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
/*
 * Probe of the tracepoint backend: counts how often a BTF-typed raw tracepoint ran. signal_generate is the heartbeat's
 * own hook; the prober makes it fire with a SIGURG to itself, which nobody handles and nobody feels.
 */
#include "../lib/core.bpf.h"

__u64 fired = 0;

SEC("tp_btf/signal_generate")
int BPF_PROG(tracepoint_probe, int sig, struct kernel_siginfo *info, struct task_struct *target)
{
    __sync_fetch_and_add(&fired, 1);
    return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
