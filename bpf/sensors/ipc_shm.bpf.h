/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * System V segments that one sandbox made and another attaches, which they can where they share an IPC namespace. Part
 * of ipc.bpf.c. POSIX segments are files of a tmpfs: the file sensor knows who wrote those. A memfd gets to another
 * sandbox only as a descriptor (ipc_rights.bpf.h, the memory sensor).
 *
 * On the fallback nothing shows who made a segment: it counts as that of the sandbox that first asked for it.
 */
#ifndef FNSHIELD_BPF_IPC_SHM_H
#define FNSHIELD_BPF_IPC_SHM_H

#define SHM_RDONLY 010000

/* By the kernel's own object; on the fallback by its number and the namespace in which it is one. */
struct segment_key {
    __u64 object;
    __u64 ns;
};

struct segment {
    struct fns_process owner;
    __u64 sandbox_id;
};

struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 4096);
    __type(key, struct segment_key);
    __type(value, struct segment);
} segments SEC(".maps");

static __always_inline void note_segment(const struct segment_key *key, __u64 flags)
{
    struct fns_sandbox *sandbox = fns_current_sandbox();
    struct segment made = {};

    if (!fns_is_functions_act(sandbox))
        return;
    fns_fill_process(&made.owner, (const struct task_struct *)bpf_get_current_task());
    made.sandbox_id = sandbox->sandbox_id;
    bpf_map_update_elem(&segments, key, &made, flags);
}

static __always_inline void attaches(const struct segment_key *key, __u64 id, __u32 flags)
{
    struct fns_sandbox *sandbox = fns_current_sandbox();
    struct fns_shared_memory_event *event;
    const struct segment *segment;
    __u32 repeats;

    if (!fns_is_functions_act(sandbox))
        return;
    segment = bpf_map_lookup_elem(&segments, key);
    if (!segment || segment->sandbox_id == sandbox->sandbox_id)
        return;
    if (fns_is_repeat(FNS_SENSOR_IPC, sandbox->sandbox_id, FNS_EVENT_SHM, bpf_get_current_pid_tgid() >> 32,
                      fns_mix(fns_seen_secret, id), &repeats))
        return;
    event = fns_reserve(FNS_SENSOR_IPC, fns_critical_within_share(sandbox), sizeof(*event), sandbox);
    if (!event)
        return;
    fns_fill_header(&event->header, FNS_SENSOR_IPC, FNS_EVENT_SHM, sizeof(*event), sandbox);
    fns_fill_process(&event->header.process, (const struct task_struct *)bpf_get_current_task());
    event->header.flags |= fns_task_flags((const struct task_struct *)bpf_get_current_task());
    event->header.repeats = repeats;
    event->owner = segment->owner;
    event->owner_sandbox_id = segment->sandbox_id;
    event->owner_known = 1;
    event->id = id;
    event->kind = FNS_SHARED_MEMORY_SYSV;
    event->writes = !(flags & SHM_RDONLY);
    event->padding = 0;
    __builtin_memset(event->name, 0, sizeof(event->name));
    fns_submit(FNS_SENSOR_IPC, event);
}

/* --- the preferred backends ---------------------------------------------------------------------------------- */

static __always_inline int made_object(__u64 object)
{
    struct segment_key key = { .object = object };

    note_segment(&key, BPF_ANY);
    return 0;
}

static __always_inline int freed_object(__u64 object)
{
    struct segment_key key = { .object = object };

    bpf_map_delete_elem(&segments, &key);
    return 0;
}

static __always_inline int attaches_object(__u64 object, __u32 flags)
{
    struct segment_key key = { .object = object };

    attaches(&key, BPF_CORE_READ((const struct kern_ipc_perm *)object, id), flags);
    return 0;
}

SEC("lsm/shm_alloc_security")
int BPF_PROG(lsm_segment_made, struct kern_ipc_perm *segment, int ret)
{
    made_object(fns_argument(ctx, 0));
    return ret;
}

SEC("lsm/shm_free_security")
int BPF_PROG(lsm_segment_freed, struct kern_ipc_perm *segment)
{
    return freed_object(fns_argument(ctx, 0));
}

SEC("lsm/shm_shmat")
int BPF_PROG(lsm_attaches, struct kern_ipc_perm *segment, char *address, int flags, int ret)
{
    if (!ret)
        attaches_object(fns_argument(ctx, 0), flags);
    return ret;
}

SEC("fexit/security_shm_alloc")
int BPF_PROG(segment_made, struct kern_ipc_perm *segment, int ret)
{
    return made_object(fns_argument(ctx, 0));
}

SEC("fexit/security_shm_free")
int BPF_PROG(segment_freed, struct kern_ipc_perm *segment)
{
    return freed_object(fns_argument(ctx, 0));
}

SEC("fexit/security_shm_shmat")
int BPF_PROG(segment_attached, struct kern_ipc_perm *segment, char *address, int flags, int ret)
{
    return ret ? 0 : attaches_object(fns_argument(ctx, 0), flags);
}

/* --- the fallback -------------------------------------------------------------------------------------------- */

static __always_inline struct segment_key key_of_number(__s64 number)
{
    const struct task_struct *task = (const struct task_struct *)bpf_get_current_task();
    struct segment_key key = { .object = number, .ns = (__u64)BPF_CORE_READ(task, nsproxy, ipc_ns) };

    return key;
}

SEC("tp/syscalls/sys_exit_shmget")
int exit_shmget(struct trace_event_raw_sys_exit *ctx)
{
    struct segment_key key = key_of_number(ctx->ret);

    if (ctx->ret >= 0)
        note_segment(&key, BPF_NOEXIST);
    return 0;
}

SEC("tp/syscalls/sys_enter_shmat")
int enter_shmat(struct trace_event_raw_sys_enter *ctx)
{
    __s32 number = ctx->args[0];
    struct segment_key key = key_of_number(number);

    attaches(&key, number, ctx->args[2]);
    return 0;
}

#endif
