// SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
/*
 * Egress: whom a sandbox talks to, by any road, and on which ports it listens.
 *
 * Hooks, at the cgroups under which sandboxes appear (the host's traffic never runs them):
 *   connect4/6, sendmsg4/6   the kernel's copy of the address, whatever entry it came by (64-bit, 32-bit, io_uring)
 *   post_bind4/6             the port really bound
 *   sock_create              raw sockets
 * On the whole node:
 *   inet_sock_set_state      TCP: a second witness of connect (sockets that were made in another cgroup, multipath
 *                            subflows), listen, and connections accepted, which exist in interrupt context only
 *
 * Blind spots: a UDP socket that was made outside and handed in, and connections older than the daemon, are not seen;
 * a packet socket sends what it likes without a hook, so that its making is the event.
 * Cost: a repeated send is three look-ups; a state change of another node's socket two compares and a look-up.
 */
#include "../lib/socket.bpf.h"

/* Connections to one port that come faster than this are counted, not forwarded. */
const volatile __u64 accept_spacing_ns = 10000000;

/* Below it a port was chosen by its owner, from it on by the kernel (net.ipv4.ip_local_port_range). */
#define EPHEMERAL_PORTS 32768

/* What an event says besides its two ends. */
struct act {
    enum fns_event_kind kind;
    enum fns_socket_via via;
    __u16 domain;
    __u16 type;
    __u16 protocol;
    __s32 result;
    __u64 cookie;
    const struct task_struct *task; /* NULL: the actor is not known */
};

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

static __always_inline void fill_ends(struct fns_socket_event *event, const struct fns_peer *remote,
                                      const struct fns_peer *local)
{
    const struct fns_peer none = {};

    fns_fill_endpoint(&event->remote, remote ? remote : &none);
    fns_fill_endpoint(&event->local, local ? local : &none);
    event->socket_flags = remote && remote->mapped ? FNS_SOCKET_MAPPED : 0;
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
    if (act->task) {
        fns_fill_process(&event->header.process, act->task);
        event->header.flags |= fns_task_flags(act->task);
    } else {
        __builtin_memset(&event->header.process, 0, sizeof(event->header.process));
        event->header.flags |= FNS_FLAG_NO_TASK;
    }
    fill_ends(event, remote, local);
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
    if (fns_is_metadata(remote))
        ring = fns_critical_within_share(sandbox);
    send_event(act, remote, local, sandbox, ring, repeats);
}

static __always_inline struct task_struct *current_task(void)
{
    return (struct task_struct *)bpf_get_current_task();
}

static __always_inline __u32 current_tgid(void)
{
    return bpf_get_current_pid_tgid() >> 32;
}

/* ---- connect and sendmsg: an address is given ---- */

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
        bpf_map_update_elem(&connecting, &zero, &act.cookie, BPF_ANY);
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

/* A server's answer: from a port that it chose to one that the client's kernel chose. */
static __always_inline bool is_answer(struct bpf_sock_addr *ctx, const struct fns_peer *remote)
{
    struct bpf_sock *sk = ctx->sk;
    __u32 port;

    if (bpf_ntohs(remote->port_be) < EPHEMERAL_PORTS || !sk)
        return false;
    port = sk->src_port;
    return port && port < EPHEMERAL_PORTS;
}

static __always_inline int on_sendmsg(struct bpf_sock_addr *ctx, struct fns_peer *remote)
{
    struct fns_sandbox *sandbox = fns_current_sandbox();
    struct fns_peer same;

    if (!sandbox)
        return 1;

    struct act act = {
        .kind = FNS_EVENT_SEND,
        .via = FNS_SOCKET_SENDMSG,
        .domain = ctx->family,
        .type = ctx->type,
        .protocol = ctx->protocol,
        .task = current_task(),
    };

    same = *remote;
    if (is_answer(ctx, remote))
        same.port_be = 0;
    remote->mapped |= act.domain == AF_INET6 && remote->family == AF_INET;
    contact(&act, remote, NULL, sandbox, current_tgid(), fns_peer_hash(&same, act.protocol));
    return 1;
}

/* Also where an IPv6 socket sends to a mapped address; the family may be AF_UNSPEC, which the kernel takes as IPv4. */
SEC("cgroup/sendmsg4")
int sendmsg4(struct bpf_sock_addr *ctx)
{
    struct fns_peer remote = fns_peer_v4(ctx->user_ip4, ctx->user_port);

    return on_sendmsg(ctx, &remote);
}

SEC("cgroup/sendmsg6")
int sendmsg6(struct bpf_sock_addr *ctx)
{
    struct fns_peer remote =
        fns_peer_v6(ctx->user_ip6[0], ctx->user_ip6[1], ctx->user_ip6[2], ctx->user_ip6[3], ctx->user_port);

    return on_sendmsg(ctx, &remote);
}

/* ---- bind, and sockets that go round all of the above ---- */

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

static __always_inline void raw_socket(struct act *act, struct fns_sandbox *sandbox)
{
    __u64 what = fns_mix((__u64)act->domain << 32 | act->type, (__u64)act->protocol << 32 | (__u32)act->result);
    __u32 repeats;

    act->kind = FNS_EVENT_SOCKET;
    act->task = current_task();
    if (!fns_is_repeat(FNS_SENSOR_EGRESS, sandbox->sandbox_id, act->kind, current_tgid(), what, &repeats))
        send_event(act, NULL, NULL, sandbox, fns_critical_within_share(sandbox), repeats);
}

SEC("cgroup/sock_create")
int sock_create(struct bpf_sock *ctx)
{
    struct fns_sandbox *sandbox;

    if (ctx->type != SOCK_RAW)
        return 1;
    sandbox = fns_current_sandbox();
    if (sandbox) {
        struct act act = {
            .via = FNS_SOCKET_CREATE,
            .domain = ctx->family,
            .type = ctx->type,
            .protocol = ctx->protocol,
        };
        raw_socket(&act, sandbox);
    }
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
    struct act act = tcp_act(sk, FNS_EVENT_CONNECT);
    struct fns_sandbox *sandbox = fns_current_sandbox();
    struct fns_peer remote;

    if (connect_was_seen(act.cookie))
        return;
    if (sandbox)
        act.task = current_task();
    else
        sandbox = fns_sandbox_of_cgroup(fns_socket_cgroup_id(sk));
    if (!sandbox)
        return;
    remote = fns_socket_remote(sk);
    contact(&act, &remote, NULL, sandbox, act.task ? current_tgid() : 0, fns_peer_hash(&remote, act.protocol));
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
        send_event(&act, NULL, &local, sandbox, fns_critical_within_share(sandbox), repeats);
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
    struct fns_sandbox *sandbox = fns_sandbox_of_cgroup(fns_socket_cgroup_id(sk));
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
    send_event(&act, &remote, &local, sandbox, first ? fns_critical_within_share(sandbox) : FNS_RING_BULK, repeats);
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(tcp_state, const struct sock *sk, const int from, const int to)
{
    if (sk->sk_protocol != IPPROTO_TCP)
        return 0;
    if (to == BPF_TCP_SYN_SENT)
        on_syn_sent(sk);
    else if (to == BPF_TCP_LISTEN)
        on_listen(sk);
    else if (to == BPF_TCP_ESTABLISHED && from == BPF_TCP_SYN_RECV)
        on_accepted(sk);
    return 0;
}
