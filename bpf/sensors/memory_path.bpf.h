/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * Which process a path under /proc names, where the kernel keeps no object to ask: a refused open, readlink, a magic
 * link that was followed.
 *
 * Where the path is relative to a descriptor or a working directory inside /proc/PID, that inode says whose it is. Else
 * the caller's string is read, after the kernel read it: a HINT, since another thread may have rewritten it, and an odd
 * spelling ("/proc/./1/mem") is not understood. Events made from it say so.
 */
#ifndef FNSHIELD_BPF_MEMORY_PATH_H
#define FNSHIELD_BPF_MEMORY_PATH_H

#include "../lib/syscalls.bpf.h"
#include "memory_act.bpf.h"

#define FNS_PID_DIGITS  10
#define FNS_HINT_LENGTH 32

/* A path's text, which the kernel has copied for itself (fexit programs are given that copy) or is the caller's own. */
static __always_inline long fns_read_text(void *to, __u32 bytes, const char *text, bool in_kernel)
{
    return in_kernel ? bpf_probe_read_kernel_str(to, bytes, text) : bpf_probe_read_user_str(to, bytes, text);
}

/* Of "123/" or "123" at an address: the number in the upper half, how far to go on in the lower; 0 for no number. */
FNS_VERIFIED_ALONE __u64 fns_leading_number(__u64 text, __u32 in_kernel)
{
    char digits[FNS_PID_DIGITS + 2] = {};
    __u64 number = 0;
    __u32 i;

    fns_read_text(digits, sizeof(digits), (const void *)text, in_kernel);
    for (i = 0; i < FNS_PID_DIGITS; i++) {
        if (digits[i] < '0' || digits[i] > '9')
            break;
        number = number * 10 + (digits[i] - '0');
    }
    if (i == 0 || i == FNS_PID_DIGITS || (digits[i] != '/' && digits[i]))
        return 0;
    return number << 32 | (digits[i] ? i + 1 : i);
}

/* Where the component that begins `from` bytes behind an address ends: at a slash, or with the text. */
FNS_VERIFIED_ALONE __u32 fns_component_end(__u64 text, __u32 from, __u32 in_kernel)
{
    char copy[FNS_HINT_LENGTH] = {};

    fns_read_text(copy, sizeof(copy), (const void *)text, in_kernel);
    for (__u32 i = 0; i < FNS_HINT_LENGTH - 1; i++)
        if (i >= from && (copy[i] == '/' || !copy[i]))
            return i;
    return FNS_HINT_LENGTH - 1;
}

/* Reads a number and moves *text behind it. */
static __always_inline __u32 fns_read_number(const char **text, bool in_kernel)
{
    __u64 found = fns_leading_number((__u64)*text, in_kernel);

    *text += (__u32)found;
    return found >> 32;
}

/* True where the text begins with the given word of at most seven letters; moves behind it. */
static __always_inline bool fns_skip_word(const char **text, __u64 word, int length, bool in_kernel)
{
    __u64 head = 0;

    fns_read_text(&head, length + 1, *text, in_kernel);
    if (head != word)
        return false;
    *text += length;
    return true;
}

/* The first component of what is left, two where the first is a folder ("fd/3"). */
static __always_inline void fns_read_hinted_name(struct fns_proc_name *name, const char *text, bool in_kernel)
{
    __u32 length = fns_component_end((__u64)text, 0, in_kernel);

    __builtin_memset(name, 0, sizeof(*name));
    fns_read_text(&name->head, sizeof(name->head), text, in_kernel);
    if (length < 7)
        name->head &= (1ULL << (8 * length)) - 1;
    if (fns_is_proc_folder(name->head))
        length = fns_component_end((__u64)text, length + 1, in_kernel);
    fns_read_text(name->text, (length & (FNS_HINT_LENGTH - 1)) + 1, text, in_kernel);
}

/* The directory that a relative path begins at. */
static __always_inline void fns_read_base(struct path *base, __s32 dirfd)
{
    const struct task_struct *task = (const struct task_struct *)bpf_get_current_task();
    const struct file *file;

    if (dirfd == AT_FDCWD) {
        const struct fs_struct *fs = BPF_CORE_READ(task, fs);

        bpf_core_read(base, sizeof(*base), &fs->pwd);
        return;
    }
    file = fns_current_file(dirfd);
    if (file)
        bpf_core_read(base, sizeof(*base), &file->f_path);
}

/*
 * Sets target (NULL: none), name and hint: the process that the act's path names, the entry in its /proc folder. An act
 * that was given no path is left without a target.
 */
static __noinline int fns_read_path_hint(struct fns_memory_act *act)
{
    bool in_kernel = act->path_in_kernel;
    const char *text = act->path;
    struct path base = {};
    __u32 number;
    char first[2] = {};
    struct pid *pid;

    act->target = NULL;
    if (!text)
        return 0;
    act->hint = 1;
    fns_read_text(first, sizeof(first), text, in_kernel);
    if (first[0] == '/') {
        if (!fns_skip_word(&text, FNS_HEAD("/proc/"), 6, in_kernel))
            return 0;
    } else {
        fns_read_base(&base, act->folder_fd);
        if (!base.dentry)
            return 0;
        pid = fns_proc_pid(BPF_CORE_READ(base.dentry, d_inode));
        if (pid) {
            act->target = fns_task_of_pid(pid);
            act->hint = 0;
            if (first[0])
                fns_read_hinted_name(&act->name, text, in_kernel);
            else /* the descriptor is the file itself */
                fns_read_proc_name(&act->name, base.dentry);
            return 0;
        }
        if (BPF_CORE_READ(base.dentry, d_sb, s_magic) != PROC_SUPER_MAGIC)
            return 0;
    }
    number = fns_read_number(&text, in_kernel);
    if (!number)
        return 0;
    act->target = fns_task_of_vpid(number);
    if (fns_skip_word(&text, FNS_HEAD("task/"), 5, in_kernel))
        fns_read_number(&text, in_kernel);
    fns_read_hinted_name(&act->name, text, in_kernel);
    return 0;
}

/* Where a system call was given its path, and what it changes. */
static __always_inline void fns_take_path(struct fns_memory_act *act, const struct fns_call *call)
{
    __u64 first = fns_call_argument(call, 0);

    act->folder_fd = AT_FDCWD;
    switch (fns_call_word(call)) {
    case FNS_CALL_OPENAT:
    case FNS_CALL_OPENAT2:
    case FNS_CALL_READLINKAT:
        act->folder_fd = (__s32)first;
        act->path = (const char *)fns_call_argument(call, 1);
        break;
    case FNS_CALL_CHDIR:
        act->changed = FNS_CHANGED_DIRECTORY;
        act->path = (const char *)first;
        break;
    case FNS_CALL_CHROOT:
        act->changed = FNS_CHANGED_ROOT;
        act->path = (const char *)first;
        break;
    case FNS_CALL_FCHDIR:
        act->changed = FNS_CHANGED_DIRECTORY;
        break;
    case FNS_CALL_OPEN:
    case FNS_CALL_READLINK:
        act->path = (const char *)first;
        break;
    default:
        break;
    }
}

#endif
