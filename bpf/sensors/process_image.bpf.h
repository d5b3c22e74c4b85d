/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * The file that an exec runs: how the caller named it and what kind of file it is. Part of process.bpf.c, which has the
 * scratch that this works on.
 */
#ifndef FNSHIELD_BPF_PROCESS_IMAGE_H
#define FNSHIELD_BPF_PROCESS_IMAGE_H

enum how_named {
    NAMED_BY_DESCRIPTOR = 1 << 0, /* /dev/fd/N, /proc/…/fd/N; execveat with an empty path is called /dev/fd/N as well */
    NAMED_AS_OWN_IMAGE = 1 << 1,  /* /proc/…/exe */
};

#define WORD(a, b, c, d) ((__u32)(a) | (__u32)(b) << 8 | (__u32)(c) << 16 | (__u32)(d) << 24)

/*
 * How the caller named the file, from the first bytes of the name in the scratch: the last "/fd/" with a number behind
 * it, or "/exe" at the end, in a name under /proc or /dev. A window of four bytes moves along the name. For the
 * verifier's sake it is a function of its own and keeps the window and what it found in memory: so each turn looks like
 * the one before.
 */
__noinline int how_named(__u32 key)
{
    struct scratch *scratch = bpf_map_lookup_elem(&scratches, &key);
    const char *digits;

    if (!scratch)
        return 0;
    scratch->number_at = 0;
    scratch->named_how = 0;
    scratch->window = WORD(scratch->name[0], scratch->name[1], scratch->name[2], scratch->name[3]);
    if (scratch->window != WORD('/', 'p', 'r', 'o') && scratch->window != WORD('/', 'd', 'e', 'v'))
        return 0;
    for (int i = 4; i < NAME_HEAD_BYTES - 1; i++) {
        scratch->window = scratch->window >> 8 | (__u32)(__u8)scratch->name[i] << 24;
        if (scratch->window == WORD('/', 'f', 'd', '/'))
            scratch->number_at = i + 1;
        if (scratch->window == WORD('/', 'e', 'x', 'e') && !scratch->name[i + 1])
            scratch->named_how = NAMED_AS_OWN_IMAGE;
    }
    if (!scratch->number_at)
        return scratch->named_how;
    digits = &scratch->name[scratch->number_at & (NAME_HEAD_BYTES - 1)];
    for (int i = 0; i < NUMBER_BYTES; i++) {
        if (!digits[i])
            return i ? NAMED_BY_DESCRIPTOR : 0;
        if (digits[i] < '0' || digits[i] > '9')
            return 0;
    }
    return 0;
}

/* Overlayfs keeps its struct ovl_inode's upper dentry right behind the inode, in every kernel since 4.13; its type is
 * in a module's BTF, so the place is computed. */
static __always_inline bool is_in_upper_layer(const struct inode *inode)
{
    void *upper = NULL;

    if (BPF_CORE_READ(inode, i_sb, s_magic) != OVERLAYFS_SUPER_MAGIC)
        return false;
    bpf_probe_read_kernel(&upper, sizeof(upper), (const void *)inode + bpf_core_type_size(struct inode));
    return upper != NULL;
}

static __always_inline bool is_memfd(const struct path *path)
{
    const struct dentry *dentry = BPF_CORE_READ(path, dentry);
    const unsigned char *name = BPF_CORE_READ(dentry, d_name.name);
    __u64 head = 0;

    if (BPF_CORE_READ(dentry, d_parent) != dentry) /* a file in a directory */
        return false;
    bpf_probe_read_kernel(&head, 6, name);
    return head == ('m' | 'e' << 8 | 'm' << 16 | (__u64)'f' << 24 | (__u64)'d' << 32 | (__u64)':' << 40);
}

static __always_inline __u32 file_flags(const struct file *file)
{
    const struct inode *inode = BPF_CORE_READ(file, f_inode);
    __u32 flags = 0;

    if (is_memfd(&file->f_path))
        flags |= FNS_EXEC_MEMFD;
    else if (BPF_CORE_READ(inode, i_nlink) == 0)
        flags |= FNS_EXEC_UNLINKED;
    if (is_in_upper_layer(inode))
        flags |= FNS_EXEC_UPPER_LAYER;
    return flags;
}

#endif
