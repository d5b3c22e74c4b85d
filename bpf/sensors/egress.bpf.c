// SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
/*
 * Egress: whom a sandbox talks to, by any road, which names it asks for, and on which ports it listens.
 *
 * Hooks, at the cgroups under which sandboxes appear (the host's traffic never runs them):
 *   connect4/6    the kernel's copy of the address, whatever entry it came by (64-bit, 32-bit, io_uring)
 *   post_bind4/6  the port really bound
 *   sock_create   raw sockets
 *   egress        packets: datagrams to other peers than the connected one, questions to port 53, and what no hook is
 *                 asked about (raw and ping sockets, UDP-Lite, SCTP). Not sendmsg4/6: while they are attached anywhere,
 *                 every datagram of the node takes its socket's lock once more.
 * On the whole node:
 *   inet_sock_set_state      TCP: a second witness of connect (sockets that were made in another cgroup, multipath
 *                            subflows), listen, and connections accepted, which exist in interrupt context only
 *   cap_capable              packet sockets, by whatever entry; where the kernel has no such tracepoint (before 6.14),
 *   sys_{enter,exit}_socket  packet sockets by the 64-bit entry
 *
 * Blind spots: connections older than the daemon; a UDP socket that was made outside and handed in; a datagram that the
 * kernel refuses to send (no route, a firewall in the sandbox's own network); a packet socket sends what it likes
 * without a hook, so that its making is the event; names asked for over TLS. Cost: a packet of TCP five loads; a
 * datagram to the same peer as the last one two calls; a state change of a socket that is in no sandbox two compares
 * and a look-up.
 */
#include "egress_act.bpf.h"
#include "egress_packet.bpf.h"
#include "egress_raw.bpf.h"

/* Connections to one port that come faster than this are counted, not forwarded. */
const volatile __u64 accept_spacing_ns = 10000000;

/*
 * The socket whose connect hook ran last on this CPU. Written by the connect hook, taken by the state tracepoint that
 * follows in the same call, so that one connect is one event. Where the task was moved in between, the act counts as a
 * repeat of itself.
 */
struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, __u64);
} connecting SEC(".maps");

struct accept_key {
    __u64 sandbox_id;
    __u32 port;
    __u32 padding;
};

/*
 * When a connection to a port was last forwarded, and how many came since. Read and written by the state tracepoint.
 * Of its own, so that nothing else that a sandbox does can push a count out. Full: a port is forwarded as if it were
 * the first time, the count since then is lost.
 */
struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 16384);
    __type(key, struct accept_key);
    __type(value, struct fns_seen);
} accepts SEC(".maps");

/*
 * TCP connections to port 53. Made by the connect hook, filled by the packet hook, one socket at a time. Full: the
 * connection that was quiet for longest is forgotten, and what it still asks for is not seen.
 */
struct fns_streams_map streams SEC(".maps");

/* The last peer of a UDP socket. Made and read by the packet hook, goes with its socket. Full: cannot be. */
struct fns_talks_map talks SEC(".maps");

/*
 * A thread that asked for CAP_NET_RAW by an entry that does not tell what for. Written by cap_capable, taken by
 * sock_create in the same call, so that a raw socket is one event. Where the task was moved in between, it is two.
 */
struct fns_undecided_map undecided SEC(".maps");

/*
 * Packet sockets that are being made, by thread: from sys_enter_socket to sys_exit_socket. Full: the oldest is
 * forgotten and not seen.
 */
struct fns_socket_calls_map socket_calls SEC(".maps");

/* ---- connect ---- */

static __always_inline int on_connect(struct bpf_sock_addr *ctx, struct fns_peer *remote)
{
    struct fns_sandbox *sandbox = fns_current_sandbox();

    if (!sandbox)
        return 1;

    struct act act = {
        .kind = FNS_EVENT_CONNECT,
        .via = FNS_SOCKET_CONNECT,
        .domain = ctx->family,
        .type = ctx->type,
        .protocol = ctx->protocol,
        .cookie = bpf_get_socket_cookie(ctx),
        .task = current_task(),
    };

    if (act.type == SOCK_STREAM) {
        __u32 zero = 0;
        __u64 *last = bpf_map_lookup_elem(&connecting, &zero);

        if (last)
            *last = act.cookie;
        if (remote->port_be == bpf_htons(FNS_DNS_PORT))
            dns_stream_begins(act.cookie, act.task);
    }
    remote->mapped |= act.domain == AF_INET6 && remote->family == AF_INET;
    contact(&act, remote, NULL, sandbox, current_tgid(), fns_peer_hash(remote, act.protocol));
    return 1;
}

