/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* Events of the process sensor, and the record that its task iterator writes. */
#ifndef FNSHIELD_ABI_PROCESS_H
#define FNSHIELD_ABI_PROCESS_H

#include "event.h"

struct fns_fork_event {
    struct fns_event_header header; /* process: the parent; sandbox_id: the child's */
    struct fns_process child;
};
FNS_ASSERT_SIZE(struct fns_fork_event, 120);

enum fns_exec_flag {
    FNS_EXEC_MEMFD = 1 << 0,    /* the file is a memfd */
    FNS_EXEC_UNLINKED = 1 << 1, /* no name leads to the file any more */
    FNS_EXEC_PROC_FD = 1 << 2,  /* it was named by a descriptor: /proc/…/fd/N, /dev/fd/N, execveat with an empty path */
    FNS_EXEC_UPPER_LAYER = 1 << 3, /* overlayfs: the file is in the writable layer, not in the image */
    FNS_EXEC_SCRIPT = 1 << 4,      /* `interpreter` ran on behalf of the script named by `filename` */
    FNS_EXEC_FIRST = 1 << 5,       /* the sandbox's workload begins with this one */
    FNS_EXEC_FROM_OUTSIDE =
        1 << 6, /* the first program of a process that was put in from outside after the start (runc exec) */
    FNS_EXEC_RUNTIME = 1 << 7,   /* the entrant's own stage, before the workload (runc's re-exec) */
    FNS_EXEC_HOST_ROOT = 1 << 8, /* the process's root is the host's root */
    FNS_EXEC_UNREACHABLE =
        1 << 9, /* the file is not below the process's root: `path` is as far as it could be followed */
    FNS_EXEC_STDIO_SOCKET = 1 << 10, /* standard input and output, or error, are one connected IP socket */
    FNS_EXEC_CWD_OUTSIDE = 1 << 11,  /* the working directory is not below the process's root */
    FNS_EXEC_SCRATCH = 1 << 12,      /* the file is on a tmpfs */
};

/* The socket of FNS_EXEC_STDIO_SOCKET; else zeroed. */
struct fns_stdio {
    __u8 remote[16]; /* network order; IPv4 in the first four bytes */
    __u8 local[16];
    __u16 family;
    __u16 remote_port; /* host order */
    __u16 local_port;
    __u16 padding;
};
FNS_ASSERT_SIZE(struct fns_stdio, 40);

/* Variable length: `path`, `filename` and `argv` follow the struct in that order, without gaps. */
struct fns_exec_event {
    struct fns_event_header header;
    __u64 inode;
    __u32 device;         /* kernel dev_t of the file's superblock */
    __u32 exec_flags;     /* enum fns_exec_flag */
    __u64 ctime_ns;       /* of the file, CLOCK_REALTIME */
    __u32 old_tid;        /* of the thread that called exec */
    __u16 path_bytes;     /* resolved from the kernel's file object, in the process's mount namespace; no terminator */
    __u16 filename_bytes; /* as the caller wrote it: the script where one was named */
    __u16 argv_bytes;     /* zero-separated, at most FNS_ARGV_BYTES */
    __u16 argc;
    __u32 padding;
    struct fns_stdio stdio;
    struct fns_writer writer; /* of the file */
};
FNS_ASSERT_SIZE(struct fns_exec_event, 80 + 40 + 40 + 32);

#define FNS_EXEC_EVENT_MAX_BYTES (sizeof(struct fns_exec_event) + FNS_PATH_BYTES + FNS_PATH_BYTES + FNS_ARGV_BYTES)

struct fns_exit_event {
    struct fns_event_header header;
    __s32 exit_code; /* as given to exit(), where signal is 0 */
    __s32 signal;    /* that ended it, or 0 */
    __u32 core_dumped;
    __u32 oom_killed;
};
FNS_ASSERT_SIZE(struct fns_exit_event, 80 + 16);

/* One record of iter/task: a process in a sandbox that ran before the daemon did. */
struct fns_task_record {
    __u64 cgroup_id;
    __u64 sandbox_id;
    struct fns_process process;
    __u16 path_bytes;
    __u16 argv_bytes;
    __u32 exec_flags;
    char path[FNS_PATH_BYTES];
    char argv[FNS_PATH_BYTES];
};
FNS_ASSERT_SIZE(struct fns_task_record, 16 + 40 + 8 + 1024);

#endif
