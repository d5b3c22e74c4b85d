/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * Descriptors that are passed along with a message (SCM_RIGHTS) to another sandbox. Part of ipc.bpf.c.
 *
 * To whom: to the process at the other end of a connected stream, as the kernel noted it when the two were connected;
 * of a connected datagram socket to who made that.
 */
#ifndef FNSHIELD_BPF_IPC_RIGHTS_H
#define FNSHIELD_BPF_IPC_RIGHTS_H

#define SOL_SOCKET 1
#define SCM_RIGHTS 1

#define CONTROL_PARTS 4 /* of one message that the fallback looks at; more than one is rare */
#define MESSAGES      4 /* of one sendmmsg */

static __always_inline void tell_passed(const struct sock *sk, __u32 descriptors, struct fns_sandbox *sandbox)
{
    struct contact contact = { .descriptors = descriptors };

    if (!sk || !descriptors || BPF_CORE_READ(sk, __sk_common.skc_family) != AF_UNIX)
        return;
    contact.peer = BPF_CORE_READ((const struct unix_sock *)sk, peer);
    if (!contact.peer)
        return;
    contact.owner = BPF_CORE_READ(sk, sk_peer_pid);
    contact.peer_sandbox_id = peer_sandbox_of(&contact);
    if (contact.peer_sandbox_id && contact.peer_sandbox_id != sandbox->sandbox_id)
        tell(&contact, sandbox);
}

/* --- the preferred backends: what the kernel made of the message ----------------------------------------------- */

/* Called for messages of UNIX and netlink sockets that have control data. */
SEC("fexit/__scm_send")
int BPF_PROG(rights_sent, struct socket *socket, struct msghdr *message, struct scm_cookie *cookie, int ret)
{
    struct fns_sandbox *sandbox = fns_current_sandbox();
    const struct scm_fp_list *list;

    if (ret || !fns_is_functions_act(sandbox))
        return 0;
    list = BPF_CORE_READ((const struct scm_cookie *)fns_argument(ctx, 2), fp);
    if (list)
        tell_passed(BPF_CORE_READ((const struct socket *)fns_argument(ctx, 0), sk), BPF_CORE_READ(list, count),
                    sandbox);
    return 0;
}

/* --- the fallback: what the caller wrote ----------------------------------------------------------------------- */

/* The kernel's struct user_msghdr and struct cmsghdr, as 64-bit programs have them. */
struct caller_message {
    __u64 name;
    __u32 name_bytes;
    __u32 padding;
    __u64 parts;
    __u64 part_count;
    __u64 control;
    __u64 control_bytes;
    __u64 flags;
};

struct caller_control {
    __u64 bytes;
    __u32 level;
    __u32 type;
};

/* How many descriptors the message at this address of the caller's passes along. */
FNS_VERIFIED_ALONE int descriptors_in(__u64 address)
{
    struct caller_message message = {};
    struct caller_control part = {};

    if (bpf_probe_read_user(&message, sizeof(message), (const void *)address) || !message.control)
        return 0;
    for (int i = 0; i < CONTROL_PARTS && message.control_bytes >= sizeof(part); i++) {
        if (bpf_probe_read_user(&part, sizeof(part), (const void *)message.control) || part.bytes < sizeof(part))
            return 0;
        if (part.level == SOL_SOCKET && part.type == SCM_RIGHTS)
            return (part.bytes - sizeof(part)) / sizeof(__s32);
        part.bytes = (part.bytes + sizeof(__u64) - 1) & ~(sizeof(__u64) - 1);
        if (part.bytes > message.control_bytes)
            return 0;
        message.control += part.bytes;
        message.control_bytes -= part.bytes;
    }
    return 0;
}

static __always_inline int sends(struct trace_event_raw_sys_enter *ctx, __u32 messages)
{
    struct fns_sandbox *sandbox = fns_current_sandbox();
    const struct sock *sk;
    __u32 descriptors = 0;

    if (!fns_is_functions_act(sandbox))
        return 0;
    sk = unix_socket_of(fns_current_file(ctx->args[0]));
    if (!sk)
        return 0;
    for (__u32 i = 0; i < MESSAGES && i < messages && !descriptors; i++)
        descriptors = descriptors_in(ctx->args[1] + i * (sizeof(struct caller_message) + sizeof(__u64)));
    tell_passed(sk, descriptors, sandbox);
    return 0;
}

SEC("tp/syscalls/sys_enter_sendmsg")
int enter_sendmsg(struct trace_event_raw_sys_enter *ctx)
{
    return sends(ctx, 1);
}

SEC("tp/syscalls/sys_enter_sendmmsg")
int enter_sendmmsg(struct trace_event_raw_sys_enter *ctx)
{
    return sends(ctx, ctx->args[2]);
}

#endif
