/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * Part of egress.bpf.c: packets on their way out. Nearly all are TCP or go to the same peer as the one before; these
 * end after a few loads, in place. The rest is read in full, once a second for each socket and peer.
 */
#ifndef FNSHIELD_BPF_EGRESS_PACKET_H
#define FNSHIELD_BPF_EGRESS_PACKET_H

#include "egress_dns.bpf.h"
#include "egress_verdict.bpf.h"

/* Below it a port was chosen by its owner, from it on by the kernel (net.ipv4.ip_local_port_range). */
#define EPHEMERAL_PORTS 32768

/*
 * The local "port" of a raw socket is its protocol number, so that a socket with a higher one, whose packet is TCP, can
 * only be a TCP socket: raw sockets alone write protocols other than their own.
 */
#define LAST_PROTOCOL_NUMBER 262

/* The last peer of a UDP socket, and those of its datagrams that are not in `seen` yet. */
struct fns_talk {
    struct fns_peer peer;
    __u64 task;     /* that sent to it, a kernel address: only ever compared */
    __u64 since_ns; /* when it was last reported */
    __u64 repeats;
    __u32 refused; /* 1: so was the last one, and so are those until it is reported again */
    __u32 port_be; /* that the verdict is about, also where `peer` has none; 0 = any */
    /*
     * What was let pass, written last and by one store: threads that share the socket may mix up the fields above, and
     * a peer that does not fit it is judged again. 0 = nothing.
     */
    __u64 passes;
    struct fns_seen_key key;
};

struct fns_talks_map {
    __uint(type, BPF_MAP_TYPE_SK_STORAGE);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, int);
    __type(value, struct fns_talk);
};
extern struct fns_talks_map talks SEC(".maps");

/* Of struct bpf_sock, network order. A load of four bytes is what kernels before 5.18 allow here; the rest is zero. */
static __always_inline __u16 connected_port(struct bpf_sock *sk)
{
    return *(volatile __u32 *)((char *)sk + __builtin_offsetof(struct bpf_sock, dst_port));
}

/* A packet of a TCP socket that is not connected to port 53. False where that takes more than a look. */
static __always_inline bool is_plain_tcp(struct __sk_buff *skb, struct bpf_sock *sk)
{
    const __u8 *data = (const __u8 *)(long)skb->data;
    const __u8 *end = (const __u8 *)(long)skb->data_end;
    bool v6;

    if (data + sizeof(struct iphdr) > end)
        return false;
    v6 = (data[0] >> 4) == 6;
    if ((v6 ? data[6] : data[9]) != IPPROTO_TCP)
        return false;
    return sk->src_port > LAST_PROTOCOL_NUMBER && connected_port(sk) != bpf_htons(FNS_DNS_PORT);
}

/* A client's port, to which a server answers from a port of its own choice, does not make two peers. */
static __always_inline struct fns_peer without_client_port(const struct fns_peer *remote, __u16 local_port_be)
{
    struct fns_peer peer = *remote;

    if (bpf_ntohs(peer.port_be) >= EPHEMERAL_PORTS && bpf_ntohs(local_port_be) < EPHEMERAL_PORTS)
        peer.port_be = 0;
    return peer;
}

static __always_inline bool is_same_peer(const struct fns_peer *a, const struct fns_peer *b)
{
    return a->word[0] == b->word[0] && a->port_be == b->port_be && a->family == b->family &&
           (a->family == AF_INET || (a->word[1] == b->word[1] && a->word[2] == b->word[2] && a->word[3] == b->word[3]));
}

/* Both ends of a datagram whose headers are plain, in place. */
static __always_inline bool read_datagram(struct __sk_buff *skb, struct fns_peer *remote, __u16 *local_port_be)
{
    const __u8 *data = (const __u8 *)(long)skb->data;
    const __u8 *end = (const __u8 *)(long)skb->data_end;

    if (data + sizeof(struct iphdr) + sizeof(struct udphdr) > end)
        return false;
    if (data[0] == 0x45) {
        const struct udphdr *udp = (const void *)(data + sizeof(struct iphdr));

        *remote = fns_peer_v4(((const struct iphdr *)data)->daddr, udp->dest);
        *local_port_be = udp->source;
        return true;
    }
    if (data + sizeof(struct ipv6hdr) + sizeof(struct udphdr) <= end && (data[0] >> 4) == 6 && data[6] == IPPROTO_UDP) {
        const struct udphdr *udp = (const void *)(data + sizeof(struct ipv6hdr));
        const __u32 *w = ((const struct ipv6hdr *)data)->daddr.in6_u.u6_addr32;

        *remote = fns_peer_v6(w[0], w[1], w[2], w[3], udp->dest);
        *local_port_be = udp->source;
        return true;
    }
    return false;
}

