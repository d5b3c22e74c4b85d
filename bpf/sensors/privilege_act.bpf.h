/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * A privileged act, from the system call that it is to its verdict and its event. Shared by all programs of the
 * privilege sensor.
 */
#ifndef FNSHIELD_BPF_PRIVILEGE_ACT_H
#define FNSHIELD_BPF_PRIVILEGE_ACT_H

#include "../lib/syscalls.bpf.h"
#include "../lib/verdict.bpf.h"

#include "fnshield/abi/privilege.h"

#define EBADF  9
#define EFAULT 14
#define EINVAL 22
#define ENOSYS 38

#define CLONE_NEWTIME   0x00000080
#define CLONE_NEWNS     0x00020000
#define CLONE_NEWCGROUP 0x02000000
#define CLONE_NEWUTS    0x04000000
#define CLONE_NEWIPC    0x08000000
#define CLONE_NEWUSER   0x10000000
#define CLONE_NEWPID    0x20000000
#define CLONE_NEWNET    0x40000000
#define CLONE_NEW_ANY                                                                                                  \
    (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET)

#define OPEN_TREE_CLONE 1

#define S_IFMT  00170000
#define S_IFBLK 0060000
#define S_IFCHR 0020000

/* The daemon, in the initial pid namespace; set before loading. */
const volatile __u32 daemon_tgid = 0;

struct fns_privilege_act {
    __u64 argument;
    __s64 result;
    __u32 syscall_nr;
    __u32 flags;  /* enum fns_event_flag */
    __u32 object; /* enum fns_object */
    __u32 object_id;
    __u16 act; /* enum fns_privilege */
    __u8 own_object;
    __u8 writes;
    __u32 padding;
    char name[FNS_PRIVILEGE_NAME_BYTES];
};

/* What the hook at hand can do about an act. */
enum fns_hook_can { FNS_HOOK_TELLS, FNS_HOOK_KILLS, FNS_HOOK_REFUSES };

/* Those that few functions have a use for. */
FNS_VERIFIED_ALONE __u32 fns_rare_call_of_word(__u32 word)
{
    switch (word) {
    case FNS_CALL_PERF_EVENT_OPEN:
        return FNS_PRIVILEGE_PERF_EVENT;
    case FNS_CALL_IO_URING_SETUP:
        return FNS_PRIVILEGE_IO_URING;
    case FNS_CALL_MKNOD:
    case FNS_CALL_MKNODAT:
        return FNS_PRIVILEGE_MKNOD;
    case FNS_CALL_USERFAULTFD:
        return FNS_PRIVILEGE_USERFAULTFD;
    case FNS_CALL_KEYCTL:
    case FNS_CALL_ADD_KEY:
    case FNS_CALL_REQUEST_KEY:
        return FNS_PRIVILEGE_KEYCTL;
    case FNS_CALL_MODIFY_LDT:
        return FNS_PRIVILEGE_MODIFY_LDT;
    case FNS_CALL_ACCT:
        return FNS_PRIVILEGE_ACCT;
    case FNS_CALL_SWAPON:
    case FNS_CALL_SWAPOFF:
        return FNS_PRIVILEGE_SWAPON;
    case FNS_CALL_IOPL:
    case FNS_CALL_IOPERM:
        return FNS_PRIVILEGE_IOPL;
    case FNS_CALL_SETTIMEOFDAY:
    case FNS_CALL_CLOCK_SETTIME:
    case FNS_CALL_ADJTIMEX:
        return FNS_PRIVILEGE_SETTIME;
    case FNS_CALL_REBOOT:
        return FNS_PRIVILEGE_REBOOT;
    case FNS_CALL_FANOTIFY_INIT:
        return FNS_PRIVILEGE_FANOTIFY;
    case FNS_CALL_QUOTACTL:
        return FNS_PRIVILEGE_QUOTACTL;
    case FNS_CALL_SYSLOG:
        return FNS_PRIVILEGE_SYSLOG;
    default:
        return FNS_PRIVILEGE_UNKNOWN;
    }
}

