/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * bpf(): whoever calls it from a sandbox, and whoever on the node takes or changes an object of the daemon's. The
 * object is known by the kernel's own id, so a pin, a passed descriptor or another name make no difference.
 *
 * Two ways to see it: the object itself as it gets a descriptor, and the kernel's copy of the attributes
 * (security_bpf…; nothing can change them); or, where there are only tracepoints, the descriptor that was returned, and
 * for changes the caller's attributes when the call returns, which a racing thread may have rewritten.
 */
#ifndef FNSHIELD_BPF_PRIVILEGE_OWN_H
#define FNSHIELD_BPF_PRIVILEGE_OWN_H

#include "../lib/file.bpf.h"
#include "privilege_act.bpf.h"

#define ANON_INODE_FS_MAGIC 0x09041934

/* The first eight bytes of what the kernel calls the files of its BPF objects. */
#define NAME_BPF_MAP  0x0070616d2d667062ULL /* "bpf-map" */
#define NAME_BPF_PROG 0x676f72702d667062ULL /* "bpf-prog" */
#define NAME_BPF_LINK 0x6b6e696c5f667062ULL /* "bpf_link", as it was made */
#define NAME_BPF_TOOK 0x6b6e696c2d667062ULL /* "bpf-link", as it was got again */

/*
 * The daemon's own maps, programs and links.
 * Key: FNS_OWN_OBJECT. Value: not used. Writer: the daemon, when it attached something. Reader: this sensor. Size: a
 * few hundred, and the links of some hundred parent cgroups. Full: the daemon says what is not guarded.
 */
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __uint(max_entries, 8192);
    __type(key, __u64);
    __type(value, __u32);
} own_objects SEC(".maps");

static __always_inline bool fns_is_own_object(__u64 key)
{
    return bpf_map_lookup_elem(&own_objects, &key) != NULL;
}

/* FNS_OWN_OBJECT of the object behind a descriptor of the current process; 0 where it is none. */
static __always_inline __u64 fns_object_of_fd(__u32 fd)
{
    const struct file *file = fns_current_file(fd);
    const void *object;
    __u64 name = 0;

    if (!file || fns_inode_magic(BPF_CORE_READ(file, f_inode)) != ANON_INODE_FS_MAGIC)
        return 0;
    bpf_probe_read_kernel(&name, sizeof(name), BPF_CORE_READ(file, f_path.dentry, d_name.name));
    object = BPF_CORE_READ(file, private_data);
    switch (name) {
    case NAME_BPF_MAP:
        return FNS_OWN_OBJECT(FNS_OBJECT_MAP, BPF_CORE_READ((const struct bpf_map *)object, id));
    case NAME_BPF_PROG:
        return FNS_OWN_OBJECT(FNS_OBJECT_PROG, BPF_CORE_READ((const struct bpf_prog *)object, aux, id));
    case NAME_BPF_LINK:
    case NAME_BPF_TOOK:
        return FNS_OWN_OBJECT(FNS_OBJECT_LINK, BPF_CORE_READ((const struct bpf_link *)object, id));
    default:
        return 0;
    }
}

/* The kind of object that a command takes by its id; 0 for other commands. */
static __always_inline __u32 fns_taken_by_id(__u32 command)
{
    switch (command) {
    case BPF_MAP_GET_FD_BY_ID:
        return FNS_OBJECT_MAP;
    case BPF_PROG_GET_FD_BY_ID:
        return FNS_OBJECT_PROG;
    case BPF_LINK_GET_FD_BY_ID:
        return FNS_OBJECT_LINK;
    default:
        return 0;
    }
}

/* Commands that change what a descriptor, the first word of their attributes, stands for. */
static __always_inline bool fns_changes_object(__u32 command)
{
    switch (command) {
    case BPF_MAP_UPDATE_ELEM:
    case BPF_MAP_DELETE_ELEM:
    case BPF_MAP_LOOKUP_AND_DELETE_ELEM:
    case BPF_MAP_UPDATE_BATCH:
    case BPF_MAP_DELETE_BATCH:
    case BPF_MAP_LOOKUP_AND_DELETE_BATCH:
    case BPF_MAP_FREEZE:
    case BPF_LINK_UPDATE:
    case BPF_LINK_DETACH:
        return true;
    default:
        return false;
    }
}

