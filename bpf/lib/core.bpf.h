/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * What every kernel-side file begins with: kernel types (CO-RE), libbpf's helpers, and the few constants that BTF does
 * not carry because the kernel has them as macros.
 */
#ifndef FNSHIELD_BPF_CORE_H
#define FNSHIELD_BPF_CORE_H

#include "vmlinux.h"

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_tracing.h>

#include "fnshield/abi/event.h"
#include "fnshield/abi/policy.h"
#include "fnshield/abi/tables.h"

#define AF_UNSPEC 0
#define AF_INET   2
#define AF_INET6  10
#define AF_PACKET 17

#define PF_IO_WORKER 0x00000010
#define PF_KTHREAD   0x00200000

#define PROC_SUPER_MAGIC      0x9fa0
#define TMPFS_MAGIC           0x01021994
#define OVERLAYFS_SUPER_MAGIC 0x794c7630

#define EPERM  1
#define EACCES 13

static __always_inline bool fns_was_refused(long result)
{
    return result == -EPERM || result == -EACCES;
}

/* A pointer as a number that stands for an error. */
static __always_inline bool fns_is_error(long pointer)
{
    return pointer < 0 && pointer > -4096;
}

/* An argument of the program as a number, whatever the verifier takes it for. */
static __always_inline __u64 fns_argument(const void *ctx, int n)
{
    __u64 value = 0;

    bpf_probe_read_kernel(&value, sizeof(value), (const __u64 *)ctx + n);
    return value;
}

/*
 * A function that the verifier looks at once, whoever calls it, and whose result it then takes for any number: for
 * loops whose every outcome would otherwise multiply with all that follows. Kernels before 5.13 let it take numbers
 * only, so pointers go in and out as addresses.
 */
#define FNS_VERIFIED_ALONE __noinline

/* A cap on every loop over something that the watched side controls. */
#define FNS_PATH_COMPONENTS 48

#define FNS_NS_PER_SECOND 1000000000ULL

#endif
