/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* Events of the memory sensor: one process reaching into another, both ends resolved in the kernel. */
#ifndef FNSHIELD_ABI_MEMORY_H
#define FNSHIELD_ABI_MEMORY_H

#include "event.h"

/* What the act is after. Append only. */
enum fns_access {
    FNS_ACCESS_UNKNOWN = 0, /* the target's memory was locked by a way that the sensor cannot name */
    FNS_ACCESS_READ = 1,
    FNS_ACCESS_WRITE = 2,
    FNS_ACCESS_ATTACH = 3, /* ptrace attach or seize */
    FNS_ACCESS_PEEK = 4,   /* what /proc shows of the target, its memory apart */
    FNS_ACCESS_FD = 5,     /* a descriptor of the target was taken or opened */
    FNS_ACCESS_COUNT
};

/* By which road. Append only; names in daemon/model/names.cpp. */
enum fns_via {
    FNS_VIA_UNKNOWN = 0,
    FNS_VIA_PROCESS_VM_READV = 1,
    FNS_VIA_PROCESS_VM_WRITEV = 2,
    FNS_VIA_PTRACE_ATTACH = 3,
    FNS_VIA_PTRACE_SEIZE = 4,
    FNS_VIA_PTRACE_PEEK = 5,
    FNS_VIA_PTRACE_POKE = 6,
    FNS_VIA_PTRACE_OTHER = 7,
    FNS_VIA_PROC_MEM = 8,   /* /proc/PID/mem, opened or read */
    FNS_VIA_PROC_FILE = 9,  /* /proc/PID/NAME: `name` says which */
    FNS_VIA_PROC_LINK = 10, /* /proc/PID/{root,cwd,exe,fd/N,map_files/…} followed */
    FNS_VIA_PIDFD_GETFD = 11,
    FNS_VIA_PROCESS_MADVISE = 12,
    FNS_VIA_OTHER_SYSCALL = 13, /* syscall_nr says which */
    FNS_VIA_COUNT
};

#define FNS_PROC_NAME_BYTES 64

struct fns_memory_event {
    struct fns_event_header header;
    struct fns_process target;      /* tgid 0: the other process could not be named */
    __u64 target_sandbox_id;        /* FNS_HOST where the target is in none */
    __u64 requested_pid;            /* as the caller named it, in its own pid namespace; 0 where none was named */
    __s64 result;                   /* of the call where it is known, else 0 */
    __u32 syscall_nr;               /* of the ABI that FNS_FLAG_COMPAT tells */
    __u16 access;                   /* enum fns_access */
    __u16 via;                      /* enum fns_via */
    char name[FNS_PROC_NAME_BYTES]; /* /proc entry: "mem", "environ", "fd/3"; else empty */
    __u32 attempted;                /* 1: refused or failed, result is -errno */
    __u32 hint; /* 1: target and name come from a path in the caller's memory, which a racing thread can change */
};
FNS_ASSERT_SIZE(struct fns_memory_event, 80 + 40 + 24 + 8 + 64 + 8);

#endif
