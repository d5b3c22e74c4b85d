// SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
/*
 * Lifecycle: cgroups that are sandboxes, or under which sandboxes appear.
 *
 * Hooks, all tp_btf, all in 5.10: cgroup_mkdir (registers a sandbox before a task can enter it: the directory is not
 * yet visible), cgroup_rmdir (frees what it held), cgroup_attach_task (who was put in from outside),
 * cgroup_notify_populated, cgroup_notify_frozen. They are rare on every node; another hierarchy than the default one
 * costs one compare, a cgroup elsewhere two or three look-ups.
 * Blind spots: the v1 freezer fires no tracepoint (daemon/kernel/v1_freezer.h watches it); a cgroup renamed is not
 * followed (the default hierarchy has no rename); attach is seen after the move, so where a task came from is known
 * only for members of sandboxes.
 *
 * | map          | key             | writer                         | when it is full                               |
 * | parents      | cgroup id       | here; daemon (adoption)        | sandboxes below are not seen, counted TABLE   |
 * | parent_paths | path            | daemon, from its configuration | the daemon says so                            |
 */
#include "../lib/member.bpf.h"

#include "fnshield/abi/lifecycle.h"

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 8192); /* pods and tenants live on one node */
    __type(key, __u64);
    __type(value, struct fns_parent);
} parents SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 256); /* as many as recognisers and templates have literal beginnings */
    __type(key, struct fns_parent_path);
    __type(value, struct fns_parent);
} parent_paths SEC(".maps");

/* Too large for the stack beside the rest: the path that is looked up, and the rule of a parent to be. */
struct scratch {
    struct fns_parent_path key;
    struct fns_parent rule;
};

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct scratch);
} scratches SEC(".maps");

static __always_inline struct scratch *scratch_of_cpu(void)
{
    __u32 zero = 0;

    return bpf_map_lookup_elem(&scratches, &zero);
}

/* The rule for this very path, if it is one under which sandboxes appear. */
static __always_inline struct fns_parent *parent_by_path(struct scratch *scratch, const char *path)
{
    long length;

    __builtin_memset(&scratch->key, 0, sizeof(scratch->key));
    length = bpf_probe_read_kernel_str(scratch->key.path, sizeof(scratch->key.path), path);
    if (length <= 0 || length >= (long)sizeof(scratch->key.path))
        return NULL;
    return bpf_map_lookup_elem(&parent_paths, &scratch->key);
}

static __always_inline bool is_default_hierarchy(const struct cgroup *cgroup)
{
    return BPF_CORE_READ(cgroup, root, hierarchy_id) == 0;
}

static __always_inline __u64 id_of(const struct cgroup *cgroup)
{
    return BPF_CORE_READ(cgroup, kn, id);
}

static __always_inline __u64 parent_id_of(const struct cgroup *cgroup)
{
    const struct cgroup_subsys_state *css = BPF_CORE_READ(cgroup, self.parent);

    if (!css)
        return 0;
    return id_of((const void *)css - bpf_core_field_offset(struct cgroup, self));
}

/* What all events of this sensor share; `sandbox` is NULL for a parent. */
static __always_inline struct fns_lifecycle_event *begin(enum fns_ring ring, enum fns_event_kind kind,
                                                         struct fns_sandbox *sandbox, const struct cgroup *cgroup,
                                                         const char *path)
{
    struct fns_lifecycle_event *event = fns_reserve(FNS_SENSOR_LIFECYCLE, ring, sizeof(*event), sandbox);

    if (!event)
        return NULL;
    __builtin_memset(event, 0, sizeof(*event));
    fns_fill_header(&event->header, FNS_SENSOR_LIFECYCLE, kind, sizeof(*event), sandbox);
    fns_fill_process(&event->header.process, (const struct task_struct *)bpf_get_current_task());
    event->cgroup_id = id_of(cgroup);
    event->parent_cgroup_id = parent_id_of(cgroup);
    event->level = BPF_CORE_READ(cgroup, level);
    if (bpf_probe_read_kernel_str(event->path, sizeof(event->path), path) == sizeof(event->path))
        event->header.flags |= FNS_FLAG_TRUNCATED;
    return event;
}

static __always_inline void tell(enum fns_ring ring, enum fns_event_kind kind, struct fns_sandbox *sandbox,
                                 const struct cgroup *cgroup, const char *path, __u32 value)
{
    struct fns_lifecycle_event *event = begin(ring, kind, sandbox, cgroup, path);

    if (!event)
        return;
    event->value = value;
    fns_submit(FNS_SENSOR_LIFECYCLE, event);
}

