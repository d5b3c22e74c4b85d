/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * Acts that are judged when their system call returns: those that take no lock of the target's memory (attach, the
 * opening of /proc/PID files) and those that were refused. One handler a call, shared by its 64-bit tracepoint and by
 * the raw program for 32-bit entries.
 */
#ifndef FNSHIELD_BPF_MEMORY_EXIT_H
#define FNSHIELD_BPF_MEMORY_EXIT_H

#include "memory_link.bpf.h"
#include "memory_lock.bpf.h"

#define ESRCH 3

#define PTRACE_TRACEME     0
#define PTRACE_CONT        7
#define PTRACE_SINGLESTEP  9
#define PTRACE_ATTACH      16
#define PTRACE_DETACH      17
#define PTRACE_SYSCALL     24
#define PTRACE_SETOPTIONS  0x4200
#define PTRACE_GETEVENTMSG 0x4201
#define PTRACE_SEIZE       0x4206
#define PTRACE_INTERRUPT   0x4207
#define PTRACE_LISTEN      0x4208

/* Set where memory_lock is loaded: then what went through the lock has been reported by it. */
const volatile bool fns_lock_is_watched = true;

static __always_inline struct fns_memory_act *fns_begin_act(const struct fns_call *call, long result)
{
    struct fns_memory_act *act = fns_new_act(call->compat ? FNS_ACT_COMPAT : FNS_ACT_EXIT);

    if (!act)
        return NULL;
    act->syscall_nr = call->nr;
    act->result = result;
    act->attempted = result < 0;
    if (call->compat)
        act->flags |= FNS_FLAG_COMPAT;
    fns_take_path(act, call);
    return act;
}

/* What went through the lock has been reported. */
static __always_inline bool fns_process_vm_matters(long result)
{
    return fns_was_refused(result) || (!fns_lock_is_watched && result >= 0);
}

static __noinline int fns_process_vm_returned(const struct fns_call *call, long result, bool writes)
{
    struct fns_memory_act *act;

    if (!fns_process_vm_matters(result))
        return 0;
    act = fns_begin_act(call, result);
    if (!act)
        return 0;
    act->requested_pid = fns_call_argument(call, 0);
    act->target = fns_task_of_vpid(act->requested_pid);
    act->via = writes ? FNS_VIA_PROCESS_VM_WRITEV : FNS_VIA_PROCESS_VM_READV;
    act->access = writes ? FNS_ACCESS_WRITE : FNS_ACCESS_READ;
    if (act->target)
        fns_report_act(act);
    return 0;
}

/* Requests that only steer a tracee: the attach before them was reported. */
static __always_inline bool fns_steers_tracee(__u64 request)
{
    return request == PTRACE_TRACEME || request == PTRACE_CONT || request == PTRACE_SINGLESTEP ||
           request == PTRACE_DETACH || request == PTRACE_SYSCALL || request == PTRACE_SETOPTIONS ||
           request == PTRACE_GETEVENTMSG || request == PTRACE_INTERRUPT || request == PTRACE_LISTEN;
}

/* Names a ptrace request; true where it goes through the lock of the target's memory, which tells of it. */
static __always_inline bool fns_name_tracing(struct fns_memory_act *act, __u64 request)
{
    if (request != PTRACE_ATTACH && request != PTRACE_SEIZE) {
        fns_name_ptrace(act, request);
        return act->via != FNS_VIA_PTRACE_OTHER && fns_lock_is_watched;
    }
    act->via = request == PTRACE_ATTACH ? FNS_VIA_PTRACE_ATTACH : FNS_VIA_PTRACE_SEIZE;
    act->access = FNS_ACCESS_ATTACH;
    return false;
}

static __noinline int fns_ptrace_returned(const struct fns_call *call, long result)
{
    __u64 request = fns_call_argument(call, 0);
    struct fns_memory_act *act;

    if (fns_steers_tracee(request))
        return 0;
    act = fns_begin_act(call, result);
    if (!act)
        return 0;
    if (fns_name_tracing(act, request) && result != -ESRCH && !fns_was_refused(result))
        return 0;
    act->requested_pid = fns_call_argument(call, 1);
    act->target = fns_task_of_vpid(act->requested_pid);
    if (act->target)
        fns_report_act(act);
    return 0;
}

FNS_VERIFIED_ALONE int fns_is_proc_link(__u64 head)
{
    return head == FNS_HEAD("exe") || head == FNS_HEAD("cwd") || head == FNS_HEAD("root") || head == FNS_HEAD("fd") ||
           head == FNS_HEAD("ns") || head == FNS_HEAD("map_files");
}

/* A file of /proc/PID was opened. Nothing happens where it is the actor's own sandbox's. */
static __always_inline void fns_proc_file_opened(struct fns_memory_act *act, const struct file *file,
                                                 const struct dentry *dentry, const struct pid *pid,
                                                 struct fns_sandbox *actor)
{
    struct fns_sandbox *target_sandbox;
    __u32 mode = file ? BPF_CORE_READ(file, f_mode) : 0;

    act->target = fns_task_of_pid(pid);
    if (!act->target)
        return;
    target_sandbox = fns_sandbox_of_task(act->target);
    if (!fns_is_candidate(actor, act->target, target_sandbox))
        return;
    fns_read_proc_name(&act->name, dentry);
    if (!(mode & FMODE_WRITE) && fns_is_public(act->name.head, act->name.directory))
        return;
    act->via = FNS_VIA_PROC_FILE;
    act->access = mode & FMODE_WRITE ? FNS_ACCESS_WRITE : FNS_ACCESS_PEEK;
    if (act->name.head == FNS_HEAD("mem")) {
        act->via = FNS_VIA_PROC_MEM;
        if (!(mode & FMODE_WRITE) && (mode & FMODE_READ))
            act->access = FNS_ACCESS_READ;
    }
    fns_report_candidate(act, actor, target_sandbox);
}

