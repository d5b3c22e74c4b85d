/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * Where a packet on its way out goes: peer, protocol, and where its transport header begins. Offsets count from the
 * network header, where the data of a cgroup skb program begins.
 */
#ifndef FNSHIELD_BPF_PACKET_H
#define FNSHIELD_BPF_PACKET_H

#include "socket.bpf.h"

#define ETH_P_IP   0x0800
#define ETH_P_IPV6 0x86dd

/* IPv6 extension headers that a sender may put before the transport header, and how many are followed. */
#define NEXTHDR_HOP           0
#define NEXTHDR_ROUTING       43
#define NEXTHDR_FRAGMENT      44
#define NEXTHDR_AUTH          51
#define NEXTHDR_DEST          60
#define FNS_EXTENSION_HEADERS 6

#define TCP_FLAG_SYN_BIT 0x02
#define TCP_FLAG_ACK_BIT 0x10

struct fns_packet {
    struct fns_peer remote; /* port 0 where the protocol has none, or in a later fragment */
    __u32 protocol;
    __u32 transport; /* offset of the transport header; 0 in a later fragment */
};

static __always_inline bool fns_has_ports(__u32 protocol)
{
    return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_UDPLITE ||
           protocol == IPPROTO_SCTP || protocol == IPPROTO_DCCP;
}

static __always_inline bool fns_read_ipv4(struct __sk_buff *skb, struct fns_packet *packet)
{
    struct iphdr header;

    if (bpf_skb_load_bytes(skb, 0, &header, sizeof(header)))
        return false;
    packet->remote = fns_peer_v4(header.daddr, 0);
    packet->protocol = header.protocol;
    packet->transport = header.frag_off & bpf_htons(0x1fff) ? 0 : header.ihl * 4;
    return true;
}

/*
 * The transport header of an IPv6 packet, behind its extension headers: protocol in the lowest byte, offset above it
 * (0 in a later fragment); -1 where a header is cut short. Not inlined: the verifier looks at it once, and its callers
 * go on with one number instead of a state for each chain of headers.
 */
__noinline int fns_ipv6_transport(struct __sk_buff *skb)
{
    __u32 at = sizeof(struct ipv6hdr);
    __u8 next = 0;

    if (bpf_skb_load_bytes(skb, __builtin_offsetof(struct ipv6hdr, nexthdr), &next, sizeof(next)))
        return -1;
    for (int i = 0; i < FNS_EXTENSION_HEADERS; i++) {
        __u8 head[4]; /* next header, length; fragment: offset in the last two */

        if (next != NEXTHDR_HOP && next != NEXTHDR_ROUTING && next != NEXTHDR_DEST && next != NEXTHDR_FRAGMENT &&
            next != NEXTHDR_AUTH)
            break;
        if (bpf_skb_load_bytes(skb, at, head, sizeof(head)))
            return -1;
        if (next == NEXTHDR_FRAGMENT && (head[2] || head[3] & 0xf8))
            return head[0];
        at += next == NEXTHDR_FRAGMENT ? 8 : next == NEXTHDR_AUTH ? (head[1] + 2) * 4 : (head[1] + 1) * 8;
        next = head[0];
    }
    return at << 8 | next;
}

static __always_inline bool fns_read_ipv6(struct __sk_buff *skb, struct fns_packet *packet)
{
    struct ipv6hdr header;
    const __u32 *w = header.daddr.in6_u.u6_addr32;
    int transport = fns_ipv6_transport(skb);

    if (transport < 0 || bpf_skb_load_bytes(skb, 0, &header, sizeof(header)))
        return false;
    packet->remote = fns_peer_v6(w[0], w[1], w[2], w[3], 0);
    packet->protocol = transport & 0xff;
    packet->transport = transport >> 8;
    return true;
}

/* False where the packet is neither IPv4 nor IPv6, or too short. */
static __always_inline bool fns_read_packet(struct __sk_buff *skb, struct fns_packet *packet)
{
    __u16 ports[2];

    if (skb->protocol == bpf_htons(ETH_P_IP)) {
        if (!fns_read_ipv4(skb, packet))
            return false;
    } else if (skb->protocol != bpf_htons(ETH_P_IPV6) || !fns_read_ipv6(skb, packet)) {
        return false;
    }
    if (packet->transport && fns_has_ports(packet->protocol) &&
        !bpf_skb_load_bytes(skb, packet->transport, ports, sizeof(ports)))
        packet->remote.port_be = ports[1];
    return true;
}

#endif
