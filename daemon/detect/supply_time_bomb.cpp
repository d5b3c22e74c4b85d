// SPDX-License-Identifier: Apache-2.0
//
// supply.time_bomb (T1497.003): long after it was ready, a sandbox does for the first time what its function never did.
//
// Signal: an hour or more after ready, an exec of a program, or a contact with an address, that no sandbox of the
// function had, where three at least are known. Why it works: code that waits until nobody looks has to act at last,
// and then does something new. False positives: branches that run once a day; what the exec and egress lists of the
// policy name; loopback, resolvers, what comes from outside. Weak: new is not bad; so it is off until a policy turns it
// on, and told once for each program or address of a function. Gets past it: acting within the first hour, or in all
// sandboxes from the first. What was learnt is not kept across a restart. Memory: BoundedTable of functions, 256 hashes
// each.
#include <algorithm>
#include <array>
#include <functional>

#include "daemon/detect/bounded_table.h"
#include "daemon/detect/detectors.h"
#include "daemon/detect/egress_match.h"
#include "daemon/detect/exec_match.h"
#include "daemon/detect/same.h"
#include "daemon/detect/wording.h"

namespace fnshield::detect {
namespace {

constexpr Nanoseconds kLong = 3600 * kSecond;
constexpr std::size_t kOthers = 3;
constexpr std::size_t kKept = 256;
constexpr std::size_t kFunctions = 4096;

constexpr std::array<std::string_view, 1> kTechniques{"T1497.003"};
constexpr std::array kKinds{EventKind::exec, EventKind::connect, EventKind::send};

constexpr RuleDescriptor kDescriptor{
    .rule = "supply.time_bomb",
    .category = Category::supply_chain,
    .severity = Severity::medium,
    .techniques = kTechniques,
    .short_text = "Long after it was ready a function did something that it never did",
    .long_text =
        "A program or an address that none of this function's sandboxes ever used, more than an hour after the start. "
        "By "
        "itself this is weak: jobs that run once a day look the same. See what it was and what led to it; what belongs "
        "there is listed in exec.warm or egress.warm of the policy.",
    .kinds = kKinds,
};

struct Normal {
    std::vector<std::size_t> known;    // hashes, the oldest first
    std::vector<SandboxId> sandboxes;  // that taught it; no more than needed
};

class TimeBomb : public Detector {
public:
    [[nodiscard]] const RuleDescriptor& descriptor() const override { return kDescriptor; }

    [[nodiscard]] std::optional<Finding> on_event(const Observation& seen) override
    {
        if (!seen.sandbox || !seen.sandbox->warm() || seen.sandbox->adopted || seen.sandbox->name.function.empty() ||
            seen.by_runtime() || (seen.process && seen.process->from_outside))
            return std::nullopt;
        const std::string what = what_is_done(seen);
        if (what.empty())
            return std::nullopt;
        Normal& normal = normal_.get(function_of(*seen.sandbox));
        const std::size_t hash = std::hash<std::string>{}(what);
        const bool known = std::ranges::find(normal.known, hash) != normal.known.end();
        const bool late = seen.event.time_ns > *seen.sandbox->ready_ns + kLong;
        if (!known) {
            if (normal.known.size() >= kKept)
                normal.known.erase(normal.known.begin());
            normal.known.push_back(hash);
        }
        if (!late && normal.sandboxes.size() < kOthers &&
            std::ranges::find(normal.sandboxes, seen.event.sandbox) == normal.sandboxes.end())
            normal.sandboxes.push_back(seen.event.sandbox);
        if (known || !late || normal.sandboxes.size() < kOthers)
            return std::nullopt;
        Finding finding;
        finding.summary = actor_label(seen) + " " + what + " for the first time, " +
                          seconds_text(seen.event.time_ns - *seen.sandbox->ready_ns) + " after it was ready (" +
                          program_of(seen) + ")";
        finding.key = what;
        return finding;
    }

    [[nodiscard]] std::vector<TableStats> tables() const override { return {normal_.stats()}; }

private:
    // Empty for what the policy names, or is nobody's business.
    static std::string what_is_done(const Observation& seen)
    {
        if (const auto* exec = seen.event.as<ExecBody>()) {
            const auto& listed = seen.policy->exec.warm;
            if (is_operators_exec(seen, *exec) || (listed && lists_exec(*listed, *exec)))
                return {};
            return "ran " + printable(exec->path);
        }
        const auto* socket = seen.event.as<SocketBody>();
        if (!socket || stays_inside(*socket) || is_declared_resolver(*seen.policy, socket->remote))
            return {};
        const auto& listed = seen.policy->egress.warm;
        if (listed && !is_unlisted(*seen.policy, *listed, *socket))
            return {};
        return "contacted " + socket->remote.address_text();
    }

    BoundedTable<std::string, Normal> normal_{"supply_time_bomb_functions", kFunctions};
};

}  // namespace

std::unique_ptr<Detector> make_supply_time_bomb()
{
    return std::make_unique<TimeBomb>();
}

}  // namespace fnshield::detect
