// SPDX-License-Identifier: Apache-2.0
//
// What is done about an act beyond an alert. The kernel side has refused or killed by itself where it could (the
// event's verdict); the rest is done here, after the act: `kill` of the acting process, `freeze` of the sandbox.
//
// In monitor mode nothing is done. Nor is anything ever done to a process of the host: a policy is about sandboxes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "daemon/base/result.h"
#include "daemon/policy/config.h"
#include "daemon/respond/alert.h"

namespace fnshield {

// The hands of it; daemon/app/system_responder.h has those on the real system.
class Responder {
public:
    virtual ~Responder() = default;
    // SIGKILL to the process, if it is still the one that started then. False: it is gone.
    [[nodiscard]] virtual Result<bool> kill(std::uint32_t tgid, Nanoseconds start_ns) = 0;
    // All of the sandbox, until somebody thaws it. `cgroup` is its path in the default hierarchy.
    [[nodiscard]] virtual Result<void> freeze(SandboxId sandbox, const std::string& cgroup) = 0;
};

struct Response {
    std::optional<Action> taken;  // nothing = none
    std::string failure;          // what was tried and failed; empty = nothing did
};

// `alert` was made or raised by `event`.
[[nodiscard]] Response respond(const Alert& alert, const Event& event, Mode mode, Responder& responder);

}  // namespace fnshield
