// SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
/*
 * File: what a function opens that no function, or not every one, has a use for.
 *   By what the kernel's object is, whatever path leads there: settings of the kernel and files of cgroupfs (opened for
 *   writing), the kernel's memory and log, debugfs, tracefs, block devices, accelerators.
 *   By the path, where the policy has the list: models (files.models) opened for writing, truncated, removed, renamed,
 *   replaced, opened for reading before ready, and, where the policy acts on that, while warm; secrets (files.secrets)
 *   opened at all; code (files.code) like models. In the kernel nothing tells the serving process from another of the
 * sandbox, so that reads of models before ready, when weights are loaded, are never judged.
 *
 * Hooks
 *   lsm/file_open                  every open, whatever the entry; refuses.
 *   lsm/path_{truncate,unlink,rename}  what changes a file without an open, where the kernel has CONFIG_SECURITY_PATH.
 *   fexit/do_filp_open, do_file_open   without LSM programs: every open that succeeded; who did it is killed.
 *   tp/syscalls/sys_exit_{open,openat,openat2,creat}, raw_tp/io_uring_complete   the fallback: the same.
 *
 * Cost: outside of sandboxes one look-up. In one, the type and the file system of what was opened. The path of a
 * regular file is resolved and looked up only where the policy has a list that such an open may be in: secrets for
 * every open; models and code for one that may write; models for any before ready, and while warm where reads are
 * acted on.
 *
 * Blind spots: an open that failed (of a read-only /proc/sys, say) is not told: there is no object then. Accelerators
 * are known by their device numbers, so not /dev/kfd, whose number is not fixed. By path, a file is known by its path,
 * so not by another name that leads to it (a hard link, a mount of the function's own, after a chroot), nor when a
 * folder above it is renamed; a descriptor or mapping that was handed in. Without LSM programs also: truncate, unlink
 * and rename by path; direct descriptors of io_uring. On the fallback: 32-bit entries; a thread that closes the
 * descriptor before its open returns; O_TRUNC without write access in an openat2 whose argument a thread rewrites, or
 * by io_uring.
 */
#include "../lib/compat.bpf.h"
#include "../lib/file.bpf.h"
#include "../lib/listed_path.bpf.h"
#include "../lib/path.bpf.h"
#include "../lib/proc.bpf.h"
#include "../lib/ring.bpf.h"
#include "../lib/syscalls.bpf.h"
#include "../lib/verdict.bpf.h"

#include "fnshield/abi/file.h"

#define O_TRUNC 01000

#define S_IFREG 0100000
#define S_IFBLK 0060000
#define S_IFCHR 0020000

#define FMODE_CREATED 0x100000 /* this open made the file */

#define SYSFS_MAGIC      0x62656572
#define DEBUGFS_MAGIC    0x64626720
#define TRACEFS_MAGIC    0x74726163
#define SECURITYFS_MAGIC 0x73636673
#define BINFMTFS_MAGIC   0x42494e4d
#define CONFIGFS_MAGIC   0x62656570
#define EFIVARFS_MAGIC   0xde5e81e4
#define TMPFS_MAGIC      0x01021994

/* Device numbers, from the kernel's Documentation/admin-guide/devices.txt. */
#define MAJOR_MEMORY   1 /* mem, kmem, port, kmsg */
#define MAJOR_NVIDIA   195
#define MAJOR_DRM      226
#define MAJOR_ACCEL    261
#define FIRST_RENDERER 128 /* minor of the first /dev/dri/renderD*; those below are displays */

/* How often a path is looked up anew after another open came between. */
#define TRIES 3

/*
 * How many look-ups have used this CPU's slots of path_walks and listed_texts. Written and read by find_listed: LSM and
 * fexit programs can be preempted by others, which then use the same slots.
 */
struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, __u32);
} turns SEC(".maps");

/* What is done to one file. Kernel objects as addresses, which all program types may follow alike. */
struct file_act {
    __u64 dentry;
    __u64 mount;
    __u32 open_flags;
    __u32 access;     /* enum fns_file_access */
    __u32 file_class; /* enum fns_file_class, where the object alone tells it */
};

/* --- what the object tells ----------------------------------------------------------------------------------- */

static __always_inline enum fns_file_class class_of_device(__u32 device)
{
    __u32 major = device >> 20;
    __u32 minor = device & 0xfffff;

    if (major == MAJOR_MEMORY)
        return minor == 1 || minor == 2 || minor == 4 || minor == 11 ? FNS_FILE_CLASS_KERNEL_MEMORY
                                                                     : FNS_FILE_CLASS_NONE;
    if (major == MAJOR_NVIDIA || major == MAJOR_ACCEL || (major == MAJOR_DRM && minor >= FIRST_RENDERER))
        return FNS_FILE_CLASS_ACCELERATOR;
    return FNS_FILE_CLASS_NONE;
}

