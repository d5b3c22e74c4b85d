/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * One name for a system call whatever the ABI: the kernel numbers them differently for 64-bit and 32-bit callers. Only
 * those that some program asks for.
 */
#ifndef FNSHIELD_BPF_SYSCALLS_H
#define FNSHIELD_BPF_SYSCALLS_H

#include "regs.bpf.h"

#define FNS_NO_SYSCALL 0xffffffff /* a call that an ABI does not have */

/* name, x86-64 number, i386 number */
#define FNS_SYSCALLS(X)                                                                                                \
    X(READ, 0, 3)                                                                                                      \
    X(WRITE, 1, 4)                                                                                                     \
    X(OPEN, 2, 5)                                                                                                      \
    X(PREAD64, 17, 180)                                                                                                \
    X(PWRITE64, 18, 181)                                                                                               \
    X(READV, 19, 145)                                                                                                  \
    X(WRITEV, 20, 146)                                                                                                 \
    X(SENDFILE, 40, 187)                                                                                               \
    X(EXECVE, 59, 11)                                                                                                  \
    X(CHDIR, 80, 12)                                                                                                   \
    X(FCHDIR, 81, 133)                                                                                                 \
    X(CHROOT, 161, 61)                                                                                                 \
    X(READLINK, 89, 85)                                                                                                \
    X(PTRACE, 101, 26)                                                                                                 \
    X(GETDENTS64, 217, 220)                                                                                            \
    X(OPENAT, 257, 295)                                                                                                \
    X(NEWFSTATAT, 262, 300)                                                                                            \
    X(READLINKAT, 267, 305)                                                                                            \
    X(SPLICE, 275, 313)                                                                                                \
    X(PREADV, 295, 333)                                                                                                \
    X(PWRITEV, 296, 334)                                                                                               \
    X(PROCESS_VM_READV, 310, 347)                                                                                      \
    X(PROCESS_VM_WRITEV, 311, 348)                                                                                     \
    X(KCMP, 312, 349)                                                                                                  \
    X(EXECVEAT, 322, 358)                                                                                              \
    X(COPY_FILE_RANGE, 326, 377)                                                                                       \
    X(PREADV2, 327, 378)                                                                                               \
    X(PWRITEV2, 328, 379)                                                                                              \
    X(STATX, 332, 383)                                                                                                 \
    X(IO_URING_ENTER, 426, 426)                                                                                        \
    X(OPENAT2, 437, 437)                                                                                               \
    X(PIDFD_GETFD, 438, 438)                                                                                           \
    X(PROCESS_MADVISE, 440, 440)                                                                                       \
    X(CLONE, 56, 120)                                                                                                  \
    X(RT_SIGQUEUEINFO, 129, 178)                                                                                       \
    X(PIVOT_ROOT, 155, 217)                                                                                            \
    X(MOUNT, 165, 21)                                                                                                  \
    X(UMOUNT2, 166, 52)                                                                                                \
    X(INIT_MODULE, 175, 128)                                                                                           \
    X(DELETE_MODULE, 176, 129)                                                                                         \
    X(KEXEC_LOAD, 246, 283)                                                                                            \
    X(UNSHARE, 272, 310)                                                                                               \
    X(RT_TGSIGQUEUEINFO, 297, 335)                                                                                     \
    X(OPEN_BY_HANDLE_AT, 304, 342)                                                                                     \
    X(SETNS, 308, 346)                                                                                                 \
    X(FINIT_MODULE, 313, 350)                                                                                          \
    X(KEXEC_FILE_LOAD, 320, FNS_NO_SYSCALL)                                                                            \
    X(BPF, 321, 357)                                                                                                   \
    X(PIDFD_SEND_SIGNAL, 424, 424)                                                                                     \
    X(OPEN_TREE, 428, 428)                                                                                             \
    X(MOVE_MOUNT, 429, 429)                                                                                            \
    X(FSOPEN, 430, 430)                                                                                                \
    X(FSCONFIG, 431, 431)                                                                                              \
    X(FSMOUNT, 432, 432)                                                                                               \
    X(FSPICK, 433, 433)                                                                                                \
    X(CLONE3, 435, 435)                                                                                                \
    X(MOUNT_SETATTR, 442, 442)                                                                                         \
    X(OPEN_TREE_ATTR, 467, 467)                                                                                        \
    X(SYSLOG, 103, 103)                                                                                                \
    X(MKNOD, 133, 14)                                                                                                  \
    X(MODIFY_LDT, 154, 123)                                                                                            \
    X(ADJTIMEX, 159, 124)                                                                                              \
    X(ACCT, 163, 51)                                                                                                   \
    X(SETTIMEOFDAY, 164, 79)                                                                                           \
    X(SWAPON, 167, 87)                                                                                                 \
    X(SWAPOFF, 168, 115)                                                                                               \
    X(REBOOT, 169, 88)                                                                                                 \
    X(IOPL, 172, 110)                                                                                                  \
    X(IOPERM, 173, 101)                                                                                                \
    X(QUOTACTL, 179, 131)                                                                                              \
    X(CLOCK_SETTIME, 227, 264)                                                                                         \
    X(ADD_KEY, 248, 286)                                                                                               \
    X(REQUEST_KEY, 249, 287)                                                                                           \
    X(KEYCTL, 250, 288)                                                                                                \
    X(MKNODAT, 259, 297)                                                                                               \
    X(PERF_EVENT_OPEN, 298, 336)                                                                                       \
    X(FANOTIFY_INIT, 300, 338)                                                                                         \
    X(USERFAULTFD, 323, 374)                                                                                           \
    X(IO_URING_SETUP, 425, 425)

#define FNS_SYSCALL_WORD(name, native, compat) FNS_CALL_##name,

enum fns_call_word { FNS_CALL_OTHER, FNS_SYSCALLS(FNS_SYSCALL_WORD) };

/* i386 has two sendfiles; the 32-bit offset is all that tells them apart. And an umount without flags. */
#define FNS_SENDFILE64_I386 239
#define FNS_UMOUNT_I386     22

/* Many branches that need looking at once only; callers get it by fns_call_word. */
FNS_VERIFIED_ALONE __u32 fns_call_word_of(__u32 nr, __u32 compat)
{
#define FNS_NATIVE_CASE(name, native, compat)                                                                          \
    case native:                                                                                                       \
        return FNS_CALL_##name;
#define FNS_COMPAT_CASE(name, native, compat)                                                                          \
    case compat:                                                                                                       \
        return FNS_CALL_##name;

    if (compat) {
        switch (nr) {
            FNS_SYSCALLS(FNS_COMPAT_CASE)
        case FNS_SENDFILE64_I386:
            return FNS_CALL_SENDFILE;
        case FNS_UMOUNT_I386:
            return FNS_CALL_UMOUNT2;
        default:
            return FNS_CALL_OTHER;
        }
    }
    switch (nr) {
        FNS_SYSCALLS(FNS_NATIVE_CASE)
    default:
        return FNS_CALL_OTHER;
    }
#undef FNS_NATIVE_CASE
#undef FNS_COMPAT_CASE
}

static __always_inline enum fns_call_word fns_call_word(const struct fns_call *call)
{
    return fns_call_word_of(call->nr, call->compat);
}

#endif
