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

/* Of "123/" or "123" at a user address: the number in the upper half, how far to go on in the lower; 0 for no number.
 */
FNS_VERIFIED_ALONE __u64 fns_leading_number(__u64 text)
{
    char digits[FNS_PID_DIGITS + 2] = {};
    __u64 number = 0;
    __u32 i;

    bpf_probe_read_user_str(digits, sizeof(digits), (const void *)text);
    for (i = 0; i < FNS_PID_DIGITS; i++) {
        if (digits[i] < '0' || digits[i] > '9')
            break;
        number = number * 10 + (digits[i] - '0');
    }
    if (i == 0 || i == FNS_PID_DIGITS || (digits[i] != '/' && digits[i]))
        return 0;
    return number << 32 | (digits[i] ? i + 1 : i);
}

/* Where the component that begins `from` bytes behind a user address ends: at a slash, or with the text. */
FNS_VERIFIED_ALONE __u32 fns_component_end(__u64 text, __u32 from)
{
    char copy[FNS_HINT_LENGTH] = {};

    bpf_probe_read_user_str(copy, sizeof(copy), (const void *)text);
    for (__u32 i = 0; i < FNS_HINT_LENGTH - 1; i++)
        if (i >= from && (copy[i] == '/' || !copy[i]))
            return i;
    return FNS_HINT_LENGTH - 1;
}

/* Reads a number and moves *text behind it. */
static __always_inline __u32 fns_read_number(const char **text)
{
    __u64 found = fns_leading_number((__u64)*text);

    *text += (__u32)found;
    return found >> 32;
}

/* True where the text begins with the given word of at most seven letters; moves behind it. */
static __always_inline bool fns_skip_word(const char **text, __u64 word, int length)
{
    __u64 head = 0;

    bpf_probe_read_user_str(&head, length + 1, *text);
    if (head != word)
        return false;
    *text += length;
    return true;
}

/* The first component of what is left, two where the first is a folder ("fd/3"). */
static __always_inline void fns_read_hinted_name(struct fns_proc_name *name, const char *text)
{
    __u32 length = fns_component_end((__u64)text, 0);

    __builtin_memset(name, 0, sizeof(*name));
    bpf_probe_read_user_str(&name->head, sizeof(name->head), text);
    if (length < 7)
        name->head &= (1ULL << (8 * length)) - 1;
    if (fns_is_proc_folder(name->head))
        length = fns_component_end((__u64)text, length + 1);
    bpf_probe_read_user_str(name->text, (length & (FNS_HINT_LENGTH - 1)) + 1, text);
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

/* Sets target (NULL: none), name and hint: the process that a path from `dirfd` names, the entry in its /proc folder.
 */
static __noinline int fns_read_path_hint(struct fns_memory_act *act, __s32 dirfd, const char *text)
{
    struct path base = {};
    __u32 number;
    char first = 0;
    struct pid *pid;

    act->target = NULL;
    act->hint = 1;
    bpf_probe_read_user(&first, 1, text);
    if (first == '/') {
        if (!fns_skip_word(&text, FNS_HEAD("/proc/"), 6))
            return 0;
    } else {
        fns_read_base(&base, dirfd);
        if (!base.dentry)
            return 0;
        pid = fns_proc_pid(BPF_CORE_READ(base.dentry, d_inode));
        if (pid) {
            act->target = fns_task_of_pid(pid);
            act->hint = 0;
            if (first)
                fns_read_hinted_name(&act->name, text);
            else /* the descriptor is the file itself */
                fns_read_proc_name(&act->name, base.dentry);
            return 0;
        }
        if (BPF_CORE_READ(base.dentry, d_sb, s_magic) != PROC_SUPER_MAGIC)
            return 0;
    }
    number = fns_read_number(&text);
    if (!number)
        return 0;
    act->target = fns_task_of_vpid(number);
    if (fns_skip_word(&text, FNS_HEAD("task/"), 5))
        fns_read_number(&text);
    fns_read_hinted_name(&act->name, text);
    return 0;
}

/* The same for the path of a system call: which arguments hold it. */
static __always_inline void fns_read_call_hint(struct fns_memory_act *act, const struct fns_call *call)
{
    enum fns_call_word word = fns_call_word(call);
    __u64 first;
    bool relative = word == FNS_CALL_OPENAT || word == FNS_CALL_OPENAT2 || word == FNS_CALL_READLINKAT;

    act->target = NULL;
    if (!relative && word != FNS_CALL_OPEN && word != FNS_CALL_READLINK && word != FNS_CALL_CHDIR &&
        word != FNS_CALL_CHROOT)
        return;
    first = fns_call_argument(call, 0);
    fns_read_path_hint(act, relative ? (__s32)first : AT_FDCWD,
                       (const char *)(relative ? fns_call_argument(call, 1) : first));
}

#endif
