// SPDX-License-Identifier: Apache-2.0
#include "daemon/output/health.h"

#include <utility>

namespace fnshield {

void Health::set_sensors(std::size_t attached, std::vector<std::string> missing)
{
    const std::lock_guard lock(mutex_);
    attached_ = attached;
    missing_ = std::move(missing);
}

void Health::set_policy_applied(bool applied)
{
    const std::lock_guard lock(mutex_);
    policy_applied_ = applied;
}

void Health::heartbeat(Nanoseconds boot_ns)
{
    const std::lock_guard lock(mutex_);
    heartbeat_ns_ = boot_ns;
}

void Health::stop()
{
    const std::lock_guard lock(mutex_);
    stopping_ = true;
}

Health::Verdict Health::check(Nanoseconds now_boot_ns) const
{
    const std::lock_guard lock(mutex_);
    Verdict verdict;
    auto& reasons = verdict.reasons;
    if (stopping_)
        reasons.emplace_back("stopping");
    if (attached_ == 0)
        reasons.emplace_back("no sensor is attached");
    for (const std::string& sensor : missing_)
        reasons.push_back("sensor not attached: " + sensor);
    if (!policy_applied_)
        reasons.emplace_back("no policy is applied");
    if (heartbeat_ns_ == 0)
        reasons.emplace_back("no heartbeat came back through the kernel yet");
    else if (now_boot_ns > heartbeat_ns_ + kHeartbeatMaxAgeNs)
        reasons.push_back("the last heartbeat came back through the kernel " +
                          std::to_string((now_boot_ns - heartbeat_ns_) / kSecond) + " s ago");
    verdict.ready = reasons.empty();
    return verdict;
}

}  // namespace fnshield
