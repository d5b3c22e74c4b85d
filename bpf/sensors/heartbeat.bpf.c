// SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
/*
 * Heartbeat: proof that a hook still fires and that its event still comes out of the ring.
 *
 * Hook: tp_btf/signal_generate. Once a second the daemon sends itself SIGURG, which it ignores; this program sees the
 * signal being made by the daemon for the daemon and answers with an event in the critical ring. Nobody else's signal
 * costs more than two compares.
 * Blind spot: it proves this hook and the ring, not that the other programs are still attached.
 */
#include "../lib/emit.bpf.h"

#define SIGURG 23

/* The daemon, in the initial pid namespace; set before loading. */
const volatile __u32 daemon_tgid = 0;

SEC("tp_btf/signal_generate")
int BPF_PROG(heartbeat, int sig, struct kernel_siginfo *info, struct task_struct *target)
{
    struct fns_event_header *event;

    if (sig != SIGURG || (__u32)target->tgid != daemon_tgid || bpf_get_current_pid_tgid() >> 32 != daemon_tgid)
        return 0;
    event = fns_reserve(FNS_SENSOR_HEARTBEAT, FNS_RING_CRITICAL, sizeof(*event), NULL);
    if (!event)
        return 0;
    fns_fill_header(event, FNS_SENSOR_HEARTBEAT, FNS_EVENT_HEARTBEAT, sizeof(*event), NULL);
    fns_fill_process(&event->process, (const struct task_struct *)bpf_get_current_task());
    fns_submit(FNS_SENSOR_HEARTBEAT, event);
    return 0;
}
