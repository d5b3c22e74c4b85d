// SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
/*
 * File: what a function opens that no function, or not every one, has a use for.
 *   By what the kernel's object is, whatever path leads there: settings of the kernel and files of cgroupfs (opened for
 *   writing), the kernel's memory and log, debugfs, tracefs, block devices, accelerators.
 *   By the path, where the policy has the list: models (files.models) opened for writing, truncated, removed, renamed,
 *   replaced, opened for reading; secrets (files.secrets) opened at all; code (files.code) like models, but for
 *   reading. In the kernel nothing tells the serving process from another of the sandbox, so that reads of models
 *   before ready, when weights are loaded, are never judged, and those while warm only where the policy acts on that.
 *
 * Hooks
 *   lsm/file_open                  every open, whatever the entry; refuses.
 *   lsm/path_{truncate,unlink,rename}  what changes a file without an open, where the kernel has CONFIG_SECURITY_PATH.
 *   fexit/do_filp_open, do_file_open   without LSM programs: every open that succeeded; who did it is killed.
 *   tp/syscalls/sys_exit_{open,openat,openat2,creat}, raw_tp/io_uring_complete   the fallback: the same.
 *   lsm/mmap_file, lsm/file_mprotect; fexit/security_*; tp/syscalls/sys_enter_{mmap,mprotect,pkey_mprotect}   mappings.
 *
 * Cost: outside of sandboxes one look-up. In one, the type and the file system of what was opened, one look-up of its
 * past for one that is read, and before ready two reads of its name. The path of a
 * regular file is resolved and looked up only where the policy has a list that such an open may be in: secrets and
 * models for every open, code for one that may write.
 *
 * Blind spots: an open that failed (of a read-only /proc/sys, say) is not told: there is no object then. Accelerators
 * are known by their device numbers, so not /dev/kfd, whose number is not fixed. By path, a file is known by its path,
 * so not by another name that leads to it (a hard link, a mount of the function's own, after a chroot), nor when a
 * folder above it is renamed; a descriptor or mapping that was handed in. Without LSM programs also: truncate, unlink
 * and rename by path; direct descriptors of io_uring. On the fallback: 32-bit entries; a thread that closes the
 * descriptor before its open returns, or puts another file at it before it is mapped; O_TRUNC without write access in
 * an openat2 whose argument a thread rewrites, or by io_uring.
 */
#include "../lib/ring.bpf.h"
#include "../lib/syscalls.bpf.h"
#include "file_class.bpf.h"
#include "file_event.bpf.h"
#include "file_known.bpf.h"

#define O_TRUNC 01000

#define S_IXUGO 0111

#define FMODE_CREATED 0x100000 /* this open made the file */

/* --- the handler --------------------------------------------------------------------------------------------- */

struct judged {
    struct fns_sandbox *sandbox;
    struct fns_rule_of rule;
};

/* False where the current task is in no sandbox. */
static __always_inline bool is_judged(struct judged *by)
{
    by->sandbox = fns_current_sandbox();
    return by->sandbox;
}

static __always_inline bool is_read_judged(const struct fns_rule_of *rule)
{
    return rule->phase == FNS_PHASE_WARM && rule->policy &&
           rule->policy->action[FNS_PHASE_WARM][FNS_GUARD_MODEL_READ] != FNS_ACTION_NONE;
}

/* Those of the policy's lists that such an access is looked up in. */
static __always_inline __u32 lists_for(const struct fns_rule_of *rule, bool reads)
{
    __u32 lists = 1U << FNS_LIST_SECRETS | 1U << FNS_LIST_MODELS;

    if (!reads)
        lists |= 1U << FNS_LIST_CODE;
    return rule->policy ? rule->policy->lists & lists : 0;
}

/* A program that was there before the sandbox, written to where that reaches the node's own file. */
static __always_inline bool is_old_program(const struct file_act *act, const struct fns_sandbox *sandbox)
{
    const struct inode *inode = (const struct inode *)act->inode;
    __u64 magic = fns_inode_magic(inode);

    return (act->access == FNS_FILE_WRITE || act->access == FNS_FILE_TRUNCATE) &&
           BPF_CORE_READ(inode, i_mode) & S_IXUGO && magic != OVERLAYFS_SUPER_MAGIC && magic != TMPFS_MAGIC &&
           !is_fresh(inode, sandbox);
}

/*
 * Of a file that is opened for writing: a program of the node's, or, on a tmpfs, what another function wrote, which is
 * how shared memory is attached.
 */
static __always_inline __u32 class_of_written(const struct judged *by, struct file_act *act,
                                              const struct fns_file_key *key)
{
    if (fns_inode_magic((const struct inode *)act->inode) != TMPFS_MAGIC)
        return is_old_program(act, by->sandbox) ? FNS_FILE_CLASS_EXECUTABLE : FNS_FILE_CLASS_NONE;
    recall(act, key, by->sandbox, FNS_PHASE_INIT);
    act->owner = 0;
    return act->writer.written_ns ? FNS_FILE_CLASS_WRITTEN : FNS_FILE_CLASS_NONE;
}

