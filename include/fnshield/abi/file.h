/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* Events of the file sensor: what is done to files that a policy lists. */
#ifndef FNSHIELD_ABI_FILE_H
#define FNSHIELD_ABI_FILE_H

#include "event.h"

/* Append only. */
enum fns_file_access {
    FNS_FILE_UNKNOWN = 0,
    FNS_FILE_READ = 1,     /* opened for reading only */
    FNS_FILE_WRITE = 2,    /* opened for writing */
    FNS_FILE_TRUNCATE = 3, /* by its path, or by an open that cannot write */
    FNS_FILE_REMOVE = 4,
    FNS_FILE_RENAME = 5,  /* it gets another name */
    FNS_FILE_REPLACE = 6, /* another file gets its name */
    FNS_FILE_ACCESS_COUNT
};

struct fns_file_event {
    struct fns_event_header header;
    __u64 inode;
    __u32 device;     /* kernel dev_t of the file's superblock */
    __u32 open_flags; /* O_*, as the kernel has them; 0 where the file was not opened */
    __u32 access;     /* enum fns_file_access */
    __u32 padding;
    char path[FNS_PATH_BYTES]; /* against the process's root; zero-filled, empty where it could not be kept */
};
FNS_ASSERT_SIZE(struct fns_file_event, 80 + 24 + 512);

#endif
