/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * The system call that the current task is in: its number, the ABI it came by, its arguments. Read from the saved user
 * registers, which the kernel keeps unchanged until it returns; a racing thread cannot reach them.
 *
 * Only this file knows the machine: x86-64 so far.
 */
#ifndef FNSHIELD_BPF_REGS_H
#define FNSHIELD_BPF_REGS_H

#include "core.bpf.h"

#if !defined(__TARGET_ARCH_x86)
#error "regs.bpf.h knows x86-64 only"
#endif

#define FNS_TS_COMPAT       0x0002     /* thread_info.status: in a 32-bit system call */
#define FNS_X32_SYSCALL_BIT 0x40000000 /* of the number, for x32 programs */
#define FNS_THREAD_SIZE     (16 << 10) /* of kernels before bpf_task_pt_regs (5.15), without KASAN */

struct fns_call {
    __u32 nr;    /* of the ABI that `compat` tells */
    bool compat; /* by the 32-bit entry */
    const struct pt_regs *regs;
};

static __always_inline const struct pt_regs *fns_user_regs(void)
{
    if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_task_pt_regs))
        return (const struct pt_regs *)bpf_task_pt_regs(bpf_get_current_task_btf());

    const struct task_struct *task = (const struct task_struct *)bpf_get_current_task();
    return (const void *)BPF_CORE_READ(task, stack) + FNS_THREAD_SIZE - sizeof(struct pt_regs);
}

/* Meaningless in a kernel thread and in an io_uring worker: they keep what their maker had. */
static __always_inline void fns_read_call(struct fns_call *call)
{
    const struct task_struct *task = (const struct task_struct *)bpf_get_current_task();

    const struct pt_regs *regs = fns_user_regs();

    call->regs = regs;
    call->compat = BPF_CORE_READ(task, thread_info.status) & FNS_TS_COMPAT;
    call->nr = (__u32)BPF_CORE_READ(regs, orig_ax);
    if (!call->compat)
        call->nr &= ~FNS_X32_SYSCALL_BIT;
}

/* The n-th argument, from 0; 32 bits of it for a 32-bit call. `n` is a constant. */
static __always_inline __u64 fns_call_argument(const struct fns_call *call, int n)
{
    const struct pt_regs *regs = call->regs;

    if (call->compat) {
        switch (n) {
        case 0:
            return (__u32)BPF_CORE_READ(regs, bx);
        case 1:
            return (__u32)BPF_CORE_READ(regs, cx);
        case 2:
            return (__u32)BPF_CORE_READ(regs, dx);
        default:
            return (__u32)BPF_CORE_READ(regs, si);
        }
    }
    switch (n) {
    case 0:
        return BPF_CORE_READ(regs, di);
    case 1:
        return BPF_CORE_READ(regs, si);
    case 2:
        return BPF_CORE_READ(regs, dx);
    default:
        return BPF_CORE_READ(regs, r10);
    }
}

#endif
