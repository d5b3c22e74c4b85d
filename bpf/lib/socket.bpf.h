/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * Sockets and their addresses: which cgroup a socket belongs to, both ends in one form, and which peers are so telling
 * that no budget may hide them.
 *
 * A peer is put together in registers and on the stack first and only copied into an event when there is one to send:
 * most acts are repeats and end before that.
 */
#ifndef FNSHIELD_BPF_SOCKET_H
#define FNSHIELD_BPF_SOCKET_H

#include "emit.bpf.h"

#include "fnshield/abi/egress.h"

#define SOCK_STREAM    1
#define SOCK_DGRAM     2
#define SOCK_RAW       3
#define SOCK_PACKET    10
#define SOCK_TYPE_MASK 0xf

#define AF_XDP      44
#define CAP_NET_RAW 13

#define FNS_DNS_PORT 53

/* One end of a conversation: struct fns_endpoint as words, IPv4-mapped IPv6 already turned into IPv4. */
struct fns_peer {
    __u32 word[4]; /* network order */
    __u16 port_be;
    __u16 family;
    __u32 mapped; /* it was written as IPv6 */
};

static __always_inline struct fns_peer fns_peer_v4(__u32 address_be, __u16 port_be)
{
    struct fns_peer peer = { .word = { address_be }, .port_be = port_be, .family = AF_INET };

    return peer;
}

static __always_inline struct fns_peer fns_peer_v6(__u32 w0, __u32 w1, __u32 w2, __u32 w3, __u16 port_be)
{
    struct fns_peer peer = { .word = { w0, w1, w2, w3 }, .port_be = port_be, .family = AF_INET6 };

    if (w0 == 0 && w1 == 0 && w2 == bpf_htonl(0xffff)) {
        peer.word[0] = w3;
        peer.word[2] = 0;
        peer.word[3] = 0;
        peer.family = AF_INET;
        peer.mapped = 1;
    }
    return peer;
}

static __always_inline void fns_fill_endpoint(struct fns_endpoint *endpoint, const struct fns_peer *peer)
{
    __builtin_memcpy(endpoint->address, peer->word, sizeof(endpoint->address));
    endpoint->port_be = peer->port_be;
    endpoint->family = peer->family;
}

static __always_inline __u64 fns_peer_hash(const struct fns_peer *peer, __u32 protocol)
{
    __u64 hash = fns_mix(fns_seen_secret, (__u64)peer->word[0] << 32 | peer->word[1]);

    hash = fns_mix(hash, (__u64)protocol << 32 | (__u32)peer->port_be << 16 | peer->family);
    if (peer->family == AF_INET6)
        hash = fns_mix(hash, (__u64)peer->word[2] << 32 | peer->word[3]);
    return hash;
}

static __always_inline bool fns_is_metadata_v4(__u32 address_be)
{
    return (address_be & bpf_htonl(0xffff0000)) == bpf_htonl(0xa9fe0000) || /* 169.254.0.0/16: all clouds */
           address_be == bpf_htonl(0xa83f8110) ||                           /* 168.63.129.16: Azure */
           address_be == bpf_htonl(0x646464c8) ||                           /* 100.100.100.200: Alibaba */
           address_be == bpf_htonl(0xc00000c0);                             /* 192.0.0.192: Oracle, older */
}

/*
 * Where clouds answer with credentials. This only picks the ring in which no budget applies; what is an alert is the
 * detector's to say.
 */
static __always_inline bool fns_is_metadata(const struct fns_peer *peer)
{
    if (peer->family == AF_INET)
        return fns_is_metadata_v4(peer->word[0]);
    if (peer->word[0] == bpf_htonl(0xfd000ec2) || /* fd00:ec2::/32: AWS */
        peer->word[0] == bpf_htonl(0xfd2000ce))   /* fd20:ce::/32: Google */
        return true;
    /* 64:ff9b::/96 (NAT64) and link-local addresses that carry the IPv4 address in their last word. */
    return (peer->word[0] == bpf_htonl(0x0064ff9b) || peer->word[0] == bpf_htonl(0xfe800000)) &&
           fns_is_metadata_v4(peer->word[3]);
}

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct sock_cgroup_data___union {
    __u64 val;
};
#pragma clang attribute pop

/*
 * The id of the cgroup in which the socket was made; an accepted one has its listener's. 0 where that is the root.
 *
 * Until 5.14 struct sock_cgroup_data was a union, in which the two lowest bits say that it holds no pointer (a net_cls
 * or net_prio id, on hybrid hosts) and then the root counts; a plain pointer from 5.15 (8520e224f547). The shim can go
 * when 5.15 is the oldest kernel.
 */
static __always_inline __u64 fns_socket_cgroup_id(const struct sock *sk)
{
    const struct sock_cgroup_data *data = &sk->sk_cgrp_data;
    const struct cgroup *cgroup;

    if (bpf_core_field_exists(data->cgroup)) {
        cgroup = BPF_CORE_READ(sk, sk_cgrp_data.cgroup);
    } else {
        const struct sock_cgroup_data___union *old = (const void *)data;
        __u64 value = BPF_CORE_READ(old, val);

        cgroup = value & 3 ? NULL : (const struct cgroup *)value;
    }
    return cgroup ? BPF_CORE_READ(cgroup, kn, id) : 0;
}

/* The same of a socket that a tp_btf program was given: plain loads, no calls. */
static __always_inline __u64 fns_trusted_socket_cgroup_id(const struct sock *sk)
{
    const struct cgroup *cgroup;

    if (!bpf_core_field_exists(sk->sk_cgrp_data.cgroup))
        return fns_socket_cgroup_id(sk);
    cgroup = sk->sk_cgrp_data.cgroup;
    return cgroup ? cgroup->kn->id : 0;
}

/* The peer, and the socket's own end, of a TCP socket. */
static __always_inline struct fns_peer fns_socket_remote(const struct sock *sk)
{
    __u16 port_be = BPF_CORE_READ(sk, __sk_common.skc_dport);

    if (BPF_CORE_READ(sk, __sk_common.skc_family) == AF_INET6) {
        struct in6_addr address = BPF_CORE_READ(sk, __sk_common.skc_v6_daddr);
        const __u32 *w = address.in6_u.u6_addr32;

        return fns_peer_v6(w[0], w[1], w[2], w[3], port_be);
    }
    return fns_peer_v4(BPF_CORE_READ(sk, __sk_common.skc_daddr), port_be);
}

static __always_inline struct fns_peer fns_socket_local(const struct sock *sk)
{
    __u16 port_be = bpf_htons(BPF_CORE_READ(sk, __sk_common.skc_num));

    if (BPF_CORE_READ(sk, __sk_common.skc_family) == AF_INET6) {
        struct in6_addr address = BPF_CORE_READ(sk, __sk_common.skc_v6_rcv_saddr);
        const __u32 *w = address.in6_u.u6_addr32;

        return fns_peer_v6(w[0], w[1], w[2], w[3], port_be);
    }
    return fns_peer_v4(BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr), port_be);
}

#endif
