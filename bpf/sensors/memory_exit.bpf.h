/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * Acts that are judged when their system call returns: those that take no lock of the target's memory (attach, the
 * opening of /proc/PID files) and those that were refused. One handler a call, shared by its 64-bit tracepoint and by
 * the raw program for 32-bit entries.
 */
#ifndef FNSHIELD_BPF_MEMORY_EXIT_H
#define FNSHIELD_BPF_MEMORY_EXIT_H

#include "../lib/syscalls.bpf.h"
#include "memory_act.bpf.h"

#define EPERM  1
#define ESRCH  3
#define EACCES 13

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

static __always_inline bool fns_was_refused(long result)
{
    return result == -EPERM || result == -EACCES;
}

static __always_inline void fns_begin_act(struct fns_memory_act *act, const struct fns_call *call, long result)
{
    act->syscall_nr = call->nr;
    act->result = result;
    act->attempted = result < 0;
    if (call->compat)
        act->flags |= FNS_FLAG_COMPAT;
}

static __always_inline void fns_process_vm_returned(const struct fns_call *call, long result, bool writes)
{
    struct fns_memory_act act = {};

    if (!fns_was_refused(result) && (fns_lock_is_watched || result < 0))
        return;
    fns_begin_act(&act, call, result);
    act.requested_pid = fns_call_argument(call, 0);
    act.target = fns_task_of_vpid(act.requested_pid);
    act.via = writes ? FNS_VIA_PROCESS_VM_WRITEV : FNS_VIA_PROCESS_VM_READV;
    act.access = writes ? FNS_ACCESS_WRITE : FNS_ACCESS_READ;
    if (act.target)
        fns_report_act(&act);
}

/* Requests that only steer a tracee: the attach before them was reported. */
static __always_inline bool fns_steers_tracee(__u64 request)
{
    return request == PTRACE_TRACEME || request == PTRACE_CONT || request == PTRACE_SINGLESTEP ||
           request == PTRACE_DETACH || request == PTRACE_SYSCALL || request == PTRACE_SETOPTIONS ||
           request == PTRACE_GETEVENTMSG || request == PTRACE_INTERRUPT || request == PTRACE_LISTEN;
}

static __always_inline void fns_ptrace_returned(const struct fns_call *call, long result)
{
    __u64 request = fns_call_argument(call, 0);
    struct fns_memory_act act = {};

    if (fns_steers_tracee(request))
        return;
    fns_begin_act(&act, call, result);
    if (request == PTRACE_ATTACH || request == PTRACE_SEIZE) {
        act.via = request == PTRACE_ATTACH ? FNS_VIA_PTRACE_ATTACH : FNS_VIA_PTRACE_SEIZE;
        act.access = FNS_ACCESS_ATTACH;
    } else {
        fns_name_ptrace(&act, request);
        if (act.via != FNS_VIA_PTRACE_OTHER && fns_lock_is_watched && result != -ESRCH && !fns_was_refused(result))
            return;
    }
    act.requested_pid = fns_call_argument(call, 1);
    act.target = fns_task_of_vpid(act.requested_pid);
    if (act.target)
        fns_report_act(&act);
}

/* What ps, top and exporters read of every process, and what says nothing that is not public. */
static __always_inline bool fns_is_public_proc_file(const struct fns_proc_name *name)
{
    __u64 head = name->head;

    if (name->directory && (__u8)head >= '0' && (__u8)head <= '9') /* /proc/PID and its task/TID */
        return true;
    return head == FNS_HEAD("stat") || head == FNS_HEAD("statm") || head == FNS_HEAD("status") ||
           head == FNS_HEAD("cmdline") || head == FNS_HEAD("comm") || head == FNS_HEAD("cgroup") ||
           head == FNS_HEAD("cpuset") || head == FNS_HEAD("task") || head == FNS_HEAD("limits") ||
           head == FNS_HEAD("io") || head == FNS_HEAD("loginuid") || head == FNS_HEAD("sessionid") ||
           head == FNS_HEAD("sched") || head == FNS_HEAD("schedstat") || head == FNS_HEAD("wchan") ||
           head == FNS_HEAD("oom_score"); /* _adj as well */
}

/* A file of /proc/PID was opened. Nothing happens where it is the actor's own sandbox's. */
static __always_inline void fns_proc_file_opened(struct fns_memory_act *act, const struct file *file,
                                                 const struct dentry *dentry, const struct pid *pid,
                                                 struct fns_sandbox *actor)
{
    struct fns_sandbox *target_sandbox;
    __u32 mode = BPF_CORE_READ(file, f_mode);

    act->target = fns_task_of_pid(pid);
    if (!act->target)
        return;
    target_sandbox = fns_sandbox_of_task(act->target);
    if (!fns_is_candidate(actor, act->target, target_sandbox))
        return;
    fns_read_proc_name(&act->name, dentry);
    if (!(mode & FMODE_WRITE) && fns_is_public_proc_file(&act->name))
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

/*
 * The way of every open: for the host one look-up, in a sandbox a few reads to know that the file is an ordinary one.
 */
static __always_inline void fns_open_returned(long result)
{
    struct fns_sandbox *actor = fns_current_sandbox();
    struct fns_memory_act act = {};
    const struct file *file;
    struct path path = {};
    struct fns_call call;
    struct pid *pid;

    if (!actor || result < 0)
        return;
    file = fns_current_file(result);
    if (!file || bpf_core_read(&path, sizeof(path), &file->f_path))
        return;
    if (BPF_CORE_READ(path.mnt, mnt_sb, s_magic) != PROC_SUPER_MAGIC)
        return;
    pid = fns_proc_pid(BPF_CORE_READ(path.dentry, d_inode));
    if (!pid)
        return;
    fns_read_call(&call);
    fns_begin_act(&act, &call, result);
    fns_proc_file_opened(&act, file, path.dentry, pid, actor);
}

#endif
