/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * What an act is, once the lock of another process's memory is being taken: judged from the system call that the actor
 * is in, or from the io_uring request that its worker carries out.
 *
 * The name is only a name. A racing thread can exchange the descriptor under a read(2), and then the act is reported as
 * OTHER_SYSCALL; that it happened, and to whom, does not depend on it.
 */
#ifndef FNSHIELD_BPF_MEMORY_LOCK_H
#define FNSHIELD_BPF_MEMORY_LOCK_H

#include "../lib/syscalls.bpf.h"
#include "memory_act.bpf.h"

#define PF_IO_WORKER 0x00000010

#define PTRACE_PEEKTEXT 1
#define PTRACE_PEEKDATA 2
#define PTRACE_POKETEXT 4
#define PTRACE_POKEDATA 5

/* Names the act after the open file that it goes through. False where that is not a file of /proc/PID. */
static __always_inline bool fns_name_by_file(struct fns_memory_act *act, const struct file *file, bool writes)
{
    if (!file || !fns_proc_pid(BPF_CORE_READ(file, f_inode)))
        return false;
    fns_read_proc_name(&act->name, BPF_CORE_READ(file, f_path.dentry));
    if (act->name.head == FNS_HEAD("mem")) {
        act->via = FNS_VIA_PROC_MEM;
        act->access = writes ? FNS_ACCESS_WRITE : FNS_ACCESS_READ;
    } else {
        act->via = FNS_VIA_PROC_FILE;
        act->access = writes ? FNS_ACCESS_WRITE : FNS_ACCESS_PEEK;
    }
    return true;
}

static __always_inline void fns_name_ptrace(struct fns_memory_act *act, __u64 request)
{
    act->via = FNS_VIA_PTRACE_OTHER;
    act->access = FNS_ACCESS_READ;
    if (request == PTRACE_PEEKTEXT || request == PTRACE_PEEKDATA) {
        act->via = FNS_VIA_PTRACE_PEEK;
    } else if (request == PTRACE_POKETEXT || request == PTRACE_POKEDATA) {
        act->via = FNS_VIA_PTRACE_POKE;
        act->access = FNS_ACCESS_WRITE;
    }
}

/* The request that an io_uring worker carries out; NULL in any other task. */
static __always_inline const struct io_kiocb *fns_worker_request(const struct task_struct *task)
{
    const struct io_worker *worker;
    const struct io_wq_work *work;

    if (!(BPF_CORE_READ(task, flags) & PF_IO_WORKER) || !bpf_core_field_exists(task->worker_private))
        return NULL;
    worker = BPF_CORE_READ(task, worker_private);
    work = worker ? BPF_CORE_READ(worker, cur_work) : NULL;
    return work ? (const void *)work - bpf_core_field_offset(struct io_kiocb, work) : NULL;
}

static __always_inline bool fns_request_writes(const struct io_kiocb *request)
{
    __u8 opcode = BPF_CORE_READ(request, opcode);

    return opcode == IORING_OP_WRITEV || opcode == IORING_OP_WRITE_FIXED || opcode == IORING_OP_WRITE;
}

/* A worker keeps the registers of the task that made it, so they say nothing about it. */
static __always_inline void fns_name_by_worker(struct fns_memory_act *act, const struct task_struct *task)
{
    const struct io_kiocb *request = fns_worker_request(task);

    act->flags |= FNS_FLAG_IO_URING;
    if (request)
        fns_name_by_file(act, BPF_CORE_READ(request, file), fns_request_writes(request));
}

#define FNS_RING_FILES 128

/*
 * Among the caller's first descriptors, the address of a file of procfs that holds this mm (mem, environ, auxv): what
 * an io_uring request that is carried out at once is about, most likely. 0 where there is none (a file in the ring's
 * own table). The kernel keeps no note of the request under way.
 */
