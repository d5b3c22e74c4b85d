// SPDX-License-Identifier: Apache-2.0
//
// Privileged acts of a function: what the rules about namespaces, mounts, modules and bpf() share. Which acts count,
// and how a finding says them.
//
// An act that was refused counts like one that was not: no function needs any of them, and who tries one tries the
// next. The runtime's own (runc makes 59 mounts a start, before the workload) never come here: the kernel side leaves
// them out, and so does functions_act() where a recording has them.
#pragma once

#include <string>

#include "daemon/detect/detector.h"

namespace fnshield::detect {

// The event's body where the act is a function's own; null where it is the host's, an entrant's or of the set-up.
[[nodiscard]] const PrivilegeBody* functions_act(const Observation& seen);

// "unshare (user, mount)", "mount on /mnt", "bpf (prog_load)"
[[nodiscard]] std::string act_text(const PrivilegeBody& act);

// "resize/i-1 called mount on /mnt (/usr/bin/python3)", "… tried to call … : Operation not permitted". The finding has
// its key: program and act.
[[nodiscard]] Finding make_privilege_finding(const Observation& seen, const PrivilegeBody& act);

}  // namespace fnshield::detect
