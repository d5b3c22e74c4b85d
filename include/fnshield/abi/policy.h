/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * Policies as the kernel side reads them: what may be refused, by which list, and what was done about an act. The
 * daemon compiles policy files into these maps (daemon/policy/compile.h); a verdict needs no user space after that.
 *
 * A policy is known by a number that is used once: a reload writes the new policies under new numbers, moves every
 * sandbox to its new one with one map update, and only then forgets the old ones.
 */
#ifndef FNSHIELD_ABI_POLICY_H
#define FNSHIELD_ABI_POLICY_H

#include "types.h"

/* What a policy can refuse: each stands for a rule (daemon/policy/guards.cpp has the table). Append only. */
enum fns_guard {
    FNS_GUARD_NONE = 0,
    FNS_GUARD_EXEC = 1, /* init: coldstart.init_exec, warm: function.unexpected_exec */
    FNS_GUARD_FILELESS_EXEC = 2,
    FNS_GUARD_EGRESS = 3, /* init: coldstart.init_egress, warm: function.unexpected_egress */
    FNS_GUARD_METADATA = 4,
    FNS_GUARD_RAW_SOCKET = 5,
    FNS_GUARD_MEMORY_READ = 6, /* those of memory are the target's policy's to say */
    FNS_GUARD_MEMORY_WRITE = 7,
    FNS_GUARD_PTRACE = 8,
    FNS_GUARD_PROC_PEEK = 9,
    FNS_GUARD_FD_THEFT = 10,
    FNS_GUARD_NAMESPACE_ENTRY = 11,
    FNS_GUARD_USER_NAMESPACE = 12,
    FNS_GUARD_MOUNT = 13,
    FNS_GUARD_KERNEL_MODULE = 14,
    FNS_GUARD_BPF = 15,
    FNS_GUARD_MODEL_WRITE = 16, /* model.tampered */
    FNS_GUARD_MODEL_READ = 17,  /* model.weights_read */
    FNS_GUARD_COUNT
};
#define FNS_GUARDS_MAX 32

/* What a policy asks for, and what was done. */
enum fns_action {
    FNS_ACTION_NONE = 0, /* report only */
    FNS_ACTION_DENY = 1,
    FNS_ACTION_KILL = 2,
    FNS_ACTION_FREEZE = 3, /* user space does it */
    FNS_ACTION_COUNT
};

enum fns_phase { FNS_PHASE_INIT = 0, FNS_PHASE_WARM = 1, FNS_PHASES };

/* The lists of a policy. Index of the bits in fns_policy.lists, and part of the keys of what is listed. Append only. */
enum fns_list {
    FNS_LIST_EXEC_INIT = 0,
    FNS_LIST_EXEC_WARM = 1,
    FNS_LIST_EGRESS_INIT = 2,
    FNS_LIST_EGRESS_WARM = 3,
    FNS_LIST_RESOLVERS = 4,
    FNS_LIST_MODELS = 5,
    FNS_LIST_SECRETS = 6,
    FNS_LIST_CODE = 7,
    FNS_LIST_COUNT
};

enum fns_policy_flag {
    FNS_POLICY_ENFORCE = 1 << 0,          /* mode: enforce; else a verdict is only reported */
    FNS_POLICY_METADATA_ALLOWED = 1 << 1, /* egress.metadata_service: allow */
    FNS_POLICY_READY_BY_LISTEN = 1 << 2,  /* ready: listen[:PORT]; the kernel side itself sees when */
    FNS_POLICY_MEMORY_LISTED = 1 << 3,    /* memory.allow_from names functions: look into memory_allowed */
    FNS_POLICY_NAMES_LISTED = 1 << 4,     /* listed_names has rows of this policy: read the answers to its questions */
};

/* Value of `policies`, by policy number. Numbers begin at 1; 0 is no policy: nothing is judged. */
struct fns_policy {
    __u32 flags;      /* enum fns_policy_flag */
    __u32 lists;      /* 1 << enum fns_list: the policy has that list, which may be empty; absent = not restricted */
    __u16 ready_port; /* host order; 0 = any */
    __u16 padding[3];
    __u8 action[FNS_PHASES][FNS_GUARDS_MAX]; /* enum fns_action, by phase and guard */
};
FNS_ASSERT_SIZE(struct fns_policy, 16 + 64);

