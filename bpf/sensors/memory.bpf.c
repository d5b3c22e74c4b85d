// SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
/*
 * Memory: one process reaching into another.
 *
 * Hooks
 *   tp_btf/mmap_lock_start_locking   the lock of an mm that is not the caller's: every way of reading or writing
 * another's memory takes it, whatever the entry (64-bit, 32-bit, io_uring, any thread). mm->owner is the victim.
 *   tp/syscalls/sys_exit_*           what takes no such lock: refused attempts, ptrace attach, opens of /proc/PID
 * files.
 *
 * Cost: the lock's program runs for every mmap, brk and munmap of the node and returns after two loads for a caller's
 * own memory. The exit programs cost each system call of the node about 15 ns (Tier::full).
 */
#include "memory_lock.bpf.h"
#include "memory_exit.bpf.h"

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

static __always_inline int foreign_memory(struct task_struct *task, const struct task_struct *owner)
{
    struct fns_sandbox *actor = fns_current_sandbox();
    struct fns_memory_act act = { .target = owner };
    struct fns_sandbox *target_sandbox;
    bool is_worker = BPF_CORE_READ(task, flags) & PF_IO_WORKER;
    struct fns_call call = {};

    if (!owner) {
        if (is_worker)
            return 0;
        fns_read_call(&call);
        act.target = target_by_call(&call);
        if (!act.target)
            return 0;
    }
    target_sandbox = fns_sandbox_of_task(act.target);
    if (!fns_is_candidate(actor, act.target, target_sandbox))
        return 0;
    if (is_worker) {
        fns_name_by_worker(&act, task);
    } else {
        if (owner)
            fns_read_call(&call);
        fns_name_by_call(&act, &call);
    }
    fns_report_candidate(&act, actor, target_sandbox);
    return 0;
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
    }
    return foreign_memory(task, owner);
}

/* The per-system-call tracepoints: each fires when its call returns, by the 64-bit entry only. */
#define FNS_ON_EXIT(call_name, handler, ...)                                                                           \
    SEC("tp/syscalls/sys_exit_" #call_name)                                                                            \
    int exit_##call_name(struct trace_event_raw_sys_exit *ctx)                                                         \
    {                                                                                                                  \
        struct fns_call call;                                                                                          \
        fns_read_call(&call);                                                                                          \
        handler(&call, ctx->ret, ##__VA_ARGS__);                                                                       \
        return 0;                                                                                                      \
    }

FNS_ON_EXIT(process_vm_readv, fns_process_vm_returned, false)
FNS_ON_EXIT(process_vm_writev, fns_process_vm_returned, true)
FNS_ON_EXIT(ptrace, fns_ptrace_returned)

SEC("tp/syscalls/sys_exit_open")
int exit_open(struct trace_event_raw_sys_exit *ctx)
{
    fns_open_returned(ctx->ret);
    return 0;
}

SEC("tp/syscalls/sys_exit_openat")
int exit_openat(struct trace_event_raw_sys_exit *ctx)
{
    fns_open_returned(ctx->ret);
    return 0;
}

SEC("tp/syscalls/sys_exit_openat2")
int exit_openat2(struct trace_event_raw_sys_exit *ctx)
{
    fns_open_returned(ctx->ret);
    return 0;
}