/* enum fns_privilege of an enum fns_call_word. */
FNS_VERIFIED_ALONE __u32 fns_privilege_of_word(__u32 word)
{
    switch (word) {
    case FNS_CALL_SETNS:
        return FNS_PRIVILEGE_SETNS;
    case FNS_CALL_UNSHARE:
        return FNS_PRIVILEGE_UNSHARE;
    case FNS_CALL_CLONE:
    case FNS_CALL_CLONE3:
        return FNS_PRIVILEGE_CLONE;
    case FNS_CALL_MOUNT:
        return FNS_PRIVILEGE_MOUNT;
    case FNS_CALL_UMOUNT2:
        return FNS_PRIVILEGE_UMOUNT;
    case FNS_CALL_PIVOT_ROOT:
        return FNS_PRIVILEGE_PIVOT_ROOT;
    case FNS_CALL_OPEN_TREE:
    case FNS_CALL_OPEN_TREE_ATTR:
        return FNS_PRIVILEGE_OPEN_TREE;
    case FNS_CALL_MOVE_MOUNT:
        return FNS_PRIVILEGE_MOVE_MOUNT;
    case FNS_CALL_FSOPEN:
        return FNS_PRIVILEGE_FSOPEN;
    case FNS_CALL_FSCONFIG:
        return FNS_PRIVILEGE_FSCONFIG;
    case FNS_CALL_FSMOUNT:
        return FNS_PRIVILEGE_FSMOUNT;
    case FNS_CALL_FSPICK:
        return FNS_PRIVILEGE_FSPICK;
    case FNS_CALL_MOUNT_SETATTR:
        return FNS_PRIVILEGE_MOUNT_SETATTR;
    case FNS_CALL_OPEN_BY_HANDLE_AT:
        return FNS_PRIVILEGE_OPEN_BY_HANDLE;
    case FNS_CALL_INIT_MODULE:
        return FNS_PRIVILEGE_INIT_MODULE;
    case FNS_CALL_FINIT_MODULE:
        return FNS_PRIVILEGE_FINIT_MODULE;
    case FNS_CALL_DELETE_MODULE:
        return FNS_PRIVILEGE_DELETE_MODULE;
    case FNS_CALL_KEXEC_LOAD:
        return FNS_PRIVILEGE_KEXEC_LOAD;
    case FNS_CALL_KEXEC_FILE_LOAD:
        return FNS_PRIVILEGE_KEXEC_FILE_LOAD;
    case FNS_CALL_BPF:
        return FNS_PRIVILEGE_BPF;
    default:
        return fns_rare_call_of_word(word);
    }
}

static __always_inline enum fns_event_kind fns_kind_of_privilege(__u32 act)
{
    if (act == FNS_PRIVILEGE_BPF)
        return FNS_EVENT_BPF;
    if (act == FNS_PRIVILEGE_PERF_EVENT)
        return FNS_EVENT_PERF_EVENT;
    if (act == FNS_PRIVILEGE_IO_URING)
        return FNS_EVENT_IO_URING;
    if (act >= FNS_PRIVILEGE_MKNOD)
        return FNS_EVENT_SYSCALL;
    if (act >= FNS_PRIVILEGE_INIT_MODULE && act <= FNS_PRIVILEGE_MODULE_REQUEST)
        return FNS_EVENT_MODULE;
    return act <= FNS_PRIVILEGE_CLONE ? FNS_EVENT_NAMESPACE : FNS_EVENT_MOUNT;
}

/* NONE: an act that is told and not judged. */
static __always_inline enum fns_guard fns_guard_of_privilege(const struct fns_privilege_act *act)
{
    switch (fns_kind_of_privilege(act->act)) {
    case FNS_EVENT_BPF:
        return FNS_GUARD_BPF;
    case FNS_EVENT_MODULE:
        return FNS_GUARD_KERNEL_MODULE;
    case FNS_EVENT_MOUNT:
        return act->act == FNS_PRIVILEGE_OPEN_BY_HANDLE ? FNS_GUARD_NONE : FNS_GUARD_MOUNT;
    case FNS_EVENT_PERF_EVENT:
    case FNS_EVENT_IO_URING:
    case FNS_EVENT_SYSCALL:
        return FNS_GUARD_NONE;
    default:
        if (act->act == FNS_PRIVILEGE_SETNS)
            return FNS_GUARD_NAMESPACE_ENTRY;
        return act->argument & CLONE_NEWUSER ? FNS_GUARD_USER_NAMESPACE : FNS_GUARD_NONE;
    }
}