/* Value of `assignments`, by sandbox id. Made by the kernel at mkdir from the parent; user space says the rest. */
struct fns_assignment {
    __u32 policy_id;
    __u32 name_id; /* one number a name (platform, tenant, function); 0 = not known (yet) */
    __u32 warm;    /* user space saw it ready; the kernel's own word is FNS_SANDBOX_READY */
    __u32 padding;
};
FNS_ASSERT_SIZE(struct fns_assignment, 16);

/* Key of `memory_allowed`: the functions of memory.allow_from, by name_id of both. */
struct fns_name_pair {
    __u32 target;
    __u32 actor;
};
FNS_ASSERT_SIZE(struct fns_name_pair, 8);

/* What was judged and done, part of every event. guard 0: not judged, or the policy does not mind. */
struct fns_verdict {
    __u16 guard;     /* enum fns_guard: against which the act was */
    __u8 requested;  /* enum fns_action: what the policy asks for */
    __u8 taken;      /* enum fns_action: what the kernel side did; NONE in monitor mode */
    __u32 policy_id; /* that decided */
};
FNS_ASSERT_SIZE(struct fns_verdict, 8);

/*
 * Paths in a policy's lists, in an LPM trie: the literal beginning of a glob, and how it may go on. The value also says
 * where the next shorter beginning of the same list is, for when the longest one does not go on like the path.
 */
#define FNS_LISTED_PATH_BYTES 240 /* LPM tries take keys of 256 bytes */

struct fns_path_key {
    __u32 prefix_bits; /* of all that follows */
    __u32 policy_id;
    __u32 list; /* enum fns_list */
    char path[FNS_LISTED_PATH_BYTES];
};
FNS_ASSERT_SIZE(struct fns_path_key, 252);
#define FNS_PATH_KEY_BITS(path_bytes) ((8 + (path_bytes)) * 8)

enum fns_tail {
    FNS_TAIL_NONE = 1 << 0,    /* the path ends there */
    FNS_TAIL_SEGMENT = 1 << 1, /* "*": anything but a slash */
    FNS_TAIL_ANY = 1 << 2,     /* "**" */
};

struct fns_path_value {
    __u32 tails; /* enum fns_tail */
    __u16 prefix_bytes;
    __u16 shorter_bytes; /* of the next shorter row that begins this one; 0 = none */
};
FNS_ASSERT_SIZE(struct fns_path_value, 8);
#define FNS_SHORTER_ROWS 8 /* rows of one list that begin each other; more are refused when compiled */

/* Networks in a policy's lists. IPv4 as ::ffff:a.b.c.d. The ports of a row are also those of the rows around it. */
struct fns_network_key {
    __u32 prefix_bits;
    __u32 policy_id;
    __u32 list;
    __u8 address[16];
};
FNS_ASSERT_SIZE(struct fns_network_key, 28);
#define FNS_NETWORK_KEY_BITS(address_bits) (64 + (address_bits))

#define FNS_LISTED_PORTS 31

struct fns_ports {
    __u16 count; /* 0 = all ports */
    __u16 port_be[FNS_LISTED_PORTS];
};
FNS_ASSERT_SIZE(struct fns_ports, 64);

/*
 * Names in a policy's egress lists, in an LPM trie over the name backwards, in lower case: "*.models.example" is the
 * prefix "elpmaxe.sledom."; a name without a wildcard ends with a zero byte. The value is struct fns_ports; as with
 * networks, the ports of a row are also those of the longer rows that it begins.
 */
#define FNS_LISTED_NAME_BYTES 240

struct fns_name_key {
    __u32 prefix_bits;
    __u32 policy_id;
    __u32 list; /* FNS_LIST_EGRESS_INIT, FNS_LIST_EGRESS_WARM */
    char name[FNS_LISTED_NAME_BYTES];
};
FNS_ASSERT_SIZE(struct fns_name_key, 252);
#define FNS_NAME_KEY_BITS(name_bytes) ((8 + (name_bytes)) * 8)

/* Key and value of `resolved`: an address that an answer gave for a name that the policy lists. */
struct fns_resolved_key {
    __u64 sandbox_id; /* that was answered */
    __u8 address[16]; /* network order, IPv4 as ::ffff:a.b.c.d */
    __u32 netns;      /* inode number of the network namespace of the socket that was answered */
    __u16 port_be;    /* 0 = all ports */
    __u16 padding;
};
FNS_ASSERT_SIZE(struct fns_resolved_key, 32);

struct fns_resolved {
    __u64 expires_ns[FNS_PHASES]; /* CLOCK_BOOTTIME; 0 = not listed in this phase */
};
FNS_ASSERT_SIZE(struct fns_resolved, 16);

#endif
