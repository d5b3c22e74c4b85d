/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* Events of the ipc sensor: what crosses between processes by a UNIX socket or by shared memory. */
#ifndef FNSHIELD_ABI_IPC_H
#define FNSHIELD_ABI_IPC_H

#include "event.h"

#define FNS_UNIX_PATH_BYTES 112 /* sun_path and a terminator */

/*
 * A connect to a UNIX socket outside of the sandbox, or descriptors that were passed to another sandbox. One that
 * failed is told by its path as the caller wrote it, and only where that ends with ".sock": every process asks for
 * sockets that are not there (nscd's).
 */
struct fns_unix_event {
    struct fns_event_header header;
    struct fns_process peer; /* that listens; zeroed where it is not known */
    __u64 peer_sandbox_id;
    __s64 result;      /* -errno where it was refused or failed */
    __u32 descriptors; /* passed along (SCM_RIGHTS) */
    __u32 path_bytes;
    char path[FNS_UNIX_PATH_BYTES]; /* as it was bound; an abstract name begins with a zero byte */
};
FNS_ASSERT_SIZE(struct fns_unix_event, 80 + 40 + 24 + 112);

/* Append only; names in daemon/model/names.cpp. */
enum fns_shared_memory {
    FNS_SHARED_MEMORY_UNKNOWN = 0,
    FNS_SHARED_MEMORY_SYSV = 1,
    FNS_SHARED_MEMORY_POSIX = 2, /* a file of a tmpfs */
    FNS_SHARED_MEMORY_MEMFD = 3,
    FNS_SHARED_MEMORY_COUNT
};

struct fns_shared_memory_event {
    struct fns_event_header header;
    struct fns_process owner; /* that made it; zeroed where it is not known */
    __u64 owner_sandbox_id;
    __u64 id;   /* System V: shmid; else the inode */
    __u32 kind; /* enum fns_shared_memory */
    __u8 owner_known;
    __u8 writes;
    __u16 padding;
    char name[64];
};
FNS_ASSERT_SIZE(struct fns_shared_memory_event, 80 + 40 + 16 + 8 + 64);

#endif
