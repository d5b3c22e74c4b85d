/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * The preferred backends: what per-syscall tracepoints show on the fallback, at the functions that every entry shares.
 * They hand over the kernel's own objects (the task that was asked about, the file that was opened, the kernel's copy
 * of a path), so that no racing thread, tid or 32-bit entry matters, and cost nothing where they are not called.
 *
 *   ptrace_may_access   whether one task may look into another: asked by process_vm_*, kcmp, pidfd_getfd, the links of
 *                       /proc/PID; false also where plain permissions refused, before any LSM hook ran
 *   do_filp_open        every open: system calls of both widths, io_uring, exec
 *   ptrace_attach, ptrace_check_attach, arch_ptrace, set_fs_pwd, set_fs_root
 */
#ifndef FNSHIELD_BPF_MEMORY_CHECK_H
#define FNSHIELD_BPF_MEMORY_CHECK_H

#include "memory_exit.bpf.h"

#define PTRACE_MODE_ATTACH  0x02
#define PTRACE_MODE_NOAUDIT 0x04 /* asked in passing: what to show in /proc/PID/stat */

static __always_inline void fns_read_entry(struct fns_memory_act *act, const struct fns_call *call)
{
    const struct task_struct *task = (const struct task_struct *)bpf_get_current_task();
    __u32 flags = fns_task_flags(task);

    act->folder_fd = AT_FDCWD;
    if (flags & FNS_FLAG_IO_URING) { /* a worker: its registers are its maker's */
        act->flags |= FNS_FLAG_IO_URING;
        return;
    }
    act->syscall_nr = call->nr;
    act->flags |= flags;
    if (fns_call_word(call) == FNS_CALL_IO_URING_ENTER)
        act->flags |= FNS_FLAG_IO_URING;
}

static __always_inline struct fns_memory_act *fns_begin_checked(enum fns_act_slot slot, const struct fns_call *call,
                                                                long result)
{
    struct fns_memory_act *act = fns_new_act(slot);

    if (!act)
        return NULL;
    fns_read_entry(act, call);
    act->result = result;
    act->attempted = result < 0;
    return act;
}

/* Names an act after the call that asked; false where another program reports it, or nobody needs to. */
static __always_inline bool fns_name_checked(struct fns_memory_act *act, const struct fns_call *call, bool allowed,
                                             bool by_host)
{
    switch (fns_call_word(call)) {
    case FNS_CALL_PROCESS_VM_READV:
    case FNS_CALL_PROCESS_VM_WRITEV:
        if (allowed && fns_lock_is_watched)
            return false;
        fns_name_by_call(act, call);
        return true;
    case FNS_CALL_KCMP:
        act->via = FNS_VIA_OTHER_SYSCALL;
        act->access = FNS_ACCESS_PEEK;
        return true;
    case FNS_CALL_PIDFD_GETFD:
        act->via = FNS_VIA_PIDFD_GETFD;
        act->access = FNS_ACCESS_FD;
        return true;
    case FNS_CALL_CHDIR:
    case FNS_CALL_CHROOT:
        if (allowed) /* the directory tells */
            return false;
        break;
    case FNS_CALL_READLINK:
    case FNS_CALL_READLINKAT:
        break;
    default:
        return false;
    }
    act->via = FNS_VIA_PROC_LINK;
    act->access = FNS_ACCESS_PEEK;
    if (!allowed)
        act->result = -EACCES;
    return !by_host;
}

static __always_inline void fns_access_checked(const struct task_struct *target, __u32 mode, bool allowed)
{
    struct fns_sandbox *actor = fns_current_sandbox();
    const struct task_struct *task = (const struct task_struct *)bpf_get_current_task();
    struct fns_sandbox *target_sandbox;
    struct fns_memory_act *act;
    struct fns_call call;

    if (target == task || mode & PTRACE_MODE_NOAUDIT || BPF_CORE_READ(task, flags) & PF_IO_WORKER)
        return;
    target_sandbox = fns_sandbox_of_task(target);
    if (!fns_is_candidate(actor, target, target_sandbox))
        return;
    fns_read_call(&call);
    act = fns_begin_checked(FNS_ACT_CHECKED, &call, allowed ? 0 : -EPERM);
    if (!act || !fns_name_checked(act, &call, allowed, !actor))
        return;
    if (act->via == FNS_VIA_PROC_LINK) { /* the name is the caller's word, the target is the kernel's */
        fns_take_path(act, &call);
        fns_read_path_hint(act);
        act->hint = 0;
    }
    act->target = target;
    fns_report_candidate(act, actor, target_sandbox);
}

/* An open of any entry has ended. `ctx` is the program's own: behind the three arguments, the file or an error. */
static __always_inline void fns_opened_by_any_entry(__s32 folder_fd, const struct filename *name,
                                                    const unsigned long long *ctx)
{
    struct fns_sandbox *actor = fns_current_sandbox();
    enum fns_beyond beyond = FNS_BEYOND_NOTHING;
    struct fns_memory_act *act;
    struct path path = {};
    struct fns_call call;
    bool failed;
    long result;

    if (!actor)
        return;
    /* The verifier takes it for a file, of which only the kernel knows that it may be an error. */
    result = fns_argument(ctx, 3);
    failed = fns_is_error(result);
    if (failed ? !fns_was_refused(result) : !fns_reaches_out((const struct file *)result, &path, &beyond))
        return;
    fns_read_call(&call);
    act = fns_begin_checked(FNS_ACT_OPENED, &call, failed ? result : 0);
    if (!act)
        return;
    act->folder_fd = folder_fd;
    act->path = BPF_CORE_READ(name, name);
    act->path_in_kernel = 1;
    if (failed)
        fns_path_refused(act);
    else
        fns_judge_path(act, &path, (const struct file *)result, actor, beyond);
}

