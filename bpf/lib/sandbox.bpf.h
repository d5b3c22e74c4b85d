/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * Which sandbox, if any: the first question of every hook, and for a task outside of all sandboxes the last.
 *
 * A cgroup nested inside a sandbox has an entry of its own that points to the enclosing one, so the answer costs one
 * look-up outside, one inside, and two for a nested cgroup.
 */
#ifndef FNSHIELD_BPF_SANDBOX_H
#define FNSHIELD_BPF_SANDBOX_H

#include "shared_maps.bpf.h"
#include "task.bpf.h"

/* The sandbox that a cgroup is or lies in; NULL for the host's. */
static __always_inline struct fns_sandbox *fns_sandbox_of_cgroup(__u64 cgroup_id)
{
    struct fns_sandbox *sandbox = bpf_map_lookup_elem(&sandboxes, &cgroup_id);

    if (!sandbox || !(sandbox->flags & FNS_SANDBOX_NESTED))
        return sandbox;
    __u64 enclosing = sandbox->sandbox_id;
    return bpf_map_lookup_elem(&sandboxes, &enclosing);
}

static __always_inline struct fns_sandbox *fns_sandbox_of_task(const struct task_struct *task)
{
    return fns_sandbox_of_cgroup(fns_task_cgroup_id(task));
}

static __always_inline struct fns_sandbox *fns_current_sandbox(void)
{
    return fns_sandbox_of_cgroup(bpf_get_current_cgroup_id());
}

static __always_inline __u64 fns_sandbox_id(const struct fns_sandbox *sandbox)
{
    return sandbox ? sandbox->sandbox_id : FNS_HOST;
}

#endif