static __always_inline void fns_read_privilege_name(struct fns_privilege_act *act, __u64 address)
{
    bpf_probe_read_user_str(act->name, sizeof(act->name), (const void *)address);
}

/* What is new about a clone; for clone3 from the caller's memory, which a racing thread can change. */
static __always_inline __u64 fns_clone_flags(const struct fns_call *call)
{
    __u64 flags = fns_call_argument(call, 0);

    if (fns_call_word(call) == FNS_CALL_CLONE3 &&
        bpf_probe_read_user(&flags, sizeof(flags), (const void *)fns_call_argument(call, 0)))
        return 0;
    return flags & CLONE_NEW_ANY;
}

static __always_inline void fns_read_privilege_arguments(struct fns_privilege_act *act, const struct fns_call *call)
{
    switch (act->act) {
    case FNS_PRIVILEGE_SETNS:
        act->argument = fns_call_argument(call, 1);
        break;
    case FNS_PRIVILEGE_UNSHARE:
        act->argument = fns_call_argument(call, 0) & (CLONE_NEW_ANY | CLONE_NEWTIME);
        break;
    case FNS_PRIVILEGE_CLONE:
        act->argument = fns_clone_flags(call);
        break;
    case FNS_PRIVILEGE_MOUNT:
        act->argument = fns_call_argument(call, 3);
        fns_read_privilege_name(act, fns_call_argument(call, 1));
        break;
    case FNS_PRIVILEGE_MOVE_MOUNT:
        fns_read_privilege_name(act, fns_call_argument(call, 3));
        break;
    case FNS_PRIVILEGE_UMOUNT:
    case FNS_PRIVILEGE_PIVOT_ROOT:
    case FNS_PRIVILEGE_FSOPEN:
        fns_read_privilege_name(act, fns_call_argument(call, 0));
        break;
    case FNS_PRIVILEGE_OPEN_TREE:
        act->argument = fns_call_argument(call, 2);
        fns_read_privilege_name(act, fns_call_argument(call, 1));
        break;
    case FNS_PRIVILEGE_FSPICK:
    case FNS_PRIVILEGE_MOUNT_SETATTR:
        fns_read_privilege_name(act, fns_call_argument(call, 1));
        break;
    case FNS_PRIVILEGE_BPF:
        act->argument = fns_call_argument(call, 0);
        break;
    case FNS_PRIVILEGE_PERF_EVENT: /* whom: a pid, 0 = itself, -1 = all */
        act->argument = (__s64)(__s32)fns_call_argument(call, 1);
        break;
    case FNS_PRIVILEGE_MKNOD:
        act->argument = fns_call_argument(call, fns_call_word(call) == FNS_CALL_MKNOD ? 1 : 2);
        fns_read_privilege_name(act, fns_call_argument(call, fns_call_word(call) == FNS_CALL_MKNOD ? 0 : 1));
        break;
    default:
        break;
    }
}

/* Pipes, sockets and files are anybody's to make. */
static __always_inline bool is_device(__u64 mode)
{
    return (mode & S_IFMT) == S_IFBLK || (mode & S_IFMT) == S_IFCHR;
}