SEC("cgroup/connect4")
int connect4(struct bpf_sock_addr *ctx)
{
    if (ctx->user_family != AF_INET)
        return 1; /* it will be refused */
    struct fns_peer remote = fns_peer_v4(ctx->user_ip4, ctx->user_port);
    return on_connect(ctx, &remote);
}

SEC("cgroup/connect6")
int connect6(struct bpf_sock_addr *ctx)
{
    if (ctx->user_family != AF_INET6)
        return 1;
    struct fns_peer remote =
        fns_peer_v6(ctx->user_ip6[0], ctx->user_ip6[1], ctx->user_ip6[2], ctx->user_ip6[3], ctx->user_port);
    return on_connect(ctx, &remote);
}

/* ---- bind, and raw sockets ---- */

static __always_inline int on_bind(struct bpf_sock *ctx, const struct fns_peer *local)
{
    struct fns_sandbox *sandbox = fns_current_sandbox();
    __u32 repeats;

    if (!sandbox)
        return 1;

    struct act act = {
        .kind = FNS_EVENT_BIND,
        .via = FNS_SOCKET_BIND,
        .domain = ctx->family,
        .type = ctx->type,
        .protocol = ctx->protocol,
        .task = current_task(),
    };

    if (!fns_is_repeat(FNS_SENSOR_EGRESS, sandbox->sandbox_id, act.kind, current_tgid(),
                       fns_peer_hash(local, act.protocol), &repeats))
        send_event(&act, NULL, local, sandbox, FNS_RING_BULK, repeats);
    return 1;
}

SEC("cgroup/post_bind4")
int bind4(struct bpf_sock *ctx)
{
    struct fns_peer local = fns_peer_v4(ctx->src_ip4, bpf_htons(ctx->src_port));

    return on_bind(ctx, &local);
}

SEC("cgroup/post_bind6")
int bind6(struct bpf_sock *ctx)
{
    struct fns_peer local =
        fns_peer_v6(ctx->src_ip6[0], ctx->src_ip6[1], ctx->src_ip6[2], ctx->src_ip6[3], bpf_htons(ctx->src_port));

    return on_bind(ctx, &local);
}

SEC("cgroup/sock_create")
int sock_create(struct bpf_sock *ctx)
{
    if (ctx->type == SOCK_RAW)
        on_raw_socket(ctx->family, ctx->protocol);
    return 1;
}

/* ---- TCP states ---- */

static __always_inline struct act tcp_act(const struct sock *sk, enum fns_event_kind kind)
{
    struct act act = {
        .kind = kind,
        .via = FNS_SOCKET_STATE,
        .domain = BPF_CORE_READ(sk, __sk_common.skc_family),
        .type = SOCK_STREAM,
        .protocol = IPPROTO_TCP,
        .cookie = BPF_CORE_READ(sk, __sk_common.skc_cookie.counter),
    };

    return act;
}

/* True where the connect hook has just seen this socket. */
static __always_inline bool connect_was_seen(__u64 cookie)
{
    __u32 zero = 0;
    __u64 *last = bpf_map_lookup_elem(&connecting, &zero);

    if (!last || !cookie || *last != cookie)
        return false;
    *last = 0;
    return true;
}

/* In the caller's time, but for subflows that a kernel thread opens: those belong to the socket's sandbox. */
static __always_inline void on_syn_sent(const struct sock *sk)
{
    struct fns_sandbox *sandbox = fns_current_sandbox();
    struct task_struct *task = sandbox ? current_task() : NULL;
    struct fns_peer remote;

    if (!sandbox)
        sandbox = fns_sandbox_of_cgroup(fns_trusted_socket_cgroup_id(sk));
    if (!sandbox || connect_was_seen(sk->__sk_common.skc_cookie.counter))
        return;
    struct act act = tcp_act(sk, FNS_EVENT_CONNECT);
    act.task = task;
    remote = fns_socket_remote(sk);
    if (remote.port_be == bpf_htons(FNS_DNS_PORT))
        dns_stream_begins(act.cookie, act.task);
    contact(&act, &remote, NULL, sandbox, task ? current_tgid() : 0, fns_peer_hash(&remote, act.protocol));
}

