// SPDX-License-Identifier: Apache-2.0
//
// The capabilities that the daemon works with, and which of them a process holds.
#pragma once

#include <span>
#include <string>

#include "daemon/base/result.h"

namespace fnshield {

struct Capability {
    int bit;  // capabilities(7)
    const char* name;
    bool needed;         // without it nothing works; the others only serve names and responses
    const char* serves;  // what is not possible without it
};

[[nodiscard]] std::span<const Capability> used_capabilities();

enum class Held : unsigned char { no, yes, by_sys_admin };

class HeldCapabilities {
public:
    // From the CapEff line of a /proc/PID/status; one that cannot be read holds nothing.
    [[nodiscard]] static HeldCapabilities read(const std::string& status_file = "/proc/self/status");
    // CAP_SYS_ADMIN stands for CAP_BPF and CAP_PERFMON, as it does until Linux 5.8 and in old container runtimes.
    [[nodiscard]] Held has(const Capability& capability) const;

private:
    unsigned long long bits_ = 0;
};

// Fails with ExitCode::unsupported and the names of what is missing of the needed ones.
[[nodiscard]] Result<void> check_capabilities(const HeldCapabilities& held);

}  // namespace fnshield
