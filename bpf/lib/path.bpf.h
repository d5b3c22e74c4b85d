/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * The path of a kernel file object as the process that uses it would write it: from the file's dentry up through the
 * mounts to the process's root. bpf_d_path() is only for a list of functions that tracepoints are not on.
 *
 * The walk keeps its state in memory (a per-CPU map value), not in registers: so every turn of the loop looks the same
 * to the verifier.
 */
#ifndef FNSHIELD_BPF_PATH_H
#define FNSHIELD_BPF_PATH_H

#include "shared_maps.bpf.h"

static __always_inline const struct mount *fns_mount_of(const struct vfsmount *mount)
{
    return (const void *)mount - bpf_core_field_offset(struct mount, mnt);
}

/* Puts "/name" before what is there; false where it does not fit. */
static __always_inline bool fns_path_prepend(struct fns_path_walk *walk, const struct dentry *dentry)
{
    __u32 length = BPF_CORE_READ(dentry, d_name.len) & FNS_NAME_MAX;
    const unsigned char *name = BPF_CORE_READ(dentry, d_name.name);
    __u32 offset = walk->offset;

    if (offset < length + 1 || offset > FNS_PATH_BYTES)
        return false;
    offset -= length + 1;
    walk->offset = offset;
    offset &= FNS_PATH_BYTES - 1;
    walk->buffer[offset] = '/';
    return bpf_probe_read_kernel(&walk->buffer[offset + 1], length, name) == 0;
}

/* One step towards the root; false where the walk has ended. */
static __always_inline bool fns_path_step(struct fns_path_walk *walk)
{
    const struct dentry *dentry = walk->dentry;
    const struct vfsmount *mount = walk->mount;
    const struct dentry *parent;

    if (dentry == walk->root_dentry && mount == walk->root_mount) {
        walk->reached = 1;
        return false;
    }
    if (dentry == BPF_CORE_READ(mount, mnt_root)) {
        const struct mount *inner = fns_mount_of(mount);
        const struct mount *outer = BPF_CORE_READ(inner, mnt_parent);

        if (outer == inner)
            return false;
        walk->dentry = BPF_CORE_READ(inner, mnt_mountpoint);
        walk->mount = (const void *)outer + bpf_core_field_offset(struct mount, mnt);
        return true;
    }
    parent = BPF_CORE_READ(dentry, d_parent);
    if (parent == dentry)
        return false;
    if (!fns_path_prepend(walk, dentry)) {
        walk->cut = 1;
        return false;
    }
    walk->dentry = parent;
    return true;
}

/*
 * The walk itself. A function of its own to the verifier (global, with a number as its only argument: kernels before
 * 5.13 take no other), so that its turns are not multiplied by the ways that lead to it.
 */
__noinline int fns_walk_path(__u32 slot)
{
    struct fns_path_walk *walk = bpf_map_lookup_elem(&path_walks, &slot);
    const struct dentry *file;
    int i;

    if (!walk)
        return 0;
    file = walk->dentry;
    walk->offset = FNS_PATH_BYTES;
    walk->reached = 0;
    walk->cut = 0;
    for (i = 0; i < FNS_PATH_COMPONENTS; i++) {
        if (!fns_path_step(walk))
            break;
    }
    if (i == FNS_PATH_COMPONENTS)
        walk->cut = 1;
    if (walk->offset == FNS_PATH_BYTES) {
        if (walk->reached)
            walk->buffer[--walk->offset & (FNS_PATH_BYTES - 1)] = '/';
        else if (fns_path_prepend(walk, file))
            walk->offset++;
    } else if (walk->cut) {
        walk->offset++;
    }
    return 0;
}

/*
 * Resolves `path` against the root of `task`. The path then stands in ->buffer from ->offset up to FNS_PATH_BYTES. A
 * file that hangs in no tree (a memfd, a file in a detached mount) is its bare name. NULL never happens for a slot of
 * the enum, but the verifier wants it asked.
 */
static __always_inline struct fns_path_walk *fns_resolve_path(enum fns_walk_slot slot, const struct path *path,
                                                              const struct task_struct *task)
{
    __u32 key = slot;
    struct fns_path_walk *walk = bpf_map_lookup_elem(&path_walks, &key);

    if (!walk)
        return NULL;
    walk->dentry = BPF_CORE_READ(path, dentry);
    walk->mount = BPF_CORE_READ(path, mnt);
    walk->root_dentry = BPF_CORE_READ(task, fs, root.dentry);
    walk->root_mount = BPF_CORE_READ(task, fs, root.mnt);
    fns_walk_path(slot);
    return walk;
}

#endif
