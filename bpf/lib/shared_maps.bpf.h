/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* Declares the maps of shared_maps.bpf.c, which is linked into every sensor's object. */
#ifndef FNSHIELD_BPF_SHARED_MAPS_H
#define FNSHIELD_BPF_SHARED_MAPS_H

#include "core.bpf.h"

struct fns_sandboxes_map {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 16384);
    __type(key, __u64);
    __type(value, struct fns_sandbox);
};
extern struct fns_sandboxes_map sandboxes SEC(".maps");

struct fns_counters_map {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, FNS_SENSOR_COUNT);
    __type(key, __u32);
    __type(value, struct fns_sensor_counters);
};
extern struct fns_counters_map counters SEC(".maps");

struct fns_seen_map {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 16384);
    __type(key, struct fns_seen_key);
    __type(value, struct fns_seen);
};
extern struct fns_seen_map seen SEC(".maps");

struct fns_critical_ring {
    __uint(type, BPF_MAP_TYPE_RINGBUF);
    __uint(max_entries, 1 << 20);
};
extern struct fns_critical_ring events_critical SEC(".maps");

struct fns_bulk_ring {
    __uint(type, BPF_MAP_TYPE_RINGBUF);
    __uint(max_entries, 4 << 20);
};
extern struct fns_bulk_ring events_bulk SEC(".maps");

#endif
