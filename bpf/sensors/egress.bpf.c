// SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
/*
 * Egress: whom a sandbox talks to, by any road, which names it asks for, and on which ports it listens; and, where its
 * policy says so, whom it may not talk to. Every act gets its verdict (egress_verdict.bpf.h), also one that is only
 * counted.
 *
 * Hooks, at the cgroups under which sandboxes appear (the host's traffic never runs them):
 *   connect4/6    the kernel's copy of the address, whatever entry it came by (64-bit, 32-bit, io_uring)
 *   post_bind4/6  the port really bound
 *   sock_create   raw sockets
 *   ingress       answers from port 53 (egress_answer.bpf.h)
 *   egress        packets: datagrams to other peers than the connected one, questions to port 53, and what no hook is
 *                 asked about (raw and ping sockets, UDP-Lite, SCTP). Not sendmsg4/6: while they are attached anywhere,
 *                 every datagram of the node takes its socket's lock once more.
 * On the whole node:
 *   inet_sock_set_state      TCP: a second witness of connect (sockets that were made in another cgroup, multipath
 *                            subflows), listen, and connections accepted, which exist in interrupt context only
 *   cap_capable              packet sockets, by whatever entry; where the kernel has no such tracepoint (before 6.14),
 *   fexit/__sock_create      the same, where functions can be traced, else
 *   sys_{enter,exit}_socket  packet sockets by the 64-bit entry
 *   lsm/socket_connect, socket_create   what the cgroup hooks are not asked about, to refuse it (egress_strange.bpf.h)
 *
 * connect, sock_create and the packet hook refuse; the tracepoints can only kill. A connection has its verdict when it
 * is made, a datagram that of the last one to the same peer, for a second at most.
 *
 * Blind spots: connections older than the daemon; a UDP socket that was made outside and handed in; a datagram that the
 * kernel refuses to send (no route, a firewall in the sandbox's own network); a packet socket sends what it likes
 * without a hook, so that its making is the event; names asked for over TLS; what egress_sent.bpf.h says. Cost: a
 * packet of TCP five loads and, on its way out, two calls; a datagram to the same peer as the last one three calls; a
 * state change of a socket that is in no sandbox two compares and a look-up.
 */
#include "egress_act.bpf.h"
#include "egress_answer.bpf.h"
#include "egress_packet.bpf.h"
#include "egress_raw.bpf.h"
#include "egress_sent.bpf.h"
#include "egress_strange.bpf.h"

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

/* What a socket has sent of the function's own accord. As `talks`. */
struct fns_outflows_map outflows SEC(".maps");

/*
 * A thread that asked for CAP_NET_RAW by an entry that does not tell what for. Written by cap_capable, taken by
 * sock_create in the same call, so that a raw socket is one event. Where the task was moved in between, it is two.
 */
struct fns_undecided_map undecided SEC(".maps");

/*
 * Questions for names that a policy lists, until their answer. Written by the packet hook, read and deleted by the
 * answer hook. Full: the oldest is forgotten and its answer not believed, so that the address stays refused.
 */
struct fns_asked_map asked SEC(".maps");

/*
 * Sandboxes that did what could forge an answer: their answers are not believed any more. Written by the packet and
 * socket hooks, read by the answer hook. As many as `sandboxes`: an entry goes only after more than that have come.
 */
struct fns_forgers_map forgers SEC(".maps");

/* Where egress_answer.bpf.h works on one message: a question (0), an answer (1). Fixed size. */
struct fns_name_works_map name_works SEC(".maps");

/*
 * Packet sockets that are being made, by thread: from sys_enter_socket to sys_exit_socket. Full: the oldest is
 * forgotten and not seen.
 */
struct fns_socket_calls_map socket_calls SEC(".maps");

/* ---- connect ---- */

/* A kernel thread connects a socket of the sandbox: a multipath subflow, io_uring's workers before 5.12. */
static __always_inline struct fns_sandbox *sandbox_of_kernels_connect(const struct sock *sk)
{
    if (!(BPF_CORE_READ(current_task(), flags) & PF_KTHREAD))
        return NULL;
    return fns_sandbox_of_cgroup(fns_socket_cgroup_id(sk));
}

