// SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
/*
 * Ipc: connections from a sandbox to UNIX sockets of others: the host's container runtimes, its daemons, other
 * sandboxes. Descriptors that are passed along to another sandbox (ipc_rights.bpf.h). Segments of
 * another sandbox that are attached (ipc_shm.bpf.h).
 *
 * Hooks, best first
 *   lsm/unix_stream_connect              every connect of a stream, whatever the entry (32-bit, io_uring), with the
 *   fexit/security_unix_stream_connect   socket at the other end. The latter where LSM programs are not used.
 *   fexit/__scm_send                     every message with descriptors, whatever the entry, as the kernel took them.
 *   lsm/shm_*, fexit/security_shm_*      System V segments made, attached and freed.
 *   tp/syscalls/sys_exit_connect, raw_tp/io_uring_complete   the fallback: the peer of a socket that was connected.
 *   tp/syscalls/sys_enter_{sendmsg,sendmmsg}                 the same: a message with descriptors, as it was written.
 *   tp/syscalls/sys_exit_shmget, sys_enter_shmat             the same: segments.
 *
 * The path is the one that the other end was bound to, as its owner has it: a mount or a link under another name in the
 * sandbox changes nothing. Whose it is, the process that listens tells.
 *
 * Cost: outside of sandboxes one look-up for each connect (on the fallback a call's tracepoint, see Tier::full). In
 * one, a few reads of the socket. Within one sandbox nothing is told.
 *
 * Blind spots: datagrams (a runtime speaks streams); a connect that was refused or failed is told on the fallback
 * alone, by the path that the caller wrote, where that ends with ".sock"; a descriptor of a connected socket that was
 * handed in; descriptors by way of the host, or to a datagram socket that is not connected. On the fallback: 32-bit
 * entries; a thread that closes the descriptor before its connect returns; descriptors that a thread writes into the
 * message while it is sent, that stand behind three other parts or in the fifth message, or go by io_uring.
 */
#include "../lib/compat.bpf.h"
#include "../lib/file.bpf.h"
#include "../lib/pid.bpf.h"
#include "../lib/regs.bpf.h"
#include "../lib/socket.bpf.h"
#include "../lib/verdict.bpf.h"

#include "fnshield/abi/ipc.h"

#define AF_UNIX  1
#define S_IFMT   00170000
#define S_IFSOCK 0140000

#define SUN_PATH_BYTES 108

struct contact {
    const struct sock *peer; /* NULL: none was reached */
    __u64 peer_sandbox_id;
    const struct pid *owner; /* who listens there; NULL where nobody knows */
    const char *asked;       /* the path in the caller's memory, where none was reached */
    __s32 result;
    __u32 descriptors; /* passed along */
};

/* Bytes of the path that a socket is bound to; 0 where it has none (a pair, a client). */
static __always_inline __u32 read_bound_path(char *path, const struct sock *sk)
{
    const struct unix_sock *unix = (const struct unix_sock *)sk;
    const struct unix_address *address = BPF_CORE_READ(unix, addr);
    __s32 bytes = address ? BPF_CORE_READ(address, len) - (__s32)sizeof(__u16) : 0;

    if (bytes <= 0 || bytes > SUN_PATH_BYTES)
        return 0;
    if (bpf_probe_read_kernel(path, bytes,
                              (const void *)address + bpf_core_field_offset(struct unix_address, name) + sizeof(__u16)))
        return 0;
    return bytes;
}

static __always_inline bool ends_like_a_socket(const char *path, __u32 bytes)
{
    __u32 end = bytes - 5;

    if (bytes < 6 || end > SUN_PATH_BYTES - 5)
        return false;
    return path[end] == '.' && path[end + 1] == 's' && path[end + 2] == 'o' && path[end + 3] == 'c' &&
           path[end + 4] == 'k';
}

static __always_inline __u32 read_path(struct fns_unix_event *event, const struct contact *contact)
{
    long bytes;

    if (contact->peer)
        return read_bound_path(event->path, contact->peer);
    bytes = bpf_probe_read_user_str(event->path, SUN_PATH_BYTES, contact->asked);
    if (bytes <= 1 || bytes > SUN_PATH_BYTES)
        return 0;
    return bytes - 1; /* the terminator */
}

/* Where a whole event is put together: too large for the stack, and known to be wanted only once its path was read. */
struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct fns_unix_event);
} events SEC(".maps");

static __always_inline void fill_owner(struct fns_unix_event *event, const struct contact *contact)
{
    const struct task_struct *owner = contact->owner ? fns_task_of_pid(contact->owner) : NULL;

    __builtin_memset(&event->peer, 0, sizeof(event->peer));
    if (owner)
        fns_fill_process(&event->peer, owner);
}

