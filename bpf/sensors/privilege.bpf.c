// SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
/*
 * Privilege: namespaces, mounts, kernel modules and bpf() from a sandbox; and what is aimed at the daemon itself: bpf()
 * on its own objects, by whomever, and signals from sandboxes. Parts: privilege_act (from a system call to its verdict
 * and event), privilege_own (bpf() and the daemon's objects).
 *
 * All these acts ask the kernel for a capability, whatever the entry (64-bit, 32-bit; io_uring has none of them), and
 * the saved registers say for which system call. An act is seen granted or refused. What needs no capability, a new
 * user namespace, has a point of its own.
 *
 * Hooks, best first
 *   lsm/capable                  refuses before the act. Plain permissions come first, so what they refused it never
 *                                sees: fexit/security_capable shows those.
 *   lsm/userns_create (6.1)      the same for a user namespace; before, fexit/create_user_ns, which cannot refuse.
 *   lsm/{bpf,bpf_map,bpf_prog}   bpf() that asks for no capability: on descriptors that it has got from elsewhere.
 *   lsm/kernel_module_request    modules that the kernel fetches by itself, for a function that asked for a protocol.
 *   lsm/task_kill                signals to the daemon.
 *   fexit/security_capable, fexit/create_user_ns, fentry/security_bpf…, fentry/anon_inode_getfd   the same view.
 *   tp_btf/cap_capable (6.14)    the fallback's shared point; before it sys_exit_* of each call.
 *   tp_btf/sched_process_fork    clone with new namespaces, by comparing child and parent.
 *   tp/sys_exit_{unshare,bpf}    what asks for no capability; so do keyctl, add_key, request_key, modify_ldt,
 * userfaultfd. tp_btf/io_uring_create       a ring is made. tp_btf/{module_request,signal_generate}; the latter also
 * tells of signals to other sandboxes and the host.
 *
 * The entrant's acts (runc: an unshare, 59 mounts, a pivot_root each start) are not told: they are the runtime's.
 *
 * Cost: cap_capable and security_capable run for every capability check of the node: a shift and a mask for most, a
 * look-up of the cgroup for CAP_SYS_ADMIN and the like. An exit program costs what is said of Tier::full.
 *
 * Blind spots
 *   - A granted check is not yet a success: a mount may still fail for another reason (result 0 says "allowed").
 *   - Paths of mounts and the flags of a clone3 that was refused are read from the caller's memory: hints.
 *   - Keys, modify_ldt and a userfaultfd for user mode only: seen on the fallback in its full profile alone.
 *   - The fallback: unshare of a user namespace and bpf() on passed descriptors by the 32-bit entry, or in the lean
 *     profile; before 6.14 all acts by that entry but clone; refused clones. It kills the process that did it, which
 *     comes after the act; the child of a clone lives on.
 *   - LSM before 6.1: a user namespace is not refused, its maker is killed.
 */
#include "privilege_act.bpf.h"
#include "privilege_own.bpf.h"

#define CAP_DAC_READ_SEARCH 2
#define CAP_NET_ADMIN       12
#define CAP_SYS_MODULE      16
#define CAP_SYS_RAWIO       17
#define CAP_SYS_PTRACE      19
#define CAP_SYS_PACCT       20
#define CAP_SYS_ADMIN       21
#define CAP_SYS_BOOT        22
#define CAP_SYS_TIME        25
#define CAP_MKNOD           27
#define CAP_SYSLOG          34
#define CAP_PERFMON         38
#define CAP_BPF             39

#define SI_TIMER       (-2)
#define SIGCHLD        17
#define SENT_BY_KERNEL 1 /* SEND_SIG_PRIV, in the place of the pointer */

/* LSM programs judge these; then the tracing programs tell of what was refused before them, and stop nobody. */
const volatile bool lsm_has_capable = false;
const volatile bool lsm_has_userns = false;

/* --- capabilities -------------------------------------------------------------------------------------------- */

