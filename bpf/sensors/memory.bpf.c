// SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
/*
 * Memory: one process reaching into another. Parts: memory_act (what is a candidate, the event), memory_verdict (what
 * policies say), memory_lock (what an act is called), memory_exit (calls judged when they return), memory_check (the
 * preferred backends), memory_path and memory_link (paths and magic links of /proc), memory_pidfd, memory_ring
 * (io_uring).
 *
 * Hooks, on every backend
 *   tp_btf/mmap_lock_start_locking   the lock of an mm that is not the caller's: every way of reading or writing
 *                                    another's memory takes it, whatever the entry (64-bit, 32-bit, io_uring, any
 *                                    thread). mm->owner is the victim. Before 5.11, on the preferred backends:
 *   fentry/access_remote_vm          the same for /proc/PID/{mem,environ,cmdline}.
 * On the preferred backends: memory_check.bpf.h, and lsm/ptrace_access_check, which refuses.
 * On the fallback
 *   raw_tp/io_uring_complete         opens and reads by io_uring, which are no system calls.
 *   tp/syscalls/sys_exit_*           what takes no such lock: refused attempts, ptrace attach, opens of /proc/PID
 * files, magic links, descriptors taken. 64-bit entry only. tp_btf/sys_exit                  the same for the 32-bit
 * entry.
 *
 * Cost: the lock's program runs for every mmap, brk and munmap of the node and returns after two loads for a caller's
 * own memory, after ten for its cgroup's. The programs of the preferred backends cost what they watch: an open, a
 * ptrace. Any exit program makes every system call of the node take the kernel's slow way out (Tier::full); an entry
 * program beside it would cost that once more, so there is none.
 *
 * Blind spots of the fallback
 *   - A thread that closes or replaces the new descriptor before its open returns hides the open; it does not hide
 *     a read of memory through it. So does one that copies the descriptor to another process in between.
 *   - Refused opens are known by the caller's path string alone (memory_path.bpf.h).
 * of all
 *   - /proc files that are read without the memory's lock (maps on kernels with per-VMA locks, auxv) through a
 *     descriptor passed from another process: only the opener is seen.
 *   - What is reached through magic links inside one mount namespace is an ordinary file and no breach of one.
 */
#define PF_EXITING 0x00000004

#include "memory_check.bpf.h"
#include "memory_exit.bpf.h"
#include "memory_lock.bpf.h"
#include "memory_pidfd.bpf.h"
#include "memory_ring.bpf.h"

static __always_inline bool is_user_task(__u32 flags)
{
    return !(flags & PF_KTHREAD) || (flags & PF_IO_WORKER);
}

/*
 * Where the kernel has no mm->owner (CONFIG_MEMCG=n), or the owner has just gone, the target can still be named by what
 * the caller asked for. NULL is common: a process that ends or execs locks its old memory, which nobody owns any more.
 */
static __always_inline const struct task_struct *target_by_call(const struct fns_call *call)
{
    switch (fns_call_word(call)) {
    case FNS_CALL_PROCESS_VM_READV:
    case FNS_CALL_PROCESS_VM_WRITEV:
        return fns_task_of_vpid(fns_call_argument(call, 0));
    case FNS_CALL_PTRACE:
        return fns_task_of_vpid(fns_call_argument(call, 1));
    case FNS_CALL_READ:
    case FNS_CALL_PREAD64:
    case FNS_CALL_READV:
    case FNS_CALL_PREADV:
    case FNS_CALL_PREADV2:
    case FNS_CALL_WRITE:
    case FNS_CALL_PWRITE64: {
        const struct file *file = fns_current_file(fns_call_argument(call, 0));

        return file ? fns_task_of_pid(fns_proc_pid(BPF_CORE_READ(file, f_inode))) : NULL;
    }
    default:
        return NULL;
    }
}

static __always_inline int foreign_memory(enum fns_act_slot slot, struct task_struct *task, const struct mm_struct *mm,
                                          const struct task_struct *owner)
{
    struct fns_sandbox *actor = fns_current_sandbox();
    bool is_worker = BPF_CORE_READ(task, flags) & PF_IO_WORKER;
    const struct task_struct *target = owner;
    struct fns_sandbox *target_sandbox;
    struct fns_memory_act *act;
    struct fns_call call = {};

    if (!target) {
        if (is_worker || (BPF_CORE_READ(task, flags) & PF_EXITING))
            return 0;
        fns_read_call(&call);
        target = target_by_call(&call);
        if (!target)
            return 0;
    }
    target_sandbox = fns_sandbox_of_task(target);
    if (!fns_is_candidate(actor, target, target_sandbox))
        return 0;
    act = fns_new_act(slot);
    if (!act)
        return 0;
    act->target = target;
    act->mm = mm;
    if (is_worker) {
        fns_name_by_worker(act, task);
    } else {
        if (owner)
            fns_read_call(&call);
        fns_name_by_call(act, &call);
    }
    if (!actor && act->via == FNS_VIA_PROC_FILE && act->name.head == FNS_HEAD("cmdline"))
        return 0; /* ps and exporters on the host, of every container, every few seconds */
    fns_report_candidate(act, actor, target_sandbox);
    return 0;
}

