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
    FNS_SOCKET_SENDMSG = 2, /* cgroup sendmsg hook */
    FNS_SOCKET_PACKET = 3,  /* the skb hook alone saw it */
    FNS_SOCKET_STATE = 4,   /* a TCP state change */
    FNS_SOCKET_BIND = 5,    /* cgroup bind hook */
    FNS_SOCKET_CREATE = 6,  /* cgroup sock_create hook */
    FNS_SOCKET_CAPABLE = 7, /* CAP_NET_RAW was asked for */
    FNS_SOCKET_SYSCALL = 8, /* socket(2) */
    FNS_SOCKET_VIA_COUNT
};

enum fns_socket_flag {
    FNS_SOCKET_MAPPED = 1 << 0, /* the caller wrote ::ffff:a.b.c.d */
};

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
FNS_ASSERT_SIZE(struct fns_socket_event, 72 + 40 + 8 + 16);

#define FNS_DNS_QUESTION_BYTES 272

/* A question seen leaving the sandbox: raw bytes from the start of the DNS header, decoded in user space. */
struct fns_dns_event {
    struct fns_event_header header;
    struct fns_endpoint resolver;
    __u16 protocol; /* IPPROTO_UDP, IPPROTO_TCP */
    __u16 message_bytes;
    __u8 message[FNS_DNS_QUESTION_BYTES];
};
FNS_ASSERT_SIZE(struct fns_dns_event, 72 + 24 + 272);

#endif
