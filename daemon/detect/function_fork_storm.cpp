// SPDX-License-Identifier: Apache-2.0
//
// function.fork_storm (T1499): a sandbox forks far faster than it ever did.
//
// Signal: 300 processes or more begun within five seconds, and at least ten times as many as in the busiest five
// seconds that the sandbox had before. Why it works: a fork bomb takes the node's process table and scheduler from
// everybody; the kernel tells every new process. False positives: threads are no processes; workers for each CPU come
// in tens; a classic watchdog that forks for each request grows with its requests: what it did before raises the bar,
// and 300 in five seconds is beyond it. What comes from outside is the operator's. Gets past it: a storm that grows
// slowly, each five seconds less than ten times the last; the pids limit of the sandbox is the answer to that. Memory:
// BoundedTable of sandboxes.
#include <array>

#include "daemon/detect/bounded_table.h"
#include "daemon/detect/detectors.h"
#include "daemon/detect/wording.h"

namespace fnshield::detect {
namespace {

constexpr Nanoseconds kWindow = 5 * kSecond;
constexpr std::uint64_t kMany = 300;
constexpr std::uint64_t kTimes = 10;
constexpr std::size_t kSandboxes = 16384;

constexpr std::array<std::string_view, 1> kTechniques{"T1499"};
constexpr std::array kKinds{EventKind::fork};

constexpr RuleDescriptor kDescriptor{
    .rule = "function.fork_storm",
    .category = Category::function,
    .severity = Severity::high,
    .techniques = kTechniques,
    .short_text = "A sandbox started processes far faster than ever before",
    .long_text =
        "A fork bomb, or a handler that lost control: the node's scheduler and process table suffer for all. Freeze or "
        "end "
        "the sandbox, give its function a pids limit, and look at the request that began it.",
    .kinds = kKinds,
};

struct Rate {
    Nanoseconds began_ns = 0;   // of the window at hand
    std::uint64_t forks = 0;    // in it
    std::uint64_t busiest = 0;  // of the windows before
    bool told = false;          // of this window
};

class ForkStorm : public Detector {
public:
    [[nodiscard]] const RuleDescriptor& descriptor() const override { return kDescriptor; }

    [[nodiscard]] std::optional<Finding> on_event(const Observation& seen) override
    {
        if (seen.event.sandbox == kHost || seen.by_runtime() || (seen.process && seen.process->from_outside))
            return std::nullopt;
        Rate& rate = rates_.get(seen.event.sandbox);
        if (seen.event.time_ns >= rate.began_ns + kWindow) {
            // What was a storm does not become what is normal.
            if (!rate.told)
                rate.busiest = std::max(rate.busiest, rate.forks);
            rate = {.began_ns = seen.event.time_ns, .busiest = rate.busiest};
        }
        rate.forks += 1ULL + seen.event.repeats;
        if (rate.told || rate.forks < std::max(kMany, rate.busiest * kTimes))
            return std::nullopt;
        rate.told = true;
        Finding finding;
        finding.summary = actor_label(seen) + " started " + std::to_string(rate.forks) + " processes within " +
                          seconds_text(seen.event.time_ns - rate.began_ns) + " (" + program_of(seen) +
                          "); its most in 5 s was " + std::to_string(rate.busiest);
        return finding;
    }

    void on_sandbox_gone(SandboxId id) override { rates_.erase(id); }
    [[nodiscard]] std::vector<TableStats> tables() const override { return {rates_.stats()}; }

private:
    BoundedTable<SandboxId, Rate> rates_{"function_fork_storm_sandboxes", kSandboxes};
};

}  // namespace

std::unique_ptr<Detector> make_function_fork_storm()
{
    return std::make_unique<ForkStorm>();
}

}  // namespace fnshield::detect