/* What the caller must return: 1, or 0 for EPERM. */
static __always_inline int on_connect(struct bpf_sock_addr *ctx, struct fns_peer *remote)
{
    const struct sock *sk = BPF_CORE_READ((struct bpf_sock_addr_kern *)ctx, sk);
    struct fns_sandbox *sandbox = fns_current_sandbox();
    struct task_struct *task = sandbox ? current_task() : NULL;
    struct fns_rule_of rule = {};
    int refused;

    if (!sandbox)
        sandbox = sandbox_of_kernels_connect(sk);
    if (!sandbox)
        return 1;

    struct act act = {
        .kind = FNS_EVENT_CONNECT,
        .via = FNS_SOCKET_CONNECT,
        .domain = ctx->family,
        .type = ctx->type,
        .protocol = ctx->protocol,
        .cookie = bpf_get_socket_cookie(ctx),
        .task = task,
    };

    remote->mapped |= act.domain == AF_INET6 && remote->family == AF_INET;
    judge_contact(&act, &rule, sandbox, remote, sk);
    refused = fns_refuse(&rule, &act.verdict, false);
    if (act.type == SOCK_STREAM && !refused) {
        __u32 zero = 0;
        __u64 *last = bpf_map_lookup_elem(&connecting, &zero);

        if (last)
            *last = act.cookie;
        if (remote->port_be == bpf_htons(FNS_DNS_PORT))
            dns_stream_begins(act.cookie, act.task);
    }
    contact(&act, remote, NULL, sandbox, task ? current_tgid() : 0,
            with_verdict(fns_peer_hash(remote, act.protocol), &act.verdict));
    return refused ? 0 : 1;
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
    if (ctx->type == SOCK_RAW && on_raw_socket(ctx->family, ctx->protocol))
        return 0;
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

/*
 * In the caller's time, but for subflows that a kernel thread opens: those belong to the socket's sandbox. `arguments`
 * are the tracepoint's: the socket is read from there once more, as a mere number, which functions that are verified
 * alone take.
 */
static __always_inline void on_syn_sent(const struct sock *sk, const void *arguments)
{
    struct fns_sandbox *sandbox = fns_current_sandbox();
    struct task_struct *task = sandbox ? current_task() : NULL;
    struct fns_rule_of rule = {};
    struct fns_peer remote;

    if (!sandbox)
        sandbox = fns_sandbox_of_cgroup(fns_trusted_socket_cgroup_id(sk));
    if (!sandbox || connect_was_seen(sk->__sk_common.skc_cookie.counter))
        return;
    struct act act = tcp_act(sk, FNS_EVENT_CONNECT);
    act.task = task;
    remote = fns_socket_remote(sk);
    judge_contact(&act, &rule, sandbox, &remote, (const struct sock *)fns_argument(arguments, 0));
    if (task)
        fns_kill_instead(&rule, &act.verdict);
    if (remote.port_be == bpf_htons(FNS_DNS_PORT))
        dns_stream_begins(act.cookie, act.task);
    contact(&act, &remote, NULL, sandbox, task ? current_tgid() : 0,
            with_verdict(fns_peer_hash(&remote, act.protocol), &act.verdict));
}

/*
 * Where listening is what the policy calls ready, the verdicts go by the warm lists from here on. Set without an atomic
 * operation, which kernels before 5.12 do not have for bits: nothing else changes the flags of a sandbox that runs.
 */
static __always_inline void ready_by_listen(struct fns_sandbox *sandbox, __u16 port)
{
    struct fns_rule_of rule;

    if (sandbox->flags & FNS_SANDBOX_READY || !fns_is_functions_act(sandbox))
        return;
    rule = fns_policy_of(sandbox);
    if (!rule.policy || !(rule.policy->flags & FNS_POLICY_READY_BY_LISTEN))
        return;
    if (!rule.policy->ready_port || rule.policy->ready_port == port)
        sandbox->flags |= FNS_SANDBOX_READY;
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
    ready_by_listen(sandbox, bpf_ntohs(local.port_be));
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
        on_syn_sent(sk, ctx);
    else if (to == BPF_TCP_LISTEN)
        on_listen(sk);
    else
        on_accepted(sk);
    return 0;
}

/* ---- packets ---- */

/*
 * What the packet hook must return: 1, or 0 to drop it, which is EPERM for who sends. The compiler knows that a called
 * function returns 0 or 1 and the verifier does not.
 */
static __always_inline int pass_unless(int refused)
{
    asm volatile("" : "+r"(refused));
    return refused ? 0 : 1;
}

static __always_inline int on_udp_packet(struct __sk_buff *skb, struct bpf_sock *sk)
{
    enum datagram_kind kind = DATAGRAM_NEW;
    struct fns_peer remote;
    __u16 port;
    int refused;

    if (read_datagram(skb, &remote, &port)) {
        kind = datagram_kind_of(sk, &remote, port);
        count_datagram(skb, sk, &remote);
    } else {
        count_datagram(skb, sk, NULL);
    }
    if (kind != DATAGRAM_NEW)
        return kind == DATAGRAM_PASSES;
    refused = datagram_contact(skb, judge_packet(skb));
    questions_of_packet(skb);
    return pass_unless(refused);
}

static __always_inline int on_other_packet(struct __sk_buff *skb)
{
    int refused = other_contact(skb, judge_packet(skb));

    questions_of_packet(skb);
    return pass_unless(refused);
}

SEC("cgroup_skb/egress")
int packet(struct __sk_buff *skb)
{
    struct bpf_sock *sk = skb->sk;

    if (!sk)
        return 1;
    if (is_plain_tcp(skb, sk)) {
        count_segment(skb, sk);
        return 1;
    }
    sk = bpf_sk_fullsock(sk);
    if (!sk)
        return 1;
    if (sk->type == SOCK_DGRAM && sk->protocol == IPPROTO_UDP)
        return on_udp_packet(skb, sk);
    if (sk->type != SOCK_STREAM || sk->protocol != IPPROTO_TCP)
        return on_other_packet(skb);
    count_segment(skb, sk);
    if (connected_port(sk) == bpf_htons(FNS_DNS_PORT))
        on_dns_segment(skb);
    return 1;
}

SEC("cgroup_skb/ingress")
int answer(struct __sk_buff *skb)
{
    if (is_from_dns_port(skb))
        on_answer(skb);
    return 1;
}

/* ---- sockets from outside, where LSM programs run ---- */

SEC("lsm/socket_connect")
int BPF_PROG(lsm_connect, struct socket *sock, struct sockaddr *address, int address_bytes, int ret)
{
    return ret ? ret : fns_as_answer(on_strange_connect(BPF_CORE_READ(sock, sk), address));
}

SEC("lsm/socket_create")
int BPF_PROG(lsm_socket, int family, int type, int protocol, int kern, int ret)
{
    return ret || kern ? ret : fns_as_answer(on_packet_socket(family, type & SOCK_TYPE_MASK, protocol));
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

SEC("fexit/__sock_create")
int BPF_PROG(created, struct net *net, int family, int type, int protocol, struct socket **made, int kern, int ret)
{
    if (!kern)
        on_created(family, type & SOCK_TYPE_MASK, protocol, ret);
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
