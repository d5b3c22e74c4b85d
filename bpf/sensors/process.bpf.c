// SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
/*
 * Process: fork, exec and exit of whole processes in sandboxes, and where the workload of a sandbox begins.
 *
 * Hooks, tp_btf, all in 5.10: sched_process_fork, sched_process_exec, sched_process_exit: whatever the system call, its
 * width or io_uring, they pass here. iter/task tells what ran before the daemon did. Outside of sandboxes each costs
 * one look-up (threads of a process cost a compare). lsm/bprm_creds_from_file (5.8) refuses what a policy denies; where
 * LSM programs are not used, that is killed at sched_process_exec.
 *
 * Where the workload begins (design.md, decision 10). A runtime puts a process into the new cgroup, which forks, execs
 * itself through a sealed copy of its binary, pivots its root, may run hooks, and at last execs the function. All that
 * are entrants (member.bpf.h). While a sandbox has not begun, an exec is the runtime's
 *   - where the entrant's root is still the one it came with, and the file is a memfd, has no name, was named by a
 *     descriptor or is /proc/…/exe: its re-exec;
 *   - where the first process of the task's pid namespace is another one and still an entrant: a hook of the runtime.
 * Any other is the workload's first. After that, the first exec of an entrant that is no re-exec is one from outside
 * (`runc exec`), and its process is the function's from then on.
 *
 * Blind spots: a createContainer or startContainer hook of a container without a pid namespace is taken for the
 * workload; argv is read from the new program's memory before it runs, so it is what was passed, not what the
 * program later makes of it; argv of an image that is swapped out at once is not read (flag TRUNCATED).
 */
#include "../lib/compat.bpf.h"
#include "../lib/member.bpf.h"
#include "../lib/path.bpf.h"

#include "fnshield/abi/process.h"

#define SIGNAL_GROUP_EXIT 0x00000004

#define AT_BASE         7  /* of a program's auxiliary vector: where its interpreter was mapped */
#define AUXILIARY_PAIRS 16 /* among the first ones, on every architecture */

#define NAME_HEAD_BYTES 64 /* "/proc/self/task/4194304/fd/1023" and more */
#define NUMBER_BYTES    12

/* The daemon, in the initial pid namespace; set before loading. */
const volatile __u32 daemon_tgid = 0;

/*
 * The root directories of the node's first process and of the daemon, learnt by process_learn_root before anything is
 * attached. Mostly they are one; they differ where the daemon runs in a container, and where the first process stayed
 * behind in the initial ram disk.
 */
__u64 first_root = 0;
__u64 daemon_root = 0;

struct scratch {
    struct fns_exec_event event;
    char tail[FNS_PATH_BYTES + FNS_PATH_BYTES + FNS_ARGV_BYTES];
    struct fns_task_record record;
    char name[NAME_HEAD_BYTES + NUMBER_BYTES]; /* how the file was named: read up to NAME_HEAD_BYTES, then zeros */
    volatile __u32 number_at;                  /* in name; where how_named keeps what it finds */
    volatile __u32 named_how;
    volatile __u32 window; /* the last four bytes that how_named read */
    volatile __u32 busy;   /* an exec, perhaps one that was preempted, works with this slot */
};

/* Room for one event: a slot for each program, since only a tracepoint's runs to its end on its CPU. */
enum scratch_slot { SCRATCH_EXEC, SCRATCH_ITERATE, SCRATCH_REFUSE, SCRATCH_SLOTS };

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, SCRATCH_SLOTS);
    __type(key, __u32);
    __type(value, struct scratch);
} scratches SEC(".maps");

struct process_key {
    __u64 start_ns;
    __u32 tgid;
    __u32 padding;
};

/*
 * Processes whose end was told, so that of two threads that exit at once only one tells it. Read and written by the
 * exit program. Entries matter for as long as it takes a thread to give up its memory; what is pushed out by 4096 later
 * ends could be told twice.
 */
struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 4096);
    __type(key, struct process_key);
    __type(value, __u8);
} ended SEC(".maps");

static __always_inline bool is_on_host_root(const struct task_struct *task)
{
    __u64 root = fns_task_root(task);

    return root && (root == first_root || root == daemon_root);
}

/* --- fork ---------------------------------------------------------------------------------------------------- */

/* Enters the child as what its parent is; one that was born into another sandbox than its parent's came from outside.
 */
