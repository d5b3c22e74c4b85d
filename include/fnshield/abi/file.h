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
    FNS_FILE_MAP_EXEC = 7,
    FNS_FILE_CREATE = 8,          /* opened for writing, and made by that open */
    FNS_FILE_MAKE_EXECUTABLE = 9, /* chmod */
    FNS_FILE_ACCESS_COUNT
};

/* Why the file is told of: a list of the policy's, or what it is. Append only; names in daemon/model/names.cpp. */
enum fns_file_class {
    FNS_FILE_CLASS_NONE = 0,
    FNS_FILE_CLASS_MODEL = 1,
    FNS_FILE_CLASS_SECRET = 2,
    FNS_FILE_CLASS_CODE = 3,
    FNS_FILE_CLASS_KERNEL_SETTING = 4, /* below /proc/sys, /sys, or another file of procfs that changes the node */
    FNS_FILE_CLASS_CGROUP = 5,         /* a file of a cgroup file system */
    FNS_FILE_CLASS_KERNEL_MEMORY = 6,  /* /dev/mem, /dev/kmsg, /proc/kcore, debugfs, tracefs */
    FNS_FILE_CLASS_BLOCK_DEVICE = 7,
    FNS_FILE_CLASS_ACCELERATOR = 8,   /* a GPU's or another accelerator's device */
    FNS_FILE_CLASS_OUTSIDE = 9,       /* outside of the mounts that the sandbox was given */
    FNS_FILE_CLASS_EXECUTABLE = 10,   /* a program or a library */
    FNS_FILE_CLASS_STARTUP_HOOK = 11, /* what an interpreter runs before the program: *.pth, sitecustomize */
    FNS_FILE_CLASS_PACKAGE = 12,      /* where a package of an interpreter begins: __init__.py, package.json */
    FNS_FILE_CLASS_WRITTEN = 13,      /* a function wrote it: `writer` */
    FNS_FILE_CLASS_COUNT
};

enum fns_file_flag {
    FNS_FILE_UPPER_LAYER = 1 << 0, /* overlayfs: in the writable layer, not in the image */
    FNS_FILE_SCRATCH = 1 << 1,     /* on a tmpfs */
    FNS_FILE_UNLINKED = 1 << 2,    /* no name leads to it any more */
    FNS_FILE_MEMFD = 1 << 3,
    FNS_FILE_FRESH = 1 << 4,          /* changed after its sandbox was made */
    FNS_FILE_LINKING = 1 << 5,        /* mapped by a program whose dynamic loader has not mapped the C library yet */
    FNS_FILE_FOREIGN_SECRET = 1 << 6, /* another function opened it as one of its secrets: `owner_sandbox_id` */
};

struct fns_file_event {
    struct fns_event_header header;
    __u64 inode;
    __u32 device;         /* kernel dev_t of the file's superblock */
    __u32 open_flags;     /* O_*, as the kernel has them; 0 where the file was not opened */
    __u32 access;         /* enum fns_file_access */
    __u32 file_class;     /* enum fns_file_class */
    __u64 ctime_ns;       /* CLOCK_REALTIME */
    __s64 result;         /* -errno of an open that was refused or failed */
    __u32 mode;           /* S_IF* and permissions */
    __u32 special_device; /* kernel dev_t of a device file */
    __u32 file_flags;     /* enum fns_file_flag */
    __u32 padding;
    struct fns_writer writer;
    __u64 owner_sandbox_id;    /* FNS_FILE_FOREIGN_SECRET */
    __u64 size_bytes;          /* 0 where there is no file yet */
    char path[FNS_PATH_BYTES]; /* against the process's root; zero-filled, empty where it could not be kept */
};
FNS_ASSERT_SIZE(struct fns_file_event, 80 + 24 + 32 + 48 + 512);

#endif