static __always_inline bool is_watched_capability(__u32 capability)
{
    const __u64 watched = 1ULL << CAP_DAC_READ_SEARCH | 1ULL << CAP_NET_ADMIN | 1ULL << CAP_SYS_MODULE |
                          1ULL << CAP_SYS_ADMIN | 1ULL << CAP_SYS_BOOT | 1ULL << CAP_PERFMON | 1ULL << CAP_BPF |
                          1ULL << CAP_SYS_RAWIO | 1ULL << CAP_SYS_PTRACE | 1ULL << CAP_SYS_PACCT |
                          1ULL << CAP_SYS_TIME | 1ULL << CAP_MKNOD | 1ULL << CAP_SYSLOG;

    return watched >> (capability & 63) & 1;
}

/*
 * The check is the one that decides about this act. Calls ask for other capabilities on their way (a path's), and a
 * clone for CAP_SYS_ADMIN when memory is short. bpf() takes CAP_SYS_ADMIN where a lesser one was refused.
 */
static __always_inline bool decides(const struct fns_privilege_act *act, __u32 capability)
{
    switch (act->act) {
    case FNS_PRIVILEGE_BPF:
    case FNS_PRIVILEGE_PERF_EVENT:
        return capability == CAP_SYS_ADMIN || !act->result;
    case FNS_PRIVILEGE_INIT_MODULE:
    case FNS_PRIVILEGE_FINIT_MODULE:
    case FNS_PRIVILEGE_DELETE_MODULE:
        return capability == CAP_SYS_MODULE;
    case FNS_PRIVILEGE_KEXEC_LOAD:
    case FNS_PRIVILEGE_KEXEC_FILE_LOAD:
    case FNS_PRIVILEGE_REBOOT:
        return capability == CAP_SYS_BOOT;
    case FNS_PRIVILEGE_MKNOD:
        return capability == CAP_MKNOD;
    case FNS_PRIVILEGE_USERFAULTFD:
        return capability == CAP_SYS_PTRACE;
    case FNS_PRIVILEGE_ACCT:
        return capability == CAP_SYS_PACCT;
    case FNS_PRIVILEGE_IOPL:
        return capability == CAP_SYS_RAWIO;
    case FNS_PRIVILEGE_SETTIME:
        return capability == CAP_SYS_TIME;
    case FNS_PRIVILEGE_SYSLOG:
        return capability == CAP_SYSLOG;
    case FNS_PRIVILEGE_IO_URING: /* asks for none; told where it is made */
    case FNS_PRIVILEGE_KEYCTL:
    case FNS_PRIVILEGE_MODIFY_LDT:
        return false;
    case FNS_PRIVILEGE_OPEN_BY_HANDLE:
        return capability == CAP_DAC_READ_SEARCH;
    case FNS_PRIVILEGE_CLONE: /* granted ones are the fork's to tell; in a new user namespace none is refused */
        return capability == CAP_SYS_ADMIN && act->result && act->argument && !(act->argument & CLONE_NEWUSER);
    default:
        return capability == CAP_SYS_ADMIN;
    }
}

static __noinline int capability_checked(__u32 capability, __s32 result, __u32 can)
{
    struct fns_sandbox *sandbox = fns_current_sandbox();
    struct fns_privilege_act act = { .result = result };

    if (!fns_is_functions_act(sandbox) || !fns_name_privilege(&act) || !decides(&act, capability))
        return 0;
    return fns_report_privilege(&act, sandbox, can);
}

SEC("lsm/capable")
int BPF_PROG(lsm_capable, const struct cred *cred, struct user_namespace *ns, int capability, unsigned int options,
             int ret)
{
    if (ret || !is_watched_capability(capability))
        return ret;
    return fns_as_answer(capability_checked(capability, 0, FNS_HOOK_REFUSES));
}

SEC("fexit/security_capable")
int BPF_PROG(exit_capable, const struct cred *cred, struct user_namespace *ns, int capability, unsigned int options,
             int ret)
{
    if (!is_watched_capability(capability) || (lsm_has_capable && !ret))
        return 0;
    capability_checked(capability, ret, FNS_HOOK_KILLS);
    return 0;
}