/* The class of a regular file by its past or its name, for one that no list names. */
static __always_inline __u32 class_otherwise(const struct judged *by, struct file_act *act,
                                             const struct fns_file_key *key)
{
    __u32 found = FNS_FILE_CLASS_NONE;

    if (act->access != FNS_FILE_READ)
        return class_of_written(by, act, key);
    recall(act, key, by->sandbox, by->rule.phase);
    if (act->owner)
        return FNS_FILE_CLASS_SECRET;
    if (by->rule.phase == FNS_PHASE_INIT)
        found = class_of_name(act->dentry);
    if (found == FNS_FILE_CLASS_NONE && act->writer.written_ns)
        return FNS_FILE_CLASS_WRITTEN;
    return found;
}

/* Takes the class that a list gave, or else the other one. */
static __always_inline void settle_class(const struct judged *by, struct file_act *act, enum fns_file_class listed,
                                         const struct fns_file_key *key)
{
    if (listed == FNS_FILE_CLASS_SECRET) { /* its own list names it too: it is shared */
        act->owner = 0;
        note_secret(key, by->sandbox, by->rule.name_id);
    } else if (act->owner) {
        act->file_flags |= FNS_FILE_FOREIGN_SECRET;
        listed = FNS_FILE_CLASS_SECRET;
    }
    if (!act->file_class)
        act->file_class = listed ? listed : act->otherwise;
}

/* What a hook that refuses returns. One that cannot (`refuses` false) has the process killed. */
static __always_inline int judge(struct judged *by, struct file_act *act, bool refuses)
{
    bool reads = act->access == FNS_FILE_READ;
    struct fns_verdict verdict = {};
    struct fns_file_key key = {};
    volatile __u32 *taken;
    enum fns_file_class listed;
    __u32 slot = 0;
    __u32 lists;
    __u32 turn;
    int ret = 0;

    by->rule = fns_policy_of(by->sandbox);
    lists = lists_for(&by->rule, reads);
    if (act->is_regular) {
        key = fns_key_of_file((const struct inode *)act->inode);
        act->otherwise = class_otherwise(by, act, &key);
    }
    if (reads && !lists && !act->file_class && !act->otherwise)
        return 0;
    if (!fns_is_functions_act(by->sandbox))
        return 0;
    if (!reads && act->is_regular)
        note_writer(&key, by->sandbox, by->rule.name_id);
    if (!lists && !act->file_class && !act->otherwise)
        return 0;
    taken = bpf_map_lookup_elem(&turns, &slot);
    if (!taken)
        return 0;
    listed = find_listed(act, by->rule.policy_id, lists, by->sandbox, taken, &turn);
    settle_class(by, act, listed, &key);
    if (!act->file_class)
        return 0;
    if (act->file_class == FNS_FILE_CLASS_MODEL && (!reads || is_read_judged(&by->rule))) {
        verdict = fns_judge(&by->rule, reads ? FNS_GUARD_MODEL_READ : FNS_GUARD_MODEL_WRITE);
        if (refuses)
            ret = fns_refuse(&by->rule, &verdict, true);
        else
            fns_kill_instead(&by->rule, &verdict);
    }
    tell(act, &verdict, ret, by->sandbox, taken, turn);
    return ret;
}

/* False where the open can matter to no rule, or neither reads nor writes. `asked`: flags that the file has lost. */
static __always_inline bool describe_open(struct file_act *act, const struct file *file, __u32 asked)
{
    const struct inode *inode = BPF_CORE_READ(file, f_inode);
    __u32 mode = BPF_CORE_READ(file, f_mode);

    act->inode = (__u64)inode;
    act->dentry = (__u64)BPF_CORE_READ(file, f_path.dentry);
    act->mount = (__u64)BPF_CORE_READ(file, f_path.mnt);
    act->open_flags = BPF_CORE_READ(file, f_flags) | (asked & O_TRUNC);
    if (mode & FMODE_WRITE)
        act->access = mode & FMODE_CREATED ? FNS_FILE_CREATE : FNS_FILE_WRITE;
    else if (act->open_flags & O_TRUNC)
        act->access = FNS_FILE_TRUNCATE;
    else if (mode & FMODE_READ)
        act->access = FNS_FILE_READ;
    else
        return false;
    act->file_class = class_of_object((__u64)inode, act->dentry, act->access != FNS_FILE_READ);
    act->is_regular = (BPF_CORE_READ(inode, i_mode) & S_IFMT) == S_IFREG;
    return act->file_class || act->is_regular;
}

#include "file_map.bpf.h"

/* --- lsm ----------------------------------------------------------------------------------------------------- */

static __always_inline int guard_path(__u64 mount, __u64 dentry, enum fns_file_access access)
{
    struct file_act act = { .dentry = dentry, .mount = mount, .access = access };
    struct judged by;

    act.inode = (__u64)BPF_CORE_READ((const struct dentry *)dentry, d_inode);
    return is_judged(&by) ? fns_as_answer(judge(&by, &act, true)) : 0;
}

