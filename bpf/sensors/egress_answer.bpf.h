/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * Part of egress.bpf.c: the addresses behind the names that a policy lists, from the answers that the sandbox itself
 * got. Over UDP only; over TCP and TLS an answer is not read, and the address stays refused.
 *
 * A sandbox can try to answer itself. An answer is believed only where all of this holds: it comes from port 53 of a
 * resolver of the policy, not over loopback; the sandbox asked for the same name, by the same port and id in the same
 * network namespace, at most ASKED_FOR_NS ago; the sandbox has never sent from port 53 nor made a raw or packet socket.
 * What it leads to is allowed in that network namespace only: in a namespace of its own a sandbox may be its resolver,
 * and has nobody to talk to. Who has CAP_NET_ADMIN in the sandbox's real one can route the resolver to himself.
 *
 * The verdict hangs on the answer side alone, which runs in softirq and so has its per-CPU slot to itself. What two
 * questions that race write into theirs can only make an answer not to be believed.
 */
#ifndef FNSHIELD_BPF_EGRESS_ANSWER_H
#define FNSHIELD_BPF_EGRESS_ANSWER_H

#include "egress_verdict.bpf.h"

#define LOOPBACK_IFINDEX 1 /* in every network namespace */

#define ASKED_FOR_NS (10 * FNS_NS_PER_SECOND)
/* How long an answer holds: its lifetime, but at least as long as a client takes, and at most an hour. */
#define LIFETIME_MIN_S 30
#define LIFETIME_MAX_S 3600

#define DNS_NAME_BYTES     255
#define DNS_LABEL_BYTES    63
#define DNS_POINTER        0xc0
#define DNS_RECORDS        16 /* of an answer that are read */
#define DNS_LABELS_SKIPPED 32 /* of a name that is written out */
#define DNS_IS_ANSWER      0x8000
#define DNS_RCODE          0x000f
#define DNS_TYPE_A         1
#define DNS_TYPE_AAAA      28
#define DNS_CLASS_IN       1

struct dns_header {
    __u16 id_be;
    __u16 flags_be;
    __u16 questions_be;
    __u16 answers_be;
    __u16 others[2];
};

struct fns_asked_key {
    __u64 sandbox_id;
    __u32 netns;
    __u16 port_be; /* that asked */
    __u16 id_be;
};

struct fns_asked {
    __u64 time_ns;
    __u64 name_hash;
    __u64 resolver_hash;
};

struct fns_asked_map {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 8192);
    __type(key, struct fns_asked_key);
    __type(value, struct fns_asked);
};
extern struct fns_asked_map asked SEC(".maps");

struct fns_forgers_map {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 16384);
    __type(key, __u64);
    __type(value, __u64); /* when, ns */
};
extern struct fns_forgers_map forgers SEC(".maps");

enum name_slot { NAME_OF_QUESTION, NAME_OF_ANSWER, NAME_SLOTS };

struct fns_name_work {
    __u32 padding;
    struct fns_name_key key; /* the name, backwards; name is aligned for words */
    __u64 hash;
    __u64 expires_ns; /* of the record that is read */
    struct fns_resolved_key address;
    __u8 text[512]; /* a dot before each label; 1 + DNS_NAME_BYTES are used, the rest is for the verifier */
};
FNS_ASSERT_OFFSET(struct fns_name_work, key, 4);

struct fns_name_works_map {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, NAME_SLOTS);
    __type(key, __u32);
    __type(value, struct fns_name_work);
};
extern struct fns_name_works_map name_works SEC(".maps");

static __always_inline void may_forge_answers(const struct fns_sandbox *sandbox)
{
    __u64 id = sandbox->sandbox_id, now_ns = bpf_ktime_get_boot_ns();

    if (!bpf_map_lookup_elem(&forgers, &id))
        bpf_map_update_elem(&forgers, &id, &now_ns, BPF_ANY);
}

static __always_inline struct fns_name_work *name_work(__u32 slot)
{
    return bpf_map_lookup_elem(&name_works, &slot);
}

/* ---- names ---- */

/*
 * Puts a dot in the place of each label's length. How many bytes of the wire the name has, and how many labels; 0 where
 * it is cut short or compressed.
 */
FNS_VERIFIED_ALONE int dot_labels(__u32 slot)
{
    struct fns_name_work *work = name_work(slot);
    __u32 at = 0;

    if (!work)
        return 0;
    for (int labels = 0; labels <= DNS_NAME_BYTES / 2; labels++) {
        __u32 length = work->text[at & 0xff];

        if (!length)
            return labels << 8 | (at + 1);
        if (length > DNS_LABEL_BYTES)
            return 0;
        work->text[at & 0xff] = '.';
        at += 1 + length;
        if (at >= DNS_NAME_BYTES)
            return 0;
    }
    return 0;
}