SEC("tp_btf/cap_capable")
int BPF_PROG(tp_capable, const struct cred *cred, struct user_namespace *target, const struct user_namespace *capable,
             int capability, int ret)
{
    if (is_watched_capability(capability))
        capability_checked(capability, ret, FNS_HOOK_KILLS);
    return 0;
}

/* --- user namespaces, clone ---------------------------------------------------------------------------------- */

static __always_inline int user_namespace_made(__s32 result, __u32 can)
{
    struct fns_sandbox *sandbox = fns_current_sandbox();
    struct fns_privilege_act act = { .result = result };

    if (!fns_is_functions_act(sandbox) || !fns_name_privilege(&act))
        return 0;
    act.argument |= CLONE_NEWUSER; /* that is sure, whatever a clone3 says now */
    return fns_report_privilege(&act, sandbox, can);
}

SEC("lsm/userns_create")
int BPF_PROG(lsm_userns, const struct cred *cred, int ret)
{
    return ret ? ret : fns_as_answer(user_namespace_made(0, FNS_HOOK_REFUSES));
}

SEC("fexit/create_user_ns")
int BPF_PROG(exit_create_user_ns, struct cred *made, int ret)
{
    if (!lsm_has_userns || fns_was_refused(ret))
        user_namespace_made(ret, lsm_has_userns ? FNS_HOOK_TELLS : FNS_HOOK_KILLS);
    return 0;
}

SEC("tp/syscalls/sys_exit_unshare")
int exit_unshare(struct trace_event_raw_sys_exit *ctx)
{
    struct fns_privilege_act act = { .result = ctx->ret };
    struct fns_sandbox *sandbox;

    if (ctx->ret && !fns_was_refused(ctx->ret))
        return 0;
    sandbox = fns_current_sandbox();
    if (fns_is_functions_act(sandbox) && fns_name_privilege(&act) && act.argument)
        fns_report_privilege(&act, sandbox, FNS_HOOK_KILLS);
    return 0;
}

/* CLONE_NEW* as far as the child is in other namespaces than its parent. */
static __always_inline __u64 new_namespaces(const struct task_struct *parent, const struct task_struct *child)
{
    const struct nsproxy *before = BPF_CORE_READ(parent, nsproxy);
    const struct nsproxy *after = BPF_CORE_READ(child, nsproxy);
    __u64 flags = 0;

    if (BPF_CORE_READ(parent, real_cred, user_ns) != BPF_CORE_READ(child, real_cred, user_ns))
        flags |= CLONE_NEWUSER;
    if (before == after)
        return flags;
    if (BPF_CORE_READ(before, mnt_ns) != BPF_CORE_READ(after, mnt_ns))
        flags |= CLONE_NEWNS;
    if (BPF_CORE_READ(before, uts_ns) != BPF_CORE_READ(after, uts_ns))
        flags |= CLONE_NEWUTS;
    if (BPF_CORE_READ(before, ipc_ns) != BPF_CORE_READ(after, ipc_ns))
        flags |= CLONE_NEWIPC;
    if (BPF_CORE_READ(before, pid_ns_for_children) != BPF_CORE_READ(after, pid_ns_for_children))
        flags |= CLONE_NEWPID;
    if (BPF_CORE_READ(before, net_ns) != BPF_CORE_READ(after, net_ns))
        flags |= CLONE_NEWNET;
    if (BPF_CORE_READ(before, cgroup_ns) != BPF_CORE_READ(after, cgroup_ns))
        flags |= CLONE_NEWCGROUP;
    return flags;
}

