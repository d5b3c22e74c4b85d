/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * Part of egress.bpf.c: the names asked for on port 53, from the packets themselves, so that it does not matter how
 * they were sent. Over UDP a packet is a message (or several, where the kernel is to cut it up). Over TCP each message
 * has its length before it and the sender may cut the stream wherever it likes: it is put together here, byte for byte.
 *
 * The functions that are not inlined are there for the verifier: it looks at each of them once.
 */
#ifndef FNSHIELD_BPF_EGRESS_DNS_H
#define FNSHIELD_BPF_EGRESS_DNS_H

#include "egress_answer.bpf.h"

/* Messages that are read from one packet; more are counted as lost. */
#define DNS_MESSAGES_A_PACKET 16
#define DNS_STEPS_A_PACKET    (3 * DNS_MESSAGES_A_PACKET)

/* What was sent on a TCP connection to port 53 and is not a whole message yet. */
struct fns_stream {
    struct fns_process process; /* that connected */
    __u32 next;                 /* sequence number after the last byte read; what comes before was sent already */
    __u32 started;              /* 1: next is valid */
    __u32 have;                 /* bytes of the length and the message in `bytes` */
    __u32 skip;                 /* of the message that did not fit into it, still to come */
    __u8 bytes[1024];           /* 2 + FNS_DNS_QUESTION_BYTES are used; the rest is for the verifier */
};

struct fns_streams_map {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 2048);
    __type(key, __u64); /* socket cookie */
    __type(value, struct fns_stream);
};
extern struct fns_streams_map streams SEC(".maps");

/* An entry too large for the stack is made from this one. */
static const struct fns_stream fns_new_stream = {};

/* A TCP socket is about to connect to port 53. */
static __always_inline void dns_stream_begins(__u64 cookie, const struct task_struct *task)
{
    struct fns_stream *stream;

    bpf_map_update_elem(&streams, &cookie, &fns_new_stream, BPF_ANY);
    stream = bpf_map_lookup_elem(&streams, &cookie);
    if (stream && task)
        fns_fill_process(&stream->process, task);
}

/* The header and all that is not the message. `process` is NULL where it is not known. */
static __always_inline void dns_begin(struct fns_dns_event *event, struct fns_sandbox *sandbox,
                                      const struct fns_peer *resolver, __u16 protocol, __u32 message_bytes,
                                      __u32 repeats)
{
    fns_fill_header(&event->header, FNS_SENSOR_EGRESS, FNS_EVENT_DNS, sizeof(*event), sandbox);
    event->header.repeats = repeats;
    fns_fill_endpoint(&event->resolver, resolver);
    event->protocol = protocol;
    if (message_bytes > FNS_DNS_QUESTION_BYTES) {
        message_bytes = FNS_DNS_QUESTION_BYTES;
        event->header.flags |= FNS_FLAG_TRUNCATED;
    }
    event->message_bytes = message_bytes;
}

/* All of the message but its id, which is the first two bytes. */
static __always_inline __u64 dns_hash(__u64 hash, __u64 word, bool first)
{
    return fns_mix(hash, first ? word & bpf_cpu_to_be64(0x0000ffffffffffffULL) : word);
}

__noinline __u64 dns_packet_hash(struct __sk_buff *skb, __u32 offset, __u32 length)
{
    __u64 hash = fns_mix(fns_seen_secret, length);

    for (__u32 at = 0; at < FNS_DNS_QUESTION_BYTES && at < length; at += 16) {
        __u64 words[2] = {};
        __u32 piece = length - at;

        if (piece >= sizeof(words)) {
            if (bpf_skb_load_bytes(skb, offset + at, words, sizeof(words)))
                break;
            hash = fns_mix(dns_hash(hash, words[0], at == 0), words[1]);
            continue;
        }
        if (!bpf_skb_load_bytes(skb, offset + at, words, fns_one_to(sizeof(words) - 1, piece)))
            hash = fns_mix(dns_hash(hash, words[0], at == 0), words[1]);
        break;
    }
    return hash;
}

