// SPDX-License-Identifier: Apache-2.0
//
// model.sponge (T1499.003): requests that cost a function far more CPU time than its requests ever did.
//
// Signal: over half a minute or more, CPU time for each connection that was accepted beyond five times the p99 of what
// the function's own windows had, and a second more; twenty windows at least are known. Why it works: an input that is
// made to be expensive (a regular expression that backtracks, an image that unpacks to gigabytes, a prompt without end)
// takes CPU and no connections. Weak: one such request among many disappears in their mean; a connection that is kept
// open carries many requests and counts as one; a new revision may simply cost more. So it is off until a policy turns
// it on; twenty windows in a row that are dearer become what is normal. Quiet: until the CPU rests after the first
// request of a sandbox, which pays for what was not loaded yet. Gets past it: patience, many cheap requests beside it.
// Memory: BoundedTable of sandboxes, and of functions with 256 windows each.
#include <array>

#include "daemon/detect/bounded_table.h"
#include "daemon/detect/detectors.h"
#include "daemon/detect/learnt_durations.h"
#include "daemon/detect/same.h"
#include "daemon/detect/wording.h"

namespace fnshield::detect {
namespace {

constexpr Nanoseconds kWindow = 30 * kSecond;
constexpr Nanoseconds kLongest = 300 * kSecond;
constexpr Nanoseconds kMore = kSecond;
constexpr Nanoseconds kTimes = 5;
constexpr std::size_t kLearnt = 20;
constexpr std::uint32_t kNewNormal = 20;
constexpr std::size_t kKept = 256;
constexpr std::size_t kSandboxes = 16384;
constexpr std::size_t kFunctions = 2048;

constexpr std::array<std::string_view, 1> kTechniques{"T1499.003"};
constexpr std::array kKinds{EventKind::usage};

constexpr RuleDescriptor kDescriptor{
    .rule = "model.sponge",
    .category = Category::model,
    .severity = Severity::medium,
    .techniques = kTechniques,
    .short_text = "Requests cost a function far more CPU time than its requests ever did",
    .long_text =
        "The CPU time that this sandbox took, divided by the connections that it accepted, is far beyond what the "
        "function's sandboxes had. That may be input that is made to be expensive, or a larger job, or a new revision. "
        "The signal is weak: the kernel sees connections and not requests, it sees a mean and not the one request, and "
        "keep-alive hides how many there were. Look at the function's own log for what was asked, and give requests a "
        "limit of size and time.",
    .kinds = kKinds,
};

struct Window {
    bool begun = false;
    Nanoseconds began_ns = 0;
    Nanoseconds cpu_ns = 0;
    std::uint64_t invocation_before = 0;
    bool told = false;
};

// CPU time a request of one function, a window each.
using Normal = LearntDurations<kKept, kLearnt, kNewNormal>;

// A twentieth of one CPU, or less: no request is being served.
bool is_resting(const UsageBody& usage)
{
    return usage.cpu_ns * 20 <= usage.period_ns;
}

class Sponge : public Detector {
public:
    [[nodiscard]] const RuleDescriptor& descriptor() const override { return kDescriptor; }

    [[nodiscard]] std::optional<Finding> on_event(const Observation& seen) override
    {
        const auto* usage = seen.event.as<UsageBody>();
        if (!usage || !seen.sandbox || !seen.sandbox->warm() || seen.sandbox->name.function.empty() ||
            seen.sandbox->invocation == 0)
            return std::nullopt;
        const Nanoseconds now = seen.event.time_ns;
        Window& window = windows_.get(seen.event.sandbox);
        if (!window.begun) {
            if (is_resting(*usage))
                begin(window, *seen.sandbox, now);
            return std::nullopt;
        }
        window.cpu_ns += usage->cpu_ns;
        const std::uint64_t requests = seen.sandbox->invocation - window.invocation_before;
        if (requests == 0) {  // what it does for itself is no request's cost
            if (is_resting(*usage) || now >= window.began_ns + kLongest)
                begin(window, *seen.sandbox, now);
            return std::nullopt;
        }
        if (now < window.began_ns + kWindow)
            return std::nullopt;
        return judge(seen, *usage, window, requests);
    }

    void on_sandbox_gone(SandboxId id) override { windows_.erase(id); }
    [[nodiscard]] std::vector<TableStats> tables() const override { return {windows_.stats(), normal_.stats()}; }

private:
    static void begin(Window& window, const Sandbox& sandbox, Nanoseconds now)
    {
        window = {.begun = true, .began_ns = now, .invocation_before = sandbox.invocation, .told = window.told};
    }

    // A window that costs too much is told as soon as that is certain; it is over when the CPU rests, so that no
    // request is counted by half.
    std::optional<Finding> judge(const Observation& seen, const UsageBody& usage, Window& window,
                                 std::uint64_t requests)
    {
        Normal& normal = normal_.get(function_of(*seen.sandbox));
        const Nanoseconds cost = window.cpu_ns / requests;
        const auto p99 = cost > kMore ? normal.p99() : std::nullopt;
        const bool dear = p99 && cost > kTimes * *p99 + kMore;
        const Window whole = window;
        if (is_resting(usage) || seen.event.time_ns >= window.began_ns + kLongest) {
            begin(window, *seen.sandbox, seen.event.time_ns);
            normal.learn(cost, dear);
            window.told = window.told && dear;
        }
        if (!dear || whole.told)
            return std::nullopt;
        window.told = true;
        Finding finding;
        finding.summary = sandbox_label(seen.sandbox, seen.event.sandbox) + " took " + seconds_text(cost) +
                          " of CPU time for each of " + std::to_string(requests) + " connections within " +
                          seconds_text(seen.event.time_ns - whole.began_ns) + "; the p99 of its function is " +
                          seconds_text(*p99);
        finding.key = "sponge";
        return finding;
    }

    BoundedTable<SandboxId, Window> windows_{"model_sponge_sandboxes", kSandboxes};
    BoundedTable<std::string, Normal> normal_{"model_sponge_functions", kFunctions};
};

}  // namespace

std::unique_ptr<Detector> make_model_sponge()
{
    return std::make_unique<Sponge>();
}

}  // namespace fnshield::detect