/* Answers what passes for a debugger and its own child without a look-up. */
static __always_inline bool is_child_of(struct task_struct *owner, struct task_struct *task)
{
    struct task_struct *parent = owner->real_parent;

    return parent && parent->tgid == task->tgid;
}

static __always_inline bool is_in_same_cgroup(struct task_struct *task, struct task_struct *owner)
{
    struct css_set *own = task->cgroups;
    struct css_set *other = owner->cgroups;

    return own && other && own->dfl_cgrp == other->dfl_cgrp;
}

SEC("tp_btf/mmap_lock_start_locking")
int BPF_PROG(memory_lock, struct mm_struct *mm)
{
    struct task_struct *task = bpf_get_current_task_btf();
    struct task_struct *owner = NULL;

    if (task->mm == mm || !is_user_task(task->flags))
        return 0;
    if (bpf_core_field_exists(mm->owner)) {
        owner = mm->owner;
        if (owner && owner->tgid == task->tgid) /* the mm of a fork or exec under way */
            return 0;
        if (owner && is_in_same_cgroup(task, owner) && (is_child_of(owner, task) || !fns_current_sandbox()))
            return 0;
    }
    return foreign_memory(FNS_ACT_LOCK, task, mm, owner);
}

/* --- the preferred backends ---------------------------------------------------------------------------------- */

/* Before 5.11. What the task itself has is not asked: process_vm_* and ptrace are seen by their checks. */
SEC("fentry/access_remote_vm")
int BPF_PROG(remote_memory, struct mm_struct *mm)
{
    struct task_struct *task = (struct task_struct *)bpf_get_current_task();

    if (BPF_CORE_READ(task, mm) == mm)
        return 0;
    return foreign_memory(FNS_ACT_REMOTE, task, mm, BPF_CORE_READ(mm, owner));
}

/* The function returns a bool: of the register only the lowest byte is its answer. */
SEC("fexit/ptrace_may_access")
int BPF_PROG(access_checked, struct task_struct *task, unsigned int mode, unsigned char allowed)
{
    fns_access_checked(task, mode, allowed != 0);
    return 0;
}

SEC("fexit/do_filp_open")
int BPF_PROG(opened, int folder_fd, struct filename *name, const struct open_flags *flags, struct file *file)
{
    fns_opened_by_any_entry(folder_fd, name, ctx);
    return 0;
}

/* The same function, as it is called from 7.2 on. */
SEC("fexit/do_file_open")
int BPF_PROG(opened_renamed, int folder_fd, struct filename *name, const struct open_flags *flags, struct file *file)
{
    fns_opened_by_any_entry(folder_fd, name, ctx);
    return 0;
}

SEC("fexit/ptrace_attach")
int BPF_PROG(attached, struct task_struct *task, long request, unsigned long address, unsigned long flags, int result)
{
    fns_traced(FNS_ACT_ATTACHED, task, request, result);
    return 0;
}

/* A request to a process that is not traced by the caller never gets further. */
SEC("fexit/ptrace_check_attach")
int BPF_PROG(untraced, struct task_struct *child, bool ignore_state, int result)
{
    struct fns_call call;

    if (result == 0)
        return 0;
    fns_read_call(&call);
    fns_traced(FNS_ACT_UNTRACED, child, fns_call_argument(&call, 0), result);
    return 0;
}

SEC("fexit/arch_ptrace")
int BPF_PROG(traced, struct task_struct *child, long request, unsigned long address, unsigned long data, long result)
{
    fns_traced(FNS_ACT_TRACED, child, request, result);
    return 0;
}

SEC("fexit/compat_arch_ptrace")
int BPF_PROG(traced_32, struct task_struct *child, long request, unsigned long address, unsigned long data, long result)
{
    fns_traced(FNS_ACT_TRACED_32, child, (__u32)request, result);
    return 0;
}

SEC("fexit/set_fs_pwd")
int BPF_PROG(moved, struct fs_struct *fs, const struct path *path)
{
    fns_moved(FNS_ACT_MOVED, fs, false);
    return 0;
}