/* The actor is the parent: a child that was cloned into another cgroup is judged there, by what it does. */
SEC("tp_btf/sched_process_fork")
int BPF_PROG(namespace_fork, struct task_struct *parent, struct task_struct *child)
{
    struct fns_sandbox *sandbox;
    struct fns_privilege_act act = {};

    if (child->pid != child->tgid)
        return 0;
    sandbox = fns_current_sandbox();
    if (!fns_is_functions_act(sandbox))
        return 0;
    act.argument = new_namespaces(parent, child);
    if (!act.argument)
        return 0;
    act.act = FNS_PRIVILEGE_CLONE;
    act.flags = fns_task_flags(parent);
    fns_report_privilege(&act, sandbox, lsm_has_userns ? FNS_HOOK_TELLS : FNS_HOOK_KILLS);
    return 0;
}

/* --- bpf() and the daemon's objects --------------------------------------------------------------------------- */

/* Since 6.15 the hook has one argument more before the result, which therefore is not asked for: where another program
 * refused, this one is not called. */
SEC("lsm/bpf")
int BPF_PROG(lsm_bpf, int command, union bpf_attr *attributes, unsigned int size)
{
    return fns_as_answer(fns_bpf_asked(command, attributes, FNS_HOOK_REFUSES));
}

SEC("lsm/bpf_map")
int BPF_PROG(lsm_bpf_map, struct bpf_map *map, unsigned int mode, int ret)
{
    return ret ? ret
               : fns_as_answer(
                     fns_object_taken(FNS_OWN_OBJECT(FNS_OBJECT_MAP, BPF_CORE_READ(map, id)), FNS_HOOK_REFUSES));
}

SEC("lsm/bpf_prog")
int BPF_PROG(lsm_bpf_prog, struct bpf_prog *prog, int ret)
{
    return ret ? ret
               : fns_as_answer(
                     fns_object_taken(FNS_OWN_OBJECT(FNS_OBJECT_PROG, BPF_CORE_READ(prog, aux, id)), FNS_HOOK_REFUSES));
}

SEC("fentry/security_bpf")
int BPF_PROG(enter_bpf, int command, union bpf_attr *attributes, unsigned int size)
{
    fns_bpf_asked(command, attributes, FNS_HOOK_KILLS);
    return 0;
}

SEC("fentry/security_bpf_map")
int BPF_PROG(enter_bpf_map, struct bpf_map *map, unsigned int mode)
{
    fns_object_taken(FNS_OWN_OBJECT(FNS_OBJECT_MAP, BPF_CORE_READ(map, id)), FNS_HOOK_KILLS);
    return 0;
}

SEC("fentry/security_bpf_prog")
int BPF_PROG(enter_bpf_prog, struct bpf_prog *prog)
{
    fns_object_taken(FNS_OWN_OBJECT(FNS_OBJECT_PROG, BPF_CORE_READ(prog, aux, id)), FNS_HOOK_KILLS);
    return 0;
}

/* Links have no LSM hook, and bpf_link_new_fd is inlined where it matters. Anything but a link costs one load. */
SEC("fentry/anon_inode_getfd")
int BPF_PROG(enter_link_fd, const char *name, const struct file_operations *operations, void *object)
{
    __u64 head = 0;

    bpf_probe_read_kernel(&head, sizeof(head), name);
    if (head == NAME_BPF_TOOK || head == NAME_BPF_LINK)
        fns_object_taken(FNS_OWN_OBJECT(FNS_OBJECT_LINK, BPF_CORE_READ((const struct bpf_link *)object, id)),
                         lsm_has_capable ? FNS_HOOK_TELLS : FNS_HOOK_KILLS);
    return 0;
}

SEC("tp/syscalls/sys_exit_bpf")
int exit_bpf(struct trace_event_raw_sys_exit *ctx)
{
    fns_bpf_returned(ctx->ret);
    return 0;
}

/* --- modules that the kernel goes for itself ------------------------------------------------------------------ */

/*
 * What ordinary programs make the kernel ask for where it was built without: IPv6 (every name look-up tries it), UNIX
 * and netlink sockets, the format of a file that is no program.
 */