static __noinline int tell(const struct contact *contact, struct fns_sandbox *sandbox)
{
    const struct task_struct *task = (const struct task_struct *)bpf_get_current_task();
    struct fns_unix_event *event;
    __u64 what = fns_seen_secret;
    __u32 repeats;
    __u32 key = 0;

    if (!contact || !sandbox)
        return 0;
    event = bpf_map_lookup_elem(&events, &key);
    if (!event)
        return 0;
    __builtin_memset(event->path, 0, sizeof(event->path));
    event->path_bytes = read_path(event, contact);
    if (!contact->peer && !ends_like_a_socket(event->path, event->path_bytes))
        return 0;
    if (!event->path_bytes && !contact->descriptors)
        return 0;
    for (__u32 i = 0; i < sizeof(event->path) / sizeof(__u64); i++)
        what = fns_mix(what, ((const __u64 *)event->path)[i]);
    what = fns_mix(what, contact->peer_sandbox_id + !!contact->descriptors);
    if (fns_is_repeat(FNS_SENSOR_IPC, fns_sandbox_id(sandbox), FNS_EVENT_UNIX_CONNECT, bpf_get_current_pid_tgid() >> 32,
                      fns_mix(what, contact->result), &repeats))
        return 0;
    fns_fill_header(&event->header, FNS_SENSOR_IPC, FNS_EVENT_UNIX_CONNECT, sizeof(*event), sandbox);
    fns_fill_process(&event->header.process, task);
    event->header.flags |= fns_task_flags(task);
    event->header.repeats = repeats;
    fill_owner(event, contact);
    event->peer_sandbox_id = contact->peer_sandbox_id;
    event->result = contact->result;
    event->descriptors = contact->descriptors;
    fns_output(FNS_SENSOR_IPC, fns_critical_within_share(sandbox), event, sizeof(*event), sandbox);
    return 0;
}

/*
 * Whose a peer is: of the process that listens, or, where that is gone, of who made the socket. On the fallback the
 * peer is the socket that the connect itself made, so that the latter is the caller: nothing is told then.
 */
static __always_inline __u64 peer_sandbox_of(const struct contact *contact)
{
    const struct task_struct *owner = contact->owner ? fns_task_of_pid(contact->owner) : NULL;

    if (owner)
        return fns_sandbox_id(fns_sandbox_of_task(owner));
    return fns_sandbox_id(fns_sandbox_of_cgroup(fns_socket_cgroup_id(contact->peer)));
}

static __always_inline void tell_if_across(struct contact *contact, struct fns_sandbox *sandbox)
{
    contact->peer_sandbox_id = peer_sandbox_of(contact);
    if (contact->peer_sandbox_id != sandbox->sandbox_id)
        tell(contact, sandbox);
}

/* --- the preferred backends ---------------------------------------------------------------------------------- */

static __always_inline int stream_connects(const struct sock *other)
{
    struct fns_sandbox *sandbox = fns_current_sandbox();
    struct contact contact = { .peer = other };

    if (!fns_is_functions_act(sandbox))
        return 0;
    contact.owner = BPF_CORE_READ(other, sk_peer_pid);
    tell_if_across(&contact, sandbox);
    return 0;
}

SEC("lsm/unix_stream_connect")
int BPF_PROG(lsm_stream_connect, struct sock *sock, struct sock *other, struct sock *newsk, int ret)
{
    stream_connects(other);
    return ret;
}

SEC("fexit/security_unix_stream_connect")
int BPF_PROG(stream_connect, struct sock *sock, struct sock *other, struct sock *newsk, int ret)
{
    return stream_connects(other);
}

/* --- the fallback -------------------------------------------------------------------------------------------- */

static __always_inline const struct sock *unix_socket_of(const struct file *file)
{
    const struct socket *socket;
    const struct sock *sk;

    if (!file || (BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT) != S_IFSOCK)
        return NULL;
    socket = (const struct socket *)BPF_CORE_READ(file, private_data);
    sk = BPF_CORE_READ(socket, sk);
    return sk && BPF_CORE_READ(sk, __sk_common.skc_family) == AF_UNIX ? sk : NULL;
}

static __always_inline void connected(const struct file *file, struct fns_sandbox *sandbox)
{
    const struct sock *sk = unix_socket_of(file);
    struct contact contact = {};

    if (!sk)
        return;
    contact.peer = BPF_CORE_READ((const struct unix_sock *)sk, peer);
    if (!contact.peer)
        return;
    contact.owner = BPF_CORE_READ(sk, sk_peer_pid);
    tell_if_across(&contact, sandbox);
}

SEC("tp/syscalls/sys_exit_connect")
int exit_connect(struct trace_event_raw_sys_exit *ctx)
{
    struct fns_sandbox *sandbox = fns_current_sandbox();
    struct contact contact = { .result = ctx->ret };
    const struct file *file;
    struct fns_call call;

    if (!fns_is_functions_act(sandbox))
        return 0;
    fns_read_call(&call);
    file = fns_current_file(fns_call_argument(&call, 0));
    if (ctx->ret == 0) {
        connected(file, sandbox);
    } else if (unix_socket_of(file)) {
        contact.asked = (const char *)fns_call_argument(&call, 1) + sizeof(__u16);
        tell(&contact, sandbox);
    }
    return 0;
}

/* The second argument is the request where a request has its cqe, since 5.19; before, a number that leads nowhere. */
SEC("raw_tp/io_uring_complete")
int ring_connected(struct bpf_raw_tracepoint_args *ctx)
{
    const struct io_kiocb *request = (const struct io_kiocb *)ctx->args[1];
    struct fns_sandbox *sandbox;

    if (!bpf_core_field_exists(request->cqe.res))
        return 0;
    sandbox = fns_current_sandbox();
    if (!fns_is_functions_act(sandbox) || !request || BPF_CORE_READ(request, opcode) != IORING_OP_CONNECT ||
        (__s32)BPF_CORE_READ(request, cqe.res) < 0)
        return 0;
    connected(BPF_CORE_READ(request, file), sandbox);
    return 0;
}

#include "ipc_rights.bpf.h"
#include "ipc_shm.bpf.h"