/* Of a file of procfs. What is about a process is the memory sensor's. */
static __always_inline enum fns_file_class class_in_proc(const struct inode *inode, const struct dentry *dentry,
                                                         bool writes)
{
    __u64 head = 0;

    if (fns_proc_pid(inode))
        return FNS_FILE_CLASS_NONE;
    bpf_probe_read_kernel_str(&head, sizeof(head), BPF_CORE_READ(dentry, d_name.name));
    if (head == FNS_HEAD("kcore") || head == FNS_HEAD("kmsg"))
        return FNS_FILE_CLASS_KERNEL_MEMORY;
    return writes ? FNS_FILE_CLASS_KERNEL_SETTING : FNS_FILE_CLASS_NONE;
}

/* enum fns_file_class, of what the kernel's own object is, whatever path leads there: two loads for most files. */
FNS_VERIFIED_ALONE int class_of_object(__u64 inode_address, __u64 dentry_address, __u32 writes)
{
    const struct inode *inode = (const struct inode *)inode_address;
    __u32 type = BPF_CORE_READ(inode, i_mode) & S_IFMT;

    if (type == S_IFBLK)
        return FNS_FILE_CLASS_BLOCK_DEVICE;
    if (type == S_IFCHR)
        return class_of_device(BPF_CORE_READ(inode, i_rdev));
    if (type != S_IFREG)
        return FNS_FILE_CLASS_NONE;
    switch (fns_inode_magic(inode)) {
    case PROC_SUPER_MAGIC:
        return class_in_proc(inode, (const struct dentry *)dentry_address, writes);
    case DEBUGFS_MAGIC:
    case TRACEFS_MAGIC:
        return FNS_FILE_CLASS_KERNEL_MEMORY;
    case CGROUP_SUPER_MAGIC:
    case CGROUP2_SUPER_MAGIC:
        return writes ? FNS_FILE_CLASS_CGROUP : FNS_FILE_CLASS_NONE;
    case SYSFS_MAGIC:
    case SECURITYFS_MAGIC:
    case BINFMTFS_MAGIC:
    case CONFIGFS_MAGIC:
    case EFIVARFS_MAGIC:
        return writes ? FNS_FILE_CLASS_KERNEL_SETTING : FNS_FILE_CLASS_NONE;
    default:
        return FNS_FILE_CLASS_NONE;
    }
}

/* --- what the policy lists ----------------------------------------------------------------------------------- */

/* enum fns_file_class, of the lists (1 << enum fns_list) that are asked for. The path then stands in the text slot. */
FNS_VERIFIED_ALONE int class_of_path(__u64 dentry, __u64 mount, __u32 policy_id, __u32 lists)
{
    struct path path = { .mnt = (struct vfsmount *)mount, .dentry = (struct dentry *)dentry };
    const struct fns_path_walk *walk =
        fns_resolve_path(FNS_WALK_OPEN, &path, (const struct task_struct *)bpf_get_current_task());

    if (!walk)
        return FNS_FILE_CLASS_NONE;
    if (fns_lists_walked(FNS_TEXT_OPEN, policy_id, FNS_LIST_MODELS, walk) && lists & (1U << FNS_LIST_MODELS))
        return FNS_FILE_CLASS_MODEL;
    if (lists & (1U << FNS_LIST_SECRETS) && fns_is_listed(FNS_TEXT_OPEN, policy_id, FNS_LIST_SECRETS))
        return FNS_FILE_CLASS_SECRET;
    if (lists & (1U << FNS_LIST_CODE) && fns_is_listed(FNS_TEXT_OPEN, policy_id, FNS_LIST_CODE))
        return FNS_FILE_CLASS_CODE;
    return FNS_FILE_CLASS_NONE;
}

/* The class by the lists; *turn then says which look-up the path in the text slot is from. */
static __always_inline enum fns_file_class find_listed(const struct file_act *act, __u32 policy_id, __u32 lists,
                                                       struct fns_sandbox *sandbox, volatile __u32 *taken, __u32 *turn)
{
    for (int i = 0; i < TRIES; i++) {
        enum fns_file_class found;

        *turn = *taken + 1;
        *taken = *turn;
        found = class_of_path(act->dentry, act->mount, policy_id, lists);
        if (*taken == *turn)
            return found;
    }
    fns_count_loss(FNS_SENSOR_FILE, FNS_LOSS_HELPER, sandbox);
    return FNS_FILE_CLASS_NONE;
}

/* --- the event ----------------------------------------------------------------------------------------------- */

static __always_inline bool was_told(const struct file_act *act, const struct fns_verdict *verdict,
                                     struct fns_sandbox *sandbox, enum fns_event_kind kind, __u64 inode, __u32 *repeats)
{
    __u64 what = fns_mix(fns_seen_secret, act->dentry);