/* Without branches: the verifier would follow each of them for each letter. */
static __always_inline __u32 is_below(__u32 byte, __u32 limit)
{
    __u32 difference = byte - limit;

    asm volatile("" : "+r"(difference));
    return difference >> 31;
}

/*
 * The text backwards, without its first dot, in lower case, with a zero at its end, into work->key; and its hash. 0
 * where no policy could list it: too long, or with a byte that is not printable, or a dot that is not between labels.
 */
FNS_VERIFIED_ALONE int turn_name(__u32 slot, __u32 length, __u32 labels)
{
    struct fns_name_work *work = name_work(slot);
    __u64 hash = fns_seen_secret;
    __u32 dots = 1, odd = 0;

    if (!work || !length || length >= FNS_LISTED_NAME_BYTES)
        return 0;
    __builtin_memset(work->key.name, 0, sizeof(work->key.name));
    for (__u32 i = 0; i < FNS_LISTED_NAME_BYTES - 1; i++) {
        __u32 byte;

        asm volatile("" : "+r"(length)); /* else both bounds become one that verifiers before 6.8 do not follow */
        if (i >= length)
            break;
        byte = work->text[(length - i) & 0xff];
        dots += is_below(byte ^ '.', 1);
        odd |= is_below(byte, '!') | is_below(0x7e, byte);
        byte += (is_below(byte, 'Z' + 1) & ~is_below(byte, 'A')) << 5;
        work->key.name[i] = byte;
    }
    for (int i = 0; i < FNS_LISTED_NAME_BYTES; i += 8) {
        __u64 word;
        __builtin_memcpy(&word, work->key.name + i, sizeof(word));
        hash = fns_mix(hash, word);
    }
    work->hash = hash;
    work->key.prefix_bits = FNS_NAME_KEY_BITS(length + 1);
    return !odd && dots == labels;
}

/* Reads the name at `offset` of the packet into a slot. Where it ends in the packet; 0 where there is none. */
FNS_VERIFIED_ALONE int read_name(struct __sk_buff *skb, __u32 offset, __u32 slot)
{
    struct fns_name_work *work = name_work(slot);
    __u32 bytes;
    int taken;

    if (!work || offset >= skb->len)
        return 0;
    bytes = skb->len - offset;
    if (bytes > DNS_NAME_BYTES)
        bytes = DNS_NAME_BYTES;
    __builtin_memset(work->text, 0xff, DNS_NAME_BYTES + 1);
    asm volatile("" : "+r"(bytes));
    if (!bytes || bpf_skb_load_bytes(skb, offset, work->text, fns_one_to(DNS_NAME_BYTES, bytes)))
        return 0;
    taken = dot_labels(slot);
    bytes = taken & 0xff;
    if (bytes < 3 || !turn_name(slot, bytes - 2 /* the first dot and the root */, taken >> 8))
        return 0;
    return offset + bytes;
}

static __always_inline const struct fns_ports *listed_name(struct fns_name_work *work, __u32 policy_id, __u32 list)
{
    work->key.policy_id = policy_id;
    work->key.list = list;
    return bpf_map_lookup_elem(&listed_names, &work->key);
}

/* ---- questions ---- */

/* A question on its way to a resolver of the policy: its answer is awaited, where the policy lists the name. */
FNS_VERIFIED_ALONE int remember_question(struct __sk_buff *skb, __u32 offset)
{
    struct fns_sandbox *sandbox = fns_sandbox_of_cgroup(bpf_skb_cgroup_id(skb));
    struct fns_name_work *work = name_work(NAME_OF_QUESTION);
    struct fns_rule_of rule;
    struct fns_packet packet;
    struct fns_asked_key key = {};

    if (!sandbox || !work)
        return 0;
    rule = fns_policy_of(sandbox);
    if (!rule.policy || !(rule.policy->flags & FNS_POLICY_NAMES_LISTED))
        return 0;
    if (!fns_read_packet(skb, &packet) || !is_resolver(&rule, &packet.remote) ||
        !read_name(skb, offset + sizeof(struct dns_header), NAME_OF_QUESTION))
        return 0;
    if (!listed_name(work, rule.policy_id, FNS_LIST_EGRESS_INIT) &&
        !listed_name(work, rule.policy_id, FNS_LIST_EGRESS_WARM))
        return 0;
    key.sandbox_id = sandbox->sandbox_id;
    key.netns = netns_of(kernel_socket(skb));
    if (bpf_skb_load_bytes(skb, offset, &key.id_be, sizeof(key.id_be)) ||
        bpf_skb_load_bytes(skb, packet.transport, &key.port_be, sizeof(key.port_be)))
        return 0;
    struct fns_asked now = {
        .time_ns = bpf_ktime_get_boot_ns(),
        .name_hash = work->hash,
        .resolver_hash = fns_peer_hash(&packet.remote, IPPROTO_UDP),
    };
    bpf_map_update_elem(&asked, &key, &now, BPF_ANY);
    return 0;
}