/* ptrace, whoever's table of system calls it came by. `result` is that of the function. */
static __always_inline void fns_traced(enum fns_act_slot slot, const struct task_struct *target, __u64 request,
                                       long result)
{
    struct fns_memory_act *act;
    struct fns_call call;

    if (fns_steers_tracee(request))
        return;
    fns_read_call(&call);
    act = fns_begin_checked(slot, &call, result);
    if (!act)
        return;
    if (fns_name_tracing(act, request) && result >= 0)
        return;
    act->requested_pid = fns_call_argument(&call, 1);
    act->target = target;
    fns_report_act(act);
}

/* chdir, fchdir and chroot; others that move a task (setns, pivot_root) are not meant here. */
static __always_inline void fns_moved(enum fns_act_slot slot, const struct fs_struct *fs, bool root)
{
    const struct task_struct *task = (const struct task_struct *)bpf_get_current_task();
    struct fns_sandbox *actor = fns_current_sandbox();
    struct fns_memory_act *act;
    enum fns_call_word word;
    struct fns_call call;

    if (!actor || fs != BPF_CORE_READ(task, fs))
        return;
    fns_read_call(&call);
    word = fns_call_word(&call);
    if (root ? word != FNS_CALL_CHROOT : word != FNS_CALL_CHDIR && word != FNS_CALL_FCHDIR)
        return;
    act = fns_begin_checked(slot, &call, 0);
    if (!act)
        return;
    fns_take_path(act, &call);
    fns_judge_folder(act, fs, root, actor);
}

/* --- refusing, by the LSM program ---------------------------------------------------------------------------- */

/* Of a check that may be an open's. */
static __always_inline enum fns_guard fns_guard_of_mode(__u32 mode)
{
    return mode & PTRACE_MODE_ATTACH ? FNS_GUARD_MEMORY_READ : FNS_GUARD_PROC_PEEK;
}

/* What the check that is under way is for. NONE: harmless, or judged elsewhere. */
static __always_inline enum fns_guard fns_guard_of_check(const struct fns_call *call, __u32 mode, bool *reported)
{
    *reported = true; /* by an fexit program */
    switch (fns_call_word(call)) {
    case FNS_CALL_READ: /* a /proc file that asks again when it is read */
    case FNS_CALL_PREAD64:
    case FNS_CALL_READV:
    case FNS_CALL_GETDENTS64:
        return FNS_GUARD_NONE;
    case FNS_CALL_PROCESS_VM_READV:
        return FNS_GUARD_MEMORY_READ;
    case FNS_CALL_PROCESS_VM_WRITEV:
        return FNS_GUARD_MEMORY_WRITE;
    case FNS_CALL_PTRACE:
        return FNS_GUARD_PTRACE;
    case FNS_CALL_PIDFD_GETFD:
        return FNS_GUARD_FD_THEFT;
    case FNS_CALL_KCMP:
    case FNS_CALL_READLINK:
    case FNS_CALL_READLINKAT:
    case FNS_CALL_CHDIR:
    case FNS_CALL_CHROOT:
        return FNS_GUARD_PROC_PEEK;
    case FNS_CALL_OPEN:
    case FNS_CALL_OPENAT:
    case FNS_CALL_OPENAT2:
    case FNS_CALL_IO_URING_ENTER:
    case FNS_CALL_EXECVE:
    case FNS_CALL_EXECVEAT:
        return fns_guard_of_mode(mode);
    default:
        *reported = false;
        return fns_guard_of_mode(mode);
    }
}

static __always_inline void fns_report_refusal(const struct fns_call *call, const struct task_struct *target,
                                               struct fns_sandbox *actor, const struct fns_sandbox *target_sandbox,
                                               bool memory)
{
    struct fns_memory_act *act = fns_begin_checked(FNS_ACT_REFUSED, call, -EPERM);

    if (!act)
        return;
    act->via = FNS_VIA_OTHER_SYSCALL;
    act->access = memory ? FNS_ACCESS_READ : FNS_ACCESS_PEEK;
    act->target = target;
    fns_report_candidate(act, actor, target_sandbox);
}

/* 0 or -EPERM. */
static __always_inline int fns_guard_access(const struct task_struct *target, __u32 mode)
{
    struct fns_sandbox *actor = fns_current_sandbox();
    const struct task_struct *task = (const struct task_struct *)bpf_get_current_task();
    const struct fns_sandbox *target_sandbox;
    __u64 key = bpf_get_current_pid_tgid();
    struct fns_verdict verdict;
    struct fns_rule_of rule;
    struct fns_call call;
    enum fns_guard guard;
    bool reported = true;
    int refused;

    if (!fns_is_functions_act(actor) || target == task || mode & PTRACE_MODE_NOAUDIT)
        return 0;
    target_sandbox = fns_sandbox_of_task(target);
    if (fns_is_within(actor, target_sandbox) || !fns_is_candidate(actor, target, target_sandbox))
        return 0;
    fns_read_call(&call);
    if (BPF_CORE_READ(task, flags) & PF_IO_WORKER) /* an open */
        guard = fns_guard_of_mode(mode);
    else
        guard = fns_guard_of_check(&call, mode, &reported);
    if (guard == FNS_GUARD_NONE)
        return 0;
    rule = fns_memory_rule(guard, actor, target_sandbox);
    verdict = fns_judge(&rule, guard);
    refused = fns_refuse(&rule, &verdict, true);
    if (!refused)
        return 0;
    bpf_map_update_elem(&refusals, &key, &verdict, BPF_ANY);
    if (!reported)
        fns_report_refusal(&call, target, actor, target_sandbox, guard == FNS_GUARD_MEMORY_READ);
    return refused;
}

#endif
