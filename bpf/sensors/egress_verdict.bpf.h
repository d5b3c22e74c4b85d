/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * Part of egress.bpf.c: whether the policy of a sandbox minds a contact. daemon/detect/egress_match.cpp and
 * identity_metadata_service.cpp say the same to the detectors; the kernel tests compare.
 *
 * All that a verdict is made from stands on the stack: what a program leaves in a per-CPU map may be another task's by
 * the time that it is read.
 */
#ifndef FNSHIELD_BPF_EGRESS_VERDICT_H
#define FNSHIELD_BPF_EGRESS_VERDICT_H

#include "../lib/verdict.bpf.h"
#include "egress_act.bpf.h"

#define DNS_OVER_TLS_PORT 853

/* ---- whose address it is ---- */

#define OWN_DEVICES   16
#define OWN_ADDRESSES 8

/* An address as two words in network order, IPv4 as ::ffff:a.b.c.d: how functions that are verified alone take it. */
struct address {
    __u64 high;
    __u64 low;
};

static __always_inline struct address address_of(const struct fns_peer *peer)
{
    struct address address;

    if (peer->family == AF_INET) {
        address.high = 0;
        address.low = (__u64)peer->word[0] << 32 | bpf_htonl(0xffff);
    } else {
        address.high = (__u64)peer->word[1] << 32 | peer->word[0];
        address.low = (__u64)peer->word[3] << 32 | peer->word[2];
    }
    return address;
}

FNS_VERIFIED_ALONE int device_has_v4(__u64 device_address, __u32 address)
{
    const struct net_device *device = (const void *)device_address;
    const struct in_ifaddr *at = BPF_CORE_READ(device, ip_ptr, ifa_list);

    for (int i = 0; i < OWN_ADDRESSES && at; i++) {
        if (BPF_CORE_READ(at, ifa_local) == address)
            return 1;
        at = BPF_CORE_READ(at, ifa_next);
    }
    return 0;
}

FNS_VERIFIED_ALONE int device_has_v6(__u64 device_address, __u64 high, __u64 low)
{
    const struct net_device *device = (const void *)device_address;
    const struct inet6_dev *v6 = BPF_CORE_READ(device, ip6_ptr);
    const struct list_head *at;

    if (!v6 || !bpf_core_type_exists(struct inet6_ifaddr))
        return 0;
    at = BPF_CORE_READ(v6, addr_list.next);
    for (int i = 0; i < OWN_ADDRESSES && at; i++) {
        const struct inet6_ifaddr *own = (const void *)at - bpf_core_field_offset(struct inet6_ifaddr, if_list);
        __u64 words[2] = {};

        if ((const void *)at == (const void *)v6 + bpf_core_field_offset(struct inet6_dev, addr_list))
            break;
        bpf_core_read(words, sizeof(words), &own->addr);
        if (words[0] == high && words[1] == low)
            return 1;
        at = BPF_CORE_READ(at, next);
    }
    return 0;
}

/* An address of a device of the network namespace: what is sent there stays in it. Addresses in network order. */
FNS_VERIFIED_ALONE int is_own_address(__u64 net_address, __u64 high, __u64 low)
{
    const struct net *net = (const void *)net_address;
    const struct list_head *head =
        net_address ? (const void *)net + bpf_core_field_offset(struct net, dev_base_head) : NULL;
    const struct list_head *at = BPF_CORE_READ(net, dev_base_head.next);
    bool v4 = !high && (__u32)low == bpf_htonl(0xffff);

    for (int i = 0; i < OWN_DEVICES && at && at != head; i++) {
        __u64 device = (__u64)at - bpf_core_field_offset(struct net_device, dev_list);

        if (v4 ? device_has_v4(device, low >> 32) : device_has_v6(device, high, low))
            return 1;
        at = BPF_CORE_READ(at, next);
    }
    return 0;
}

static __always_inline bool is_local_address(const struct fns_peer *peer)
{
    if (peer->family == AF_INET)
        return !peer->word[0] || (peer->word[0] & bpf_htonl(0xff000000)) == bpf_htonl(0x7f000000);
    return !peer->word[0] && !peer->word[1] && !peer->word[2] && (!peer->word[3] || peer->word[3] == bpf_htonl(1));
}

/* The addresses of identity_metadata_service.cpp, no more: fns_is_metadata() only picks a ring. */
static __always_inline bool is_metadata_service_v4(__u32 address_be)
{
    return address_be == bpf_htonl(0xa9fea9fe) || address_be == bpf_htonl(0xa9feaa02) ||
           address_be == bpf_htonl(0xa9feaa17) || address_be == bpf_htonl(0xa83f8110) ||
           address_be == bpf_htonl(0x646464c8) || address_be == bpf_htonl(0xc00000c0);
}