static __always_inline bool is_routine_request(const char *name)
{
    const __u64 family = 0x2d66702d74656eULL; /* "net-pf-" */
    const __u64 format = 0x2d746d666e6962ULL; /* "binfmt-" */
    __u64 head = 0;
    bool long_number;

    __builtin_memcpy(&head, name, 7);
    if (head == format)
        return true;
    if (head != family)
        return false;
    /* Families 1, 2 and 10 as such; protocols ("-proto-132") of netlink, 16, alone. */
    if ((name[7] == '1' || name[7] == '2') && !name[8])
        return true;
    long_number = name[7] == '1' && (name[8] == '0' || name[8] == '6');
    return long_number && (!name[9] || (name[8] == '6' && name[9] == '-'));
}

static __always_inline int module_requested(const char *name, __u32 can)
{
    struct fns_sandbox *sandbox = fns_current_sandbox();
    struct fns_privilege_act act = { .act = FNS_PRIVILEGE_MODULE_REQUEST };

    if (!fns_is_functions_act(sandbox))
        return 0;
    bpf_probe_read_kernel_str(act.name, sizeof(act.name), name);
    if (is_routine_request(act.name))
        return 0;
    act.flags = fns_task_flags((const struct task_struct *)bpf_get_current_task());
    return fns_report_privilege(&act, sandbox, can);
}

SEC("lsm/kernel_module_request")
int BPF_PROG(lsm_module_request, char *name, int ret)
{
    return ret ? ret : fns_as_answer(module_requested(name, FNS_HOOK_REFUSES));
}

SEC("tp_btf/module_request")
int BPF_PROG(module_request, char *name, bool wait, unsigned long ip)
{
    module_requested(name, lsm_has_capable ? FNS_HOOK_TELLS : FNS_HOOK_KILLS);
    return 0;
}

/* --- signals ---------------------------------------------------------------------------------------------------- */

static __always_inline void tell_signal(__u32 number, __s32 code, const struct task_struct *target,
                                        const struct fns_verdict *verdict, struct fns_sandbox *sandbox)
{
    const struct task_struct *task = (const struct task_struct *)bpf_get_current_task();
    struct fns_signal_event *event;
    __u32 repeats;

    if (fns_is_repeat(FNS_SENSOR_PRIVILEGE, fns_sandbox_id(sandbox), FNS_EVENT_SIGNAL, bpf_get_current_pid_tgid() >> 32,
                      fns_mix(fns_seen_secret, (__u64)BPF_CORE_READ(target, tgid) << 32 | number), &repeats))
        return;
    event = fns_reserve(FNS_SENSOR_PRIVILEGE, fns_critical_within_share(sandbox), sizeof(*event), sandbox);
    if (!event)
        return;
    fns_fill_header(&event->header, FNS_SENSOR_PRIVILEGE, FNS_EVENT_SIGNAL, sizeof(*event), sandbox);
    fns_fill_process(&event->header.process, task);
    event->header.flags |= fns_entrant_flag() | fns_task_flags(task);
    if (verdict->taken)
        event->header.flags |= FNS_FLAG_DENIED;
    event->header.repeats = repeats;
    event->header.verdict = *verdict;
    fns_fill_process(&event->target, target);
    event->target_sandbox_id = fns_sandbox_id(fns_sandbox_of_task(target));
    event->signal = number;
    event->code = code;
    event->at_daemon = (__u32)BPF_CORE_READ(target, tgid) == daemon_tgid;
    __builtin_memset(event->padding, 0, sizeof(event->padding));
    fns_submit(FNS_SENSOR_PRIVILEGE, event);
}

static __always_inline int signal_at_daemon(__u32 number, __s32 code, const struct task_struct *target, bool refuses)
{
    struct fns_sandbox *sandbox = fns_current_sandbox();
    struct fns_verdict verdict = {};
    struct fns_rule_of rule;

    if (!sandbox)
        return 0;
    rule = fns_policy_of(sandbox);
    if (refuses && fns_enforces(&rule)) {
        verdict.policy_id = rule.policy_id;
        verdict.requested = FNS_ACTION_DENY;
        verdict.taken = FNS_ACTION_DENY;
    }
    tell_signal(number, code, target, &verdict, sandbox);
    return verdict.taken ? -EPERM : 0;
}

