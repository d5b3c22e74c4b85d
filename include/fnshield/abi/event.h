/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * The header that begins every event in both rings, and the numbers that name kinds, sensors and flags.
 *
 * Times are CLOCK_BOOTTIME nanoseconds: they go on counting while a sandbox is frozen or the node sleeps.
 * Pids are those of the initial pid namespace.
 */
#ifndef FNSHIELD_ABI_EVENT_H
#define FNSHIELD_ABI_EVENT_H

#include "policy.h"
#include "types.h"

/* Append only: recordings keep these numbers. */
enum fns_event_kind {
    FNS_EVENT_INVALID = 0,
    /* lifecycle sensor: struct fns_lifecycle_event */
    FNS_EVENT_CGROUP_MKDIR = 1,     /* a sandbox (or a cgroup nested in one) was made */
    FNS_EVENT_CGROUP_RMDIR = 2,     /* … and removed */
    FNS_EVENT_CGROUP_ATTACH = 3,    /* a process was moved into or out of a sandbox */
    FNS_EVENT_CGROUP_POPULATED = 4, /* value: 1 the first process is in, 0 the last one left */
    FNS_EVENT_CGROUP_FROZEN = 5,    /* value: 1 frozen, 0 thawed (v2 only; v1 comes from user space) */
    FNS_EVENT_PARENT_MKDIR = 6,     /* a cgroup under which sandboxes appear was made */
    FNS_EVENT_PARENT_RMDIR = 7,
    /* process sensor */
    FNS_EVENT_FORK = 10, /* struct fns_fork_event */
    FNS_EVENT_EXEC = 11, /* struct fns_exec_event */
    FNS_EVENT_EXIT = 12, /* struct fns_exit_event */
    /* egress sensor: struct fns_socket_event, but for dns */
    FNS_EVENT_CONNECT = 20,
    FNS_EVENT_SEND = 21,
    FNS_EVENT_BIND = 22,
    FNS_EVENT_LISTEN = 23,
    FNS_EVENT_ACCEPT = 24,
    FNS_EVENT_DNS = 25,     /* struct fns_dns_event */
    FNS_EVENT_SOCKET = 26,  /* a raw or packet socket was made */
    FNS_EVENT_TRAFFIC = 27, /* struct fns_traffic_event */
    /* memory sensor: struct fns_memory_event */
    FNS_EVENT_MEMORY_ACCESS = 30,
    FNS_EVENT_FD_ACCESS = 31,
    /* heartbeat sensor: the header alone */
    FNS_EVENT_HEARTBEAT = 40,
    /* privilege sensor: struct fns_privilege_event, but for signal */
    FNS_EVENT_NAMESPACE = 50,
    FNS_EVENT_MOUNT = 51,
    FNS_EVENT_MODULE = 52,
    FNS_EVENT_BPF = 53,
    FNS_EVENT_SIGNAL = 54, /* struct fns_signal_event */
    FNS_EVENT_PERF_EVENT = 55,
    FNS_EVENT_IO_URING = 56,
    FNS_EVENT_SYSCALL = 57,     /* one that few functions have a use for */
    FNS_EVENT_CREDENTIALS = 58, /* struct fns_credentials_event */
    /* file sensor: struct fns_file_event */
    FNS_EVENT_FILE_OPEN = 60,
    FNS_EVENT_FILE_WRITE = 61, /* opened for writing, or changed without an open */
    FNS_EVENT_MAP_EXEC = 62,   /* mapped executable */
    /* ipc sensor */
    FNS_EVENT_UNIX_CONNECT = 70, /* struct fns_unix_event; with descriptors: they were passed */
    FNS_EVENT_SHM = 71,          /* struct fns_shared_memory_event */
};

/* Append only: metrics and loss counters are indexed by these. */
enum fns_sensor {
    FNS_SENSOR_LIFECYCLE = 0,
    FNS_SENSOR_PROCESS = 1,
    FNS_SENSOR_EGRESS = 2,
    FNS_SENSOR_MEMORY = 3,
    FNS_SENSOR_HEARTBEAT = 4,
    FNS_SENSOR_PRIVILEGE = 5,
    FNS_SENSOR_FILE = 6,
    FNS_SENSOR_IPC = 7,
    FNS_SENSOR_COUNT
};

/* Where in the kernel an event was lost, or a helper failed. Index of struct fns_sensor_counters.lost[]. */
enum fns_loss_stage {
    FNS_LOSS_RING_CRITICAL = 0, /* the reserved ring was full */
    FNS_LOSS_RING_BULK = 1,     /* the bulk ring was full */
    FNS_LOSS_BUDGET = 2,        /* the sandbox spent its share of the bulk ring */
    FNS_LOSS_HELPER = 3,        /* a helper or a kernel read failed, so that no event could be made */
    FNS_LOSS_TABLE = 4,         /* a map was full: a sandbox could not be registered, an entry could not be kept */
    FNS_LOSS_STAGE_COUNT
};

enum fns_event_flag {
    FNS_FLAG_TRUNCATED = 1 << 0, /* a path, argv or name did not fit and was cut */
    FNS_FLAG_ENTRANT = 1 << 1, /* the actor was put into the sandbox from outside and has not run its own program yet */
    FNS_FLAG_SETUP = 1 << 2,   /* the sandbox's workload had not begun */
    FNS_FLAG_COMPAT = 1 << 3,  /* by a 32-bit system call entry */
    FNS_FLAG_IO_URING = 1 << 4, /* by an io_uring request */
    FNS_FLAG_NO_TASK = 1 << 5,  /* made in interrupt context: process is not the actor and is zeroed */
    FNS_FLAG_DENIED = 1 << 6,   /* it did not happen: refused by the verdict */
};

/* A process (its thread group leader) as the kernel saw it. (tgid, start_ns) is unique for the node's uptime. */
struct fns_process {
    __u64 start_ns; /* start of the group leader, CLOCK_BOOTTIME */
    __u32 tgid;
    __u32 tid; /* the acting thread */
    __u32 parent_tgid;
    __u32 uid; /* effective, in the initial user namespace */
    char comm[FNS_COMM_BYTES];
};
FNS_ASSERT_SIZE(struct fns_process, 40);

/* Who wrote to a file last, as far as a sandbox did it and it was seen; zeroed where none did. */
struct fns_writer {
    __u64 sandbox_id;
    __u64 written_ns; /* when it was opened for that */
    __u64 start_ns;   /* with the tgid, names the process */
    __u32 tgid;
    __u32 padding;
};
FNS_ASSERT_SIZE(struct fns_writer, 32);

struct fns_event_header {
    __u64 time_ns;
    __u64 sandbox_id; /* the actor's; FNS_HOST where it is in none */
    __u32 size_bytes; /* of the whole event, this header included */
    __u16 kind;       /* enum fns_event_kind */
    __u16 sensor;     /* enum fns_sensor */
    __u32 flags;      /* enum fns_event_flag */
    __u32 repeats;    /* the same act since the last one forwarded, not forwarded themselves */
    struct fns_process process;
    struct fns_verdict verdict;
};
FNS_ASSERT_SIZE(struct fns_event_header, 80);
FNS_ASSERT_OFFSET(struct fns_event_header, process, 32);

#endif