SEC("lsm/file_open")
int BPF_PROG(guard_open, struct file *file, int ret)
{
    struct file_act act = {};
    struct judged by;

    if (ret)
        return ret;
    if (!is_judged(&by) || !describe_open(&act, (const struct file *)fns_argument(ctx, 0), 0))
        return 0;
    return fns_as_answer(judge(&by, &act, true));
}

SEC("lsm/path_truncate")
int BPF_PROG(guard_truncate, const struct path *path, int ret)
{
    if (ret)
        return ret;
    return guard_path((__u64)BPF_CORE_READ(path, mnt), (__u64)BPF_CORE_READ(path, dentry), FNS_FILE_TRUNCATE);
}

SEC("lsm/path_unlink")
int BPF_PROG(guard_unlink, const struct path *dir, struct dentry *dentry, int ret)
{
    if (ret)
        return ret;
    return guard_path((__u64)BPF_CORE_READ(dir, mnt), fns_argument(ctx, 1), FNS_FILE_REMOVE);
}

/*
 * Where the result so far stands depends on the kernel (5.19 put flags before it); it is 0 here, for a program that
 * refuses ends the call.
 */
SEC("lsm/path_rename")
int BPF_PROG(guard_rename, const struct path *old_dir, struct dentry *old_dentry, const struct path *new_dir,
             struct dentry *new_dentry)
{
    int ret = guard_path((__u64)BPF_CORE_READ(old_dir, mnt), fns_argument(ctx, 1), FNS_FILE_RENAME);

    return ret ? ret : guard_path((__u64)BPF_CORE_READ(new_dir, mnt), fns_argument(ctx, 3), FNS_FILE_REPLACE);
}

/* --- fentry -------------------------------------------------------------------------------------------------- */

/* `ctx`: behind the three arguments, the file or an error. */
static __always_inline int opened_by_any_entry(const struct open_flags *flags, const unsigned long long *ctx)
{
    struct file_act act = {};
    struct judged by;
    long result;

    if (!is_judged(&by))
        return 0;
    result = fns_argument(ctx, 3);
    if (fns_is_error(result))
        return 0;
    if (describe_open(&act, (const struct file *)result, BPF_CORE_READ(flags, open_flag)))
        judge(&by, &act, false);
    return 0;
}

SEC("fexit/do_filp_open")
int BPF_PROG(file_opened, int folder_fd, struct filename *name, const struct open_flags *flags, struct file *file)
{
    return opened_by_any_entry(flags, ctx);
}

/* The same function, as it is called from 7.2 on. */
SEC("fexit/do_file_open")
int BPF_PROG(file_opened_renamed, int folder_fd, struct filename *name, const struct open_flags *flags,
             struct file *file)
{
    return opened_by_any_entry(flags, ctx);
}

/* --- the fallback -------------------------------------------------------------------------------------------- */

/* The flags that the call was given. */
static __always_inline __u32 asked_flags(void)
{
    struct fns_call call;
    __u64 flags = 0;

    fns_read_call(&call);
    switch (fns_call_word(&call)) {
    case FNS_CALL_OPEN:
        return fns_call_argument(&call, 1);
    case FNS_CALL_OPENAT:
        return fns_call_argument(&call, 2);
    case FNS_CALL_OPENAT2: /* the first member of its struct open_how */
        bpf_probe_read_user(&flags, sizeof(flags), (const void *)fns_call_argument(&call, 2));
        return flags;
    default:
        return 0;
    }
}

static __always_inline int opened_descriptor(struct judged *by, __u32 fd, __u32 asked)
{
    const struct file *file = fns_current_file(fd);
    struct file_act act = {};

    if (file && describe_open(&act, file, asked))
        judge(by, &act, false);
    return 0;
}

/* Also of openat, openat2 and creat: the daemon attaches it to each. */
SEC("tp/syscalls/sys_exit_open")
int exit_open(struct trace_event_raw_sys_exit *ctx)
{
    struct judged by;

    if (ctx->ret < 0 || !is_judged(&by))
        return 0;
    return opened_descriptor(&by, ctx->ret, asked_flags());
}

/* The second argument is the request where a request has its cqe, since 5.19; before, a number that leads nowhere. */
SEC("raw_tp/io_uring_complete")
int ring_opened(struct bpf_raw_tracepoint_args *ctx)
{
    const struct io_kiocb *request = (const struct io_kiocb *)ctx->args[1];
    struct judged by;
    __s32 fd;

    if (!bpf_core_field_exists(request->cqe.res) || !is_judged(&by))
        return 0;
    if (!request || !fns_request_opens(BPF_CORE_READ(request, opcode)) || fns_opened_directly(request))
        return 0;
    fd = BPF_CORE_READ(request, cqe.res);
    return fd < 0 ? 0 : opened_descriptor(&by, fd, 0);
}
