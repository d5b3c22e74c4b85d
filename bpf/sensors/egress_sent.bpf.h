/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * Part of egress.bpf.c: how much a function sends of its own accord, where its policy lists models: weights leave by
 * the megabyte. Counted are TCP connections that it opened itself and its UDP sockets, unless the peer stays inside or
 * is one that the policy lists. What it answers to clients of its ports has no entry in `outflows`, nor has any socket
 * of a sandbox without such a policy: then a packet costs two calls.
 *
 * Blind spots: connections from before the policy listed a model; sockets that were made in another sandbox; a
 * connection that TCP_REPAIR put together; SCTP and UDP-Lite; of UDP less than 64 KiB a socket.
 */
#ifndef FNSHIELD_BPF_EGRESS_SENT_H
#define FNSHIELD_BPF_EGRESS_SENT_H

#include "egress_packet.bpf.h"

/* Bytes on the wire after which a socket is looked at closely. */
#define LOOK_BYTES (64 << 10)

/* The rest of a connection that ends is told from this on: less is a request like any other. */
#define REST_BYTES (16 << 10)

#define UDP_HEADERS_BYTES (sizeof(struct iphdr) + sizeof(struct udphdr))

enum outflow_kind {
    OUTFLOW_IGNORED, /* the sandbox's policy lists no model */
    OUTFLOW_LISTED,  /* to a peer that the policy lists, or inside */
    OUTFLOW_COUNTED,
};

/* What one socket has sent. */
struct fns_outflow {
    struct fns_process process; /* that connected, or sent first; zeroed where it is not known */
    struct fns_peer peer;       /* the last one */
    __u64 on_wire_bytes;        /* of the packets since the last close look; of UDP without the headers */
    __u64 sent_bytes;
    __u64 told_bytes; /* of sent_bytes */
    __u64 kind;       /* enum outflow_kind */
};

struct fns_outflows_map {
    __uint(type, BPF_MAP_TYPE_SK_STORAGE);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, int);
    __type(value, struct fns_outflow);
};
extern struct fns_outflows_map outflows SEC(".maps");

/* `said` by judge_packet(). */
static __always_inline enum outflow_kind kind_of_outflow(struct __sk_buff *skb, const struct fns_peer *remote,
                                                         __u64 said)
{
    struct address address = address_of(remote);

    if (is_local_address(remote))
        return OUTFLOW_LISTED;
    if (said & JUDGED_BY_LIST)
        return JUDGED_GUARD(said) == FNS_GUARD_NONE ? OUTFLOW_LISTED : OUTFLOW_COUNTED;
    return is_own((__u64)kernel_socket(skb), address.high, address.low) ? OUTFLOW_LISTED : OUTFLOW_COUNTED;
}

