/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * Whether a list of a policy names a path: the kernel side of daemon/policy/compile.h, with the answers of glob_match.
 *
 * A row is the literal beginning of a glob and how it may go on. The trie gives the longest beginning of a path; where
 * that one does not go on like the path, its value says how long the next shorter one is, which is looked up in turn.
 *
 *   text = fns_listed_text(slot);        room for the path: fill text->text and text->bytes
 *   fns_scan_text(slot);                 once a text
 *   fns_is_listed(slot, policy, list);   for as many lists as there are
 *
 * Functions of their own to the verifier, with numbers as arguments: kernels before 5.13 take no pointers there.
 */
#ifndef FNSHIELD_BPF_LISTED_PATH_H
#define FNSHIELD_BPF_LISTED_PATH_H

#include "shared_maps.bpf.h"

static __always_inline struct fns_listed_text *fns_listed_text(enum fns_text_slot slot)
{
    __u32 key = slot;

    return bpf_map_lookup_elem(&listed_texts, &key);
}

#define FNS_TEXT2(a, b)       ((a) << 8 | (b))
#define FNS_TEXT3(a, b, c)    ((a) << 16 | (b) << 8 | (c))
#define FNS_TEXT4(a, b, c, d) ((__u32)(a) << 24 | (b) << 16 | (c) << 8 | (d))

/*
 * Finds where the last segment begins, and whether the path is absolute without empty segments, `.` or `..`. A window
 * of four bytes moves over the text and the zero behind it; what is found is kept in memory, so that each turn looks to
 * the verifier like the one before.
 */
__noinline int fns_scan_text(__u32 slot)
{
    struct fns_listed_text *text = fns_listed_text(slot);
    __u32 window = 0;
    __u32 end;

    if (!text)
        return 0;
    end = text->bytes;
    if (end > FNS_PATH_BYTES)
        return 0;
    text->text[end] = 0;
    text->last_segment = 0;
    text->plain = text->text[0] == '/';
    for (__u32 i = 0; i <= FNS_PATH_BYTES; i++) {
        __u32 two;
        __u32 three;

        window = window << 8 | (__u8)text->text[i];
        two = window & 0xffff;
        three = window & 0xffffff;
        if (two == FNS_TEXT2('/', '/') || two == FNS_TEXT2('/', 0) || three == FNS_TEXT3('/', '.', '/') ||
            three == FNS_TEXT3('/', '.', 0) || window == FNS_TEXT4('/', '.', '.', '/') ||
            window == FNS_TEXT4('/', '.', '.', 0))
            text->plain = 0;
        if (!(window & 0xff))
            break;
        if ((window & 0xff) == '/')
            text->last_segment = i + 1;
    }
    return 0;
}

static __always_inline bool fns_goes_on_like(const struct fns_path_value *row, const struct fns_listed_text *text)
{
    if (row->tails & FNS_TAIL_ANY)
        return true;
    if (row->tails & FNS_TAIL_NONE && row->prefix_bytes == text->bytes)
        return true;
    return row->tails & FNS_TAIL_SEGMENT && text->last_segment <= row->prefix_bytes;
}

/* 1 where a row of the list names the slot's text, which was scanned. */
__noinline int fns_is_listed(__u32 slot, __u32 policy_id, __u32 list)
{
    struct fns_listed_text *text = fns_listed_text(slot);
    __u32 bytes;

    if (!text)
        return 0;
    text->key.policy_id = policy_id;
    text->key.list = list;
    __builtin_memcpy(text->key.path, text->text, sizeof(text->key.path));
    bytes = text->bytes < FNS_LISTED_PATH_BYTES ? text->bytes : FNS_LISTED_PATH_BYTES;
    for (int i = 0; i < FNS_SHORTER_ROWS; i++) {
        const struct fns_path_value *row;

        text->key.prefix_bits = FNS_PATH_KEY_BITS(bytes);
        row = bpf_map_lookup_elem(&listed_paths, &text->key);
        if (!row)
            return 0;
        if (fns_goes_on_like(row, text))
            return 1;
        bytes = row->shorter_bytes;
        if (!bytes)
            return 0;
    }
    return 0;
}

/* The same for a path that was resolved, which then stands in the slot. */
static __always_inline bool fns_lists_walked(enum fns_text_slot slot, __u32 policy_id, enum fns_list list,
                                             const struct fns_path_walk *walk)
{
    struct fns_listed_text *text = fns_listed_text(slot);
    __u64 begin = walk->offset;

    if (!text)
        return false;
    if (begin > FNS_PATH_BYTES - 1)
        begin = FNS_PATH_BYTES - 1;
    text->bytes = FNS_PATH_BYTES - begin;
    if (bpf_probe_read_kernel(text->text, FNS_PATH_BYTES - begin, &walk->buffer[begin]))
        return false;
    fns_scan_text(slot);
    return fns_is_listed(slot, policy_id, list);
}

#endif