/* 0xff in every byte of the word that is not zero. */
static __always_inline __u64 used_bytes(__u64 word)
{
    const __u64 low = 0x7f7f7f7f7f7f7f7fULL;
    __u64 high = (((word & low) + low) | word) & ~low;

    return (high >> 7) * 0xff;
}

/*
 * True where the parent takes any name, or the first of its prefixes that begins the cgroup's own name takes it. A
 * prefix behind FNS_LEAF_PREFIX_NOT refuses; where all do, a name that none of them fits is taken. Compared by words
 * (little-endian): byte by byte, the verifier would follow every way through the comparisons, for seconds.
 */
static __always_inline bool name_fits(const struct fns_parent *parent, const struct cgroup *cgroup)
{
    __u64 name[FNS_LEAF_PREFIX_BYTES / 8] = {};
    bool only_refusals = true;

    bpf_probe_read_kernel_str(name, sizeof(name), BPF_CORE_READ(cgroup, kn, name));
    for (__u32 i = 0; i < FNS_LEAF_PREFIXES; i++) {
        const __u64 *words = (const __u64 *)parent->leaf_prefix[i];
        bool refuses = parent->leaf_prefix[i][0] == FNS_LEAF_PREFIX_NOT;
        __u64 differ = 0;

        if (i >= parent->prefixes)
            break;
        for (__u32 j = 0; j < FNS_LEAF_PREFIX_BYTES / 8; j++) {
            __u64 next = j + 1 < FNS_LEAF_PREFIX_BYTES / 8 ? words[j + 1] : 0;
            __u64 wanted = refuses ? words[j] >> 8 | next << 56 : words[j];

            differ |= (name[j] ^ wanted) & used_bytes(wanted);
        }
        if (!differ)
            return !refuses;
        only_refusals &= refuses;
    }
    return only_refusals;
}

static __always_inline void add_parent(__u64 id, const struct fns_parent *parent)
{
    if (bpf_map_update_elem(&parents, &id, parent, BPF_ANY))
        fns_count_loss(FNS_SENSOR_LIFECYCLE, FNS_LOSS_TABLE, NULL);
}

static __always_inline void register_sandbox(const struct cgroup *cgroup, const char *path,
                                             const struct fns_parent *parent)
{
    __u64 id = id_of(cgroup);
    struct fns_sandbox fresh = {
        .sandbox_id = id,
        .parent_cgroup_id = parent_id_of(cgroup),
        .created_ns = bpf_ktime_get_boot_ns(),
        .flags = parent->flags & FNS_PARENT_REST ? FNS_SANDBOX_REST : 0,
    };
    struct fns_assignment assigned = { .policy_id = parent->policy_id };

    /* The policy first: a sandbox that is known has its policy. */
    if (bpf_map_update_elem(&assignments, &id, &assigned, BPF_ANY) ||
        bpf_map_update_elem(&sandboxes, &id, &fresh, BPF_ANY)) {
        bpf_map_delete_elem(&assignments, &id);
        fns_count_loss(FNS_SENSOR_LIFECYCLE, FNS_LOSS_TABLE, NULL);
        return;
    }
    tell(FNS_RING_CRITICAL, FNS_EVENT_CGROUP_MKDIR, bpf_map_lookup_elem(&sandboxes, &id), cgroup, path, 0);
}

/* A cgroup inside a sandbox: its tasks are the sandbox's. */
static __always_inline void register_nested(const struct cgroup *cgroup, const char *path,
                                            struct fns_sandbox *enclosing)
{
    __u64 id = id_of(cgroup);
    struct fns_sandbox nested = {
        .sandbox_id = enclosing->sandbox_id,
        .parent_cgroup_id = parent_id_of(cgroup),
        .created_ns = bpf_ktime_get_boot_ns(),
        .flags = FNS_SANDBOX_NESTED,
    };

    if (bpf_map_update_elem(&sandboxes, &id, &nested, BPF_ANY)) {
        fns_count_loss(FNS_SENSOR_LIFECYCLE, FNS_LOSS_TABLE, enclosing);
        return;
    }
    tell(FNS_RING_BULK, FNS_EVENT_CGROUP_MKDIR, enclosing, cgroup, path, 0);
}