    what = fns_mix(what, inode);
    what = fns_mix(what, (__u64)act->access << 32 | verdict->taken);
    return fns_is_repeat(FNS_SENSOR_FILE, fns_sandbox_id(sandbox), kind, bpf_get_current_pid_tgid() >> 32, what,
                         repeats);
}

/* The path as it was looked up, unless another look-up has come between. */
static __always_inline void fill_path(struct fns_file_event *event, const volatile __u32 *taken, __u32 turn)
{
    const struct fns_listed_text *text = fns_listed_text(FNS_TEXT_OPEN);
    __u32 bytes = text ? text->bytes : 0;

    __builtin_memset(event->path, 0, sizeof(event->path));
    if (!text)
        return;
    if (bytes > FNS_PATH_BYTES - 1)
        bytes = FNS_PATH_BYTES - 1;
    bpf_probe_read_kernel(event->path, bytes, text->text);
    if (*taken == turn)
        return;
    __builtin_memset(event->path, 0, sizeof(event->path));
    event->header.flags |= FNS_FLAG_TRUNCATED;
}

static __always_inline void tell(const struct file_act *act, const struct fns_verdict *verdict, bool denied,
                                 struct fns_sandbox *sandbox, const volatile __u32 *taken, __u32 turn)
{
    const struct task_struct *task = (const struct task_struct *)bpf_get_current_task();
    enum fns_event_kind kind = act->access == FNS_FILE_READ ? FNS_EVENT_FILE_OPEN : FNS_EVENT_FILE_WRITE;
    const struct dentry *dentry = (const struct dentry *)act->dentry;
    const struct inode *inode = BPF_CORE_READ(dentry, d_inode); /* NULL: a name that there was not yet */
    __u64 number = BPF_CORE_READ(inode, i_ino);
    struct fns_file_event *event;
    __u32 repeats;

    if (was_told(act, verdict, sandbox, kind, number, &repeats))
        return;
    event = fns_reserve(FNS_SENSOR_FILE, fns_critical_within_share(sandbox), sizeof(*event), sandbox);
    if (!event)
        return;
    fns_fill_header(&event->header, FNS_SENSOR_FILE, kind, sizeof(*event), sandbox);
    fns_fill_process(&event->header.process, task);
    event->header.flags |= fns_task_flags(task) | (denied ? FNS_FLAG_DENIED : 0);
    event->header.repeats = repeats;
    event->header.verdict = *verdict;
    event->inode = number;
    event->device = BPF_CORE_READ(dentry, d_sb, s_dev);
    event->open_flags = act->open_flags;
    event->access = act->access;
    event->file_class = act->file_class;
    event->ctime_ns = inode ? fns_inode_ctime_ns(inode) : 0;
    event->result = 0;
    event->mode = BPF_CORE_READ(inode, i_mode);
    event->special_device = BPF_CORE_READ(inode, i_rdev);
    event->file_flags = BPF_CORE_READ(dentry, d_sb, s_magic) == TMPFS_MAGIC ? FNS_FILE_SCRATCH : 0;
    event->padding = 0;
    __builtin_memset(&event->writer, 0, sizeof(event->writer));
    event->owner_sandbox_id = 0;
    fill_path(event, taken, turn);
    fns_submit(FNS_SENSOR_FILE, event);
}

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
    __u32 lists = 1U << FNS_LIST_SECRETS;

    if (!reads)
        lists |= 1U << FNS_LIST_MODELS | 1U << FNS_LIST_CODE;
    else if (rule->phase == FNS_PHASE_INIT || is_read_judged(rule))
        lists |= 1U << FNS_LIST_MODELS;
    return rule->policy ? rule->policy->lists & lists : 0;
}

/* What a hook that refuses returns. One that cannot (`refuses` false) has the process killed. */
static __always_inline int judge(struct judged *by, struct file_act *act, bool refuses)
{
    bool reads = act->access == FNS_FILE_READ;
    struct fns_verdict verdict = {};
    volatile __u32 *taken;
    enum fns_file_class listed;
    __u32 key = 0;
    __u32 lists;
    __u32 turn;
    int ret = 0;

    by->rule = fns_policy_of(by->sandbox);
    lists = lists_for(&by->rule, reads);
    if ((!lists && !act->file_class) || !fns_is_functions_act(by->sandbox))
        return 0;
    taken = bpf_map_lookup_elem(&turns, &key);
    if (!taken)
        return 0;
    listed = find_listed(act, by->rule.policy_id, lists, by->sandbox, taken, &turn);
    if (!act->file_class)
        act->file_class = listed;
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
    return act->file_class || (BPF_CORE_READ(inode, i_mode) & S_IFMT) == S_IFREG;
}

/* --- lsm ----------------------------------------------------------------------------------------------------- */

static __always_inline int guard_path(__u64 mount, __u64 dentry, enum fns_file_access access)
{
    struct file_act act = { .dentry = dentry, .mount = mount, .access = access };
    struct judged by;

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
