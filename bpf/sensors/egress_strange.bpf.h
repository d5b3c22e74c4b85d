/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * Part of egress.bpf.c: what no cgroup hook of the sandbox is asked about, refused by LSM programs where those run. A
 * socket that was made outside and handed in carries the cgroup of its maker; a packet socket passes no cgroup hook.
 * What is not refused here is left to the other hooks, which report it.
 */
#ifndef FNSHIELD_BPF_EGRESS_STRANGE_H
#define FNSHIELD_BPF_EGRESS_STRANGE_H

#include "egress_raw.bpf.h"
#include "egress_verdict.bpf.h"

/* The kernel's copy of the address: of the size of struct sockaddr_storage, whatever the caller gave. */
static __always_inline bool read_address(const void *address, struct fns_peer *peer)
{
    struct sockaddr_in6 v6;
    const struct sockaddr_in *v4 = (const void *)&v6;
    const __u32 *w = v6.sin6_addr.in6_u.u6_addr32;

    if (bpf_probe_read_kernel(&v6, sizeof(v6), address))
        return false;
    if (v6.sin6_family == AF_INET)
        *peer = fns_peer_v4(v4->sin_addr.s_addr, v4->sin_port);
    else if (v6.sin6_family == AF_INET6)
        *peer = fns_peer_v6(w[0], w[1], w[2], w[3], v6.sin6_port);
    else
        return false;
    return true;
}

/* A connect; 0 or -EPERM. */
static __always_inline int on_strange_connect(const struct sock *sk, const void *address)
{
    struct fns_sandbox *sandbox = fns_current_sandbox();
    struct fns_rule_of rule = {};
    struct fns_peer remote;
    int refused;

    if (!sandbox || !sk || fns_sandbox_of_cgroup(fns_socket_cgroup_id(sk)) || !read_address(address, &remote))
        return 0;
    struct act act = {
        .kind = FNS_EVENT_CONNECT,
        .via = FNS_SOCKET_LSM,
        .domain = BPF_CORE_READ(sk, __sk_common.skc_family),
        .type = BPF_CORE_READ(sk, sk_type),
        .protocol = BPF_CORE_READ(sk, sk_protocol),
        .task = current_task(),
    };
    if (act.domain != AF_INET && act.domain != AF_INET6)
        return 0;
    judge_contact(&act, &rule, sandbox, &remote, sk);
    refused = fns_refuse(&rule, &act.verdict, true);
    if (refused)
        contact(&act, &remote, NULL, sandbox, current_tgid(),
                with_verdict(fns_peer_hash(&remote, act.protocol), &act.verdict));
    return refused;
}

/* A socket is about to be made; 0 or -EPERM. Raw ones of IP are the cgroup hook's. */
static __always_inline int on_packet_socket(__u16 domain, __u16 type, __u16 protocol)
{
    struct fns_sandbox *sandbox = fns_current_sandbox();
    struct fns_rule_of rule = {};
    int refused;

    if (!sandbox || !is_packet_socket(domain, type))
        return 0;
    struct act act = { .via = FNS_SOCKET_LSM, .domain = domain, .type = type, .protocol = protocol };
    judge_raw_socket(&act, &rule, sandbox);
    refused = fns_refuse(&rule, &act.verdict, true);
    if (refused)
        raw_socket(&act, sandbox);
    return refused;
}

#endif