/* The child of a {name*} sandbox that no process was in: the leaf wins, what stands above it only holds it. */
static __always_inline bool takes_place(const struct cgroup *cgroup, struct fns_sandbox *above, struct fns_parent *rule)
{
    __u64 grandparent = above->parent_cgroup_id;
    const struct fns_parent *known;

    if (!(above->flags & FNS_SANDBOX_REST) || above->flags & (FNS_SANDBOX_POPULATED | FNS_SANDBOX_NESTED))
        return false;
    known = bpf_map_lookup_elem(&parents, &grandparent);
    if (!known || !name_fits(known, cgroup))
        return false;
    __builtin_memcpy(rule, known, sizeof(*rule));
    rule->depth = 1;
    return true;
}

static __always_inline void made_below_sandbox(const struct cgroup *cgroup, const char *path, struct fns_sandbox *above)
{
    struct scratch *scratch = scratch_of_cpu();
    struct fns_sandbox *enclosing;

    if (scratch && takes_place(cgroup, above, &scratch->rule)) {
        __u64 former = above->sandbox_id;
        struct fns_lifecycle_event *event = begin(FNS_RING_CRITICAL, FNS_EVENT_CGROUP_RMDIR, above, cgroup, path);

        if (event) {
            event->cgroup_id = former;
            event->parent_cgroup_id = above->parent_cgroup_id;
            event->level--;
            event->path[0] = 0; /* it is the child's; the id says which */
            fns_submit(FNS_SENSOR_LIFECYCLE, event);
        }
        add_parent(former, &scratch->rule);
        bpf_map_delete_elem(&sandboxes, &former);
        bpf_map_delete_elem(&assignments, &former);
        register_sandbox(cgroup, path, &scratch->rule);
        return;
    }
    __u64 enclosing_id = above->sandbox_id;
    enclosing = bpf_map_lookup_elem(&sandboxes, &enclosing_id);
    if (enclosing)
        register_nested(cgroup, path, enclosing);
}

static __always_inline void made_below_parent(const struct cgroup *cgroup, const char *path,
                                              const struct fns_parent *parent)
{
    struct scratch *scratch = scratch_of_cpu();

    if (parent->depth <= 1 && name_fits(parent, cgroup)) {
        register_sandbox(cgroup, path, parent);
        return;
    }
    if (!scratch || (parent->depth <= 1 && !(parent->flags & FNS_PARENT_REST)))
        return;
    __builtin_memcpy(&scratch->rule, parent, sizeof(scratch->rule));
    if (scratch->rule.depth > 1)
        scratch->rule.depth--;
    add_parent(id_of(cgroup), &scratch->rule);
}

SEC("tp_btf/cgroup_mkdir")
int BPF_PROG(lifecycle_mkdir, struct cgroup *cgroup, const char *path)
{
    struct scratch *scratch = scratch_of_cpu();
    struct fns_parent *parent;
    struct fns_parent *by_path;
    struct fns_sandbox *above;
    __u64 parent_id;

    if (!scratch || !is_default_hierarchy(cgroup))
        return 0;
    parent_id = parent_id_of(cgroup);
    parent = bpf_map_lookup_elem(&parents, &parent_id);
    by_path = parent_by_path(scratch, path);
    if (by_path) {
        add_parent(id_of(cgroup), by_path);
        tell(FNS_RING_CRITICAL, FNS_EVENT_PARENT_MKDIR, NULL, cgroup, path, parent != NULL);
        return 0;
    }
    if (parent) {
        made_below_parent(cgroup, path, parent);
        return 0;
    }
    above = bpf_map_lookup_elem(&sandboxes, &parent_id);
    if (above)
        made_below_sandbox(cgroup, path, above);
    return 0;
}

SEC("tp_btf/cgroup_rmdir")
int BPF_PROG(lifecycle_rmdir, struct cgroup *cgroup, const char *path)
{
    __u64 id;
    struct fns_sandbox *entry;
    struct scratch *scratch = scratch_of_cpu();

    if (!scratch || !is_default_hierarchy(cgroup))
        return 0;
    id = id_of(cgroup);
    if (bpf_map_delete_elem(&parents, &id) == 0) {
        if (parent_by_path(scratch, path))
            tell(FNS_RING_CRITICAL, FNS_EVENT_PARENT_RMDIR, NULL, cgroup, path, 0);
        return 0;
    }
    entry = bpf_map_lookup_elem(&sandboxes, &id);
    if (!entry)
        return 0;
    if (entry->flags & FNS_SANDBOX_NESTED)
        tell(FNS_RING_BULK, FNS_EVENT_CGROUP_RMDIR, fns_sandbox_of_cgroup(id), cgroup, path, 0);
    else
        tell(FNS_RING_CRITICAL, FNS_EVENT_CGROUP_RMDIR, entry, cgroup, path, 0);
    bpf_map_delete_elem(&sandboxes, &id);
    bpf_map_delete_elem(&assignments, &id);
    return 0;
}

