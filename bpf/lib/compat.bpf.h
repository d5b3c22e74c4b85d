/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * What differs between kernels, one function a difference: what changed, when, and when the shim can go. The type
 * flavours (___suffix) name the same kernel type as another kernel has it; CO-RE picks the one that exists.
 */
#ifndef FNSHIELD_BPF_COMPAT_H
#define FNSHIELD_BPF_COMPAT_H

#include "core.bpf.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct timespec64___fns {
    __s64 tv_sec;
    long tv_nsec;
};

struct inode___timespec {
    struct timespec64___fns i_ctime;
};

struct inode___accessor {
    struct timespec64___fns __i_ctime;
};

struct inode___split {
    __s64 i_ctime_sec;
    __u32 i_ctime_nsec;
};

#pragma clang attribute pop

#define FNS_CTIME_NS 0x3fffffff /* as many bits as nanoseconds need */

/*
 * The time of the last change of the inode, CLOCK_REALTIME. i_ctime until 6.5, __i_ctime from 6.6 (13bc24457850), two
 * fields from 6.11 (3aa63a569c64), of which the nanoseconds carry a flag in their highest bit from 6.13 (4e40eff0b573:
 * "the time was asked for"). The first shim can go when 6.6 is the oldest kernel, the second with 6.11.
 */
static __always_inline __u64 fns_inode_ctime_ns(const struct inode *inode)
{
    const struct inode___split *split = (const void *)inode;
    const struct inode___accessor *accessor = (const void *)inode;
    const struct inode___timespec *timespec = (const void *)inode;

    if (bpf_core_field_exists(split->i_ctime_sec))
        return BPF_CORE_READ(split, i_ctime_sec) * FNS_NS_PER_SECOND +
               (BPF_CORE_READ(split, i_ctime_nsec) & FNS_CTIME_NS);
    if (bpf_core_field_exists(accessor->__i_ctime))
        return BPF_CORE_READ(accessor, __i_ctime.tv_sec) * FNS_NS_PER_SECOND +
               BPF_CORE_READ(accessor, __i_ctime.tv_nsec);
    return BPF_CORE_READ(timespec, i_ctime.tv_sec) * FNS_NS_PER_SECOND + BPF_CORE_READ(timespec, i_ctime.tv_nsec);
}

/*
 * True where the last thread of the task's process is exiting. Newer kernels (6.18 does, 6.12 does not) give the
 * sched_process_exit tracepoint an argument group_dead for this, which programs for older ones cannot name; the counter
 * that it is made from is in all kernels. Two threads that exit at once may both see it at zero, since a thread gives
 * up its memory between counting itself out and the tracepoint: the caller must take the first only. The shim can go
 * when the argument is everywhere.
 */
static __always_inline bool fns_is_last_thread(const struct task_struct *task)
{
    return BPF_CORE_READ(task, signal, live.counter) == 0;
}

#define EEXIST 17

/*
 * What updating a map with BPF_NOEXIST answered: the key was there. Before 6.4 the kernel's functions answer an int
 * (d7ba4cc900bf), and the upper half of what the helper is said to return is not the sign. The shim can go with 6.4.
 */
static __always_inline bool fns_was_there(long answer)
{
    return (int)answer == -EEXIST;
}

/*
 * value & mask, where the compiler can prove that the mask changes nothing and older verifiers cannot: a test that n is
 * within bounds becomes one of n - 2, and they do not tie a number to its sum with a constant (98d7ca374ba4, 6.11,
 * began that; 6.1 refuses what 6.18 takes). The shim can go when the oldest kernel takes it. `mask` is 2^n - 1.
 */
static __always_inline __u32 fns_masked(__u32 value, __u32 mask)
{
    asm volatile("" : "+r"(value));
    return value & mask;
}

/*
 * A length from 1 to `most` for a helper that takes no zero, of one that is not zero: verifiers before 6.8 do not learn
 * from "n != 0" that n is at least one (d028f87517d6). The shim can go when that is the oldest kernel.
 */
static __always_inline __u32 fns_one_to(__u32 most, __u32 length)
{
    __u32 beyond_first = length - 1;

    asm volatile("" : "+r"(beyond_first));
    if (beyond_first > most - 1)
        beyond_first = most - 1;
    return beyond_first + 1;
}

#endif
