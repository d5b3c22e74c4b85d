/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * Whether a program begins with an IP socket as its standard input and output: what a shell has that somebody far away
 * types into. Read from the task's own table of open files, in which the exec has closed what it had to close.
 */
#ifndef FNSHIELD_BPF_PROCESS_STDIO_H
#define FNSHIELD_BPF_PROCESS_STDIO_H

#include "../lib/file.bpf.h"
#include "../lib/socket.bpf.h"

#define S_IFMT   00170000
#define S_IFSOCK 0140000

/* The socket behind a descriptor; NULL where it is none. */
static __always_inline const struct sock *socket_of_descriptor(const struct fdtable *fds, __u32 fd)
{
    const struct file *file = fns_file_in(fds, fd);
    const struct socket *socket;

    if (!file || (BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT) != S_IFSOCK)
        return NULL;
    socket = (const struct socket *)BPF_CORE_READ(file, private_data);
    return BPF_CORE_READ(socket, sk);
}

static __always_inline bool is_ip(const struct sock *sk)
{
    __u16 family = BPF_CORE_READ(sk, __sk_common.skc_family);

    return family == AF_INET || family == AF_INET6;
}

/* FNS_EXEC_STDIO_SOCKET and its ends in `stdio`, or 0 and zeros. */
static __always_inline __u32 describe_stdio(struct fns_stdio *stdio, const struct task_struct *task)
{
    const struct fdtable *fds = fns_fds_of_task(task);
    const struct sock *sk = socket_of_descriptor(fds, 0);
    struct fns_endpoint end;
    struct fns_peer peer;

    __builtin_memset(stdio, 0, sizeof(*stdio));
    if (!sk || !is_ip(sk) || (sk != socket_of_descriptor(fds, 1) && sk != socket_of_descriptor(fds, 2)))
        return 0;
    peer = fns_socket_remote(sk);
    if (!peer.port_be) /* not connected */
        return 0;
    fns_fill_endpoint(&end, &peer);
    __builtin_memcpy(stdio->remote, end.address, sizeof(stdio->remote));
    stdio->remote_port = bpf_ntohs(end.port_be);
    stdio->family = end.family;
    peer = fns_socket_local(sk);
    fns_fill_endpoint(&end, &peer);
    __builtin_memcpy(stdio->local, end.address, sizeof(stdio->local));
    stdio->local_port = bpf_ntohs(end.port_be);
    return FNS_EXEC_STDIO_SOCKET;
}

#endif