static __always_inline void fns_judge_path(struct fns_memory_act *act, const struct path *opened,
                                           const struct file *file, struct fns_sandbox *actor, enum fns_beyond beyond)
{
    struct path path = *opened;
    const struct pid *pid = fns_proc_pid(BPF_CORE_READ(path.dentry, d_inode));

    if (pid)
        fns_proc_file_opened(act, file, path.dentry, pid, actor);
    if (beyond != FNS_BEYOND_NOTHING)
        fns_link_followed(act, &path, file, beyond);
}

/* Not done: what the path names is all that is known. */
static __always_inline void fns_path_refused(struct fns_memory_act *act)
{
    __u64 head;

    fns_read_path_hint(act);
    head = act->name.head;
    if (!act->target || !head || fns_is_public(act->name.head, act->name.directory))
        return;
    act->via = FNS_VIA_PROC_FILE;
    act->access = FNS_ACCESS_PEEK;
    if (head == FNS_HEAD("mem")) {
        act->via = FNS_VIA_PROC_MEM;
        act->access = FNS_ACCESS_READ;
    } else if (fns_is_proc_link(head)) {
        act->via = FNS_VIA_PROC_LINK;
        if (head == FNS_HEAD("fd"))
            act->access = FNS_ACCESS_FD;
    }
    fns_report_act(act);
}

/* What an opened file stands for: false where it is an ordinary one. */
static __always_inline bool fns_reaches_out(const struct file *file, struct path *path, enum fns_beyond *beyond)
{
    __u64 magic;

    if (!file || bpf_core_read(path, sizeof(*path), &file->f_path))
        return false;
    magic = BPF_CORE_READ(path, mnt, mnt_sb, s_magic);
    *beyond = fns_beyond(path, magic);
    return magic == PROC_SUPER_MAGIC || *beyond != FNS_BEYOND_NOTHING;
}

/*
 * The way of every open: for the host one look-up, in a sandbox a few reads to know that the file is an ordinary one.
 */
static __noinline int fns_open_returned(long result)
{
    struct fns_sandbox *actor = fns_current_sandbox();
    const struct file *file = NULL;
    struct fns_memory_act *act;
    struct path path = {};
    enum fns_beyond beyond;
    struct fns_call call;

    if (!actor)
        return 0;
    if (result < 0) {
        if (!fns_was_refused(result))
            return 0;
        fns_read_call(&call);
        act = fns_begin_act(&call, result);
        if (!act)
            return 0;
        fns_path_refused(act);
        return 0;
    }
    file = fns_current_file(result);
    if (!fns_reaches_out(file, &path, &beyond))
        return 0;
    fns_read_call(&call);
    act = fns_begin_act(&call, result);
    if (!act)
        return 0;
    fns_judge_path(act, &path, file, actor, beyond);
    return 0;
}

static __always_inline void fns_judge_folder(struct fns_memory_act *act, const struct fs_struct *fs, bool root,
                                             struct fns_sandbox *actor)
{
    struct path path = {};

    if (root)
        bpf_core_read(&path, sizeof(path), &fs->root);
    else
        bpf_core_read(&path, sizeof(path), &fs->pwd);
    if (path.dentry)
        fns_judge_path(act, &path, NULL, actor, fns_beyond(&path, BPF_CORE_READ(path.mnt, mnt_sb, s_magic)));
}

/* chdir, fchdir and chroot: the directory that the process now stands in is what was reached. */
static __noinline int fns_directory_changed(const struct fns_call *call, long result, bool root)
{
    const struct task_struct *task = (const struct task_struct *)bpf_get_current_task();
    struct fns_sandbox *actor = fns_current_sandbox();
    const struct fs_struct *fs = BPF_CORE_READ(task, fs);
    struct fns_memory_act *act;

    if (!actor)
        return 0;
    act = fns_begin_act(call, result);
    if (!act)
        return 0;
    if (fns_was_refused(result)) {
        fns_path_refused(act);
        return 0;
    }
    if (result == 0)
        fns_judge_folder(act, fs, root, actor);
    return 0;
}

/* A link of /proc/PID was read, not followed: what it says is a path or an inode number. */
static __noinline int fns_readlink_returned(const struct fns_call *call, long result)
{
    struct fns_memory_act *act;

    if ((result < 0 && !fns_was_refused(result)) || !fns_current_sandbox())
        return 0;
    act = fns_begin_act(call, result);
    if (!act)
        return 0;
    fns_read_path_hint(act);
    if (!act->target || !fns_is_proc_link(act->name.head))
        return 0;
    act->via = FNS_VIA_PROC_LINK;
    act->access = FNS_ACCESS_PEEK;
    fns_report_act(act);
    return 0;
}

/* Compares kernel objects of two processes: says what they share, and so much about both. */
static __noinline int fns_kcmp_returned(const struct fns_call *call, long result)
{
    struct fns_memory_act *act;

    if (result < 0 && !fns_was_refused(result))
        return 0;
    act = fns_begin_act(call, result);
    if (!act)
        return 0;
    act->via = FNS_VIA_OTHER_SYSCALL;
    act->access = FNS_ACCESS_PEEK;
    for (int i = 0; i < 2; i++) {
        act->requested_pid = i ? fns_call_argument(call, 1) : fns_call_argument(call, 0);
        act->target = fns_task_of_vpid(act->requested_pid);
        if (act->target)
            fns_report_act(act);
    }
    return 0;
}

#endif
