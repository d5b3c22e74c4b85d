/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* Events of the egress sensor: sockets, their peers, and the names asked for. */
#ifndef FNSHIELD_ABI_EGRESS_H
#define FNSHIELD_ABI_EGRESS_H

#include "event.h"

/* An address and a port. IPv4 (and IPv4 mapped into IPv6, which is stored as IPv4) uses the first four bytes. */
struct fns_endpoint {
    __u8 address[16]; /* network order */
    __u16 port_be;
    __u16 family; /* AF_INET, AF_INET6; 0 = unknown */
};
FNS_ASSERT_SIZE(struct fns_endpoint, 20);

enum fns_socket_via {
    FNS_SOCKET_CONNECT = 1, /* cgroup connect hook */
    FNS_SOCKET_SENDMSG = 2, /* cgroup sendmsg hook (not attached now) */
    FNS_SOCKET_PACKET = 3,  /* the skb hook: the packet itself */
    FNS_SOCKET_STATE = 4,   /* a TCP state change */
    FNS_SOCKET_BIND = 5,    /* cgroup bind hook */
    FNS_SOCKET_CREATE = 6,  /* cgroup sock_create hook */
    FNS_SOCKET_CAPABLE = 7, /* CAP_NET_RAW was asked for */
    FNS_SOCKET_SYSCALL = 8, /* socket(2) */
    FNS_SOCKET_LSM = 9,     /* refused by an LSM program, before any other hook */
    FNS_SOCKET_MADE = 10,   /* the end of __sock_create */
    FNS_SOCKET_VIA_COUNT
};

enum fns_socket_flag {
    FNS_SOCKET_MAPPED = 1 << 0,       /* the caller wrote ::ffff:a.b.c.d */
    FNS_SOCKET_NAMED = 1 << 1,        /* listed by name: the address was in an answer that the sandbox got */
    FNS_SOCKET_HOST_NETWORK = 1 << 2, /* in the node's own network namespace */
};

/*
 * What `process` and `repeats` of the header mean here, by kind:
 *
 * CONNECT, SEND   the process that did it, at the hook: the act may still fail. One event for each (process, peer,
 *                 protocol) and second; `repeats` are the same again since the last event, but for those of a UDP
 *                 socket that was closed within that second. A datagram on a connected socket to its peer is no SEND.
 *                 One to a client's port (32768 and up) from a socket bound to a lower one is an answer: the client's
 *                 port does not make another peer. via PACKET: FNS_FLAG_NO_TASK where it left in another task's time.
 *                 `local` is given where the peer is the address that the socket itself is bound to.
 * BIND            after it succeeded, `local.port_be` is the port really bound. TCP and UDP.
 * LISTEN          TCP; `local.port_be` is 0 where listen() itself has to choose a port. The listen may still fail
 *                 where two sockets share a port by SO_REUSEADDR.
 * ACCEPT          the handshake of a TCP connection to a listening socket ended, accept() itself may come later. Always
 *                 FNS_FLAG_NO_TASK: the kernel answers in interrupt context. At most one event in 10 ms for each
 *                 sandbox and port; connections = sum of (1 + repeats). The first one goes to the critical ring.
 * SOCKET          a raw or packet socket was made, or refused (`result`). domain 0: an entry whose arguments cannot be
 *                 trusted (io_uring, socketcall), so only CAP_NET_RAW is certain.
 */
struct fns_socket_event {
    struct fns_event_header header;
    struct fns_endpoint remote;
    struct fns_endpoint local;
    __u64 cookie; /* of the socket, where the hook knows it */
    __u16 domain; /* AF_INET, AF_INET6, AF_PACKET */
    __u16 type;   /* SOCK_STREAM, … */
    __u16 protocol;
    __u16 via;    /* enum fns_socket_via */
    __s32 result; /* 0 or -errno, where the hook knows it */
    __u32 socket_flags;
};
FNS_ASSERT_SIZE(struct fns_socket_event, 80 + 40 + 8 + 16);

/*
 * A function has sent much of its own accord, from a TCP socket that it connected or a UDP socket: told each time that
 * the socket's sum has grown by FNS_TRAFFIC_STEP_BYTES (UDP: 64 KiB), and at the end of a connection. Only where the
 * policy lists models, and only to peers that its egress list does not have. What it answers to clients of its ports
 * is not counted.
 */
#define FNS_TRAFFIC_STEP_BYTES (1ULL << 20)

struct fns_traffic_event {
    struct fns_event_header header; /* process: who connected, where it is known; else zeroed */
    struct fns_endpoint remote;
    struct fns_endpoint local;
    __u64 sent_bytes; /* by this socket so far, without headers; UDP: to all its peers */
    __u64 new_bytes;  /* of these, what no event told of before */
    __u16 protocol;   /* IPPROTO_TCP, IPPROTO_UDP */
    __u16 padding[3];
};
FNS_ASSERT_SIZE(struct fns_traffic_event, 80 + 40 + 24);

#define FNS_DNS_QUESTION_BYTES 272

/*
 * A question seen leaving the sandbox for port 53: raw bytes from the start of the DNS header, decoded in user space.
 * The same bytes (but for the id) from one process count as `repeats` for a second. Over TCP `process` is the one that
 * connected; the length prefix is not part of the message, and a message split over segments is put together.
 */
struct fns_dns_event {
    struct fns_event_header header;
    struct fns_endpoint resolver;
    __u16 protocol;      /* IPPROTO_UDP, IPPROTO_TCP */
    __u16 message_bytes; /* valid ones in `message`; FNS_FLAG_TRUNCATED where there were more */
    __u8 message[FNS_DNS_QUESTION_BYTES];
};
FNS_ASSERT_SIZE(struct fns_dns_event, 80 + 24 + 272);

#endif