FNS_VERIFIED_ALONE __u64 fns_file_holding(__u64 mm)
{
    const struct fdtable *fds = fns_current_fds();
    struct file **slots = BPF_CORE_READ(fds, fd);
    __u32 used = BPF_CORE_READ(fds, max_fds);

    for (__u32 i = 0; i < FNS_RING_FILES; i++) {
        const struct file *file = NULL;

        if (i >= used)
            break;
        bpf_probe_read_kernel(&file, sizeof(file), &slots[i]);
        if (file && (__u64)BPF_CORE_READ(file, private_data) == mm &&
            fns_inode_magic(BPF_CORE_READ(file, f_inode)) == PROC_SUPER_MAGIC)
            return (__u64)file;
    }
    return 0;
}

/* The file that a system call works on: which argument has its descriptor, and whether the call writes to it. */
static __always_inline bool fns_name_by_descriptor(struct fns_memory_act *act, const struct fns_call *call,
                                                   enum fns_call_word word)
{
    bool writes = false;
    __u64 fd;

    switch (word) {
    case FNS_CALL_WRITE:
    case FNS_CALL_PWRITE64:
    case FNS_CALL_WRITEV:
    case FNS_CALL_PWRITEV:
    case FNS_CALL_PWRITEV2:
        writes = true;
        fd = fns_call_argument(call, 0);
        break;
    case FNS_CALL_SENDFILE: /* from the second to the first */
        fd = fns_call_argument(call, 1);
        break;
    case FNS_CALL_READ:
    case FNS_CALL_PREAD64:
    case FNS_CALL_READV:
    case FNS_CALL_PREADV:
    case FNS_CALL_PREADV2:
    case FNS_CALL_SPLICE:
    case FNS_CALL_COPY_FILE_RANGE:
    case FNS_CALL_GETDENTS64:
        fd = fns_call_argument(call, 0);
        break;
    default:
        return false;
    }
    return fns_name_by_file(act, fns_current_file(fd), writes);
}

static __always_inline void fns_name_by_call(struct fns_memory_act *act, const struct fns_call *call)
{
    enum fns_call_word word = fns_call_word(call);

    act->syscall_nr = call->nr;
    if (call->compat)
        act->flags |= FNS_FLAG_COMPAT;
    switch (word) {
    case FNS_CALL_PROCESS_VM_READV:
        act->via = FNS_VIA_PROCESS_VM_READV;
        act->access = FNS_ACCESS_READ;
        act->requested_pid = fns_call_argument(call, 0);
        return;
    case FNS_CALL_PROCESS_VM_WRITEV:
        act->via = FNS_VIA_PROCESS_VM_WRITEV;
        act->access = FNS_ACCESS_WRITE;
        act->requested_pid = fns_call_argument(call, 0);
        return;
    case FNS_CALL_PTRACE:
        fns_name_ptrace(act, fns_call_argument(call, 0));
        act->requested_pid = fns_call_argument(call, 1);
        return;
    case FNS_CALL_PROCESS_MADVISE:
        act->via = FNS_VIA_PROCESS_MADVISE;
        return;
    case FNS_CALL_IO_URING_ENTER:
        act->flags |= FNS_FLAG_IO_URING;
        fns_name_by_file(act, (const struct file *)fns_file_holding((__u64)act->mm), false);
        return;
    case FNS_CALL_OPEN:
    case FNS_CALL_OPENAT:
    case FNS_CALL_OPENAT2:
    case FNS_CALL_READLINK:
    case FNS_CALL_READLINKAT:
    case FNS_CALL_NEWFSTATAT:
    case FNS_CALL_STATX:
        /* A path walk locks another's memory in /proc/PID/map_files only. */
        act->via = FNS_VIA_PROC_LINK;
        act->access = FNS_ACCESS_PEEK;
        __builtin_memcpy(act->name.text, "map_files", sizeof("map_files"));
        act->name.head = FNS_HEAD("map_files");
        return;
    default:
        if (!fns_name_by_descriptor(act, call, word))
            act->via = FNS_VIA_OTHER_SYSCALL;
    }
}

#endif