/* The first packet of a socket, or the first to another peer. An entrant's is not the function's, and not counted. */
__noinline int outflow_begins(struct __sk_buff *skb, __u64 said)
{
    struct bpf_sock *sk = skb->sk;
    struct fns_sandbox *sandbox;
    struct task_struct *sender;
    struct fns_outflow *flow;
    struct fns_packet packet;
    struct fns_rule_of rule;

    sk = sk ? bpf_sk_fullsock(sk) : NULL;
    if (!sk)
        return 0;
    sandbox = sandbox_of_packet(skb);
    if (!sandbox || !sandbox->started_ns || !fns_read_packet(skb, &packet))
        return 0;
    sender = sender_of(sandbox);
    if (sender && fns_entrant_flag())
        return 0;
    rule = fns_policy_of(sandbox);
    if (packet.protocol == IPPROTO_TCP && !fns_has_list(&rule, FNS_LIST_MODELS))
        return 0;
    flow = bpf_sk_storage_get(&outflows, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
    if (!flow || !fns_has_list(&rule, FNS_LIST_MODELS))
        return 0;
    if (sender)
        fns_fill_process(&flow->process, sender);
    flow->peer = packet.remote;
    flow->kind = kind_of_outflow(skb, &packet.remote, said);
    return 0;
}

static __always_inline void tell_traffic(struct __sk_buff *skb, struct fns_outflow *flow, __u64 sent_bytes,
                                         __u16 protocol)
{
    struct fns_sandbox *sandbox = sandbox_of_packet(skb);
    struct fns_peer local = fns_socket_local(kernel_socket(skb));
    struct fns_traffic_event *event;

    event = fns_reserve(FNS_SENSOR_EGRESS, FNS_RING_BULK, sizeof(*event), sandbox);
    if (!event)
        return; /* the next one tells of these bytes too */
    fns_fill_header(&event->header, FNS_SENSOR_EGRESS, FNS_EVENT_TRAFFIC, sizeof(*event), sandbox);
    event->header.process = flow->process;
    if (!flow->process.tgid)
        event->header.flags |= FNS_FLAG_NO_TASK;
    fns_fill_endpoint(&event->remote, &flow->peer);
    fns_fill_endpoint(&event->local, &local);
    event->sent_bytes = sent_bytes;
    event->new_bytes = sent_bytes - flow->told_bytes;
    event->protocol = protocol;
    __builtin_memset(event->padding, 0, sizeof(event->padding));
    flow->told_bytes = sent_bytes;
    fns_submit(FNS_SENSOR_EGRESS, event);
}

static __always_inline bool is_open(const struct bpf_sock *sk)
{
    return sk->state == BPF_TCP_ESTABLISHED || sk->state == BPF_TCP_CLOSE_WAIT;
}

/* The kernel's own count: without headers, and nothing twice. */
__noinline int look_at_connection(struct __sk_buff *skb)
{
    const struct tcp_sock *tcp = (const void *)kernel_socket(skb);
    struct bpf_sock *sk = skb->sk;
    struct fns_outflow *flow;
    __u64 sent_bytes;

    sk = sk ? bpf_sk_fullsock(sk) : NULL;
    flow = sk ? bpf_sk_storage_get(&outflows, sk, NULL, 0) : NULL;
    if (!flow)
        return 0;
    flow->on_wire_bytes = 0;
    sent_bytes = BPF_CORE_READ(tcp, bytes_sent) - BPF_CORE_READ(tcp, bytes_retrans);
    if (sent_bytes - flow->told_bytes >= (is_open(sk) ? FNS_TRAFFIC_STEP_BYTES : REST_BYTES) &&
        sent_bytes > flow->told_bytes)
        tell_traffic(skb, flow, sent_bytes, IPPROTO_TCP);
    return 0;
}

/* A TCP packet of any socket. */
static __always_inline void count_segment(struct __sk_buff *skb, struct bpf_sock *sk)
{
    struct fns_outflow *flow;

    sk = bpf_sk_fullsock(sk);
    if (!sk)
        return;
    flow = bpf_sk_storage_get(&outflows, sk, NULL, 0);
    if (!flow) {
        if (sk->state == BPF_TCP_SYN_SENT)
            outflow_begins(skb, judge_packet(skb));
        return;
    }
    if (flow->kind != OUTFLOW_COUNTED)
        return;
    __sync_fetch_and_add(&flow->on_wire_bytes, skb->len);
    if (flow->on_wire_bytes >= LOOK_BYTES || !is_open(sk))
        look_at_connection(skb);
}

__noinline int look_at_datagrams(struct __sk_buff *skb)
{
    struct bpf_sock *sk = skb->sk;
    struct fns_outflow *flow;

    sk = sk ? bpf_sk_fullsock(sk) : NULL;
    flow = sk ? bpf_sk_storage_get(&outflows, sk, NULL, 0) : NULL;
    if (!flow)
        return 0;
    flow->sent_bytes += flow->on_wire_bytes;
    flow->on_wire_bytes = 0;
    tell_traffic(skb, flow, flow->sent_bytes, IPPROTO_UDP);
    return 0;
}

/* A datagram of a UDP socket to `remote`; NULL where that takes more than a look. */
static __always_inline void count_datagram(struct __sk_buff *skb, struct bpf_sock *sk, const struct fns_peer *remote)
{
    struct fns_outflow *flow = bpf_sk_storage_get(&outflows, sk, NULL, 0);

    if (flow && flow->kind == OUTFLOW_IGNORED)
        return;
    if (!flow || !remote || !is_same_peer(remote, &flow->peer)) {
        outflow_begins(skb, judge_packet(skb));
        flow = bpf_sk_storage_get(&outflows, sk, NULL, 0);
    }
    if (!flow || flow->kind != OUTFLOW_COUNTED)
        return;
    __sync_fetch_and_add(&flow->on_wire_bytes, skb->len - UDP_HEADERS_BYTES);
    if (flow->on_wire_bytes >= LOOK_BYTES)
        look_at_datagrams(skb);
}

#endif
