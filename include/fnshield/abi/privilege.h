/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * Events of the privilege sensor: namespaces, mounts, kernel modules, bpf(), perf events, rare system calls,
 * credentials; signals to another sandbox or the host; and what is aimed at the daemon itself, by bpf() on its own
 * objects or by a signal.
 */
#ifndef FNSHIELD_ABI_PRIVILEGE_H
#define FNSHIELD_ABI_PRIVILEGE_H

#include "event.h"

/* What was asked of the kernel. Append only; names in daemon/model/names.cpp. */
enum fns_privilege {
    FNS_PRIVILEGE_UNKNOWN = 0,
    FNS_PRIVILEGE_SETNS = 1,
    FNS_PRIVILEGE_UNSHARE = 2,
    FNS_PRIVILEGE_CLONE = 3, /* clone or clone3 with new namespaces */
    FNS_PRIVILEGE_MOUNT = 4,
    FNS_PRIVILEGE_UMOUNT = 5,
    FNS_PRIVILEGE_PIVOT_ROOT = 6,
    FNS_PRIVILEGE_OPEN_TREE = 7, /* with OPEN_TREE_CLONE: else it is an open like any other */
    FNS_PRIVILEGE_MOVE_MOUNT = 8,
    FNS_PRIVILEGE_FSOPEN = 9,
    FNS_PRIVILEGE_FSCONFIG = 10,
    FNS_PRIVILEGE_FSMOUNT = 11,
    FNS_PRIVILEGE_FSPICK = 12,
    FNS_PRIVILEGE_MOUNT_SETATTR = 13,
    FNS_PRIVILEGE_OPEN_BY_HANDLE = 14, /* open_by_handle_at: files past what is mounted */
    FNS_PRIVILEGE_INIT_MODULE = 15,
    FNS_PRIVILEGE_FINIT_MODULE = 16,
    FNS_PRIVILEGE_DELETE_MODULE = 17,
    FNS_PRIVILEGE_KEXEC_LOAD = 18,
    FNS_PRIVILEGE_KEXEC_FILE_LOAD = 19,
    FNS_PRIVILEGE_MODULE_REQUEST = 20, /* the kernel went for a module on its own, for something that was asked for */
    FNS_PRIVILEGE_BPF = 21,
    FNS_PRIVILEGE_PERF_EVENT = 22,
    FNS_PRIVILEGE_IO_URING = 23, /* io_uring_setup */
    FNS_PRIVILEGE_MKNOD = 24,    /* of a device */
    FNS_PRIVILEGE_USERFAULTFD = 25,
    FNS_PRIVILEGE_KEYCTL = 26, /* also add_key and request_key */
    FNS_PRIVILEGE_MODIFY_LDT = 27,
    FNS_PRIVILEGE_VM86 = 28,
    FNS_PRIVILEGE_ACCT = 29,
    FNS_PRIVILEGE_SWAPON = 30,  /* also swapoff */
    FNS_PRIVILEGE_IOPL = 31,    /* also ioperm */
    FNS_PRIVILEGE_SETTIME = 32, /* also settimeofday, adjtimex */
    FNS_PRIVILEGE_REBOOT = 33,
    FNS_PRIVILEGE_FANOTIFY = 34,
    FNS_PRIVILEGE_QUOTACTL = 35,
    FNS_PRIVILEGE_SYSLOG = 36,
    FNS_PRIVILEGE_COUNT
};

/* What the kernel's BPF objects are. Append only. */
enum fns_object { FNS_OBJECT_NONE = 0, FNS_OBJECT_MAP = 1, FNS_OBJECT_PROG = 2, FNS_OBJECT_LINK = 3, FNS_OBJECT_COUNT };

/* Key of `own_objects`. */
#define FNS_OWN_OBJECT(kind, id) ((__u64)(kind) << 32 | (id))

#define FNS_PRIVILEGE_NAME_BYTES 64

struct fns_privilege_event {
    struct fns_event_header header;
    /* Namespaces: CLONE_NEW*, 0 = any; mounts: their flags; bpf: its command; mknod: S_IF*; perf: the pid named */
    __u64 argument;
    __s64 result;     /* -errno where it was refused or failed; 0: allowed, as far as the hook can tell */
    __u32 syscall_nr; /* of the ABI that FNS_FLAG_COMPAT tells */
    __u16 act;        /* enum fns_privilege */
    __u8 own_object;  /* 1: the object is the daemon's; header.sandbox_id may be FNS_HOST then */
    __u8 writes;      /* 1: it changes the object, or takes it away */
    __u32 object;     /* enum fns_object: what a bpf() is about, where that is known */
    __u32 object_id;
    /* Mounts: the path or type; modules: what was requested. What a path says is the caller's own memory. */
    char name[FNS_PRIVILEGE_NAME_BYTES];
};
FNS_ASSERT_SIZE(struct fns_privilege_event, 80 + 16 + 8 + 8 + 64);

struct fns_credentials_event {
    struct fns_event_header header;
    __u64 gained_capabilities; /* effective, in the initial user namespace */
    __u32 old_uid;             /* effective, in the initial user namespace */
    __u32 new_uid;
};
FNS_ASSERT_SIZE(struct fns_credentials_event, 80 + 16);

struct fns_signal_event {
    struct fns_event_header header;
    struct fns_process target;
    __u64 target_sandbox_id;
    __u32 signal;
    __s32 code;     /* si_code: how it was sent */
    __u8 at_daemon; /* 1: the target is the daemon */
    __u8 padding[7];
};
FNS_ASSERT_SIZE(struct fns_signal_event, 80 + 40 + 24);

#endif
