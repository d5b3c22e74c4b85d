// SPDX-License-Identifier: Apache-2.0
//
// coldstart.slow (T1499): a sandbox takes too long from its workload's first exec until it is ready.
//
// Signal: the time exceeds cold_start.budget; without a budget, kTimes × the p99 of the function's own starts (and at
// least kMargin more), once kEnoughStarts of them are known. Told when the sandbox becomes ready, or on a tick while it
// still is not, and once for each sandbox. Why it works: a start is the same work every time; a starved node, an
// exhausted dependency or extra work shows. False positives: time frozen does not count (pools freeze what they have
// prepared). Slow starts are not learnt, so that an attack does not teach its own pace; but kNewNormal of them in a row
// are a new revision: learnt anew. Sandboxes that ran before the daemon did have no known start: quiet. Memory:
// kFunctions functions × kStarts durations of 4 bytes, and one entry for each of at most kStarting sandboxes.
#include <algorithm>
#include <array>

#include "daemon/detect/bounded_table.h"
#include "daemon/detect/detectors.h"
#include "daemon/detect/learnt_durations.h"
#include "daemon/detect/wording.h"

namespace fnshield::detect {
namespace {

constexpr std::array<std::string_view, 1> kTechniques{"T1499"};
constexpr std::array kKinds{EventKind::sandbox_started, EventKind::sandbox_ready, EventKind::sandbox_frozen,
                            EventKind::sandbox_thawed, EventKind::tick};

constexpr RuleDescriptor kDescriptor{
    .rule = "coldstart.slow",
    .category = Category::function,
    .severity = Severity::medium,
    .techniques = kTechniques,
    .short_text = "A cold start took longer than its budget, or much longer than this function's starts do",
    .long_text =
        "Requests wait while a sandbox starts. Compare the phases of this start with the function's others "
        "(fnshield sandboxes): a long init is the function's own code or what it fetches; if other functions "
        "are slow too, the node is short of CPU, memory or disk, perhaps because of a storm of starts. If the "
        "function simply needs longer, raise cold_start.budget in its policy.",
    .kinds = kKinds,
};

constexpr std::size_t kStarting = 4096;
constexpr std::size_t kFunctions = 1024;
constexpr std::size_t kStarts = 128;
constexpr std::size_t kEnoughStarts = 20;
constexpr std::uint32_t kNewNormal = 5;
constexpr Nanoseconds kTimes = 3;
constexpr Nanoseconds kMargin = 500 * kMillisecond;

// The starts of one function.
using History = LearntDurations<kStarts, kEnoughStarts, kNewNormal>;

struct Start {
    Nanoseconds started_ns = 0;
    Nanoseconds frozen_ns = 0;  // in all, until the last thaw
    std::optional<Nanoseconds> frozen_since;
    bool reported = false;

    [[nodiscard]] Nanoseconds took(Nanoseconds now_ns) const
    {
        const Nanoseconds idle = frozen_ns + (frozen_since ? now_ns - std::min(now_ns, *frozen_since) : 0);
        return now_ns - std::min(now_ns, started_ns + idle);
    }
};

std::string function_key(const Sandbox& sandbox)
{
    const SandboxName& name = sandbox.name;
    return name.function.empty() ? std::string{} : name.platform + "/" + name.tenant + "/" + name.function;
}

class Slow : public Detector {
public:
    [[nodiscard]] const RuleDescriptor& descriptor() const override { return kDescriptor; }

    [[nodiscard]] std::optional<Finding> on_event(const Observation& seen) override
    {
        const Nanoseconds now_ns = seen.event.time_ns;
        if (seen.event.kind == EventKind::tick)
            return on_tick(seen);
        if (seen.event.kind == EventKind::sandbox_started) {
            if (seen.sandbox && !seen.sandbox->warm())
                starting_.get(seen.event.sandbox) = {.started_ns = now_ns};
            return std::nullopt;
        }
        Start* start = starting_.find(seen.event.sandbox);
        if (!start)
            return std::nullopt;
        if (seen.event.kind == EventKind::sandbox_frozen) {
            start->frozen_since = now_ns;
        } else if (seen.event.kind == EventKind::sandbox_thawed && start->frozen_since) {
            start->frozen_ns += now_ns - std::min(now_ns, *start->frozen_since);
            start->frozen_since.reset();
        } else if (seen.event.kind == EventKind::sandbox_ready && seen.sandbox) {
            return on_ready(seen, *start);
        }
        return std::nullopt;
    }

    void on_sandbox_gone(SandboxId id) override { starting_.erase(id); }
    [[nodiscard]] std::vector<TableStats> tables() const override { return {starting_.stats(), functions_.stats()}; }

private:
    struct Limit {
        Nanoseconds ns = 0;
        std::string text;
    };

    std::optional<Limit> limit_of(const Sandbox& sandbox)
    {
        if (const auto budget = sandbox.policy->cold_start.budget_ns)
            return Limit{*budget, "its budget is " + seconds_text(*budget) + " (policy " + sandbox.policy->name + ")"};
        const History* history = functions_.find(function_key(sandbox));
        const auto p99 = history ? history->p99() : std::nullopt;
        if (!p99)
            return std::nullopt;
        return Limit{std::max(kTimes * *p99, *p99 + kMargin),
                     "99 of 100 of its starts take less than " + seconds_text(*p99)};
    }

    // The sandbox that has been starting for longest of those that are late and not told yet.
    std::optional<Finding> on_tick(const Observation& seen)
    {
        for (auto& [id, start] : starting_) {
            const Sandbox* sandbox = start.reported || start.frozen_since ? nullptr : seen.model.sandbox(id);
            const auto limit = sandbox && !sandbox->warm() ? limit_of(*sandbox) : std::nullopt;
            const Nanoseconds took = start.took(seen.event.time_ns);
            if (!limit || took <= limit->ns)
                continue;
            start.reported = true;
            Finding finding{.summary = sandbox_label(sandbox, id) + " is still not ready after " + seconds_text(took) +
                                       "; " + limit->text,
                            .key = "slow"};
            finding.about = id;
            return finding;
        }
        return std::nullopt;
    }

    std::optional<Finding> on_ready(const Observation& seen, const Start& start)
    {
        const Nanoseconds took = start.took(seen.event.time_ns);
        const bool reported = start.reported;
        starting_.erase(seen.event.sandbox);
        const auto limit = limit_of(*seen.sandbox);
        const bool slow = limit && took > limit->ns;
        if (const std::string key = function_key(*seen.sandbox); !key.empty())
            functions_.get(key).learn(took, slow);
        if (!slow || reported)
            return std::nullopt;
        return Finding{
            .summary = actor_label(seen) + " took " + seconds_text(took) + " to become ready; " + limit->text,
            .key = "slow"};
    }

    BoundedTable<SandboxId, Start> starting_{"coldstart_slow_starting", kStarting};
    BoundedTable<std::string, History> functions_{"coldstart_slow_functions", kFunctions};
};

}  // namespace

std::unique_ptr<Detector> make_coldstart_slow()
{
    return std::make_unique<Slow>();
}

}  // namespace fnshield::detect