/* The socket is connected to this peer: connect was the event. */
static __always_inline bool is_connected_to(struct bpf_sock *sk, const struct fns_peer *remote)
{
    if (connected_port(sk) != remote->port_be)
        return false;
    if (remote->family == AF_INET)
        return sk->dst_ip4 == remote->word[0];
    return sk->dst_ip6[0] == remote->word[0] && sk->dst_ip6[1] == remote->word[1] &&
           sk->dst_ip6[2] == remote->word[2] && sk->dst_ip6[3] == remote->word[3];
}

enum datagram_kind { DATAGRAM_NEW, DATAGRAM_PASSES, DATAGRAM_REFUSED };

static __always_inline __u64 peer_that_passes(const struct fns_peer *peer, __u32 port_be)
{
    return fns_mix(fns_peer_hash(peer, IPPROTO_UDP), port_be);
}

/*
 * Whether anything is new about this datagram. Not where it is no question, and goes to a peer that the socket is
 * connected to (connect had the verdict) or has just sent to; then the verdict of that time holds, for as long as the
 * peer is not reported again.
 */
static __always_inline enum datagram_kind datagram_kind_of(struct bpf_sock *sk, const struct fns_peer *remote,
                                                           __u16 local_port_be)
{
    struct fns_sensor_counters *c;
    struct fns_peer peer;
    struct fns_talk *talk;

    if (remote->port_be == bpf_htons(FNS_DNS_PORT) || local_port_be == bpf_htons(FNS_DNS_PORT))
        return DATAGRAM_NEW;
    if (is_connected_to(sk, remote))
        return DATAGRAM_PASSES;
    talk = bpf_sk_storage_get(&talks, sk, NULL, 0);
    if (!talk || talk->task != (__u64)bpf_get_current_task())
        return DATAGRAM_NEW;
    peer = without_client_port(remote, local_port_be);
    if (talk->port_be && talk->port_be != remote->port_be)
        return DATAGRAM_NEW;
    if (!is_same_peer(&peer, &talk->peer) || bpf_ktime_get_boot_ns() - talk->since_ns >= fns_repeat_after_ns)
        return DATAGRAM_NEW;
    talk->repeats++;
    c = fns_counters(FNS_SENSOR_EGRESS);
    if (c)
        c->suppressed++;
    if (talk->refused)
        return DATAGRAM_REFUSED;
    return talk->passes == peer_that_passes(&peer, talk->port_be) ? DATAGRAM_PASSES : DATAGRAM_NEW;
}

/* What was counted on the socket goes to where the next event takes it from. */
static __always_inline void settle_talk(struct fns_talk *talk)
{
    struct fns_seen *before = talk->repeats ? bpf_map_lookup_elem(&seen, &talk->key) : NULL;

    if (before)
        __sync_fetch_and_add(&before->repeats, talk->repeats);
    talk->repeats = 0;
}

/* From now on the socket is quiet about this peer for as long as `seen` is. True where it is. */
static __always_inline bool begin_talk(struct fns_talk *talk, const struct fns_peer *peer,
                                       const struct fns_seen_key *key, const struct task_struct *task)
{
    struct fns_seen *before = bpf_map_lookup_elem(&seen, key);

    if (!before)
        return false;
    talk->passes = 0;
    talk->peer = *peer;
    talk->key = *key;
    talk->since_ns = before->forwarded_ns;
    talk->task = (__u64)task;
    return true;
}