/* ---- answers ---- */

/* Both ends of a UDP packet from port 53, whose IP header is plain: nearly all that comes ends here, in place. */
static __always_inline bool is_from_dns_port(struct __sk_buff *skb)
{
    const __u8 *data = (const __u8 *)(long)skb->data;
    const __u8 *end = (const __u8 *)(long)skb->data_end;

    if (data + sizeof(struct iphdr) + sizeof(struct udphdr) > end)
        return false;
    if (data[0] == 0x45)
        return data[9] == IPPROTO_UDP && data[20] == 0 && data[21] == FNS_DNS_PORT;
    if (data + sizeof(struct ipv6hdr) + sizeof(struct udphdr) > end)
        return false;
    return (data[0] >> 4) == 6 && data[6] == IPPROTO_UDP && data[40] == 0 && data[41] == FNS_DNS_PORT;
}

/* Where a name ends: labels written out, or a pointer. 0 where it does not. */
FNS_VERIFIED_ALONE int skip_name(struct __sk_buff *skb, __u32 at)
{
    for (int i = 0; i < DNS_LABELS_SKIPPED; i++) {
        __u8 length = 0;

        if (bpf_skb_load_bytes(skb, at, &length, sizeof(length)))
            return 0;
        if (!length)
            return at + 1;
        if (length >= DNS_POINTER)
            return at + 2;
        at += 1 + length;
    }
    return 0;
}

/* The address in the answer's slot is let pass in one phase, on the ports of the row that lists the name. */
FNS_VERIFIED_ALONE int let_pass(__u32 phase, __u32 policy_id)
{
    struct fns_name_work *work = name_work(NAME_OF_ANSWER);
    const struct fns_ports *ports;

    if (!work)
        return 0;
    ports = listed_name(work, policy_id, phase == FNS_PHASE_WARM ? FNS_LIST_EGRESS_WARM : FNS_LIST_EGRESS_INIT);
    if (!ports)
        return 0;
    for (int i = 0; i < FNS_LISTED_PORTS; i++) {
        struct fns_resolved fresh = {};
        struct fns_resolved *known;

        if (i && i >= ports->count)
            break;
        work->address.port_be = ports->count ? ports->port_be[i] : 0;
        known = bpf_map_lookup_elem(&resolved, &work->address);
        if (known) {
            if (known->expires_ns[phase & 1] < work->expires_ns)
                known->expires_ns[phase & 1] = work->expires_ns;
            continue;
        }
        fresh.expires_ns[phase & 1] = work->expires_ns;
        bpf_map_update_elem(&resolved, &work->address, &fresh, BPF_ANY);
    }
    return 0;
}

static __always_inline __u64 lifetime_ns(__u32 seconds)
{
    if (seconds < LIFETIME_MIN_S)
        seconds = LIFETIME_MIN_S;
    if (seconds > LIFETIME_MAX_S)
        seconds = LIFETIME_MAX_S;
    return seconds * FNS_NS_PER_SECOND;
}

/*
 * One record at `at`. An address of it is let pass whoever it belongs to: an answer leads from the name that was asked
 * for to its addresses, by way of others (CNAME). Where the record ends; 0 where it does not.
 */
FNS_VERIFIED_ALONE int read_record(struct __sk_buff *skb, __u32 at, __u32 policy_id)
{
    struct fns_name_work *work = name_work(NAME_OF_ANSWER);
    struct {
        __u16 type_be;
        __u16 class_be;
        __u16 lifetime_be[2];
        __u16 bytes_be;
    } head;
    __u32 from;

    at = skip_name(skb, at);
    if (!work || !at || bpf_skb_load_bytes(skb, at, &head, sizeof(head)))
        return 0;
    from = at + sizeof(head);
    at = from + bpf_ntohs(head.bytes_be);
    if (head.class_be != bpf_htons(DNS_CLASS_IN))
        return at;
    __builtin_memset(work->address.address, 0, sizeof(work->address.address));
    if (head.type_be == bpf_htons(DNS_TYPE_A) && head.bytes_be == bpf_htons(4)) {
        work->address.address[10] = 0xff;
        work->address.address[11] = 0xff;
        if (bpf_skb_load_bytes(skb, from, work->address.address + 12, 4))
            return 0;
    } else if (head.type_be == bpf_htons(DNS_TYPE_AAAA) && head.bytes_be == bpf_htons(16)) {
        if (bpf_skb_load_bytes(skb, from, work->address.address, 16))
            return 0;
    } else {
        return at;
    }
    work->expires_ns = bpf_ktime_get_boot_ns() +
                       lifetime_ns((__u32)bpf_ntohs(head.lifetime_be[0]) << 16 | bpf_ntohs(head.lifetime_be[1]));
    let_pass(FNS_PHASE_INIT, policy_id);
    let_pass(FNS_PHASE_WARM, policy_id);
    return at;
}

