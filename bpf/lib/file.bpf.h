/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* From a descriptor to the open file behind it: the kernel's object, not what the caller says it is. */
#ifndef FNSHIELD_BPF_FILE_H
#define FNSHIELD_BPF_FILE_H

#include "core.bpf.h"

#define AT_FDCWD (-100)

#define FMODE_READ  0x1
#define FMODE_WRITE 0x2

#define NSFS_MAGIC          0x6e736673
#define CGROUP_SUPER_MAGIC  0x27e0eb
#define CGROUP2_SUPER_MAGIC 0x63677270

static __always_inline struct fdtable *fns_fds_of_task(const struct task_struct *task)
{
    return BPF_CORE_READ(task, files, fdt);
}

/* Pointers from bpf_get_current_task_btf are followed by plain loads, which costs a fraction of a helper call. */
static __always_inline struct fdtable *fns_current_fds(void)
{
    if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_get_current_task_btf))
        return bpf_get_current_task_btf()->files->fdt;
    return fns_fds_of_task((const struct task_struct *)bpf_get_current_task());
}

static __always_inline struct file *fns_file_in(const struct fdtable *fds, __u32 fd)
{
    struct file *file = NULL;
    struct file **slots;

    if (!fds || fd >= BPF_CORE_READ(fds, max_fds))
        return NULL;
    slots = BPF_CORE_READ(fds, fd);
    bpf_probe_read_kernel(&file, sizeof(file), &slots[fd]);
    return file;
}

/* NULL where the descriptor is not open (a racing thread may have closed or replaced it). */
static __always_inline struct file *fns_current_file(__u32 fd)
{
    return fns_file_in(fns_current_fds(), fd);
}

static __always_inline __u64 fns_inode_magic(const struct inode *inode)
{
    return BPF_CORE_READ(inode, i_sb, s_magic);
}

/* The mount namespace that a mount belongs to; an error pointer for the kernel's own mounts, NULL once unmounted. */
static __always_inline struct mnt_namespace *fns_mnt_ns_of(const struct vfsmount *vfsmount)
{
    const struct mount *mount = (const void *)vfsmount - bpf_core_field_offset(struct mount, mnt);

    return BPF_CORE_READ(mount, mnt_ns);
}

#endif
