// SPDX-License-Identifier: Apache-2.0
//
// RUN_DIR: made where it is absent, held by one daemon at a time, and the listening socket in it.
//
// The lock is flock(2) on RUN_DIR/fnshieldd.lock, which holds the daemon's pid for people to read. The kernel drops the
// lock with the process, however that ends, so a socket that is found under a lock just taken is a dead daemon's and is
// replaced. The lock file stays when the daemon goes: removing it would let two daemons hold two files of one name.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "daemon/base/result.h"
#include "daemon/base/unique_fd.h"

namespace fnshield::control {

// An error that names the other daemon where there is one. The lock holds as long as the descriptor is open.
[[nodiscard]] Result<UniqueFd> lock_run_dir(const std::string& run_dir);

// The group's id where it exists on this machine.
[[nodiscard]] std::optional<gid_t> find_group(const std::string& name);

struct Listener {
    UniqueFd socket;      // listening, non-blocking
    std::string warning;  // why the group cannot connect, where there is one and it cannot; else empty
};
// Mode 0660 and `group` where one is given, else 0600: others never reach it, not even between bind and chmod. Giving
// it to the group takes CAP_CHOWN or being a member; without, it stays its owner's.
[[nodiscard]] Result<Listener> listen_at(const std::string& path, std::optional<gid_t> group);

// The other end of a Unix socket.
struct Peer {
    uid_t uid = 0;
    pid_t pid = 0;
    bool in_group = false;
};
[[nodiscard]] Result<Peer> peer_of(int socket, std::optional<gid_t> group);

}  // namespace fnshield::control