/* How it was sent; kernel-made ones have a small number in the place of the pointer. */
static __always_inline __s32 signal_code(const struct kernel_siginfo *info)
{
    return (__u64)info > 1 ? BPF_CORE_READ(info, si_code) : 0;
}

/* The daemon's own timers fire while anyone runs. Anyone may also write that into a signal that it sends. */
static __always_inline bool is_of_a_timer(__s32 code)
{
    struct fns_call call;

    if (code != SI_TIMER)
        return false;
    fns_read_call(&call);
    switch (fns_call_word(&call)) {
    case FNS_CALL_RT_SIGQUEUEINFO:
    case FNS_CALL_RT_TGSIGQUEUEINFO:
    case FNS_CALL_PIDFD_SEND_SIGNAL:
        return false;
    default:
        return true;
    }
}

/*
 * From one sandbox to another, or to the host. What the kernel itself sends (the end of a child, a fault, being killed
 * for memory) has a positive code or none at all.
 */
static __always_inline void signal_crosses(__u32 number, const struct kernel_siginfo *info,
                                           const struct task_struct *target)
{
    struct fns_sandbox *sandbox = fns_current_sandbox();
    struct fns_verdict verdict = {};
    __s32 code;

    if (!sandbox || (__u64)info == SENT_BY_KERNEL ||
        fns_sandbox_id(sandbox) == fns_sandbox_id(fns_sandbox_of_task(target)))
        return;
    code = signal_code(info);
    if (code <= 0 && !is_of_a_timer(code))
        tell_signal(number, code, target, &verdict, sandbox);
}

SEC("tp_btf/signal_generate")
int BPF_PROG(signal_sent, int number, struct kernel_siginfo *info, struct task_struct *target)
{
    __s32 code;

    if ((__u32)target->tgid != daemon_tgid) {
        signal_crosses(number, info, target);
        return 0;
    }
    code = signal_code(info);
    if (number != SIGCHLD && !is_of_a_timer(code))
        signal_at_daemon(number, code, target, false);
    return 0;
}

SEC("lsm/task_kill")
int BPF_PROG(lsm_task_kill, struct task_struct *target, struct kernel_siginfo *info, int number,
             const struct cred *cred, int ret)
{
    if (ret || !number || (__u32)target->tgid != daemon_tgid)
        return ret;
    return fns_as_answer(signal_at_daemon(number, signal_code(info), target, true));
}

/* --- what asks for no capability ------------------------------------------------------------------------------ */

/* A ring is made, by whichever entry. */
SEC("tp_btf/io_uring_create")
int BPF_PROG(ring_made)
{
    struct fns_sandbox *sandbox = fns_current_sandbox();
    struct fns_privilege_act act = {};

    if (fns_is_functions_act(sandbox) && fns_name_privilege(&act) && act.act == FNS_PRIVILEGE_IO_URING)
        fns_report_privilege(&act, sandbox, FNS_HOOK_TELLS);
    return 0;
}

/* --- where there is no cap_capable (before 6.14): each call when it returns ------------------------------------ */

static __always_inline bool says_nothing(long result)
{
    return result == -EBADF || result == -EFAULT || result == -EINVAL || result == -ENOSYS;
}

/* One program for all of them: the daemon attaches it to each call's own tracepoint. */
SEC("tp/syscalls/sys_exit_setns")
int exit_call(struct trace_event_raw_sys_exit *ctx)
{
    struct fns_privilege_act act = { .result = ctx->ret < 0 ? ctx->ret : 0 };
    struct fns_sandbox *sandbox;

    if (says_nothing(ctx->ret))
        return 0;
    sandbox = fns_current_sandbox();
    if (fns_is_functions_act(sandbox) && fns_name_privilege(&act))
        fns_report_privilege(&act, sandbox, FNS_HOOK_KILLS);
    return 0;
}