/* Fills in what the caller asked for; false where that is none of this sensor's acts. */
static __noinline bool fns_name_privilege(struct fns_privilege_act *act)
{
    const struct task_struct *task = (const struct task_struct *)bpf_get_current_task();
    struct fns_call call;

    if (BPF_CORE_READ(task, flags) & (PF_IO_WORKER | PF_KTHREAD)) /* no act of ours has an io_uring request */
        return false;
    fns_read_call(&call);
    act->act = fns_privilege_of_word(fns_call_word(&call));
    if (act->act == FNS_PRIVILEGE_UNKNOWN)
        return false;
    act->syscall_nr = call.nr;
    if (call.compat)
        act->flags |= FNS_FLAG_COMPAT;
    fns_read_privilege_arguments(act, &call);
    if (act->act == FNS_PRIVILEGE_MKNOD && !is_device(act->argument))
        return false;
    return act->act != FNS_PRIVILEGE_OPEN_TREE || act->argument & OPEN_TREE_CLONE;
}

/* -EPERM where the hook must refuse it, else 0. */
static __always_inline int fns_decide_privilege(struct fns_privilege_act *act, const struct fns_sandbox *sandbox,
                                                struct fns_verdict *verdict, enum fns_hook_can can)
{
    enum fns_guard guard = fns_guard_of_privilege(act);
    struct fns_rule_of rule;

    if (guard == FNS_GUARD_NONE || !fns_is_functions_act(sandbox))
        return 0;
    rule = fns_policy_of(sandbox);
    *verdict = fns_judge(&rule, guard);
    if (fns_was_refused(act->result)) { /* by the kernel itself: a `deny` has nothing left to do */
        if (verdict->requested == FNS_ACTION_KILL)
            fns_kill_instead(&rule, verdict);
        return 0;
    }
    if (can == FNS_HOOK_REFUSES)
        return fns_refuse(&rule, verdict, true);
    if (can == FNS_HOOK_KILLS)
        fns_kill_instead(&rule, verdict);
    return 0;
}

static __always_inline __u64 fns_privilege_hash(const struct fns_privilege_act *act, bool refused)
{
    __u64 what = fns_mix(fns_seen_secret, (__u64)act->act << 32 | refused << 2 | act->own_object << 1 | act->writes);

    return fns_mix(what, act->argument);
}

/*
 * Judges an act and says it, unless it was just said; the answer is fns_decide_privilege's. An act that several hooks
 * see is one event: what this sensor refused counts as refused, for that is what the next hook sees. `sandbox` is NULL
 * for a host process, whose acts are told only where they are on objects of the daemon.
 */
static __noinline int fns_report_privilege(struct fns_privilege_act *act, struct fns_sandbox *sandbox, __u32 can)
{
    enum fns_event_kind kind = fns_kind_of_privilege(act->act);
    __u32 tgid = bpf_get_current_pid_tgid() >> 32;
    struct fns_privilege_event *event;
    struct fns_verdict verdict = {};
    __u32 repeats;
    int answer;

    answer = fns_decide_privilege(act, sandbox, &verdict, can);
    if (fns_is_repeat(FNS_SENSOR_PRIVILEGE, fns_sandbox_id(sandbox), kind, tgid,
                      fns_privilege_hash(act, answer || fns_was_refused(act->result)), &repeats))
        return answer;
    event = fns_reserve(FNS_SENSOR_PRIVILEGE, fns_critical_within_share(sandbox), sizeof(*event), sandbox);
    if (!event)
        return answer;
    fns_fill_header(&event->header, FNS_SENSOR_PRIVILEGE, kind, sizeof(*event), sandbox);
    fns_fill_process(&event->header.process, (const struct task_struct *)bpf_get_current_task());
    event->header.flags |= act->flags | fns_entrant_flag();
    if (answer)
        event->header.flags |= FNS_FLAG_DENIED;
    event->header.repeats = repeats;
    event->header.verdict = verdict;
    event->argument = act->argument;
    event->result = answer ? answer : act->result;
    event->syscall_nr = act->syscall_nr;
    event->act = act->act;
    event->own_object = act->own_object;
    event->writes = act->writes;
    event->object = act->object;
    event->object_id = act->object_id;
    __builtin_memcpy(event->name, act->name, sizeof(event->name));
    fns_submit(FNS_SENSOR_PRIVILEGE, event);
    return answer;
}

#endif