static __always_inline __u32 enter_child(const struct task_struct *parent, const struct task_struct *child,
                                         struct fns_sandbox *sandbox)
{
    const struct fns_member *of_parent = fns_member_of(parent);
    __u64 entry_root = 0;
    __u32 flags = 0;

    if (of_parent && of_parent->sandbox_id == sandbox->sandbox_id) {
        flags = of_parent->flags & ~FNS_MEMBER_UNTOLD;
        entry_root = of_parent->entry_root;
    } else if (!fns_sandbox_of_task(parent)) { /* CLONE_INTO_CGROUP */
        flags = FNS_MEMBER_ENTRANT;
        entry_root = fns_task_root(child);
    }
    fns_set_member(FNS_SENSOR_PROCESS, child, sandbox, entry_root, flags);
    return flags;
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(process_fork, struct task_struct *parent, struct task_struct *child)
{
    struct fns_sandbox *sandbox;
    struct fns_fork_event *event;
    __u32 flags;

    if (child->pid != child->tgid)
        return 0;
    sandbox = fns_sandbox_of_task(child);
    if (!sandbox)
        return 0;
    flags = enter_child(parent, child, sandbox);
    event = fns_reserve(FNS_SENSOR_PROCESS, FNS_RING_BULK, sizeof(*event), sandbox);
    if (!event)
        return 0;
    fns_fill_header(&event->header, FNS_SENSOR_PROCESS, FNS_EVENT_FORK, sizeof(*event), sandbox);
    fns_fill_process(&event->header.process, parent);
    fns_fill_process(&event->child, child);
    if (flags & FNS_MEMBER_ENTRANT)
        event->header.flags |= FNS_FLAG_ENTRANT;
    fns_submit(FNS_SENSOR_PROCESS, event);
    return 0;
}

/* --- exec ---------------------------------------------------------------------------------------------------- */

#include "process_image.bpf.h"
#include "process_place.bpf.h"
#include "process_stdio.bpf.h"
#include "process_verdict.bpf.h"

/*
 * Appends path, filename and argv to the event; the size of the whole. Before the exec (`tried`) argv is not read: it
 * lies in pages that no address leads to yet.
 */
static __always_inline __u64 append_texts(struct scratch *scratch, const struct fns_path_walk *walk,
                                          const struct task_struct *task, const struct linux_binprm *bprm, bool tried)
{
    struct fns_exec_event *event = &scratch->event;
    const char *filename = BPF_CORE_READ(bprm, filename);
    __u64 begin = walk->offset;
    __u64 path_bytes;
    __u64 used;
    __u64 argv_start = BPF_CORE_READ(task, mm, arg_start);
    __u64 argv_bytes = tried ? 0 : BPF_CORE_READ(task, mm, arg_end) - argv_start;
    long filename_bytes;

    if (begin > FNS_PATH_BYTES - 1)
        begin = FNS_PATH_BYTES - 1;
    path_bytes = FNS_PATH_BYTES - begin;
    if (bpf_probe_read_kernel(scratch->tail, path_bytes, &walk->buffer[begin]))
        path_bytes = 0;
    used = path_bytes;

    filename_bytes = bpf_probe_read_kernel_str(&scratch->tail[used], FNS_PATH_BYTES, filename);
    if (filename_bytes == FNS_PATH_BYTES)
        event->header.flags |= FNS_FLAG_TRUNCATED;
    filename_bytes--; /* the terminator */
    if (filename_bytes < 0 || filename_bytes > FNS_PATH_BYTES)
        filename_bytes = 0;
    used += filename_bytes;
    if (used > FNS_PATH_BYTES + FNS_PATH_BYTES)
        return 0;

    if (argv_bytes > FNS_ARGV_BYTES) {
        argv_bytes = FNS_ARGV_BYTES;
        event->header.flags |= FNS_FLAG_TRUNCATED;
    }
    if (!tried && bpf_probe_read_user(&scratch->tail[used], argv_bytes, (const void *)argv_start)) {
        argv_bytes = 0;
        event->header.flags |= FNS_FLAG_TRUNCATED;
    }
    event->path_bytes = path_bytes;
    event->filename_bytes = filename_bytes;
    event->argv_bytes = argv_bytes;
    return sizeof(*event) + used + argv_bytes;
}

/*
 * All of the event but verdict and texts, into the scratch `key`; the resolved path, or NULL. `tried`: before the exec,
 * which may still be refused, so that nothing is changed by it.
 */
static __always_inline struct fns_path_walk *describe_exec(__u32 key, struct scratch *scratch, enum fns_walk_slot slot,
                                                           const struct task_struct *task,
                                                           const struct linux_binprm *bprm, struct fns_sandbox *sandbox,
                                                           bool tried)
{
    struct fns_exec_event *event = &scratch->event;
    const struct file *file = BPF_CORE_READ(bprm, file);
    const struct inode *inode = BPF_CORE_READ(file, f_inode);
    const char *filename = BPF_CORE_READ(bprm, filename);
    /* In memory, not in a register: else the verifier follows every combination of flags to the end. */
    volatile __u32 *flags = &event->exec_flags;
    struct fns_path_walk *walk;
    int named;

    __builtin_memset(scratch->name, 0, sizeof(scratch->name));
    bpf_probe_read_kernel_str(scratch->name, NAME_HEAD_BYTES, filename);
    named = how_named(key);
    *flags = file_flags(file);
    if (named & NAMED_BY_DESCRIPTOR)
        *flags |= FNS_EXEC_PROC_FD;
    if (BPF_CORE_READ(bprm, interp) != filename)
        *flags |= FNS_EXEC_SCRIPT;
    if (is_on_host_root(task))
        *flags |= FNS_EXEC_HOST_ROOT;
    *flags |= place_in_life(task, sandbox, *flags, named & NAMED_AS_OWN_IMAGE, tried);
    walk = fns_resolve_path(slot, &file->f_path, task);
    if (!walk)
        return NULL;
    if (!walk->reached && !(*flags & FNS_EXEC_MEMFD))
        *flags |= FNS_EXEC_UNREACHABLE;

    fns_fill_header(&event->header, FNS_SENSOR_PROCESS, FNS_EVENT_EXEC, 0, sandbox);
    fns_fill_process(&event->header.process, task);
    if (*flags & FNS_EXEC_RUNTIME)
        event->header.flags |= FNS_FLAG_ENTRANT;
    if (walk->cut)
        event->header.flags |= FNS_FLAG_TRUNCATED;
    event->inode = BPF_CORE_READ(inode, i_ino);
    event->device = BPF_CORE_READ(inode, i_sb, s_dev);
    event->ctime_ns = fns_inode_ctime_ns(inode);
    event->argc = BPF_CORE_READ(bprm, argc);
    event->padding = 0;
    describe_writer(&event->writer, inode, sandbox);
    *flags |= describe_stdio(&event->stdio, task);
    return walk;
}

static __always_inline void emit_exec(struct scratch *scratch, const struct fns_path_walk *walk,
                                      const struct task_struct *task, const struct linux_binprm *bprm,
                                      struct fns_sandbox *sandbox, bool tried)
{
    struct fns_exec_event *event = &scratch->event;
    enum fns_ring ring = FNS_RING_BULK;
    __u64 size = append_texts(scratch, walk, task, bprm, tried);

