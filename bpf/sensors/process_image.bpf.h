/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * The file that an exec runs: how the caller named it and what kind of file it is. Part of process.bpf.c, which has the
 * scratch that this works on.
 */
#ifndef FNSHIELD_BPF_PROCESS_IMAGE_H
#define FNSHIELD_BPF_PROCESS_IMAGE_H

#include "../lib/file_kind.bpf.h"

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

/* enum fns_exec_flag, those about the file. */
static __always_inline __u32 file_flags(const struct file *file)
{
    __u32 place = fns_place_of_file(BPF_CORE_READ(file, f_inode), BPF_CORE_READ(file, f_path.dentry));
    __u32 flags = 0;

    if (place & FNS_FILE_MEMFD)
        flags |= FNS_EXEC_MEMFD;
    if (place & FNS_FILE_UNLINKED)
        flags |= FNS_EXEC_UNLINKED;
    if (place & FNS_FILE_UPPER_LAYER)
        flags |= FNS_EXEC_UPPER_LAYER;
    if (place & FNS_FILE_SCRATCH)
        flags |= FNS_EXEC_SCRATCH;
    return flags;
}

static __always_inline void describe_writer(struct fns_writer *writer, const struct inode *inode,
                                            const struct fns_sandbox *sandbox)
{
    struct fns_file_key key = fns_key_of_file(inode);

    fns_find_writer(writer, bpf_map_lookup_elem(&known_files, &key), fns_sandbox_id(sandbox),
                    bpf_get_current_pid_tgid() >> 32);
}

#endif