/* True where the answer whose header stands at `at` is one that was asked for; and it is asked for no more. */
static __always_inline bool take_question(struct fns_asked_key *key, __u64 resolver_hash, __u64 name_hash)
{
    struct fns_asked *question = bpf_map_lookup_elem(&asked, key);

    if (!question || question->resolver_hash != resolver_hash || question->name_hash != name_hash ||
        bpf_ktime_get_boot_ns() - question->time_ns > ASKED_FOR_NS)
        return false;
    bpf_map_delete_elem(&asked, key);
    return true;
}

/* Who sent a plain packet, and from where in it UDP begins. */
static __always_inline bool read_sender(struct __sk_buff *skb, struct fns_peer *sender, __u32 *udp)
{
    if (skb->protocol == bpf_htons(ETH_P_IP)) {
        struct iphdr header;

        if (bpf_skb_load_bytes(skb, 0, &header, sizeof(header)))
            return false;
        *sender = fns_peer_v4(header.saddr, bpf_htons(FNS_DNS_PORT));
        *udp = sizeof(header);
    } else {
        struct ipv6hdr header;
        const __u32 *w = header.saddr.in6_u.u6_addr32;

        if (bpf_skb_load_bytes(skb, 0, &header, sizeof(header)))
            return false;
        *sender = fns_peer_v6(w[0], w[1], w[2], w[3], bpf_htons(FNS_DNS_PORT));
        *udp = sizeof(header);
    }
    return true;
}

/* The answers of a message whose question has been taken, from the end of that question on. */
FNS_VERIFIED_ALONE int read_records(struct __sk_buff *skb, __u32 at, __u32 count, __u32 policy_id)
{
    for (__u32 i = 0; i < DNS_RECORDS && i < count; i++) {
        int next = read_record(skb, at, policy_id);

        if (next <= 0)
            break;
        at = next;
    }
    return 0;
}

/* A UDP packet from port 53. */
__noinline int on_answer(struct __sk_buff *skb)
{
    struct fns_sandbox *sandbox = fns_sandbox_of_cgroup(bpf_skb_cgroup_id(skb));
    struct fns_name_work *work = name_work(NAME_OF_ANSWER);
    struct fns_asked_key key = {};
    struct dns_header header;
    struct fns_rule_of rule;
    struct fns_peer sender;
    __u32 at = 0;
    int end;

    if (!sandbox || !work || skb->ifindex == LOOPBACK_IFINDEX)
        return 0;
    key.sandbox_id = sandbox->sandbox_id;
    rule = fns_policy_of(sandbox);
    if (!rule.policy || !(rule.policy->flags & FNS_POLICY_NAMES_LISTED) ||
        bpf_map_lookup_elem(&forgers, &key.sandbox_id))
        return 0;
    if (!read_sender(skb, &sender, &at) || !lists_network(&rule, FNS_LIST_RESOLVERS, &sender) ||
        bpf_skb_load_bytes(skb, at + 2, &key.port_be, sizeof(key.port_be)) ||
        bpf_skb_load_bytes(skb, at + sizeof(struct udphdr), &header, sizeof(header)))
        return 0;
    key.id_be = header.id_be;
    key.netns = netns_of(kernel_socket(skb));
    if ((header.flags_be & bpf_htons(DNS_IS_ANSWER | DNS_RCODE)) != bpf_htons(DNS_IS_ANSWER) ||
        header.questions_be != bpf_htons(1))
        return 0;
    end = read_name(skb, at + sizeof(struct udphdr) + sizeof(header), NAME_OF_ANSWER);
    if (end <= 0 || !take_question(&key, fns_peer_hash(&sender, IPPROTO_UDP), work->hash))
        return 0;
    work->address.sandbox_id = key.sandbox_id;
    work->address.netns = key.netns;
    work->address.padding = 0;
    read_records(skb, end + 4 /* type and class */, bpf_ntohs(header.answers_be), rule.policy_id);
    return 0;
}

#endif