    if (size < sizeof(*event) || size > FNS_EXEC_EVENT_MAX_BYTES) {
        fns_count_loss(FNS_SENSOR_PROCESS, FNS_LOSS_HELPER, sandbox);
        return;
    }
    event->header.size_bytes = size;
    if (!tried && event->exec_flags & FNS_EXEC_FIRST)
        ring = FNS_RING_CRITICAL;
    else if (event->exec_flags & (FNS_EXEC_MEMFD | FNS_EXEC_UNLINKED) || event->header.verdict.requested)
        ring = fns_critical_within_share(sandbox);
    fns_output(FNS_SENSOR_PROCESS, ring, event, size, sandbox);
}

/* A dynamic loader was mapped with the program, and told to it as the kernel's ABI says: an AT_BASE that is not 0. */
FNS_VERIFIED_ALONE int has_loader(__u64 mm_address)
{
    const struct mm_struct *mm = (const struct mm_struct *)mm_address;
    const void *pairs = &mm->saved_auxv;

    for (int i = 0; i < AUXILIARY_PAIRS; i++) {
        unsigned long pair[2] = {};

        bpf_probe_read_kernel(pair, sizeof(pair), pairs + i * sizeof(pair));
        if (pair[0] == AT_BASE)
            return pair[1] != 0;
    }
    return 0;
}

/* The new program's dynamic loader has all libraries to map; the file sensor notes when that is over. */
static __always_inline void links_anew(const struct task_struct *task)
{
    struct fns_member *member = fns_member_of(task);

    if (!member)
        return;
    if (has_loader((__u64)BPF_CORE_READ(task, mm)))
        member->flags |= FNS_MEMBER_LINKING;
    else
        member->flags &= ~FNS_MEMBER_LINKING;
}

/*
 * The exec has happened, and none of the program's instructions has run: what may not run is killed here, also where
 * the LSM program below should have refused it.
 */
SEC("tp_btf/sched_process_exec")
int BPF_PROG(process_exec, struct task_struct *task, int old_tid, struct linux_binprm *bprm)
{
    struct fns_sandbox *sandbox = fns_current_sandbox();
    struct scratch *scratch;
    struct fns_path_walk *walk;
    struct fns_rule_of rule;
    struct fns_verdict verdict;
    __u32 key = SCRATCH_EXEC;

    if (!sandbox)
        return 0;
    scratch = bpf_map_lookup_elem(&scratches, &key);
    if (!scratch)
        return 0;
    walk = describe_exec(key, scratch, FNS_WALK_EXEC, task, bprm, sandbox, false);
    if (!walk)
        return 0;
    rule = fns_policy_of(sandbox);
    verdict = judge_exec(FNS_TEXT_EXEC, &rule, scratch->event.exec_flags, walk, task, bprm);
    fns_kill_instead(&rule, &verdict);
    scratch->event.header.verdict = verdict;
    scratch->event.old_tid = old_tid;
    links_anew(task);
    emit_exec(scratch, walk, task, bprm, sandbox, false);
    return 0;
}

/*
 * Before the point of no return; what runs is known (for a script its interpreter). Refused is what the policy wants
 * refused or killed; everything else is told by process_exec alone.
 */
static __always_inline int refuse_exec(struct scratch *scratch, const struct linux_binprm *bprm,
                                       struct fns_sandbox *sandbox, const struct fns_rule_of *rule)
{
    const struct task_struct *task = (const struct task_struct *)bpf_get_current_task();
    struct fns_path_walk *walk;
    struct fns_verdict verdict;