static __always_inline bool is_metadata_service(const struct fns_peer *peer)
{
    const __u32 *w = peer->word;

    if (peer->family == AF_INET)
        return is_metadata_service_v4(w[0]);
    if (w[0] == bpf_htonl(0x0064ff9b) && ((!w[1] && !w[2]) || (w[1] & bpf_htonl(0xffff0000)) == bpf_htonl(0x00010000)))
        return is_metadata_service_v4(w[3]); /* NAT64 */
    if (w[1] || w[2])
        return false;
    return (w[0] == bpf_htonl(0xfd000ec2) && (w[3] == bpf_htonl(0x0254) || w[3] == bpf_htonl(0x0023))) ||
           (w[0] == bpf_htonl(0xfd2000ce) && w[3] == bpf_htonl(0x0254)) ||
           (w[0] == bpf_htonl(0xfe800000) && w[3] == bpf_htonl(0xa9fea9fe));
}

/* ---- what the policy lists ---- */

FNS_VERIFIED_ALONE int lists_address(__u64 high, __u64 low, __u32 policy_id, __u32 list, __u32 port_be)
{
    struct fns_network_key key = { .prefix_bits = FNS_NETWORK_KEY_BITS(128), .policy_id = policy_id, .list = list };
    const struct fns_ports *ports;

    __builtin_memcpy(key.address, &high, sizeof(high));
    __builtin_memcpy(key.address + sizeof(high), &low, sizeof(low));
    ports = bpf_map_lookup_elem(&listed_networks, &key);
    if (!ports)
        return 0;
    for (int i = 0; i < FNS_LISTED_PORTS && i < ports->count; i++)
        if (ports->port_be[i] == port_be)
            return 1;
    return !ports->count;
}

static __always_inline bool lists_network(const struct fns_rule_of *rule, __u32 list, const struct fns_peer *peer)
{
    struct address address = address_of(peer);

    return lists_address(address.high, address.low, rule->policy_id, list, peer->port_be);
}

static __always_inline bool is_resolver(const struct fns_rule_of *rule, const struct fns_peer *peer)
{
    if (peer->port_be != bpf_htons(FNS_DNS_PORT) && peer->port_be != bpf_htons(DNS_OVER_TLS_PORT))
        return false;
    return lists_network(rule, FNS_LIST_RESOLVERS, peer);
}

static __always_inline const struct sock *kernel_socket(struct __sk_buff *skb)
{
    return BPF_CORE_READ((struct sk_buff *)skb, sk);
}

static __always_inline __u32 netns_of(const struct sock *sk)
{
    return BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
}

static __always_inline bool is_alive(const struct fns_resolved *answer, __u32 phase)
{
    return answer && bpf_ktime_get_boot_ns() < answer->expires_ns[phase & 1];
}

FNS_VERIFIED_ALONE int was_answered(__u64 sandbox_id, __u64 high, __u64 low, __u32 netns, __u32 phase_and_port)
{
    struct fns_resolved_key key = { .sandbox_id = sandbox_id, .netns = netns, .port_be = phase_and_port };
    __u32 phase = phase_and_port >> 16;

    __builtin_memcpy(key.address, &high, sizeof(high));
    __builtin_memcpy(key.address + sizeof(high), &low, sizeof(low));
    if (is_alive(bpf_map_lookup_elem(&resolved, &key), phase))
        return 1;
    key.port_be = 0;
    return is_alive(bpf_map_lookup_elem(&resolved, &key), phase);
}

/* Listed by name: an answer that the sandbox got named this address, and has not run out. */
static __always_inline bool lists_name(const struct fns_rule_of *rule, __u64 sandbox_id, const struct fns_peer *peer,
                                       const struct sock *sk)
{
    struct address address = address_of(peer);

    if (!(rule->policy->flags & FNS_POLICY_NAMES_LISTED))
        return false;
    return was_answered(sandbox_id, address.high, address.low, netns_of(sk), rule->phase << 16 | peer->port_be);
}

/* ---- the verdict ---- */

/*
 * The socket is bound to the very address that it talks to, and that is one of its network namespace's: a socket may
 * also be bound to a stranger's (IPV6_FREEBIND, IP_TRANSPARENT), and then its packets leave.
 */
FNS_VERIFIED_ALONE int is_own(__u64 socket, __u64 high, __u64 low)
{
    const struct sock *sk = (const void *)socket;
    struct fns_peer local = fns_socket_local(sk);
    struct address bound = address_of(&local);

    if (bound.high != high || bound.low != low)
        return 0;
    return is_own_address((__u64)BPF_CORE_READ(sk, __sk_common.skc_net.net), high, low);
}

/* What judge() answers, in one number: all that a function that is verified alone can give back. */
#define JUDGED_GUARD(judged)     ((__u8)(judged))
#define JUDGED_REQUESTED(judged) ((__u8)((judged) >> 8))
#define JUDGED_NAMED             (1ULL << 16)
#define JUDGED_OWN               (1ULL << 17)
#define JUDGED_BY_LIST           (1ULL << 18) /* the policy has a list: another port is another matter */
#define JUDGED_POLICY(judged)    ((__u32)((judged) >> 32))

