/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* Where a file comes from: the image or the running function, and which function wrote it. */
#ifndef FNSHIELD_BPF_FILE_KIND_H
#define FNSHIELD_BPF_FILE_KIND_H

#include "file.bpf.h"
#include "shared_maps.bpf.h"

#include "fnshield/abi/file.h"

/* Overlayfs keeps its struct ovl_inode's upper dentry right behind the inode, in every kernel since 4.13; its type is
 * in a module's BTF, so the place is computed. */
static __always_inline const struct dentry *fns_upper_dentry(const struct inode *inode)
{
    const struct dentry *upper = NULL;

    bpf_probe_read_kernel(&upper, sizeof(upper), (const void *)inode + bpf_core_type_size(struct inode));
    return upper;
}

static __always_inline bool fns_is_in_upper_layer(const struct inode *inode)
{
    return fns_inode_magic(inode) == OVERLAYFS_SUPER_MAGIC && fns_upper_dentry(inode);
}

static __always_inline bool fns_is_memfd(const struct dentry *dentry)
{
    const unsigned char *name = BPF_CORE_READ(dentry, d_name.name);
    __u64 head = 0;

    if (BPF_CORE_READ(dentry, d_parent) != dentry) /* a file in a directory */
        return false;
    bpf_probe_read_kernel(&head, 6, name);
    return head == ('m' | 'e' << 8 | 'm' << 16 | (__u64)'f' << 24 | (__u64)'d' << 32 | (__u64)':' << 40);
}

/* enum fns_file_flag, those that tell where it lies. */
static __always_inline __u32 fns_place_of_file(const struct inode *inode, const struct dentry *dentry)
{
    __u32 flags = 0;

    if (fns_is_memfd(dentry))
        return FNS_FILE_MEMFD;
    if (BPF_CORE_READ(inode, i_nlink) == 0)
        flags |= FNS_FILE_UNLINKED;
    if (fns_inode_magic(inode) == TMPFS_MAGIC)
        flags |= FNS_FILE_SCRATCH;
    else if (fns_is_in_upper_layer(inode))
        flags |= FNS_FILE_UPPER_LAYER;
    return flags;
}

/* --- who wrote it -------------------------------------------------------------------------------------------- */

/*
 * A file's identity; zeroed where it has none that lasts. An overlay's own inodes have none: its device number and
 * their numbers are another file's once it is unmounted, and they have no generation. So of a file in the writable
 * layer the real one counts, and one that is only in the image has no past: no function wrote it.
 */
static __always_inline struct fns_file_key fns_key_of_file(const struct inode *inode)
{
    struct fns_file_key key = {};

    if (fns_inode_magic(inode) == OVERLAYFS_SUPER_MAGIC)
        inode = BPF_CORE_READ(fns_upper_dentry(inode), d_inode);
    if (!inode)
        return key;
    key.inode = BPF_CORE_READ(inode, i_ino);
    key.device = BPF_CORE_READ(inode, i_sb, s_dev);
    key.generation = BPF_CORE_READ(inode, i_generation);
    return key;
}

static __always_inline __u32 fns_name_id(__u64 sandbox_id)
{
    const struct fns_assignment *assignment = bpf_map_lookup_elem(&assignments, &sandbox_id);

    return assignment ? assignment->name_id : 0;
}

/* A sandbox of the same function, the asking one included; unknown functions are different ones. */
static __always_inline bool fns_is_same_function(__u64 sandbox_id, __u64 other_id, __u32 other_name_id)
{
    if (sandbox_id == other_id)
        return true;
    return other_name_id && fns_name_id(sandbox_id) == other_name_id;
}

/*
 * Who wrote the file, where that matters to this sandbox: another function, or an earlier process of its own. Else
 * zeroed: also for another sandbox of the same function, which is as good as itself.
 */
static __always_inline void fns_find_writer(struct fns_writer *writer, const struct fns_known_file *known,
                                            __u64 sandbox_id, __u32 tgid)
{
    bool own;

    __builtin_memset(writer, 0, sizeof(*writer));
    if (!known || !known->writer.written_ns)
        return;
    own = known->writer.sandbox_id == sandbox_id;
    if (own ? known->writer.tgid != tgid
            : !fns_is_same_function(sandbox_id, known->writer.sandbox_id, known->writer_name_id))
        *writer = known->writer;
}

#endif
