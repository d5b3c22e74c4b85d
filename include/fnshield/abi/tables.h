/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * Keys and values of the maps that all sensors and the daemon share. The maps themselves stand in
 * bpf/lib/shared_maps.bpf.c.
 */
#ifndef FNSHIELD_ABI_TABLES_H
#define FNSHIELD_ABI_TABLES_H

#include "event.h"

#define FNS_LEAF_PREFIXES     6
#define FNS_LEAF_PREFIX_BYTES 24
#define FNS_LEAF_PREFIX_NOT   '!'
#define FNS_PARENT_PATH_BYTES 128

enum fns_sandbox_flag {
    FNS_SANDBOX_NESTED = 1 << 0,    /* a cgroup inside a sandbox: sandbox_id names the enclosing one */
    FNS_SANDBOX_POPULATED = 1 << 1, /* a process has been in it */
    FNS_SANDBOX_REST = 1 << 2,    /* made by a {name*} template: a child made before it is populated takes its place */
    FNS_SANDBOX_ADOPTED = 1 << 3, /* it ran before the daemon did */
    FNS_SANDBOX_READY = 1 << 4,   /* it listens, and that is what its policy calls ready */
};

/* Value of `sandboxes`. The kernel writes it; user space inserts adopted sandboxes. Its policy: `assignments`. */
struct fns_sandbox {
    __u64 sandbox_id;
    __u64 parent_cgroup_id;
    __u64 created_ns;
    __u64 started_ns;      /* the workload's first exec; 0 while only entrants ran */
    __u64 window_start_ns; /* of the bulk budget */
    __u64 window_events;
    __u64 lost_events; /* of this sandbox, all sensors and stages */
    __u32 flags;       /* enum fns_sandbox_flag */
    __u32 policy_id;
    __u64 critical_window_ns; /* start of the second that critical_events counts */
    __u64 critical_events;    /* in that second, of those telling acts that a sandbox can repeat at will */
    __u64 routine_window_ns;  /* the same for acts that tell nothing by themselves */
    __u64 routine_events;
};
FNS_ASSERT_SIZE(struct fns_sandbox, 96);

enum fns_parent_flag {
    FNS_PARENT_REST = 1 << 0, /* {name*}: sandboxes may be any number of levels below */
};

/*
 * Value of `parents` (by cgroup id) and `parent_paths` (by path in the default hierarchy): a cgroup under which
 * sandboxes appear `depth` levels below. Where leaf prefixes are given, only a cgroup whose own name begins with
 * one of them is a sandbox (docker-, crio-, …), so that a service beside it is not.
 *
 * The first prefix that fits decides. One that begins with FNS_LEAF_PREFIX_NOT refuses ("!crio-conmon-": CRI-O's
 * monitor is not a container); they stand first. Where no prefix fits, a name is refused, unless all of them are
 * refusals. With FNS_PARENT_REST, a cgroup that is not taken is itself a parent by the same rule.
 */
struct fns_parent {
    __u32 depth;     /* ≥ 1; 1 = its children are sandboxes */
    __u32 flags;     /* enum fns_parent_flag */
    __u32 policy_id; /* of what appears below, until user space knows its name; 0 = none */
    __u32 prefixes;  /* how many of leaf_prefix are used; 0 = any name */
    char leaf_prefix[FNS_LEAF_PREFIXES][FNS_LEAF_PREFIX_BYTES];
};
FNS_ASSERT_SIZE(struct fns_parent, 160);

struct fns_parent_path {
    char path[FNS_PARENT_PATH_BYTES]; /* "/openfaas-fn", zero-filled to the end */
};

enum fns_member_flag {
    FNS_MEMBER_ENTRANT = 1 << 0, /* put in from outside, or a child of such a one; has not run its own program yet */
    FNS_MEMBER_FROM_OUTSIDE =
        1 << 1,                  /* its program came from outside after the start (runc exec), or its parent's did */
    FNS_MEMBER_LINKING = 1 << 2, /* its program has not mapped the C library yet */
    FNS_MEMBER_UNTOLD = 1 << 3,  /* its exec was faster than cgroup_attach_task, which is still to tell of its move */
};

/* Value of `members` (by tgid): a process in a sandbox. */
struct fns_member {
    __u64 start_ns; /* with the tgid, names the process */
    __u64 sandbox_id;
    __u64 entry_root; /* an entrant's root directory (a kernel dentry) when it was put in; only ever compared */
    __u32 flags;      /* enum fns_member_flag */
    __u32 padding;
};
FNS_ASSERT_SIZE(struct fns_member, 32);

/* Key and value of `known_files`: files that functions wrote, or opened as one of their secrets. */
struct fns_file_key {
    __u64 inode;
    __u32 device;     /* kernel dev_t of the superblock */
    __u32 generation; /* of the inode: numbers are used again */
};
FNS_ASSERT_SIZE(struct fns_file_key, 16);

struct fns_known_file {
    struct fns_writer writer;
    __u64 secret_of;      /* a sandbox whose policy lists it as a secret; FNS_HOST = none was seen */
    __u32 writer_name_id; /* struct fns_assignment.name_id of writer.sandbox_id */
    __u32 secret_name_id;
};
FNS_ASSERT_SIZE(struct fns_known_file, 48);

/* Value of `counters`, a per-CPU array indexed by enum fns_sensor. */
struct fns_sensor_counters {
    __u64 forwarded;
    __u64 suppressed;
    __u64 lost[FNS_LOSS_STAGE_COUNT];
};
FNS_ASSERT_SIZE(struct fns_sensor_counters, 56);

/* Key and value of `seen`, the LRU that forwards an act once and then counts it (design.md, decision 7). */
struct fns_seen_key {
    __u64 sandbox_id;
    __u64 what; /* a hash over everything that makes two acts the same */
    __u32 kind; /* enum fns_event_kind */
    __u32 tgid;
};
FNS_ASSERT_SIZE(struct fns_seen_key, 24);

struct fns_seen {
    __u64 forwarded_ns; /* when it was last forwarded */
    __u64 repeats;      /* since then */
};
FNS_ASSERT_SIZE(struct fns_seen, 16);

#endif