/* One message in a UDP datagram. Runs in the sender's time: UDP is never sent later than its call. */
__noinline int dns_datagram_message(struct __sk_buff *skb, __u32 offset, __u32 length)
{
    struct fns_sandbox *sandbox = fns_sandbox_of_cgroup(bpf_skb_cgroup_id(skb));
    struct fns_dns_event *event;
    struct fns_packet packet;
    struct task_struct *task;
    __u32 repeats;

    if (!sandbox || !fns_read_packet(skb, &packet))
        return 0;
    task = sender_of(sandbox);
    if (fns_is_repeat(FNS_SENSOR_EGRESS, sandbox->sandbox_id, FNS_EVENT_DNS, task ? tgid_of(task) : 0,
                      fns_mix(dns_packet_hash(skb, offset, length), fns_peer_hash(&packet.remote, IPPROTO_UDP)),
                      &repeats))
        return 0;
    event = fns_reserve(FNS_SENSOR_EGRESS, FNS_RING_BULK, sizeof(*event), sandbox);
    if (!event)
        return 0;
    dns_begin(event, sandbox, &packet.remote, IPPROTO_UDP, length, repeats);
    fill_actor(&event->header, task);
    __builtin_memset(event->message, 0, sizeof(event->message));
    if (length && bpf_skb_load_bytes(skb, offset, event->message, fns_one_to(FNS_DNS_QUESTION_BYTES, length))) {
        bpf_ringbuf_discard(event, 0);
        fns_count_loss(FNS_SENSOR_EGRESS, FNS_LOSS_HELPER, sandbox);
        return 0;
    }
    fns_submit(FNS_SENSOR_EGRESS, event);
    return 0;
}

/* All messages of a datagram whose data begins at `from`: one, or as many as the kernel will cut it into. */
__noinline int dns_datagram_messages(struct __sk_buff *skb, __u32 from)
{
    __u32 step = skb->gso_size;

    if (!step || step > skb->len)
        step = skb->len;
    for (int i = 0; i < DNS_MESSAGES_A_PACKET; i++) {
        __u32 rest = skb->len - from;

        if (from > skb->len)
            return 0;
        remember_question(skb, from);
        dns_datagram_message(skb, from, rest < step ? rest : step);
        from += step;
        if (from >= skb->len)
            return 0;
    }
    fns_count_loss(FNS_SENSOR_EGRESS, FNS_LOSS_HELPER, fns_sandbox_of_cgroup(bpf_skb_cgroup_id(skb)));
    return 0;
}

static __always_inline void on_dns_datagram(struct __sk_buff *skb, const struct fns_packet *packet)
{
    if (packet->transport)
        dns_datagram_messages(skb, packet->transport + sizeof(struct udphdr));
}

/* The message that a stream has put together. */
static __always_inline void dns_stream_message(struct __sk_buff *skb, struct fns_stream *stream, __u32 length)
{
    struct fns_sandbox *sandbox = fns_sandbox_of_cgroup(bpf_skb_cgroup_id(skb));
    struct fns_dns_event *event;
    struct fns_packet packet;
    __u64 what = fns_mix(fns_seen_secret, length);
    __u32 repeats;

    if (!sandbox || !fns_read_packet(skb, &packet))
        return;
    for (int at = 0; at < FNS_DNS_QUESTION_BYTES; at += 8) {
        __u64 word;
        __builtin_memcpy(&word, stream->bytes + 2 + at, sizeof(word));
        what = dns_hash(what, word, at == 0);
    }
    what = fns_mix(what, fns_peer_hash(&packet.remote, IPPROTO_TCP));
    if (fns_is_repeat(FNS_SENSOR_EGRESS, sandbox->sandbox_id, FNS_EVENT_DNS, stream->process.tgid, what, &repeats))
        return;
    event = fns_reserve(FNS_SENSOR_EGRESS, FNS_RING_BULK, sizeof(*event), sandbox);
    if (!event)
        return;
    dns_begin(event, sandbox, &packet.remote, IPPROTO_TCP, length, repeats);
    event->header.process = stream->process;
    if (!stream->process.tgid)
        event->header.flags |= FNS_FLAG_NO_TASK;
    __builtin_memcpy(event->message, stream->bytes + 2, sizeof(event->message));
    fns_submit(FNS_SENSOR_EGRESS, event);
}