static __always_inline __u64 judged(const struct fns_rule_of *rule, enum fns_guard guard)
{
    struct fns_verdict verdict = fns_judge(rule, guard);

    return (__u64)rule->policy_id << 32 | (__u64)verdict.requested << 8 | verdict.guard;
}

static __always_inline __u64 judge_by_list(const struct fns_rule_of *rule, __u64 sandbox_id,
                                           const struct fns_peer *remote, const struct sock *sk)
{
    struct address address = address_of(remote);
    __u32 list = rule->phase == FNS_PHASE_WARM ? FNS_LIST_EGRESS_WARM : FNS_LIST_EGRESS_INIT;

    if (!fns_has_list(rule, list))
        return 0;
    if (is_local_address(remote) || lists_network(rule, list, remote))
        return JUDGED_BY_LIST;
    if (lists_name(rule, sandbox_id, remote, sk))
        return JUDGED_BY_LIST | JUDGED_NAMED;
    if (is_own((__u64)sk, address.high, address.low))
        return JUDGED_BY_LIST | JUDGED_OWN;
    return JUDGED_BY_LIST | judged(rule, FNS_GUARD_EGRESS);
}

/* `who`: 1 where the current task is the actor. Entrants are not judged; an actor that is not known is the function. */
FNS_VERIFIED_ALONE __u64 judge(__u64 sandbox_id, __u64 high, __u64 low, __u64 socket, __u32 port_and_who)
{
    const struct fns_sandbox *sandbox = bpf_map_lookup_elem(&sandboxes, &sandbox_id);
    struct fns_peer remote = fns_peer_v6(high, high >> 32, low, low >> 32, port_and_who >> 16);
    struct fns_rule_of rule;
    __u64 by_list, metadata = 0;

    if (!sandbox || !sandbox->started_ns || (port_and_who & 1 && fns_entrant_flag()))
        return 0;
    rule = fns_policy_of(sandbox);
    if (!rule.policy || is_resolver(&rule, &remote))
        return 0;
    if (!(rule.policy->flags & FNS_POLICY_METADATA_ALLOWED) && is_metadata_service(&remote))
        metadata = judged(&rule, FNS_GUARD_METADATA);
    if (JUDGED_REQUESTED(metadata))
        return metadata;
    by_list = judge_by_list(&rule, sandbox_id, &remote, (const struct sock *)socket);
    if (metadata && !JUDGED_REQUESTED(by_list))
        return metadata | (by_list & JUDGED_BY_LIST);
    return by_list;
}

/* What judge() said, into *act; *rule is then set where something is to be done about it. */
static __always_inline void take_verdict(struct act *act, struct fns_rule_of *rule, __u64 said)
{
    act->named = said & JUDGED_NAMED;
    act->own = said & JUDGED_OWN;
    act->verdict.guard = JUDGED_GUARD(said);
    act->verdict.requested = JUDGED_REQUESTED(said);
    act->verdict.policy_id = JUDGED_POLICY(said);
    if (!act->verdict.requested)
        return;
    rule->policy_id = act->verdict.policy_id;
    rule->policy = bpf_map_lookup_elem(&policies, &rule->policy_id);
}

/* What the policy says about a contact of act->task. `sk` is the kernel's socket, any address that can be probed. */
static __always_inline void judge_contact(struct act *act, struct fns_rule_of *rule, const struct fns_sandbox *sandbox,
                                          const struct fns_peer *remote, const struct sock *sk)
{
    struct address address = address_of(remote);

    take_verdict(act, rule,
                 judge(sandbox->sandbox_id, address.high, address.low, (__u64)sk,
                       (__u32)remote->port_be << 16 | (act->task != NULL)));
}

/* Whose packet it is: its socket's sandbox, or the sender's where that socket's sandbox is gone (it was handed on). */
static __always_inline struct fns_sandbox *sandbox_of_packet(struct __sk_buff *skb)
{
    struct fns_sandbox *sandbox = fns_sandbox_of_cgroup(bpf_skb_cgroup_id(skb));

    return sandbox ? sandbox : fns_sandbox_of_task(current_task());
}

/* The same about a packet on its way out, of its own for the sake of the stack. */
FNS_VERIFIED_ALONE __u64 judge_packet(struct __sk_buff *skb)
{
    struct fns_sandbox *sandbox = sandbox_of_packet(skb);
    struct fns_packet packet;
    struct address address;

    if (!sandbox || !fns_read_packet(skb, &packet))
        return 0;
    address = address_of(&packet.remote);
    return judge(sandbox->sandbox_id, address.high, address.low, (__u64)kernel_socket(skb),
                 (__u32)packet.remote.port_be << 16 | (sender_of(sandbox) != NULL));
}

/* The same act with another verdict is another act: that it was let pass before must not hide that it is refused. */
static __always_inline __u64 with_verdict(__u64 what, const struct fns_verdict *verdict)
{
    if (!verdict->guard)
        return what;
    return fns_mix(what, (__u64)verdict->guard << 16 | (__u64)verdict->requested << 8 | verdict->taken);
}

#endif
