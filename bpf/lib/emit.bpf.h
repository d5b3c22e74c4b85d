/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * From a decision to report to an event in a ring: suppression of repeats, the bulk budget, the header, and the count
 * of everything that did not make it. Nothing is dropped here without a count by sensor, stage and sandbox.
 */
#ifndef FNSHIELD_BPF_EMIT_H
#define FNSHIELD_BPF_EMIT_H

#include "sandbox.bpf.h"

/* Bulk events that one sandbox may send a second; set before loading. The burst is the same number. */
const volatile __u32 fns_bulk_budget = 4000;
/* A repeated act is forwarded again after this long, with the number of repeats in between. */
const volatile __u64 fns_repeat_after_ns = FNS_NS_PER_SECOND;
/*
 * Begins every hash of fns_seen_key.what; random, set before loading. Without it a sandbox could work out a harmless
 * act whose hash is that of the one to hide: fns_mix can be turned round, and addresses are the caller's choice.
 */
const volatile __u64 fns_seen_secret = 0;
/* Critical events that one sandbox may send a second by acts that it can repeat at will. */
const volatile __u32 fns_critical_share = 200;

enum fns_ring { FNS_RING_CRITICAL, FNS_RING_BULK };

static __always_inline struct fns_sensor_counters *fns_counters(enum fns_sensor sensor)
{
    __u32 key = sensor;

    return bpf_map_lookup_elem(&counters, &key);
}

static __always_inline void fns_count_loss(enum fns_sensor sensor, enum fns_loss_stage stage,
                                           struct fns_sandbox *sandbox)
{
    struct fns_sensor_counters *c = fns_counters(sensor);

    if (c)
        c->lost[stage]++;
    if (sandbox)
        __sync_fetch_and_add(&sandbox->lost_events, 1);
}

/* True while the sandbox has bulk budget left in this second. Racing CPUs may let a few more through. */
static __always_inline bool fns_within_budget(struct fns_sandbox *sandbox, __u64 now_ns)
{
    if (!sandbox)
        return true;
    if (now_ns - sandbox->window_start_ns > FNS_NS_PER_SECOND) {
        sandbox->window_start_ns = now_ns;
        sandbox->window_events = 0;
    }
    /* Not by the value that fetch_and_add returns: kernels before 5.12 have no such instruction. */
    __sync_fetch_and_add(&sandbox->window_events, 1);
    return sandbox->window_events <= fns_bulk_budget;
}

/* Counts an event in a share of fns_critical_share a second; true while some of it is left. */
static __always_inline bool fns_share_is_left(__u64 *window_ns, __u64 *events)
{
    __u64 now_ns = bpf_ktime_get_boot_ns();

    if (now_ns - *window_ns > FNS_NS_PER_SECOND) {
        *window_ns = now_ns;
        *events = 0;
    }
    __sync_fetch_and_add(events, 1);
    return *events <= fns_critical_share;
}

/*
 * The ring for an act that is mostly an alert by itself and that a sandbox can repeat at will (a raw socket, a metadata
 * address, another's memory): critical up to fns_critical_share a second, then bulk, so that no sandbox can fill the
 * critical ring by itself. Who spends the share has been reported. NULL for the host.
 */
static __always_inline enum fns_ring fns_critical_within_share(struct fns_sandbox *sandbox)
{
    if (!sandbox)
        return FNS_RING_CRITICAL;
    return fns_share_is_left(&sandbox->critical_window_ns, &sandbox->critical_events) ? FNS_RING_CRITICAL
                                                                                      : FNS_RING_BULK;
}

/* The same for acts that matter but are nobody's alert (listen). A share of their own: spent, it hides no other. */
static __always_inline enum fns_ring fns_routine_within_share(struct fns_sandbox *sandbox)
{
    return fns_share_is_left(&sandbox->routine_window_ns, &sandbox->routine_events) ? FNS_RING_CRITICAL : FNS_RING_BULK;
}

/*
 * Says a thing once: true where the same act was forwarded less than fns_repeat_after_ns ago, and then counts it.
 * Where it returns false, *repeats is the number of acts not forwarded since the last time.
 */