/* Where the descriptor of a map stands in the attributes of a batch; all others have theirs first. */
#define BATCH_MAP_FD_OFFSET 36

static __always_inline __u32 fns_fd_offset(__u32 command)
{
    bool is_batch = command == BPF_MAP_UPDATE_BATCH || command == BPF_MAP_DELETE_BATCH ||
                    command == BPF_MAP_LOOKUP_AND_DELETE_BATCH;

    return is_batch ? BATCH_MAP_FD_OFFSET : 0;
}

static __always_inline void fns_set_object(struct fns_privilege_act *act, __u64 key)
{
    if (!key)
        return;
    act->object = key >> 32;
    act->object_id = key;
    act->own_object = fns_is_own_object(key);
}

/* From a sandbox every bpf() counts; from the host those on the daemon's objects. */
static __always_inline int fns_report_bpf(struct fns_privilege_act *act, __u32 can)
{
    struct fns_sandbox *sandbox = fns_current_sandbox();

    if (!act->own_object && !fns_is_functions_act(sandbox))
        return 0;
    return fns_report_privilege(act, sandbox, can);
}

/* Commands for which the kernel asks for a capability in any case: then that check tells of them, with its outcome. */
static __always_inline bool fns_asks_for_capability(__u32 command)
{
    switch (command) {
    case BPF_MAP_CREATE:
    case BPF_PROG_LOAD:
    case BPF_BTF_LOAD:
    case BPF_PROG_GET_NEXT_ID:
    case BPF_MAP_GET_NEXT_ID:
    case BPF_BTF_GET_NEXT_ID:
    case BPF_LINK_GET_NEXT_ID:
    case BPF_BTF_GET_FD_BY_ID:
        return true;
    default:
        return fns_taken_by_id(command);
    }
}

/* By the kernel's copy of the attributes, before anything is done. */
static __always_inline int fns_bpf_asked(__u32 command, const void *attributes, __u32 can)
{
    struct fns_privilege_act act = {};
    __u32 fd = 0;

    if (bpf_get_current_pid_tgid() >> 32 == daemon_tgid || fns_asks_for_capability(command))
        return 0;
    if (!fns_name_privilege(&act) || act.act != FNS_PRIVILEGE_BPF)
        return 0;
    act.argument = command;
    act.writes = fns_changes_object(command);
    if (act.writes) {
        bpf_probe_read_kernel(&fd, sizeof(fd), attributes + fns_fd_offset(command));
        fns_set_object(&act, fns_object_of_fd(fd));
    }
    return fns_report_bpf(&act, can);
}

/* An object that gets a descriptor, by its id or from a pin; whoever may not take it does not come here. */
static __always_inline int fns_object_taken(__u64 key, __u32 can)
{
    struct fns_privilege_act act = {};

    if (bpf_get_current_pid_tgid() >> 32 == daemon_tgid || !fns_is_own_object(key))
        return 0;
    if (!fns_name_privilege(&act) || act.act != FNS_PRIVILEGE_BPF)
        return 0;
    if (act.argument != BPF_OBJ_GET && !fns_taken_by_id(act.argument))
        return 0;
    fns_set_object(&act, key);
    return fns_report_bpf(&act, can);
}

/* When the call returns, by what it returned. */
static __always_inline void fns_bpf_returned(__s64 result)
{
    struct fns_privilege_act act = {};
    struct fns_call call;
    __u32 command;
    __u32 fd = 0;

    if (bpf_get_current_pid_tgid() >> 32 == daemon_tgid || !fns_name_privilege(&act) || act.act != FNS_PRIVILEGE_BPF)
        return;
    command = act.argument;
    act.result = result < 0 ? result : 0;
    if (result >= 0 && (fns_taken_by_id(command) || command == BPF_OBJ_GET)) {
        fns_set_object(&act, fns_object_of_fd(result));
    } else if (fns_changes_object(command)) {
        fns_read_call(&call);
        act.writes = 1;
        bpf_probe_read_user(&fd, sizeof(fd), (const void *)fns_call_argument(&call, 1) + fns_fd_offset(command));
        fns_set_object(&act, fns_object_of_fd(fd));
    }
    fns_report_bpf(&act, FNS_HOOK_KILLS);
}

#endif