/* A datagram of a UDP socket, read in full, and what judge_packet() said. 1: it must be dropped. */
__noinline int datagram_contact(struct __sk_buff *skb, __u64 said)
{
    struct fns_sandbox *sandbox = sandbox_of_packet(skb);
    struct bpf_sock *sk = skb->sk;
    struct fns_rule_of rule = {};
    struct fns_packet packet;
    struct fns_talk *talk;
    struct fns_peer peer;
    __u16 local_port_be = 0;

    if (!sandbox || !sk || !fns_read_packet(skb, &packet))
        return 0;
    sk = bpf_sk_fullsock(sk);
    if (!sk)
        return 0;
    bpf_skb_load_bytes(skb, packet.transport, &local_port_be, sizeof(local_port_be));
    if (local_port_be == bpf_htons(FNS_DNS_PORT))
        may_forge_answers(sandbox);
    if (is_connected_to(sk, &packet.remote))
        return 0;
    packet.remote.mapped = packet.remote.family == AF_INET && sk->family == AF_INET6;
    peer = without_client_port(&packet.remote, local_port_be);

    struct act act = {
        .kind = FNS_EVENT_SEND,
        .via = FNS_SOCKET_PACKET,
        .domain = sk->family,
        .type = SOCK_DGRAM,
        .protocol = IPPROTO_UDP,
        .task = sender_of(sandbox),
    };
    struct fns_seen_key key = { .sandbox_id = sandbox->sandbox_id, .kind = FNS_EVENT_SEND };
    if (act.task)
        key.tgid = tgid_of(act.task);
    take_verdict(&act, &rule, said);
    fns_refuse(&rule, &act.verdict, false);
    key.what = with_verdict(fns_peer_hash(&peer, IPPROTO_UDP), &act.verdict);
    talk = bpf_sk_storage_get(&talks, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
    if (talk)
        settle_talk(talk);
    contact(&act, &packet.remote, NULL, sandbox, key.tgid, key.what);
    if (talk && act.task && begin_talk(talk, &peer, &key, act.task)) {
        talk->refused = act.verdict.taken == FNS_ACTION_DENY;
        talk->port_be = said & JUDGED_BY_LIST ? packet.remote.port_be : 0;
        if (!talk->refused)
            talk->passes = peer_that_passes(&peer, said & JUDGED_BY_LIST ? packet.remote.port_be : 0);
    }
    return act.verdict.taken == FNS_ACTION_DENY;
}

/* The kernel has sockets of its own in each network namespace (ICMP, neighbour discovery): nobody's act. */
static __always_inline bool is_of_kernel(struct __sk_buff *skb)
{
    const struct sock *sk = kernel_socket(skb);

    return BPF_CORE_READ_BITFIELD_PROBED(sk, sk_kern_sock);
}

/* The same for a packet of a socket that is neither TCP nor UDP. */
__noinline int other_contact(struct __sk_buff *skb, __u64 said)
{
    struct fns_sandbox *sandbox = fns_sandbox_of_cgroup(bpf_skb_cgroup_id(skb));
    struct bpf_sock *sk = skb->sk;
    struct fns_rule_of rule = {};
    struct fns_packet packet;
    __u8 flags = 0;

    if (!sandbox || !sk || is_of_kernel(skb) || !fns_read_packet(skb, &packet))
        return 0;
    sk = bpf_sk_fullsock(sk);
    if (!sk)
        return 0;
    if (packet.protocol == IPPROTO_TCP && packet.transport)
        bpf_skb_load_bytes(skb, packet.transport + 13, &flags, sizeof(flags));

    struct act act = {
        .kind = FNS_EVENT_SEND,
        .via = FNS_SOCKET_PACKET,
        .domain = sk->family,
        .type = sk->type,
        .protocol = packet.protocol,
        .task = sender_of(sandbox),
    };
    if ((flags & (TCP_FLAG_SYN_BIT | TCP_FLAG_ACK_BIT)) == TCP_FLAG_SYN_BIT)
        act.kind = FNS_EVENT_CONNECT;
    if (act.type == SOCK_RAW)
        may_forge_answers(sandbox);
    take_verdict(&act, &rule, said);
    fns_refuse(&rule, &act.verdict, false);
    contact(&act, &packet.remote, NULL, sandbox, act.task ? tgid_of(act.task) : 0,
            with_verdict(fns_peer_hash(&packet.remote, packet.protocol), &act.verdict));
    return act.verdict.taken == FNS_ACTION_DENY;
}

/* Whatever came of the packet, what it asks for is told. */
__noinline int questions_of_packet(struct __sk_buff *skb)
{
    struct fns_packet packet;

    if (fns_read_packet(skb, &packet) && packet.protocol == IPPROTO_UDP &&
        packet.remote.port_be == bpf_htons(FNS_DNS_PORT))
        on_dns_datagram(skb, &packet);
    return 0;
}

#endif