static __always_inline bool fns_is_repeat(enum fns_sensor sensor, __u64 sandbox_id, enum fns_event_kind kind,
                                          __u32 tgid, __u64 what, __u32 *repeats)
{
    struct fns_seen_key key = { .sandbox_id = sandbox_id, .what = what, .kind = kind, .tgid = tgid };
    __u64 now_ns = bpf_ktime_get_boot_ns();
    struct fns_seen *before = bpf_map_lookup_elem(&seen, &key);

    *repeats = 0;
    if (!before) {
        struct fns_seen first = { .forwarded_ns = now_ns };
        bpf_map_update_elem(&seen, &key, &first, BPF_ANY);
        return false;
    }
    if (now_ns - before->forwarded_ns < fns_repeat_after_ns) {
        __sync_fetch_and_add(&before->repeats, 1);
        struct fns_sensor_counters *c = fns_counters(sensor);
        if (c)
            c->suppressed++;
        return true;
    }
    *repeats = before->repeats;
    before->forwarded_ns = now_ns;
    before->repeats = 0;
    return false;
}

/*
 * Mixes one more word into a fns_seen_key.what (the finaliser of splitmix64). The first hash is fns_seen_secret, never
 * a word of the act: two words of one act that are only put together by XOR can stand in for each other.
 */
static __always_inline __u64 fns_mix(__u64 hash, __u64 word)
{
    hash = (hash ^ word) + 0x9e3779b97f4a7c15ULL;
    hash = (hash ^ (hash >> 30)) * 0xbf58476d1ce4e5b9ULL;
    hash = (hash ^ (hash >> 27)) * 0x94d049bb133111ebULL;
    return hash ^ (hash >> 31);
}

/* All of the header but process. */
static __always_inline void fns_fill_header(struct fns_event_header *header, enum fns_sensor sensor,
                                            enum fns_event_kind kind, __u32 size_bytes,
                                            const struct fns_sandbox *sandbox)
{
    header->time_ns = bpf_ktime_get_boot_ns();
    header->sandbox_id = fns_sandbox_id(sandbox);
    header->size_bytes = size_bytes;
    header->kind = kind;
    header->sensor = sensor;
    header->flags = sandbox && !sandbox->started_ns ? FNS_FLAG_SETUP : 0;
    header->repeats = 0;
    __builtin_memset(&header->verdict, 0, sizeof(header->verdict));
}

/*
 * Room for an event of a size known at compile time, or NULL, and then the loss is counted. `sandbox` is the one that
 * pays for it, NULL for the host. What is reserved must be given to fns_submit.
 */
static __always_inline void *fns_reserve(enum fns_sensor sensor, enum fns_ring ring, __u64 size_bytes,
                                         struct fns_sandbox *sandbox)
{
    void *room;

    if (ring == FNS_RING_BULK && !fns_within_budget(sandbox, bpf_ktime_get_boot_ns())) {
        fns_count_loss(sensor, FNS_LOSS_BUDGET, sandbox);
        return NULL;
    }
    if (ring == FNS_RING_CRITICAL)
        room = bpf_ringbuf_reserve(&events_critical, size_bytes, 0);
    else
        room = bpf_ringbuf_reserve(&events_bulk, size_bytes, 0);
    if (!room)
        fns_count_loss(sensor, ring == FNS_RING_CRITICAL ? FNS_LOSS_RING_CRITICAL : FNS_LOSS_RING_BULK, sandbox);
    return room;
}

static __always_inline void fns_submit(enum fns_sensor sensor, void *event)
{
    struct fns_sensor_counters *c = fns_counters(sensor);

    if (c)
        c->forwarded++;
    bpf_ringbuf_submit(event, 0);
}

/* The same for an event of variable length that was put together elsewhere (a per-CPU scratch buffer). */
static __always_inline void fns_output(enum fns_sensor sensor, enum fns_ring ring, void *event, __u64 size_bytes,
                                       struct fns_sandbox *sandbox)
{
    struct fns_sensor_counters *c;
    long failed;

    if (ring == FNS_RING_BULK && !fns_within_budget(sandbox, bpf_ktime_get_boot_ns())) {
        fns_count_loss(sensor, FNS_LOSS_BUDGET, sandbox);
        return;
    }
    if (ring == FNS_RING_CRITICAL)
        failed = bpf_ringbuf_output(&events_critical, event, size_bytes, 0);
    else
        failed = bpf_ringbuf_output(&events_bulk, event, size_bytes, 0);
    if (failed) {
        fns_count_loss(sensor, ring == FNS_RING_CRITICAL ? FNS_LOSS_RING_CRITICAL : FNS_LOSS_RING_BULK, sandbox);
        return;
    }
    c = fns_counters(sensor);
    if (c)
        c->forwarded++;
}

#endif
