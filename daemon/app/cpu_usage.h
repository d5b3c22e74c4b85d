// SPDX-License-Identifier: Apache-2.0
//
// How much CPU time each started sandbox takes, as usage events: from cpu.stat of its cgroup, which every v2 cgroup
// has, with the cpu controller or without. What it may take is the least quota of its cgroup and those around it:
// cpu.max, or cpu.cfs_quota_us of the same path in the v1 hierarchy.
//
// One file is read each kPeriod for a sandbox, its quotas each kLimitPeriod; at most kAtOnce sandboxes a call, those
// first that have waited longest, so that thousands of them stretch the period and never stall the loop. State: one
// entry a sandbox, until forget(). Not thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "daemon/base/result.h"
#include "daemon/model/model.h"

namespace fnshield {

class CpuUsage {
public:
    static constexpr Nanoseconds kPeriod = 5 * kSecond;
    static constexpr Nanoseconds kLimitPeriod = 60 * kSecond;
    static constexpr std::size_t kAtOnce = 256;

    CpuUsage(std::string cgroup2_mount, std::optional<std::string> v1_cpu_mount)
        : cgroup2_mount_(std::move(cgroup2_mount)), v1_cpu_mount_(std::move(v1_cpu_mount))
    {
    }

    // Of those that are due, what they took since they were read last. The first reading of a sandbox only begins the
    // count; one that fails makes no event.
    [[nodiscard]] std::vector<Event> read(const Model& model, Nanoseconds now_ns);
    void forget(SandboxId id) { taken_.erase(id); }

    // Readings that failed; a cgroup that went away meanwhile is one of them.
    [[nodiscard]] std::uint64_t failures() const { return failures_; }
    // What failed since the last call, each sort of failure once in a daemon's life.
    [[nodiscard]] std::vector<std::string> problems() { return std::exchange(problems_, {}); }

private:
    struct Taken {
        Nanoseconds read_ns = 0;
        std::optional<Nanoseconds> cpu_ns;  // since its cgroup was made; nothing = not read yet
        Nanoseconds limit_read_ns = 0;
        std::optional<double> limit;
    };
    struct Due {
        Nanoseconds read_ns = 0;
        const Sandbox* sandbox = nullptr;  // the model's, which nothing changes meanwhile
    };

    [[nodiscard]] std::vector<Due> due(const Model& model, Nanoseconds now_ns) const;
    [[nodiscard]] std::optional<Event> read_one(const Sandbox& sandbox, Nanoseconds now_ns);
    [[nodiscard]] std::optional<double> limit_of(const std::string& cgroup) const;
    void count_failure(const std::string& file, int code);

    std::string cgroup2_mount_;
    std::optional<std::string> v1_cpu_mount_;
    std::unordered_map<SandboxId, Taken> taken_;
    std::uint64_t failures_ = 0;
    std::set<int> failures_told_;
    std::vector<std::string> problems_;
};

}  // namespace fnshield
