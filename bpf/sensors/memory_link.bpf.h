/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * Files that can only have been reached through a magic link of /proc/PID: root, cwd, exe, map_files and fd lead into
 * another process's mounts or to what has no name at all.
 *
 * | the opened file                          | why no ordinary path leads there                  | judged as | | in a
 * mount namespace not the caller's    | paths never leave the caller's own                | PROC_LINK            | | on
 * a mount of the kernel's own           | memfd, pipe: never mounted                        | PROC_LINK, fd        | |
 * unlinked                                 | no name is left (a file just unlinked is no match | PROC_LINK, fd        |
 * |                                          | unless the target holds it)                       | |
 *
 * Not an act: what the caller holds already (a descriptor of the same inode, its own program), what its root or working
 * directory or the directory descriptor that it gave leads to. Those were judged when it got them.
 */
#ifndef FNSHIELD_BPF_MEMORY_LINK_H
#define FNSHIELD_BPF_MEMORY_LINK_H

#include "memory_path.bpf.h"

#define FNS_HELD_FILES 256
#define FNS_O_TMPFILE  020000000

enum fns_beyond {
    FNS_BEYOND_NOTHING,   /* an ordinary file */
    FNS_BEYOND_MOUNTS,    /* in another mount namespace */
    FNS_BEYOND_NAMES,     /* in no mount namespace: memfd, pipe */
    FNS_BEYOND_UNLINKED,  /* in the caller's, but without a name */
    FNS_BEYOND_NAMESPACE, /* a namespace file, /proc/PID/ns/… */
};

static __always_inline struct mnt_namespace *fns_mnt_ns_of_task(const struct task_struct *task)
{
    return BPF_CORE_READ(task, nsproxy, mnt_ns);
}

static __always_inline struct mnt_namespace *fns_current_mnt_ns(void)
{
    if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_get_current_task_btf))
        return bpf_get_current_task_btf()->nsproxy->mnt_ns;
    return fns_mnt_ns_of_task((const struct task_struct *)bpf_get_current_task());
}

/* Among the task's first descriptors, or as its program. `except` is the file just opened. */
FNS_VERIFIED_ALONE int fns_holds(__u64 task_address, __u64 inode, __u64 except)
{
    const struct task_struct *task = (const void *)task_address;
    const struct fdtable *fds = fns_fds_of_task(task);
    struct file **slots = BPF_CORE_READ(fds, fd);
    __u32 used = BPF_CORE_READ(fds, max_fds);

    for (__u32 i = 0; i < FNS_HELD_FILES; i++) {
        const struct file *file = NULL;

        if (i >= used)
            break;
        bpf_probe_read_kernel(&file, sizeof(file), &slots[i]);
        if (file && (__u64)file != except && (__u64)BPF_CORE_READ(file, f_inode) == inode)
            return true;
    }
    return (__u64)BPF_CORE_READ(task, mm, exe_file, f_inode) == inode;
}

/* The cheap question, asked of every file that is opened in a sandbox: enum fns_beyond, of a vfsmount and a dentry. */
FNS_VERIFIED_ALONE int fns_beyond_of(__u64 mount_address, __u64 dentry_address, __u64 magic)
{
    const struct vfsmount *mount = (const void *)mount_address;
    const struct dentry *dentry = (const void *)dentry_address;
    struct mnt_namespace *mnt_ns = fns_mnt_ns_of(mount);

    if (mnt_ns == fns_current_mnt_ns())
        return BPF_CORE_READ(dentry, d_hash.pprev) || BPF_CORE_READ(dentry, d_inode, i_nlink) ? FNS_BEYOND_NOTHING
                                                                                              : FNS_BEYOND_UNLINKED;
    if (!mnt_ns) /* unmounted meanwhile */
        return FNS_BEYOND_NOTHING;
    if (magic == NSFS_MAGIC)
        return FNS_BEYOND_NAMESPACE;
    return fns_is_error((long)mnt_ns) ? FNS_BEYOND_NAMES : FNS_BEYOND_MOUNTS;
}