SEC("fexit/set_fs_root")
int BPF_PROG(rooted, struct fs_struct *fs, const struct path *path)
{
    fns_moved(FNS_ACT_ROOTED, fs, true);
    return 0;
}

SEC("lsm/ptrace_access_check")
int BPF_PROG(guard_access, struct task_struct *child, unsigned int mode, int ret)
{
    return ret ? ret : fns_as_answer(fns_guard_access(child, mode));
}

/* --- the fallback -------------------------------------------------------------------------------------------- */

/*
 * The per-system-call tracepoints: each fires when its call returns, by the 64-bit entry only. Calls that mean the same
 * share a program (the daemon attaches it to each of them): open, openat and openat2; chdir and fchdir; readlink and
 * readlinkat.
 */
#define FNS_ON_EXIT(call_name, matters, handler, ...)                                                                  \
    SEC("tp/syscalls/sys_exit_" #call_name)                                                                            \
    int exit_##call_name(struct trace_event_raw_sys_exit *ctx)                                                         \
    {                                                                                                                  \
        struct fns_call call;                                                                                          \
                                                                                                                       \
        if (!(matters))                                                                                                \
            return 0;                                                                                                  \
        fns_read_call(&call);                                                                                          \
        handler(&call, ctx->ret, ##__VA_ARGS__);                                                                       \
        return 0;                                                                                                      \
    }

FNS_ON_EXIT(process_vm_readv, fns_process_vm_matters(ctx->ret), fns_process_vm_returned, false)
FNS_ON_EXIT(process_vm_writev, fns_process_vm_matters(ctx->ret), fns_process_vm_returned, true)
FNS_ON_EXIT(ptrace, true, fns_ptrace_returned)
FNS_ON_EXIT(pidfd_getfd, true, fns_pidfd_getfd_returned)
FNS_ON_EXIT(kcmp, true, fns_kcmp_returned)
/* Frequent on the host, which is not asked: it returns after one look-up. */
FNS_ON_EXIT(chdir, fns_current_sandbox(), fns_directory_changed, false)
FNS_ON_EXIT(chroot, fns_current_sandbox(), fns_directory_changed, true)
FNS_ON_EXIT(readlink, fns_current_sandbox(), fns_readlink_returned)

SEC("tp/syscalls/sys_exit_open")
int exit_open(struct trace_event_raw_sys_exit *ctx)
{
    fns_open_returned(ctx->ret);
    return 0;
}

/* The second argument is the request where a request has its cqe, since 5.19; before, a number that leads nowhere. */
SEC("raw_tp/io_uring_complete")
int ring_complete(struct bpf_raw_tracepoint_args *ctx)
{
    if (bpf_core_field_exists(struct io_kiocb, cqe.res))
        fns_request_completed((const struct io_kiocb *)ctx->args[1]);
    return 0;
}

/* Every system call of the node (Tier::compat_entry); the 32-bit ones go on. The registers keep the arguments. */
SEC("tp_btf/sys_exit")
int BPF_PROG(exit_compat, struct pt_regs *regs, long result)
{
    const struct task_struct *task = (const struct task_struct *)bpf_get_current_task();
    struct fns_call call;

    if (!(BPF_CORE_READ(task, thread_info.status) & FNS_TS_COMPAT))
        return 0;
    fns_read_call(&call);
    switch (fns_call_word(&call)) {
    case FNS_CALL_PROCESS_VM_READV:
        fns_process_vm_returned(&call, result, false);
        break;
    case FNS_CALL_PROCESS_VM_WRITEV:
        fns_process_vm_returned(&call, result, true);
        break;
    case FNS_CALL_PTRACE:
        fns_ptrace_returned(&call, result);
        break;
    case FNS_CALL_OPEN:
    case FNS_CALL_OPENAT:
    case FNS_CALL_OPENAT2:
        fns_open_returned(result);
        break;
    case FNS_CALL_PIDFD_GETFD:
        fns_pidfd_getfd_returned(&call, result);
        break;
    case FNS_CALL_CHDIR:
    case FNS_CALL_FCHDIR:
        fns_directory_changed(&call, result, false);
        break;
    case FNS_CALL_CHROOT:
        fns_directory_changed(&call, result, true);
        break;
    case FNS_CALL_READLINK:
    case FNS_CALL_READLINKAT:
        fns_readlink_returned(&call, result);
        break;
    case FNS_CALL_KCMP:
        fns_kcmp_returned(&call, result);
        break;
    default:
        break;
    }
    return 0;
}
