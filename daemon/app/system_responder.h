// SPDX-License-Identifier: Apache-2.0
//
// Kills and freezes on the real system (daemon/respond/responder.h). Needs CAP_KILL, and for a freeze that
// cgroup.freeze may be written.
#pragma once

#include <string>

#include "daemon/respond/responder.h"

namespace fnshield {

class SystemResponder final : public Responder {
public:
    // Where the default hierarchy is mounted.
    explicit SystemResponder(std::string cgroup2_mount) : cgroup2_mount_(std::move(cgroup2_mount)) {}

    [[nodiscard]] Result<bool> kill(std::uint32_t tgid, Nanoseconds start_ns) override;
    // By cgroup v2, which freezes on hybrid hosts as well, whatever the runtime itself uses.
    [[nodiscard]] Result<void> freeze(SandboxId sandbox, const std::string& cgroup) override;

private:
    std::string cgroup2_mount_;
};

}  // namespace fnshield
