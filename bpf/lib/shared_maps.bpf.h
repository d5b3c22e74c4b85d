/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* Declares the maps of shared_maps.bpf.c, which is linked into every sensor's object. */
#ifndef FNSHIELD_BPF_SHARED_MAPS_H
#define FNSHIELD_BPF_SHARED_MAPS_H

#include "core.bpf.h"

#define FNS_NAME_MAX 255

/* Where path.bpf.h works on one path. */
struct fns_path_walk {
    const struct dentry *dentry;
    const struct vfsmount *mount;
    const struct dentry *root_dentry;
    const struct vfsmount *root_mount;
    __u32 offset; /* where in `buffer` the path begins; it ends at FNS_PATH_BYTES */
    __u8 reached; /* the process's root was met */
    __u8 cut;     /* too long or too deep: the beginning is missing, and with it the leading slash */
    __u8 padding[2];
    char buffer[FNS_PATH_BYTES + FNS_NAME_MAX + 1]; /* the part above FNS_PATH_BYTES is slack for the verifier */
};

/* One slot for each program that resolves paths: two of them may run into each other on one CPU. */
enum fns_walk_slot { FNS_WALK_EXEC, FNS_WALK_ITERATE, FNS_WALK_OPEN, FNS_WALK_REFUSE, FNS_WALK_SLOTS };

struct fns_path_walks_map {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, FNS_WALK_SLOTS);
    __type(key, __u32);
    __type(value, struct fns_path_walk);
};
extern struct fns_path_walks_map path_walks SEC(".maps");

/* Where listed_path.bpf.h looks one path up. */
struct fns_listed_text {
    struct fns_path_key key;
    __u32 bytes;                 /* of the text, at most FNS_PATH_BYTES */
    volatile __u32 last_segment; /* where it begins */
    volatile __u32 plain;        /* absolute, without empty segments, `.` or `..` */
    char text[FNS_PATH_BYTES + 8];
};

/* As for path_walks. */
enum fns_text_slot { FNS_TEXT_EXEC, FNS_TEXT_REFUSE, FNS_TEXT_OPEN, FNS_TEXT_SLOTS };

struct fns_listed_texts_map {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, FNS_TEXT_SLOTS);
    __type(key, __u32);
    __type(value, struct fns_listed_text);
};
extern struct fns_listed_texts_map listed_texts SEC(".maps");

struct fns_sandboxes_map {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 16384);
    __type(key, __u64);
    __type(value, struct fns_sandbox);
};
extern struct fns_sandboxes_map sandboxes SEC(".maps");

struct fns_assignments_map {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 16384); /* as many as `sandboxes` */
    __type(key, __u64);
    __type(value, struct fns_assignment);
};
extern struct fns_assignments_map assignments SEC(".maps");

struct fns_starts_map {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 1024); /* entries matter for an instant */
    __type(key, __u64);
    __type(value, __u64);
};
extern struct fns_starts_map starts SEC(".maps");

struct fns_policies_map {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 4096); /* two generations of a large set */
    __type(key, __u32);
    __type(value, struct fns_policy);
};
extern struct fns_policies_map policies SEC(".maps");

struct fns_listed_paths_map {
    __uint(type, BPF_MAP_TYPE_LPM_TRIE);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __uint(max_entries, 65536);
    __type(key, struct fns_path_key);
    __type(value, struct fns_path_value);
};
extern struct fns_listed_paths_map listed_paths SEC(".maps");

struct fns_listed_networks_map {
    __uint(type, BPF_MAP_TYPE_LPM_TRIE);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __uint(max_entries, 65536);
    __type(key, struct fns_network_key);
    __type(value, struct fns_ports);
};
extern struct fns_listed_networks_map listed_networks SEC(".maps");

struct fns_listed_names_map {
    __uint(type, BPF_MAP_TYPE_LPM_TRIE);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __uint(max_entries, 65536);
    __type(key, struct fns_name_key);
    __type(value, struct fns_ports);
};
extern struct fns_listed_names_map listed_names SEC(".maps");

struct fns_resolved_map {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 16384);
    __type(key, struct fns_resolved_key);
    __type(value, struct fns_resolved);
};
extern struct fns_resolved_map resolved SEC(".maps");

struct fns_memory_allowed_map {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __uint(max_entries, 16384);
    __type(key, struct fns_name_pair);
    __type(value, __u32);
};
extern struct fns_memory_allowed_map memory_allowed SEC(".maps");

struct fns_members_map {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 32768);
    __type(key, __u32);
    __type(value, struct fns_member);
};
extern struct fns_members_map members SEC(".maps");

struct fns_known_files_map {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 16384);
    __type(key, struct fns_file_key);
    __type(value, struct fns_known_file);
};
extern struct fns_known_files_map known_files SEC(".maps");

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
