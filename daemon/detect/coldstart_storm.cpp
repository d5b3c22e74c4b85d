// SPDX-License-Identifier: Apache-2.0
//
// coldstart.storm (T1499, T1496): sandboxes of one function are created faster than cold_start.storm of its policy.
//
// Signal: `count` of them within `window`, by the times at which the kernel made their cgroups; told once a window.
// Why it works: a flood of requests that each need a sandbox, or a sandbox that dies and is made again without end,
// costs the node far more than the requests themselves. False positives: scale from zero and a roll-out stay below the
// count; a node's boot makes sandboxes of many functions, and those that ran before the daemon did are not counted.
// Sandboxes whose function is not known when they are created are counted when they start (names come from the
// runtime's files); those that stay nameless are counted together by the cgroup above them. Memory: kFunctions
// functions × at most kTimes times; kUnnamed sandboxes that wait for their name. A count above kTimes is judged by its
// rate: kTimes within the same part of the window.
#include <algorithm>
#include <array>
#include <deque>

#include "daemon/detect/bounded_table.h"
#include "daemon/detect/detectors.h"
#include "daemon/detect/wording.h"

namespace fnshield::detect {
namespace {

constexpr std::array<std::string_view, 2> kTechniques{"T1499", "T1496"};
constexpr std::array kKinds{EventKind::sandbox_created, EventKind::sandbox_started};

constexpr RuleDescriptor kDescriptor{
    .rule = "coldstart.storm",
    .category = Category::function,
    .severity = Severity::high,
    .techniques = kTechniques,
    .short_text = "Sandboxes of one function are created faster than the policy expects",
    .long_text =
        "Many sandboxes of one function appear at once. Either requests come faster than warm sandboxes can "
        "take them (look at the gateway: who sends them?), or the sandboxes die early and are made again "
        "(look at their exits). Limit the function's concurrency until it is clear. If it scales like this "
        "by design, raise cold_start.storm in its policy.",
    .kinds = kKinds,
};

constexpr std::size_t kFunctions = 1024;
constexpr std::size_t kUnnamed = 4096;
constexpr std::size_t kTimes = 1024;

struct Creations {
    std::deque<Nanoseconds> times;  // the last ones, oldest first
    Nanoseconds quiet_until_ns = 0;
};

// The function, or the cgroup above for what has no name.
std::string group_of(const Sandbox& sandbox)
{
    const SandboxName& name = sandbox.name;
    if (!name.function.empty())
        return name.tenant.empty() ? name.function : name.tenant + "/" + name.function;
    return sandbox.cgroup.substr(0, sandbox.cgroup.rfind('/'));
}

class Storm : public Detector {
public:
    [[nodiscard]] const RuleDescriptor& descriptor() const override { return kDescriptor; }

    [[nodiscard]] std::optional<Finding> on_event(const Observation& seen) override
    {
        if (!seen.sandbox || seen.sandbox->adopted)
            return std::nullopt;
        if (seen.event.kind == EventKind::sandbox_created) {
            if (!seen.sandbox->name.function.empty())
                return count(seen, seen.event.time_ns);
            unnamed_.get(seen.event.sandbox) = seen.event.time_ns;
            return std::nullopt;
        }
        const Nanoseconds* waiting = unnamed_.find(seen.event.sandbox);
        if (!waiting)
            return std::nullopt;
        const Nanoseconds created_ns = *waiting;
        unnamed_.erase(seen.event.sandbox);
        return count(seen, created_ns);
    }

    void on_sandbox_gone(SandboxId id) override { unnamed_.erase(id); }
    [[nodiscard]] std::vector<TableStats> tables() const override { return {functions_.stats(), unnamed_.stats()}; }

private:
    std::optional<Finding> count(const Observation& seen, Nanoseconds created_ns)
    {
        const auto& policy = seen.policy->cold_start;
        if (policy.storm_count == 0)
            return std::nullopt;
        const std::size_t enough = std::min<std::size_t>(policy.storm_count, kTimes);
        const Nanoseconds window_ns = policy.storm_window_ns / policy.storm_count * enough;

        Creations& seen_before = functions_.get(seen.sandbox->name.platform + " " + group_of(*seen.sandbox));
        auto& times = seen_before.times;
        times.insert(std::ranges::upper_bound(times, created_ns), created_ns);  // a late name makes a late time
        while (times.size() > enough)
            times.pop_front();
        if (times.size() < enough || times.back() - times.front() > window_ns ||
            created_ns < seen_before.quiet_until_ns)
            return std::nullopt;
        seen_before.quiet_until_ns = created_ns + policy.storm_window_ns;

        const std::string group = printable(group_of(*seen.sandbox));
        Finding finding{.summary = std::to_string(enough) + " sandboxes of " + group + " were created within " +
                                   seconds_text(times.back() - times.front()) + " (policy " + seen.policy->name +
                                   ": storm at " + std::to_string(policy.storm_count) + " in " +
                                   seconds_text(policy.storm_window_ns) + ")",
                        .key = group};
        finding.target.name = group;
        return finding;
    }

    BoundedTable<std::string, Creations> functions_{"coldstart_storm_functions", kFunctions};
    BoundedTable<SandboxId, Nanoseconds> unnamed_{"coldstart_storm_unnamed", kUnnamed};
};

}  // namespace

std::unique_ptr<Detector> make_coldstart_storm()
{
    return std::make_unique<Storm>();
}

}  // namespace fnshield::detect