static __always_inline enum fns_beyond fns_beyond(const struct path *path, __u64 magic)
{
    return fns_beyond_of((__u64)path->mnt, (__u64)path->dentry, magic);
}

/*
 * The caller stands in that mount namespace already: by its root or its working directory (unless that is what has
 * just changed), by the descriptor that the path began at.
 */
FNS_VERIFIED_ALONE int fns_stands_in(__u64 mnt_ns, __s32 folder_fd, int changed)
{
    const struct task_struct *task = (const struct task_struct *)bpf_get_current_task();
    const struct file *folder;

    if (changed != FNS_CHANGED_ROOT && (__u64)fns_mnt_ns_of(BPF_CORE_READ(task, fs, root.mnt)) == mnt_ns)
        return true;
    if (changed != FNS_CHANGED_DIRECTORY && (__u64)fns_mnt_ns_of(BPF_CORE_READ(task, fs, pwd.mnt)) == mnt_ns)
        return true;
    if (folder_fd < 0)
        return false;
    folder = fns_current_file(folder_fd);
    return folder && (__u64)fns_mnt_ns_of(BPF_CORE_READ(folder, f_path.mnt)) == mnt_ns;
}

/* True where the hint is no hint: the target really holds that file, or lives in that mount namespace. */
static __always_inline bool fns_is_sure(const struct fns_memory_act *act, const struct inode *inode,
                                        const struct mnt_namespace *mnt_ns, enum fns_beyond beyond)
{
    const struct task_struct *target = act->target;

    return target && ((beyond == FNS_BEYOND_MOUNTS && fns_mnt_ns_of_task(target) == mnt_ns) ||
                      fns_holds((__u64)target, (__u64)inode, 0));
}

/* `file` is NULL where a working or root directory was changed. */
static __noinline int fns_link_followed(struct fns_memory_act *act, const struct path *opened, const struct file *file,
                                        enum fns_beyond beyond)
{
    struct path path = *opened;
    const struct inode *inode = BPF_CORE_READ(path.dentry, d_inode);
    struct mnt_namespace *mnt_ns = fns_mnt_ns_of(path.mnt);
    struct fns_sandbox *actor = fns_current_sandbox();
    struct fns_sandbox *target_sandbox = NULL;
    bool sure;

    if (beyond == FNS_BEYOND_UNLINKED && file && (BPF_CORE_READ(file, f_flags) & FNS_O_TMPFILE))
        return 0;
    if (fns_holds(bpf_get_current_task(), (__u64)inode, (__u64)file) ||
        (beyond == FNS_BEYOND_MOUNTS && fns_stands_in((__u64)mnt_ns, act->folder_fd, act->changed)))
        return 0;
    fns_read_path_hint(act);
    sure = fns_is_sure(act, inode, mnt_ns, beyond);
    if (beyond >= FNS_BEYOND_UNLINKED && (!act->target || (beyond == FNS_BEYOND_UNLINKED && !sure)))
        return 0;
    if (act->target) {
        target_sandbox = fns_sandbox_of_task(act->target);
        if (!fns_is_candidate(actor, act->target, target_sandbox)) {
            if (sure || beyond >= FNS_BEYOND_UNLINKED)
                return 0;
            act->target = NULL; /* the path says its own, and that is not true */
            target_sandbox = NULL;
        }
    }
    act->hint = act->hint && act->target && !sure;
    act->via = FNS_VIA_PROC_LINK;
    act->access = FNS_ACCESS_PEEK;
    if (beyond == FNS_BEYOND_NAMES || beyond == FNS_BEYOND_UNLINKED || act->name.head == FNS_HEAD("fd"))
        act->access = FNS_ACCESS_FD;
    else if (file && (BPF_CORE_READ(file, f_mode) & FMODE_WRITE))
        act->access = FNS_ACCESS_WRITE;
    fns_report_candidate(act, actor, target_sandbox);
    return 0;
}

#endif
