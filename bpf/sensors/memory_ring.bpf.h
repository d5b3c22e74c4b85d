/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * io_uring: opens and reads that never are a system call of their own, judged when the request completes. The result
 * and the file stand in the request itself, so one program fits every kernel that hands it over (5.19 and later).
 *
 * Blind spots: a file opened into the ring's own table ("direct descriptor") is seen when it is read, not when it is
 * opened; the path of a refused open is gone by then.
 */
#ifndef FNSHIELD_BPF_MEMORY_RING_H
#define FNSHIELD_BPF_MEMORY_RING_H

#include "../lib/ring.bpf.h"
#include "memory_exit.bpf.h"
#include "memory_lock.bpf.h"

static __always_inline bool fns_request_reads_or_writes(__u8 opcode)
{
    return opcode == IORING_OP_READV || opcode == IORING_OP_READ || opcode == IORING_OP_READ_FIXED ||
           opcode == IORING_OP_WRITEV || opcode == IORING_OP_WRITE || opcode == IORING_OP_WRITE_FIXED;
}

static __always_inline struct fns_memory_act *fns_new_ring_act(__s32 result)
{
    struct fns_memory_act *act = fns_new_act(FNS_ACT_RING);

    if (!act)
        return NULL;
    act->flags = FNS_FLAG_IO_URING;
    act->result = result;
    act->folder_fd = AT_FDCWD; /* no path is left to ask */
    return act;
}

static __always_inline void fns_ring_opened(const struct io_kiocb *request, __s32 result, struct fns_sandbox *actor)
{
    struct fns_memory_act *act = fns_new_ring_act(result);
    const struct file *file;
    struct path path = {};

    if (!act || result < 0 || fns_opened_directly(request))
        return;
    file = fns_current_file(result);
    if (!file || bpf_core_read(&path, sizeof(path), &file->f_path))
        return;
    fns_judge_path(act, &path, file, actor, fns_beyond(&path, BPF_CORE_READ(path.mnt, mnt_sb, s_magic)));
}

static __always_inline void fns_ring_moved(const struct io_kiocb *request, __s32 result, struct fns_sandbox *actor)
{
    struct fns_memory_act *act = fns_new_ring_act(result);
    const struct file *file = BPF_CORE_READ(request, file);
    struct fns_sandbox *target_sandbox;

    if (!act || result < 0 || !fns_name_by_file(act, file, fns_request_writes(request)))
        return;
    act->target = fns_task_of_pid(fns_proc_pid(BPF_CORE_READ(file, f_inode)));
    if (!act->target)
        return;
    target_sandbox = fns_sandbox_of_task(act->target);
    if (!fns_is_candidate(actor, act->target, target_sandbox))
        return;
    if (act->access == FNS_ACCESS_PEEK && fns_is_public(act->name.head, act->name.directory))
        return;
    fns_report_candidate(act, actor, target_sandbox);
}

static __always_inline void fns_request_completed(const struct io_kiocb *request)
{
    struct fns_sandbox *actor = fns_current_sandbox();
    __s32 result;
    __u8 opcode;

    if (!actor || !request)
        return;
    opcode = BPF_CORE_READ(request, opcode);
    result = BPF_CORE_READ(request, cqe.res);
    if (fns_request_opens(opcode))
        fns_ring_opened(request, result, actor);
    else if (fns_request_reads_or_writes(opcode))
        fns_ring_moved(request, result, actor);
}

#endif
