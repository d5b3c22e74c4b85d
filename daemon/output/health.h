// SPDX-License-Identifier: Apache-2.0
//
// What /-/ready answers, put together by the loop and asked by the HTTP thread. Thread-safe.
#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "daemon/base/time.h"

namespace fnshield {

class Health {
public:
    static constexpr Nanoseconds kHeartbeatMaxAgeNs = 10 * kSecond;

    struct Verdict {
        bool ready = false;
        std::vector<std::string> reasons;  // why not; empty where ready
    };

    // `missing`: sensors that see nothing, "egress: why". Ready needs at least one attached and none missing.
    void set_sensors(std::size_t attached, std::vector<std::string> missing);
    void set_policy_applied(bool applied);
    // A heartbeat came back through the kernel.
    void heartbeat(Nanoseconds boot_ns);
    // The daemon was asked to stop: from now on it is not ready, whatever else is told.
    void stop();

    [[nodiscard]] Verdict check(Nanoseconds now_boot_ns) const;

private:
    mutable std::mutex mutex_;
    std::size_t attached_ = 0;
    std::vector<std::string> missing_;
    bool policy_applied_ = false;
    Nanoseconds heartbeat_ns_ = 0;  // 0 = none yet
    bool stopping_ = false;
};

}  // namespace fnshield
