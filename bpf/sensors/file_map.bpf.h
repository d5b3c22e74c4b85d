/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * Files that are mapped executable, where they do not come with the image: libraries, extension modules, what a loader
 * brings in without an exec. Part of file.bpf.c.
 *
 * Told is a file in the writable layer, on a tmpfs, without a name, a memfd, or one that changed after the sandbox was
 * made. What an exec maps of its own program is the exec's to tell.
 */
#ifndef FNSHIELD_BPF_FILE_MAP_H
#define FNSHIELD_BPF_FILE_MAP_H

#define PROT_EXEC 0x4

#define OF_THE_FUNCTIONS_MAKING                                                                                        \
    (FNS_FILE_UPPER_LAYER | FNS_FILE_SCRATCH | FNS_FILE_UNLINKED | FNS_FILE_MEMFD | FNS_FILE_FRESH)

/* "libc.so.6", and as glibc had it once: "libc-2.31.so". Musl's loader is the library itself. */
static __always_inline bool is_c_library(const struct dentry *dentry)
{
    __u64 head = 0;

    bpf_probe_read_kernel(&head, sizeof(head), BPF_CORE_READ(dentry, d_name.name));
    return head == NAME_OF_8('l', 'i', 'b', 'c', '.', 's', 'o', '.') ||
           (head & 0xffffffffffffULL) == NAME_OF_8('l', 'i', 'b', 'c', '-', '2', 0, 0);
}

/* FNS_FILE_LINKING or 0; over once the C library is mapped. */
static __always_inline __u32 linking_flag(const struct dentry *dentry)
{
    struct fns_member *member = fns_member_of((const struct task_struct *)bpf_get_current_task());

    if (!member || !(member->flags & FNS_MEMBER_LINKING))
        return 0;
    if (!is_c_library(dentry))
        return FNS_FILE_LINKING;
    member->flags &= ~FNS_MEMBER_LINKING;
    return 0;
}

static __always_inline bool is_own_program(const struct inode *inode)
{
    const struct task_struct *task = (const struct task_struct *)bpf_get_current_task();

    return BPF_CORE_READ(task, mm, exe_file, f_inode) == inode;
}

static __always_inline void tell_mapping(struct file_act *act, struct fns_sandbox *sandbox)
{
    struct fns_verdict nothing = {};
    volatile __u32 *taken;
    __u32 slot = 0;
    __u32 turn;

    taken = bpf_map_lookup_elem(&turns, &slot);
    if (!taken)
        return;
    find_listed(act, 0, 0, sandbox, taken, &turn);
    tell(act, &nothing, false, sandbox, taken, turn);
}

/* A file is mapped executable, or a mapping of it is made so. */
static __always_inline int mapped(const struct file *file)
{
    struct fns_sandbox *sandbox = fns_current_sandbox();
    struct file_act act = { .access = FNS_FILE_MAP_EXEC, .file_class = FNS_FILE_CLASS_EXECUTABLE };
    const struct dentry *dentry;
    const struct inode *inode;
    struct fns_file_key key;
    __u32 place;

    if (!file || !fns_is_functions_act(sandbox))
        return 0;
    inode = BPF_CORE_READ(file, f_inode);
    dentry = BPF_CORE_READ(file, f_path.dentry);
    act.file_flags = linking_flag(dentry);
    place = fns_place_of_file(inode, dentry) | (is_fresh(inode, sandbox) ? FNS_FILE_FRESH : 0);
    if (!(place & OF_THE_FUNCTIONS_MAKING) || is_own_program(inode))
        return 0;
    act.inode = (__u64)inode;
    act.dentry = (__u64)dentry;
    act.mount = (__u64)BPF_CORE_READ(file, f_path.mnt);
    key = fns_key_of_file(inode);
    recall(&act, &key, sandbox, FNS_PHASE_WARM);
    act.owner = 0;
    tell_mapping(&act, sandbox);
    return 0;
}

/* --- the preferred backends ---------------------------------------------------------------------------------- */

SEC("lsm/mmap_file")
int BPF_PROG(lsm_map, struct file *file, unsigned long asked, unsigned long prot, unsigned long flags, int ret)
{
    if (!ret && prot & PROT_EXEC)
        mapped((const struct file *)fns_argument(ctx, 0));
    return ret;
}

SEC("lsm/file_mprotect")
int BPF_PROG(lsm_protect, struct vm_area_struct *area, unsigned long asked, unsigned long prot, int ret)
{
    if (!ret && prot & PROT_EXEC)
        mapped(BPF_CORE_READ(area, vm_file));
    return ret;
}

SEC("fexit/security_mmap_file")
int BPF_PROG(map, struct file *file, unsigned long prot, unsigned long flags, int ret)
{
    return ret || !(prot & PROT_EXEC) ? 0 : mapped((const struct file *)fns_argument(ctx, 0));
}

SEC("fexit/security_file_mprotect")
int BPF_PROG(protect, struct vm_area_struct *area, unsigned long asked, unsigned long prot, int ret)
{
    return ret || !(prot & PROT_EXEC) ? 0 : mapped(BPF_CORE_READ(area, vm_file));
}

/* --- the fallback -------------------------------------------------------------------------------------------- */

SEC("tp/syscalls/sys_enter_mmap")
int enter_mmap(struct trace_event_raw_sys_enter *ctx)
{
    if (!(ctx->args[2] & PROT_EXEC) || (__s32)ctx->args[4] < 0 || !fns_current_sandbox())
        return 0;
    return mapped(fns_current_file(ctx->args[4]));
}

static long take_file(struct task_struct *task, struct vm_area_struct *area, __u64 *file)
{
    *file = (__u64)BPF_CORE_READ(area, vm_file);
    return 0;
}

/* Also of pkey_mprotect. Only the mapping that the address lies in is looked at. */
SEC("tp/syscalls/sys_enter_mprotect")
int enter_mprotect(struct trace_event_raw_sys_enter *ctx)
{
    __u64 file = 0;

    if (!(ctx->args[2] & PROT_EXEC) || !fns_current_sandbox())
        return 0;
    if (bpf_find_vma(bpf_get_current_task_btf(), ctx->args[0], take_file, &file, 0))
        return 0;
    return mapped((const struct file *)file);
}

#endif