/*
 * Takes some of the `length` bytes at `offset` into the socket's stream: the rest of a message that is skipped, of its
 * length, or of itself. How many; 0 where the stream is not known.
 */
__noinline int dns_stream_step(struct __sk_buff *skb, __u32 offset, __u32 length)
{
    __u64 cookie = bpf_get_socket_cookie(skb);
    struct fns_stream *stream = bpf_map_lookup_elem(&streams, &cookie);
    __u32 message = 0, want = 2, piece, have;

    if (!stream)
        return 0;
    if (stream->skip) {
        piece = stream->skip < length ? stream->skip : length;
        stream->skip -= piece;
        return piece;
    }
    have = stream->have;
    if (have == 0)
        __builtin_memset(stream->bytes, 0, 2 + FNS_DNS_QUESTION_BYTES);
    if (have >= 2) {
        message = (__u32)stream->bytes[0] << 8 | stream->bytes[1];
        want = 2 + (message < FNS_DNS_QUESTION_BYTES ? message : FNS_DNS_QUESTION_BYTES);
    }
    piece = want > have ? want - have : 0;
    if (piece > length)
        piece = length;
    asm volatile("" : "+r"(have));
    if (piece && have <= 2 + FNS_DNS_QUESTION_BYTES &&
        bpf_skb_load_bytes(skb, offset, stream->bytes + have, fns_one_to(2 + FNS_DNS_QUESTION_BYTES, piece)))
        return 0;
    stream->have = have + piece;
    if (have >= 2 && stream->have >= want) {
        dns_stream_message(skb, stream, message);
        stream->skip = message - (want - 2);
        stream->have = 0;
    } else if (stream->have == 2 && !stream->bytes[0] && !stream->bytes[1]) {
        stream->have = 0; /* an empty message */
    }
    return piece;
}

/* All of a segment's bytes from `from` on. What cannot be read is counted, and the next segment begins a message. */
__noinline int dns_stream_bytes(struct __sk_buff *skb, __u32 from)
{
    __u64 cookie = bpf_get_socket_cookie(skb);
    struct fns_stream *stream;

    for (int i = 0; i < DNS_STEPS_A_PACKET; i++) {
        int taken;

        if (from >= skb->len)
            return 0;
        taken = dns_stream_step(skb, from, skb->len - from);
        if (taken <= 0)
            break;
        from += taken;
    }
    stream = bpf_map_lookup_elem(&streams, &cookie);
    if (stream)
        stream->started = 0;
    fns_count_loss(FNS_SENSOR_EGRESS, FNS_LOSS_HELPER, fns_sandbox_of_cgroup(bpf_skb_cgroup_id(skb)));
    return 0;
}

/* A segment of a TCP connection to port 53: those of its bytes that were not sent before. */
__noinline int on_dns_segment(struct __sk_buff *skb)
{
    __u64 cookie = bpf_get_socket_cookie(skb);
    struct fns_stream *stream = bpf_map_lookup_elem(&streams, &cookie);
    struct fns_packet packet;
    struct tcphdr header;
    __u32 from, sequence, again;

    if (!stream || !fns_read_packet(skb, &packet) || packet.protocol != IPPROTO_TCP || !packet.transport ||
        bpf_skb_load_bytes(skb, packet.transport, &header, sizeof(header)))
        return 0;
    from = packet.transport + header.doff * 4;
    if (from >= skb->len)
        return 0;
    sequence = bpf_ntohl(header.seq) + header.syn; /* data may come with the SYN: fast open */
    again = stream->next - sequence;
    if (!stream->started || (__s32)again < 0) {
        /* The first data, or bytes that passed unseen: a message begins here as far as is known. */
        stream->started = 1;
        stream->have = 0;
        stream->skip = 0;
        again = 0;
    } else if (again >= skb->len - from) {
        return 0;
    }
    stream->next = sequence + (skb->len - from);
    dns_stream_bytes(skb, from + again);
    return 0;
}

#endif
