/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * Part of egress.bpf.c: sockets that go round connect and sendmsg. Raw sockets of IP pass sock_create, which can refuse
 * them. Packet sockets pass no hook of their own, but the kernel asks for CAP_NET_RAW before it makes one, and a
 * tracepoint tells of that from 6.14 on; before, the end of __sock_create does, and where functions cannot be traced,
 * socket(2) itself is watched. Those can only kill, which happens before the socket is of any use.
 */
#ifndef FNSHIELD_BPF_EGRESS_RAW_H
#define FNSHIELD_BPF_EGRESS_RAW_H

#include "../lib/regs.bpf.h"
#include "egress_answer.bpf.h"

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

/* LSM programs refuse packet sockets in this load: who comes as far as the capability was let pass. */
const volatile bool packet_sockets_are_judged = false;

static __always_inline bool is_packet_socket(__u16 domain, __u16 type)
{
    return domain == AF_PACKET || domain == AF_XDP || (domain == AF_INET && type == SOCK_PACKET);
}

static __always_inline void judge_raw_socket(struct act *act, struct fns_rule_of *rule,
                                             const struct fns_sandbox *sandbox)
{
    if (!fns_is_functions_act(sandbox))
        return;
    *rule = fns_policy_of(sandbox);
    act->verdict = fns_judge(rule, FNS_GUARD_RAW_SOCKET);
}

/* Reports it; a socket that exists now may be used to forge DNS answers. */
static __always_inline void raw_socket(struct act *act, struct fns_sandbox *sandbox)
{
    __u64 what = fns_mix(fns_seen_secret, (__u64)act->domain << 32 | act->type);
    __u32 repeats;

    what = with_verdict(fns_mix(what, (__u64)act->protocol << 32 | (__u32)act->result), &act->verdict);
    if (act->result >= 0 && act->verdict.taken == FNS_ACTION_NONE)
        may_forge_answers(sandbox);
    act->kind = FNS_EVENT_SOCKET;
    act->task = current_task();
    if (!fns_is_repeat(FNS_SENSOR_EGRESS, sandbox->sandbox_id, act->kind, current_tgid(), what, &repeats))
        send_event(act, NULL, NULL, sandbox, fns_critical_within_share(sandbox), repeats);
}

/* Where it was made: who may not have it is killed, unless LSM programs have judged that already. */
static __always_inline void raw_socket_made(struct act *act, struct fns_sandbox *sandbox, bool kills)
{
    struct fns_rule_of rule = {};

    judge_raw_socket(act, &rule, sandbox);
    if (kills && !act->result)
        fns_kill_instead(&rule, &act->verdict);
    raw_socket(act, sandbox);
}

/* The hook that comes next in this call has nothing to add. */
static __always_inline void told_in_this_call(void)
{
    struct undecided now = { .pid_tgid = bpf_get_current_pid_tgid(), .time_ns = bpf_ktime_get_boot_ns() };
    __u32 zero = 0;

    bpf_map_update_elem(&undecided, &zero, &now, BPF_ANY);
}

/* True where another hook has just reported this very call. */
static __always_inline bool was_told_in_this_call(void)
{
    __u32 zero = 0;
    struct undecided *last = bpf_map_lookup_elem(&undecided, &zero);

    if (!last || last->pid_tgid != bpf_get_current_pid_tgid() ||
        bpf_ktime_get_boot_ns() - last->time_ns > UNDECIDED_FOR_NS)
        return false;
    last->pid_tgid = 0;
    return true;
}

/* Not 0: the socket must not be made. */
static __always_inline int on_raw_socket(__u32 family, __u32 protocol)
{
    struct fns_sandbox *sandbox = fns_current_sandbox();
    struct fns_rule_of rule = {};
    bool told;
    int refused;

    if (!sandbox)
        return 0;
    told = was_told_in_this_call();
    struct act act = { .via = FNS_SOCKET_CREATE, .domain = family, .type = SOCK_RAW, .protocol = protocol };
    judge_raw_socket(&act, &rule, sandbox);
    refused = fns_refuse(&rule, &act.verdict, false);
    if (!told)
        raw_socket(&act, sandbox);
    if (refused)
        told_in_this_call();
    return refused;
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
    int known;

    if (!sandbox)
        return;
    known = read_socket_call(&arguments);
    if (!known || (known > 0 && !result && is_inet_socket(&arguments)))
        return;
    if (known < 0 && !result)
        told_in_this_call();
    struct act act = {
        .via = FNS_SOCKET_CAPABLE,
        .domain = arguments.domain,
        .type = arguments.type & SOCK_TYPE_MASK,
        .protocol = arguments.protocol,
        .result = result,
    };
    raw_socket_made(&act, sandbox, !packet_sockets_are_judged);
}

/* The end of __sock_create, by any entry. What sock_create saw is not told again; a refused one it never saw. */
static __always_inline void on_created(__u16 domain, __u16 type, __u16 protocol, int result)
{
    struct fns_sandbox *sandbox = fns_current_sandbox();
    bool packet = is_packet_socket(domain, type);

    if (!sandbox || (!packet && (result >= 0 || type != SOCK_RAW || (domain != AF_INET && domain != AF_INET6))))
        return;
    if (was_told_in_this_call())
        return;
    struct act act = {
        .via = FNS_SOCKET_MADE,
        .domain = domain,
        .type = type,
        .protocol = protocol,
        .result = result < 0 ? result : 0,
    };
    raw_socket_made(&act, sandbox, true);
}

static __always_inline void on_socket_enter(__u16 domain, __u16 type, __u16 protocol)
{
    struct socket_call call = { .domain = domain, .type = type, .protocol = protocol };
    __u64 pid_tgid = bpf_get_current_pid_tgid();

    if (is_packet_socket(domain, type) && fns_current_sandbox())
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
    raw_socket_made(&act, sandbox, true);
}

#endif
