/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* Requests of io_uring, as raw_tp/io_uring_complete hands them over (5.19 and later): what kind they are. */
#ifndef FNSHIELD_BPF_RING_H
#define FNSHIELD_BPF_RING_H

#include "core.bpf.h"

static __always_inline bool fns_request_opens(__u8 opcode)
{
    return opcode == IORING_OP_OPENAT || opcode == IORING_OP_OPENAT2;
}

/* Into the ring's own table: the result is no descriptor. */
static __always_inline bool fns_opened_directly(const struct io_kiocb *request)
{
    const struct io_open *open = (const void *)request; /* the command stands first */

    return bpf_core_field_exists(open->file_slot) && BPF_CORE_READ(open, file_slot);
}

#endif
