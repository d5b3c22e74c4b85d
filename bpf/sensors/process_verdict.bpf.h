/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * What a policy says about an exec: the answers of daemon/detect/exec_match.h and function_fileless_exec.cpp, in the
 * kernel. Not judged are the runtime's own stages and what runs from outside (`runc exec` and its children), unless
 * the file may be the function's own. Part of process.bpf.c.
 *
 * A file is listed by its path, or as the caller wrote it (a script, or a link such as /bin/sh → dash), or by the
 * interpreter as the script wrote it. What is written counts only for a file that has a name, was not named by a
 * descriptor and is not in the writable layer, and where it is a plain absolute path that was not cut.
 */
#ifndef FNSHIELD_BPF_PROCESS_VERDICT_H
#define FNSHIELD_BPF_PROCESS_VERDICT_H

#include "../lib/listed_path.bpf.h"
#include "../lib/verdict.bpf.h"

#define FILELESS (FNS_EXEC_MEMFD | FNS_EXEC_UNLINKED | FNS_EXEC_PROC_FD)
#define OWN_FILE (FNS_EXEC_MEMFD | FNS_EXEC_UNLINKED | FNS_EXEC_UPPER_LAYER)

static __always_inline bool is_fileless(__u32 flags)
{
    if (!(flags & FILELESS) || flags & FNS_EXEC_RUNTIME)
        return false;
    if (flags & FNS_EXEC_FROM_OUTSIDE && flags & FNS_EXEC_HOST_ROOT)
        return false;
    return !(flags & FNS_EXEC_FIRST) || (flags & FILELESS) != FNS_EXEC_PROC_FD;
}

static __always_inline bool lists_written(enum fns_text_slot slot, const struct fns_rule_of *rule, enum fns_list list,
                                          const char *written)
{
    struct fns_listed_text *text = fns_listed_text(slot);
    long bytes;

    if (!text)
        return false;
    bytes = bpf_probe_read_kernel_str(text->text, FNS_PATH_BYTES, written);
    if (bytes <= 0 || bytes >= FNS_PATH_BYTES)
        return false;
    text->bytes = bytes - 1; /* the terminator */
    fns_scan_text(slot);
    return text->plain && fns_is_listed(slot, rule->policy_id, list);
}

/* The policy has a list for this phase, the exec is the function's, and the list does not name what runs. */
static __always_inline bool is_unlisted(enum fns_text_slot slot, const struct fns_rule_of *rule, __u32 flags,
                                        const struct fns_path_walk *walk, const struct task_struct *task,
                                        const struct linux_binprm *bprm)
{
    enum fns_list list = rule->phase == FNS_PHASE_WARM ? FNS_LIST_EXEC_WARM : FNS_LIST_EXEC_INIT;
    const struct fns_member *member = fns_member_of(task);
    bool from_outside = flags & FNS_EXEC_FROM_OUTSIDE || (member && member->flags & FNS_MEMBER_FROM_OUTSIDE);

    if (!fns_has_list(rule, list) || flags & FNS_EXEC_RUNTIME)
        return false;
    if (flags & FNS_EXEC_FIRST && rule->phase == FNS_PHASE_INIT)
        return false;
    if (from_outside && !(flags & FNS_EXEC_FIRST) && !(flags & OWN_FILE))
        return false;
    if (flags & (FNS_EXEC_MEMFD | FNS_EXEC_UNLINKED | FNS_EXEC_UNREACHABLE))
        return true; /* its path is text that leads nowhere, or is another root's */
    if (fns_lists_walked(slot, rule->policy_id, list, walk))
        return false;
    if (flags & (OWN_FILE | FNS_EXEC_PROC_FD))
        return true;
    if (lists_written(slot, rule, list, BPF_CORE_READ(bprm, filename)))
        return false;
    return !(flags & FNS_EXEC_SCRIPT) || !lists_written(slot, rule, list, BPF_CORE_READ(bprm, interp));
}

/* Of two verdicts about one act: more is done for `a`. */
static __always_inline bool is_harder(const struct fns_verdict *a, const struct fns_verdict *b)
{
    if (a->requested == FNS_ACTION_KILL)
        return b->requested != FNS_ACTION_KILL;
    return a->requested == FNS_ACTION_DENY && b->requested != FNS_ACTION_DENY && b->requested != FNS_ACTION_KILL;
}

/* `flags` as the event has them, `walk` the path of the file. */
static __always_inline struct fns_verdict judge_exec(enum fns_text_slot slot, const struct fns_rule_of *rule,
                                                     __u32 flags, const struct fns_path_walk *walk,
                                                     const struct task_struct *task, const struct linux_binprm *bprm)
{
    struct fns_verdict verdict = {};
    struct fns_verdict unlisted;

    if (!rule->policy)
        return verdict;
    if (is_fileless(flags))
        verdict = fns_judge(rule, FNS_GUARD_FILELESS_EXEC);
    if (!is_unlisted(slot, rule, flags, walk, task, bprm))
        return verdict;
    unlisted = fns_judge(rule, FNS_GUARD_EXEC);
    return verdict.guard && !is_harder(&unlisted, &verdict) ? verdict : unlisted;
}

#endif