static __always_inline void on_listen(const struct sock *sk)
{
    struct fns_sandbox *sandbox = fns_current_sandbox();
    struct fns_peer local;
    __u32 repeats;

    if (!sandbox)
        return;
    struct act act = tcp_act(sk, FNS_EVENT_LISTEN);
    act.task = current_task();
    local = fns_socket_local(sk);
    if (!fns_is_repeat(FNS_SENSOR_EGRESS, sandbox->sandbox_id, act.kind, current_tgid(),
                       fns_peer_hash(&local, act.protocol), &repeats))
        send_event(&act, NULL, &local, sandbox, fns_routine_within_share(sandbox), repeats);
}

/* True where this connection is only to be counted; else *repeats and *first are set. */
static __always_inline bool accept_is_counted(const struct fns_sandbox *sandbox, __u16 port, __u32 *repeats,
                                              bool *first)
{
    struct accept_key key = { .sandbox_id = sandbox->sandbox_id, .port = port };
    struct fns_seen *before = bpf_map_lookup_elem(&accepts, &key);
    __u64 now_ns = bpf_ktime_get_boot_ns();

    *repeats = 0;
    *first = !before;
    if (!before) {
        struct fns_seen now = { .forwarded_ns = now_ns };
        bpf_map_update_elem(&accepts, &key, &now, BPF_ANY);
        return false;
    }
    if (now_ns - before->forwarded_ns < accept_spacing_ns) {
        struct fns_sensor_counters *c = fns_counters(FNS_SENSOR_EGRESS);
        __sync_fetch_and_add(&before->repeats, 1);
        if (c)
            c->suppressed++;
        return true;
    }
    *repeats = before->repeats;
    before->forwarded_ns = now_ns;
    before->repeats = 0;
    return false;
}

/* In interrupt context: the sandbox is the listening socket's. */
static __always_inline void on_accepted(const struct sock *sk)
{
    struct fns_sandbox *sandbox = fns_sandbox_of_cgroup(fns_trusted_socket_cgroup_id(sk));
    struct fns_peer remote, local;
    __u32 repeats;
    bool first;

    if (!sandbox)
        return;
    local = fns_socket_local(sk);
    if (accept_is_counted(sandbox, local.port_be, &repeats, &first))
        return;
    struct act act = tcp_act(sk, FNS_EVENT_ACCEPT);
    remote = fns_socket_remote(sk);
    remote.mapped = 0;
    send_event(&act, &remote, &local, sandbox, first ? fns_routine_within_share(sandbox) : FNS_RING_BULK, repeats);
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(tcp_state, const struct sock *sk, const int from, const int to)
{
    if (to != BPF_TCP_SYN_SENT && to != BPF_TCP_LISTEN && (to != BPF_TCP_ESTABLISHED || from != BPF_TCP_SYN_RECV))
        return 0;
    if (sk->sk_protocol != IPPROTO_TCP)
        return 0;
    if (to == BPF_TCP_SYN_SENT)
        on_syn_sent(sk);
    else if (to == BPF_TCP_LISTEN)
        on_listen(sk);
    else
        on_accepted(sk);
    return 0;
}

/* ---- packets ---- */

SEC("cgroup_skb/egress")
int packet(struct __sk_buff *skb)
{
    struct bpf_sock *sk = skb->sk;
    struct fns_peer remote;
    __u16 port;

    if (!sk || is_plain_tcp(skb, sk))
        return 1;
    sk = bpf_sk_fullsock(sk);
    if (!sk)
        return 1;
    if (sk->type == SOCK_STREAM && sk->protocol == IPPROTO_TCP) {
        if (connected_port(sk) == bpf_htons(FNS_DNS_PORT))
            on_dns_segment(skb);
    } else if (sk->type == SOCK_DGRAM && sk->protocol == IPPROTO_UDP) {
        if (!read_datagram(skb, &remote, &port) || !datagram_is_known(sk, &remote, port))
            on_datagram(skb);
    } else {
        on_other_packet(skb);
    }
    return 1;
}

/* ---- packet sockets ---- */

SEC("tp_btf/cap_capable")
int BPF_PROG(net_raw, const struct cred *cred, struct user_namespace *target, const struct user_namespace *capable,
             int capability, int result)
{
    if (capability == CAP_NET_RAW)
        on_net_raw(result);
    return 0;
}

SEC("tracepoint/syscalls/sys_enter_socket")
int socket_enter(struct trace_event_raw_sys_enter *ctx)
{
    on_socket_enter(ctx->args[0], ctx->args[1] & SOCK_TYPE_MASK, ctx->args[2]);
    return 0;
}

SEC("tracepoint/syscalls/sys_exit_socket")
int socket_exit(struct trace_event_raw_sys_exit *ctx)
{
    on_socket_exit(ctx->ret);
    return 0;
}
