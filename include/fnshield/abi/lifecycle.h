/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* Events of the lifecycle sensor: cgroups of the default hierarchy that are sandboxes or hold them. */
#ifndef FNSHIELD_ABI_LIFECYCLE_H
#define FNSHIELD_ABI_LIFECYCLE_H

#include "event.h"

struct fns_lifecycle_event {
    struct fns_event_header header; /* sandbox_id: the sandbox concerned; process: who did it (often the runtime) */
    __u64 cgroup_id;                /* the cgroup concerned: the sandbox's own or one nested in it */
    __u64 parent_cgroup_id;
    struct fns_process subject; /* CGROUP_ATTACH: the process moved; else zero */
    __u64 from_sandbox_id;      /* CGROUP_ATTACH: where it came from; FNS_HOST = outside */
    __u32 level;
    /*
     * CGROUP_POPULATED, CGROUP_FROZEN: 0 or 1. CGROUP_ATTACH: 1 into sandbox_id, 0 out of it to the host.
     * PARENT_MKDIR: 1 where it lies below another parent already, so that programs attached there cover it.
     */
    __u32 value;
    char path[FNS_PATH_BYTES]; /* in the default hierarchy, zero-terminated */
};
FNS_ASSERT_SIZE(struct fns_lifecycle_event, 80 + 16 + 40 + 16 + 512);

#endif
