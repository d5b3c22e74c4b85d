/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * Fixed-width types and layout assertions shared by the kernel side (C, clang -target bpf) and the user side (C++).
 *
 * Every struct in this folder is read by both sides from the same file; nothing is copied by hand. Rules: explicit
 * padding, numbers are only ever appended, units and byte order stand in the name (_ns, _bytes, port_be).
 */
#ifndef FNSHIELD_ABI_TYPES_H
#define FNSHIELD_ABI_TYPES_H

#ifndef __bpf__ /* the kernel side has these from vmlinux.h */
#include <linux/types.h>
#endif

#ifdef __cplusplus
#include <cstddef>
#define FNS_ASSERT(condition, why) static_assert(condition, why)
#else
#define FNS_ASSERT(condition, why) _Static_assert(condition, why)
#endif

#define FNS_ASSERT_SIZE(type, bytes) FNS_ASSERT(sizeof(type) == (bytes), #type " changed its size")
#define FNS_ASSERT_OFFSET(type, member, bytes)                                                                         \
    FNS_ASSERT(__builtin_offsetof(type, member) == (bytes), #type "." #member " moved")

/* A sandbox is named by the id of its cgroup in the default (v2) hierarchy; 0 is the host. */
#define FNS_HOST 0ULL

#define FNS_COMM_BYTES 16
#define FNS_PATH_BYTES 512
#define FNS_ARGV_BYTES 4096

#endif