    walk = describe_exec(SCRATCH_REFUSE, scratch, FNS_WALK_REFUSE, task, bprm, sandbox, true);
    if (!walk)
        return 0;
    verdict = judge_exec(FNS_TEXT_REFUSE, rule, scratch->event.exec_flags, walk, task, bprm);
    if (!fns_refuse(rule, &verdict, true))
        return 0;
    scratch->event.header.verdict = verdict;
    scratch->event.header.flags |= FNS_FLAG_DENIED;
    scratch->event.old_tid = BPF_CORE_READ(task, pid);
    emit_exec(scratch, walk, task, bprm, sandbox, true);
    return -EPERM;
}

/*
 * An LSM program may be preempted by another exec on its CPU, which finds the scratch in use and is left to
 * process_exec: that kills what this would have refused.
 */
SEC("lsm/bprm_creds_from_file")
int BPF_PROG(process_refuse_exec, struct linux_binprm *bprm, const struct file *file, int ret)
{
    struct fns_sandbox *sandbox = ret ? NULL : fns_current_sandbox();
    struct scratch *scratch;
    struct fns_rule_of rule;
    __u32 key = SCRATCH_REFUSE;

    if (!sandbox)
        return ret;
    rule = fns_policy_of(sandbox);
    if (!fns_enforces(&rule))
        return 0;
    scratch = bpf_map_lookup_elem(&scratches, &key);
    if (!scratch || scratch->busy)
        return 0;
    scratch->busy = 1;
    ret = refuse_exec(scratch, bprm, sandbox, &rule);
    scratch->busy = 0;
    return ret;
}

/* --- exit ---------------------------------------------------------------------------------------------------- */

/* What its parent's wait() will be told: the group's code where a signal or exit_group ended it, else its leader's. */
static __always_inline __u32 wait_status(const struct task_struct *task)
{
    if (BPF_CORE_READ(task, signal, flags) & SIGNAL_GROUP_EXIT)
        return BPF_CORE_READ(task, signal, group_exit_code);
    return BPF_CORE_READ(task, group_leader, exit_code);
}

/* False where another thread of the process was faster. */
static __always_inline bool is_first_to_tell(const struct task_struct *task)
{
    struct process_key key = { .start_ns = fns_task_start_ns(task), .tgid = BPF_CORE_READ(task, tgid) };
    __u8 told = 1;

    return !fns_was_there(bpf_map_update_elem(&ended, &key, &told, BPF_NOEXIST));
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(process_exit, struct task_struct *task)
{
    struct fns_sandbox *sandbox;
    struct fns_member *member;
    struct fns_exit_event *event;
    bool entrant;
    __u32 tgid = task->tgid;
    __u32 code;

    if (!fns_is_last_thread(task))
        return 0;
    sandbox = fns_sandbox_of_task(task);
    if (!sandbox)
        return 0;
    member = fns_member_of(task);
    entrant = member && member->flags & FNS_MEMBER_ENTRANT;
    if (!is_first_to_tell(task))
        return 0;
    if (member)
        bpf_map_delete_elem(&members, &tgid);

    event = fns_reserve(FNS_SENSOR_PROCESS, FNS_RING_BULK, sizeof(*event), sandbox);
    if (!event)
        return 0;
    fns_fill_header(&event->header, FNS_SENSOR_PROCESS, FNS_EVENT_EXIT, sizeof(*event), sandbox);
    fns_fill_process(&event->header.process, task);
    if (entrant)
        event->header.flags |= FNS_FLAG_ENTRANT;
    code = wait_status(task);
    event->signal = code & 0x7f;
    event->exit_code = event->signal ? 0 : (code >> 8) & 0xff;
    event->core_dumped = (code & 0x80) != 0;
    event->oom_killed = BPF_CORE_READ(task, signal, oom_mm) != NULL;
    fns_submit(FNS_SENSOR_PROCESS, event);
    return 0;
}

/* --- what ran before ----------------------------------------------------------------------------------------- */

/* Before anything is attached: what the host's root is. */
SEC("iter/task")
int process_learn_root(struct bpf_iter__task *context)
{
    const struct task_struct *task = context->task;

    if (task && BPF_CORE_READ(task, tgid) == 1)
        first_root = fns_task_root(task);
    if (task && (__u32)BPF_CORE_READ(task, tgid) == daemon_tgid)
        daemon_root = fns_task_root(task);
    return 0;
}

SEC("iter/task")
int process_iterate(struct bpf_iter__task *context)
{
    const struct task_struct *task = context->task;
    const struct file *file;
    struct fns_sandbox *sandbox;
    struct scratch *scratch;
    struct fns_task_record *record;
    struct fns_path_walk *walk;
    __u64 begin;
    __u32 key = SCRATCH_ITERATE;

    if (!task || BPF_CORE_READ(task, pid) != BPF_CORE_READ(task, tgid))
        return 0;
    sandbox = fns_sandbox_of_task(task);
    scratch = bpf_map_lookup_elem(&scratches, &key);
    if (!sandbox || !scratch)
        return 0;
    if (!fns_member_of(task))
        fns_set_member(FNS_SENSOR_PROCESS, task, sandbox, 0, 0);
    record = &scratch->record;
    bpf_probe_read_kernel(record, sizeof(*record), NULL); /* fails, and then fills with zeros: too long for memset */
    record->cgroup_id = fns_task_cgroup_id(task);
    record->sandbox_id = sandbox->sandbox_id;
    fns_fill_process(&record->process, task);
    file = BPF_CORE_READ(task, mm, exe_file);
    if (file) { /* a zombie has none */
        record->exec_flags = file_flags(file);
        walk = fns_resolve_path(FNS_WALK_ITERATE, &file->f_path, task);
        if (!walk)
            return 0;
        if (!walk->reached && !(record->exec_flags & FNS_EXEC_MEMFD))
            record->exec_flags |= FNS_EXEC_UNREACHABLE;
        begin = walk->offset;
        if (begin < FNS_PATH_BYTES &&
            !bpf_probe_read_kernel(record->path, FNS_PATH_BYTES - begin, &walk->buffer[begin]))
            record->path_bytes = FNS_PATH_BYTES - begin;
    }
    if (is_on_host_root(task))
        record->exec_flags |= FNS_EXEC_HOST_ROOT;
    bpf_seq_write(context->meta->seq, record, sizeof(*record));
    return 0;
}
