/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * What earlier opens tell of a file: which function wrote it, and whose secret it is. Kept by inode, so that another
 * path to it (a shared volume, a host path, a hard link) changes nothing. Part of file.bpf.c.
 */
#ifndef FNSHIELD_BPF_FILE_KNOWN_H
#define FNSHIELD_BPF_FILE_KNOWN_H

#include "file_event.bpf.h"

/* The entry, made where there is none; NULL where that cannot be, or the file has no identity. */
static __always_inline struct fns_known_file *known_file(const struct fns_file_key *key)
{
    struct fns_known_file nothing = {};
    struct fns_known_file *known = bpf_map_lookup_elem(&known_files, key);

    if (known || !key->inode)
        return known;
    bpf_map_update_elem(&known_files, key, &nothing, BPF_NOEXIST);
    return bpf_map_lookup_elem(&known_files, key);
}

static __always_inline void note_writer(const struct fns_file_key *key, const struct fns_sandbox *sandbox,
                                        __u32 name_id)
{
    struct fns_known_file *known = known_file(key);

    if (!known)
        return;
    known->writer.sandbox_id = sandbox->sandbox_id;
    known->writer.written_ns = bpf_ktime_get_boot_ns();
    known->writer.start_ns = fns_task_start_ns((const struct task_struct *)bpf_get_current_task());
    known->writer.tgid = bpf_get_current_pid_tgid() >> 32;
    known->writer_name_id = name_id;
}

static __always_inline void note_secret(const struct fns_file_key *key, const struct fns_sandbox *sandbox,
                                        __u32 name_id)
{
    struct fns_known_file *known = known_file(key);

    if (!known || known->secret_of)
        return; /* whose it was first */
    known->secret_name_id = name_id;
    known->secret_of = sandbox->sandbox_id;
}

/* Fills in writer and owner of an act that reads. */
static __always_inline void recall(struct file_act *act, const struct fns_file_key *key,
                                   const struct fns_sandbox *sandbox, __u32 phase)
{
    const struct fns_known_file *known = bpf_map_lookup_elem(&known_files, key);

    if (!known)
        return;
    fns_find_writer(&act->writer, known, sandbox->sandbox_id, bpf_get_current_pid_tgid() >> 32);
    if (act->writer.sandbox_id == sandbox->sandbox_id && phase == FNS_PHASE_INIT)
        __builtin_memset(&act->writer, 0, sizeof(act->writer)); /* nothing is left behind before the first request */
    if (known->secret_of && !fns_is_same_function(sandbox->sandbox_id, known->secret_of, known->secret_name_id))
        act->owner = known->secret_of;
}

#endif
