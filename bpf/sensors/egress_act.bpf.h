/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* Part of egress.bpf.c: from what a hook saw to an event about a socket. */
#ifndef FNSHIELD_BPF_EGRESS_ACT_H
#define FNSHIELD_BPF_EGRESS_ACT_H

#include "../lib/compat.bpf.h"
#include "../lib/member.bpf.h"
#include "../lib/packet.bpf.h"

/* What an event says besides its two ends. */
struct act {
    enum fns_event_kind kind;
    enum fns_socket_via via;
    __u16 domain;
    __u16 type;
    __u16 protocol;
    __s32 result;
    bool own;   /* the peer is the address that the socket is bound to */
    bool named; /* the policy lists it by name */
    struct fns_verdict verdict;
    __u64 cookie;
    const struct task_struct *task; /* NULL: the actor is not known */
};

static __always_inline void fill_ends(struct fns_socket_event *event, const struct fns_peer *remote,
                                      const struct fns_peer *local)
{
    const struct fns_peer none = {};

    fns_fill_endpoint(&event->remote, remote ? remote : &none);
    fns_fill_endpoint(&event->local, local ? local : &none);
    event->socket_flags = remote && remote->mapped ? FNS_SOCKET_MAPPED : 0;
}

/* The kernel takes the same address as the source, and a port that is not known yet. */
static __always_inline void fill_own(struct fns_socket_event *event, const struct fns_peer *remote)
{
    fns_fill_endpoint(&event->local, remote);
    event->local.port_be = 0;
}

/* `task` is the current one, or NULL where that is not the actor. */
static __always_inline void fill_actor(struct fns_event_header *header, const struct task_struct *task)
{
    if (task) {
        fns_fill_process(&header->process, task);
        header->flags |= fns_task_flags(task) | fns_entrant_flag();
    } else {
        __builtin_memset(&header->process, 0, sizeof(header->process));
        header->flags |= FNS_FLAG_NO_TASK;
    }
}

static __always_inline void send_event(const struct act *act, const struct fns_peer *remote,
                                       const struct fns_peer *local, struct fns_sandbox *sandbox, enum fns_ring ring,
                                       __u32 repeats)
{
    struct fns_socket_event *event = fns_reserve(FNS_SENSOR_EGRESS, ring, sizeof(*event), sandbox);

    if (!event)
        return;
    fns_fill_header(&event->header, FNS_SENSOR_EGRESS, act->kind, sizeof(*event), sandbox);
    event->header.repeats = repeats;
    fill_actor(&event->header, act->task);
    event->header.verdict = act->verdict;
    if (act->verdict.taken == FNS_ACTION_DENY)
        event->header.flags |= FNS_FLAG_DENIED;
    fill_ends(event, remote, local);
    if (act->own && remote)
        fill_own(event, remote);
    if (act->named)
        event->socket_flags |= FNS_SOCKET_NAMED;
    event->cookie = act->cookie;
    event->domain = act->domain;
    event->type = act->type;
    event->protocol = act->protocol;
    event->via = act->via;
    event->result = act->result;
    fns_submit(FNS_SENSOR_EGRESS, event);
}

/* A peer is contacted: once a second for each process. `what` is everything that makes two contacts the same. */
static __always_inline void contact(const struct act *act, const struct fns_peer *remote, const struct fns_peer *local,
                                    struct fns_sandbox *sandbox, __u32 tgid, __u64 what)
{
    enum fns_ring ring = FNS_RING_BULK;
    __u32 repeats;

    if (fns_is_repeat(FNS_SENSOR_EGRESS, sandbox->sandbox_id, act->kind, tgid, what, &repeats))
        return;
    if (act->verdict.requested || fns_is_metadata(remote))
        ring = fns_critical_within_share(sandbox);
    send_event(act, remote, local, sandbox, ring, repeats);
}

static __always_inline struct task_struct *current_task(void)
{
    return (struct task_struct *)bpf_get_current_task();
}

static __always_inline __u32 tgid_of(const struct task_struct *task)
{
    return BPF_CORE_READ(task, tgid);
}

static __always_inline __u32 current_tgid(void)
{
    return bpf_get_current_pid_tgid() >> 32;
}

/*
 * Who sends the packet of a socket of `sandbox`: the current task where it is in the same sandbox, else NULL. Only for
 * sockets whose packets leave in the sender's time; those of TCP also leave when an answer came or a timer ran out.
 */
static __always_inline struct task_struct *sender_of(const struct fns_sandbox *sandbox)
{
    struct task_struct *task = current_task();
    const struct fns_sandbox *own = fns_sandbox_of_task(task);

    return own && own->sandbox_id == sandbox->sandbox_id ? task : NULL;
}

#endif
