/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* One act on one file: what a policy's lists say of its path, and the event. Part of file.bpf.c. */
#ifndef FNSHIELD_BPF_FILE_EVENT_H
#define FNSHIELD_BPF_FILE_EVENT_H

#include "../lib/compat.bpf.h"
#include "../lib/file_kind.bpf.h"
#include "../lib/listed_path.bpf.h"
#include "../lib/path.bpf.h"
#include "../lib/verdict.bpf.h"

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
    __u64 inode; /* NULL: a name that there was not yet */
    __u64 dentry;
    __u64 mount;
    __u32 open_flags;
    __u32 access;     /* enum fns_file_access */
    __u32 file_class; /* enum fns_file_class, where the object alone tells it */
    __u32 otherwise;  /* the same, where neither the object nor a list tells */
    __u32 file_flags; /* enum fns_file_flag, but for its place */
    __u32 is_regular;
    __u64 owner; /* a sandbox of another function whose secret it is */
    struct fns_writer writer;
};

/* CLOCK_REALTIME - CLOCK_BOOTTIME, kept by the daemon: the times of files are of the former. */
volatile __s64 wall_offset_ns = 0;

#define FILE_CLOCK_NS 10000000LL /* files get the time of the kernel's last tick */

/* Changed after the sandbox was made, so not as the image has it. */
static __always_inline bool is_fresh(const struct inode *inode, const struct fns_sandbox *sandbox)
{
    return (__s64)fns_inode_ctime_ns(inode) + FILE_CLOCK_NS > (__s64)sandbox->created_ns + wall_offset_ns;
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

static __always_inline enum fns_event_kind kind_of(__u32 access)
{
    switch (access) {
    case FNS_FILE_READ:
        return FNS_EVENT_FILE_OPEN;
    case FNS_FILE_MAP_EXEC:
        return FNS_EVENT_MAP_EXEC;
    default:
        return FNS_EVENT_FILE_WRITE;
    }
}

/* Packages and what was written are opened by the hundred, and tell nothing by themselves. */
static __always_inline enum fns_ring ring_for(__u32 file_class, struct fns_sandbox *sandbox)
{
    if (file_class == FNS_FILE_CLASS_PACKAGE || file_class == FNS_FILE_CLASS_WRITTEN)
        return FNS_RING_BULK;
    return fns_critical_within_share(sandbox);
}

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
    enum fns_event_kind kind = kind_of(act->access);
    const struct dentry *dentry = (const struct dentry *)act->dentry;
    const struct inode *inode = (const struct inode *)act->inode;
    __u64 number = BPF_CORE_READ(inode, i_ino);
    struct fns_file_event *event;
    __u32 repeats;

    if (was_told(act, verdict, sandbox, kind, number, &repeats))
        return;
    event = fns_reserve(FNS_SENSOR_FILE, ring_for(act->file_class, sandbox), sizeof(*event), sandbox);
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
    event->file_flags = act->file_flags;
    if (inode)
        event->file_flags |= fns_place_of_file(inode, dentry) | (is_fresh(inode, sandbox) ? FNS_FILE_FRESH : 0);
    event->padding = 0;
    event->writer = act->writer;
    event->owner_sandbox_id = act->owner;
    event->size_bytes = BPF_CORE_READ(inode, i_size);
    fill_path(event, taken, turn);
    fns_submit(FNS_SENSOR_FILE, event);
}

#endif
