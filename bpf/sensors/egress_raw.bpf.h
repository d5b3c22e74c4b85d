/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * Part of egress.bpf.c: sockets that go round connect and sendmsg. Raw sockets of IP pass sock_create. Packet sockets
 * pass no hook of their own, but the kernel asks for CAP_NET_RAW before it makes one, and a tracepoint tells of that
 * from 6.14 on; before, socket(2) itself is watched.
 */
#ifndef FNSHIELD_BPF_EGRESS_RAW_H
#define FNSHIELD_BPF_EGRESS_RAW_H

#include "../lib/regs.bpf.h"
#include "egress_act.bpf.h"

/* System calls that make sockets: x86-64, and the 32-bit entry. */
#define SYS_SOCKET            41
#define SYS_IO_URING_ENTER    426
#define COMPAT_SYS_SOCKETCALL 102
#define COMPAT_SYS_SOCKET     359
#define SOCKETCALL_SOCKET     1

/* From the check of a capability to the socket that it was for. */
#define UNDECIDED_FOR_NS 1000000

struct undecided {
    __u64 pid_tgid;
    __u64 time_ns;
};

struct fns_undecided_map {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct undecided);
};
extern struct fns_undecided_map undecided SEC(".maps");

struct socket_call {
    __u16 domain;
    __u16 type;
    __u16 protocol;
    __u16 padding;
};

struct fns_socket_calls_map {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 1024);
    __type(key, __u64); /* pid_tgid */
    __type(value, struct socket_call);
};
extern struct fns_socket_calls_map socket_calls SEC(".maps");

static __always_inline void raw_socket(struct act *act, struct fns_sandbox *sandbox)
{
    __u64 what = fns_mix(fns_seen_secret, (__u64)act->domain << 32 | act->type);
    __u32 repeats;

    what = fns_mix(what, (__u64)act->protocol << 32 | (__u32)act->result);
    act->kind = FNS_EVENT_SOCKET;
    act->task = current_task();
    if (!fns_is_repeat(FNS_SENSOR_EGRESS, sandbox->sandbox_id, act->kind, current_tgid(), what, &repeats))
        send_event(act, NULL, NULL, sandbox, fns_critical_within_share(sandbox), repeats);
}

/* True where cap_capable has just reported this very call. */
static __always_inline bool was_reported_undecided(void)
{
    __u32 zero = 0;
    struct undecided *last = bpf_map_lookup_elem(&undecided, &zero);

    if (!last || last->pid_tgid != bpf_get_current_pid_tgid() ||
        bpf_ktime_get_boot_ns() - last->time_ns > UNDECIDED_FOR_NS)
        return false;
    last->pid_tgid = 0;
    return true;
}

static __always_inline void on_raw_socket(__u32 family, __u32 protocol)
{
    struct fns_sandbox *sandbox = fns_current_sandbox();

    if (!sandbox || was_reported_undecided())
        return;
    struct act act = { .via = FNS_SOCKET_CREATE, .domain = family, .type = SOCK_RAW, .protocol = protocol };
    raw_socket(&act, sandbox);
}

/* What socket(2) was called for, from the registers of its caller, which nobody else can change. */
struct socket_arguments {
    __u32 domain;
    __u32 type;
    __u32 protocol;
};

/* 1: it is socket(2), *arguments are set. 0: another call. -1: perhaps, but its arguments cannot be trusted. */
static __always_inline int read_socket_call(struct socket_arguments *arguments)
{
    struct fns_call call;

    if (BPF_CORE_READ(current_task(), flags) & PF_IO_WORKER)
        return -1;
    fns_read_call(&call);
    if (call.nr == SYS_IO_URING_ENTER) /* the same number in both ABIs */
        return -1;
    if (call.compat && call.nr == COMPAT_SYS_SOCKETCALL)
        return fns_call_argument(&call, 0) == SOCKETCALL_SOCKET ? -1 : 0;
    arguments->domain = fns_call_argument(&call, 0);
    arguments->type = fns_call_argument(&call, 1);
    arguments->protocol = fns_call_argument(&call, 2);
    return call.nr == (call.compat ? COMPAT_SYS_SOCKET : SYS_SOCKET);
}

/* Of type without its flags. AF_INET with SOCK_PACKET is the old name of a packet socket. */
static __always_inline bool is_inet_socket(const struct socket_arguments *arguments)
{
    return (arguments->domain == AF_INET && (arguments->type & SOCK_TYPE_MASK) != SOCK_PACKET) ||
           arguments->domain == AF_INET6;
}

/*
 * CAP_NET_RAW is asked for when a raw or packet socket is made, and for a few socket options, which are not reported.
 * Where it was granted, sock_create reports the raw ones of IP.
 */
static __always_inline void on_net_raw(int result)
{
    struct fns_sandbox *sandbox = fns_current_sandbox();
    struct socket_arguments arguments = {};
    __u32 zero = 0;
    int known;

    if (!sandbox)
        return;
    known = read_socket_call(&arguments);
    if (!known || (known > 0 && !result && is_inet_socket(&arguments)))
        return;
    if (known < 0 && !result) {
        struct undecided now = { .pid_tgid = bpf_get_current_pid_tgid(), .time_ns = bpf_ktime_get_boot_ns() };
        bpf_map_update_elem(&undecided, &zero, &now, BPF_ANY);
    }
    struct act act = {
        .via = FNS_SOCKET_CAPABLE,
        .domain = arguments.domain,
        .type = arguments.type & SOCK_TYPE_MASK,
        .protocol = arguments.protocol,
        .result = result,
    };
    raw_socket(&act, sandbox);
}

static __always_inline void on_socket_enter(__u16 domain, __u16 type, __u16 protocol)
{
    struct socket_call call = { .domain = domain, .type = type, .protocol = protocol };
    __u64 pid_tgid = bpf_get_current_pid_tgid();

    if (domain != AF_PACKET && domain != AF_XDP && (domain != AF_INET || type != SOCK_PACKET))
        return;
    if (fns_current_sandbox())
        bpf_map_update_elem(&socket_calls, &pid_tgid, &call, BPF_ANY);
}

static __always_inline void on_socket_exit(long result)
{
    __u64 pid_tgid = bpf_get_current_pid_tgid();
    struct fns_sandbox *sandbox = fns_current_sandbox();
    struct socket_call *call;

    if (!sandbox)
        return;
    call = bpf_map_lookup_elem(&socket_calls, &pid_tgid);
    if (!call)
        return;
    struct act act = {
        .via = FNS_SOCKET_SYSCALL,
        .domain = call->domain,
        .type = call->type,
        .protocol = call->protocol,
        .result = result < 0 ? result : 0,
    };
    bpf_map_delete_elem(&socket_calls, &pid_tgid);
    raw_socket(&act, sandbox);
}

#endif
