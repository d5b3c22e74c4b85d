// SPDX-License-Identifier: Apache-2.0
//
// The daemon's own process number as BPF programs see it: that of the initial pid namespace. getpid() is another one
// where the daemon runs in a pid namespace of its own (a container, a systemd-nspawn machine), and a program that
// compares with it would never know the daemon again: no heartbeat, and alerts about the daemon's own reads.
#pragma once

#include <cstdint>

#include "daemon/base/result.h"

namespace fnshield {

struct OwnTgid {
    std::uint32_t number = 0;
    bool nested = false;  // the daemon is in a pid namespace of its own: /proc numbers are not those of the events
};

// Costs one stat() in the initial pid namespace, one small program loaded and gone again elsewhere.
[[nodiscard]] Result<OwnTgid> own_tgid();

}  // namespace fnshield
