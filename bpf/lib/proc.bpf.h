/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * Files of /proc/PID: whose they are and what they are called, from the inode and the dentry. The same whatever path
 * led there (a dirfd, a symlink, task/TID, a bind mount, another procfs instance).
 */
#ifndef FNSHIELD_BPF_PROC_H
#define FNSHIELD_BPF_PROC_H

#include "fnshield/abi/memory.h"
#include "compat.bpf.h"
#include "file.bpf.h"
#include "pid.bpf.h"

#define S_IFMT  0170000
#define S_IFDIR 0040000

/*
 * The first seven bytes of a name and a terminator as one word (what bpf_probe_read_kernel_str makes of eight bytes),
 * so that names compare without loops.
 */
#define FNS_HEAD_BYTE(text, i) ((i) < sizeof(text) ? (__u64)(__u8)(text)[(i) < sizeof(text) ? (i) : 0] << (8 * (i)) : 0)
#define FNS_HEAD(text)                                                                                                 \
    (FNS_HEAD_BYTE(text, 0) | FNS_HEAD_BYTE(text, 1) | FNS_HEAD_BYTE(text, 2) | FNS_HEAD_BYTE(text, 3) |               \
     FNS_HEAD_BYTE(text, 4) | FNS_HEAD_BYTE(text, 5) | FNS_HEAD_BYTE(text, 6))

struct fns_proc_name {
    char text[FNS_PROC_NAME_BYTES]; /* "mem", "fd/3" */
    __u64 head;                     /* of its first component: "mem", "fd" */
    bool directory;
};

/* The process (or thread) that a file of procfs is about; NULL for all that is not in procfs or not about one. */
static __always_inline struct pid *fns_proc_pid(const struct inode *inode)
{
    const struct proc_inode *proc;

    if (fns_inode_magic(inode) != PROC_SUPER_MAGIC)
        return NULL;
    proc = (const void *)inode - bpf_core_field_offset(struct proc_inode, vfs_inode);
    return BPF_CORE_READ(proc, pid);
}

FNS_VERIFIED_ALONE int fns_is_proc_folder(__u64 head)
{
    return head == FNS_HEAD("fd") || head == FNS_HEAD("fdinfo") || head == FNS_HEAD("ns") ||
           head == FNS_HEAD("map_files") || head == FNS_HEAD("attr");
}

static __always_inline void fns_read_proc_name(struct fns_proc_name *name, const struct dentry *dentry)
{
    const unsigned char *own = BPF_CORE_READ(dentry, d_name.name);
    const unsigned char *folder = BPF_CORE_READ(dentry, d_parent, d_name.name);
    __u64 head = 0;
    long length;

    __builtin_memset(name->text, 0, sizeof(name->text));
    name->directory = (BPF_CORE_READ(dentry, d_inode, i_mode) & S_IFMT) == S_IFDIR;
    bpf_probe_read_kernel_str(&head, sizeof(head), folder);
    if (fns_is_proc_folder(head)) {
        length = bpf_probe_read_kernel_str(name->text, 16, folder);
        if (length > 1 && length < 16) {
            name->text[(length - 1) & 15] = '/';
            bpf_probe_read_kernel_str(&name->text[fns_masked(length, 15)], FNS_PROC_NAME_BYTES - 16, own);
        }
        name->head = head;
        return;
    }
    bpf_probe_read_kernel_str(name->text, sizeof(name->text), own);
    bpf_probe_read_kernel_str(&name->head, sizeof(name->head), own);
}

#endif