/* Keeps the members' table; the flags that the process has in the sandbox now. */
static __always_inline __u32 move_member(const struct task_struct *task, struct fns_sandbox *to, __u64 to_cgroup,
                                         __u64 from, struct fns_member *before)
{
    const struct task_struct *current_task = (const struct task_struct *)bpf_get_current_task();
    __u32 tgid = BPF_CORE_READ(task, tgid);
    bool by_itself = (__u32)BPF_CORE_READ(current_task, tgid) == tgid;
    __u32 flags = 0;

    /* Into a cgroup inside of a sandbox that runs, no runtime puts itself: a process that the full table has no row of.
     */
    if (to && by_itself && to->started_ns && to_cgroup != to->sandbox_id)
        by_itself = false;

    if (!to) {
        bpf_map_delete_elem(&members, &tgid);
        return 0;
    }
    if (before && before->sandbox_id == to->sandbox_id) {
        before->flags &= ~FNS_MEMBER_UNTOLD;
        return before->flags;
    }
    /* From one sandbox into another, or put in by somebody in a sandbox: that is no runtime. */
    if (from == FNS_HOST && (by_itself || !fns_current_sandbox()))
        flags = FNS_MEMBER_ENTRANT;
    fns_set_member(FNS_SENSOR_LIFECYCLE, task, to, fns_task_root(task), flags);
    return flags;
}

SEC("tp_btf/cgroup_attach_task")
int BPF_PROG(lifecycle_attach, struct cgroup *cgroup, const char *path, struct task_struct *task, bool threadgroup)
{
    struct fns_member *before;
    struct fns_sandbox *to;
    struct fns_sandbox *concerned;
    struct fns_lifecycle_event *event;
    __u64 from;
    __u32 flags;

    if (!is_default_hierarchy(cgroup))
        return 0;
    to = fns_sandbox_of_cgroup(id_of(cgroup));
    before = fns_member_of(task);
    from = before ? before->sandbox_id : FNS_HOST;
    if (!to && !before)
        return 0;
    if (before && to && before->sandbox_id == to->sandbox_id && before->flags & FNS_MEMBER_UNTOLD)
        from = FNS_HOST;
    flags = move_member(task, to, id_of(cgroup), from, before);
    concerned = to ? to : bpf_map_lookup_elem(&sandboxes, &from);
    event = begin(flags & FNS_MEMBER_ENTRANT ? FNS_RING_CRITICAL : FNS_RING_BULK, FNS_EVENT_CGROUP_ATTACH, concerned,
                  cgroup, path);
    if (!event)
        return 0;
    fns_fill_process(&event->subject, task);
    event->from_sandbox_id = from;
    event->value = to != NULL;
    if (flags & FNS_MEMBER_ENTRANT)
        event->header.flags |= FNS_FLAG_ENTRANT;
    fns_submit(FNS_SENSOR_LIFECYCLE, event);
    return 0;
}

/* Both notifications also come for the cgroups nested in a sandbox and for those above it; only its own counts. */
static __always_inline struct fns_sandbox *own_entry(const struct cgroup *cgroup)
{
    __u64 id;
    struct fns_sandbox *entry;

    if (!is_default_hierarchy(cgroup))
        return NULL;
    id = id_of(cgroup);
    entry = bpf_map_lookup_elem(&sandboxes, &id);
    return entry && !(entry->flags & FNS_SANDBOX_NESTED) ? entry : NULL;
}

SEC("tp_btf/cgroup_notify_populated")
int BPF_PROG(lifecycle_populated, struct cgroup *cgroup, const char *path, int populated)
{
    struct fns_sandbox *entry = own_entry(cgroup);

    if (!entry)
        return 0;
    if (populated)
        entry->flags |= FNS_SANDBOX_POPULATED;
    tell(FNS_RING_CRITICAL, FNS_EVENT_CGROUP_POPULATED, entry, cgroup, path, populated != 0);
    return 0;
}

SEC("tp_btf/cgroup_notify_frozen")
int BPF_PROG(lifecycle_frozen, struct cgroup *cgroup, const char *path, int frozen)
{
    struct fns_sandbox *entry = own_entry(cgroup);

    if (entry)
        tell(FNS_RING_CRITICAL, FNS_EVENT_CGROUP_FROZEN, entry, cgroup, path, frozen != 0);
    return 0;
}
