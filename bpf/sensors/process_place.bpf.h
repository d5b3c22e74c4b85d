/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * Where in the life of its sandbox an exec stands: the runtime's own, the workload's first, one from outside, or the
 * function's. The rules are in the head of process.bpf.c, of which this is a part.
 */
#ifndef FNSHIELD_BPF_PROCESS_PLACE_H
#define FNSHIELD_BPF_PROCESS_PLACE_H

/* True where the first process of the task's pid namespace is another process, an entrant: then the task is its helper.
 */
static __always_inline bool is_helper_of_entrant(const struct task_struct *task)
{
    const struct pid *pid = BPF_CORE_READ(task, thread_pid);
    __u32 level = BPF_CORE_READ(pid, level);
    const struct upid *innermost;
    const struct task_struct *first;
    const struct fns_member *member;

    if (level == 0)
        return false;
    innermost =
        (const void *)pid + bpf_core_field_offset(struct pid, numbers) + (__u64)level * bpf_core_type_size(struct upid);
    first = BPF_CORE_READ(innermost, ns, child_reaper);
    if (!first || BPF_CORE_READ(first, tgid) == BPF_CORE_READ(task, tgid))
        return false;
    member = fns_member_of(first);
    return member && member->flags & FNS_MEMBER_ENTRANT;
}

/* One number for this exec and no other while the process lives: the kernel counts those of a task. */
static __always_inline __u64 number_of_exec(const struct task_struct *task)
{
    return (__u64)BPF_CORE_READ(task, tgid) << 40 | (BPF_CORE_READ(task, self_exec_id) & 0xffffffffffULL);
}

/* The sandbox's workload begins with this exec; false where another was faster. */
static __always_inline bool begins(struct fns_sandbox *sandbox, __u64 exec)
{
    __u64 sandbox_id = sandbox->sandbox_id;

    if (bpf_map_update_elem(&starts, &sandbox_id, &exec, BPF_NOEXIST))
        return false;
    sandbox->started_ns = bpf_ktime_get_boot_ns();
    return true;
}

/* While one daemon takes over from another, the programs of both see an exec: to both it is the first. */
static __always_inline bool began_with(const struct fns_sandbox *sandbox, __u64 exec)
{
    __u64 sandbox_id = sandbox->sandbox_id;
    const __u64 *first = bpf_map_lookup_elem(&starts, &sandbox_id);

    return first && *first == exec;
}

/*
 * The member that execs; NULL where it is none and the exec is only `tried`, or the table is full. One without an entry
 * was put in just now: cgroup_attach_task fires after the move itself, and runc's child need not wait for it.
 */
static __always_inline struct fns_member *member_at_exec(const struct task_struct *task, struct fns_sandbox *sandbox,
                                                         bool tried)
{
    struct fns_member *member = fns_member_of(task);

    if (member || tried)
        return member;
    fns_set_member(FNS_SENSOR_PROCESS, task, sandbox, fns_task_root(task), FNS_MEMBER_ENTRANT | FNS_MEMBER_UNTOLD);
    return fns_member_of(task);
}

/*
 * What this exec is in the life of the sandbox; changes its state and the member's, unless it is only `tried`: then it
 * is what the exec would be.
 */
static __always_inline __u32 place_in_life(const struct task_struct *task, struct fns_sandbox *sandbox,
                                           __u32 exec_flags, bool own_image, bool tried)
{
    struct fns_member *member = member_at_exec(task, sandbox, tried);
    bool entrant = member ? member->flags & FNS_MEMBER_ENTRANT : tried;
    __u64 exec = number_of_exec(task);

    if (sandbox->started_ns && !tried && began_with(sandbox, exec))
        return FNS_EXEC_FIRST;
    if (entrant) {
        bool re_exec = own_image || exec_flags & (FNS_EXEC_MEMFD | FNS_EXEC_UNLINKED | FNS_EXEC_PROC_FD);

        /* Once the workload runs, what is put in from outside may already stand in its root, where the function can
         * make a probe's program lead to a memfd of its own: only on the host's root it is the runtime's. */
        if (re_exec && (!member || member->entry_root == fns_task_root(task)) &&
            (!sandbox->started_ns || is_on_host_root(task)))
            return FNS_EXEC_RUNTIME;
        if (!sandbox->started_ns && is_helper_of_entrant(task))
            return FNS_EXEC_RUNTIME;
    }
    if (!sandbox->started_ns && (tried || begins(sandbox, exec))) {
        if (member && !tried)
            member->flags &= ~(FNS_MEMBER_ENTRANT | FNS_MEMBER_FROM_OUTSIDE);
        return FNS_EXEC_FIRST;
    }
    if (!entrant)
        return 0;
    if (!tried)
        member->flags = (member->flags & ~FNS_MEMBER_ENTRANT) | FNS_MEMBER_FROM_OUTSIDE;
    return FNS_EXEC_FROM_OUTSIDE;
}

#endif
