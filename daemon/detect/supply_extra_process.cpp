// SPDX-License-Identifier: Apache-2.0
//
// supply.extra_process (T1543): soon after it is ready, a sandbox has a long-lived program that its function never had.
//
// Signal: ten seconds after ready, a program that has been running for five, whose path none of the function's other
// sandboxes had at that age; five of them at least have to be known. Why it works: sandboxes of one function are alike;
// what starts beside the server in one of them was put there. False positives: what all have (tini, extensions,
// workers) is known by the fifth; a new revision's worker is told three times, and is known then. What comes from
// outside (probes) is not counted. Gets past it: a process under a path that is known, or that starts later; an
// attacker who is in all sandboxes from the first. Off until a policy turns it on: small functions have few sandboxes
// to learn from. What was learnt is not kept across a restart. Memory: BoundedTable of sandboxes (64 processes each)
// and functions (64 paths each).
#include <algorithm>
#include <array>
#include <map>

#include "daemon/detect/bounded_table.h"
#include "daemon/detect/detectors.h"
#include "daemon/detect/exec_match.h"
#include "daemon/detect/same.h"
#include "daemon/detect/wording.h"

namespace fnshield::detect {
namespace {

constexpr Nanoseconds kAfterReady = 10 * kSecond;
constexpr Nanoseconds kLongLived = 5 * kSecond;
constexpr std::uint32_t kOthers = 5;
constexpr std::uint32_t kRollOut = 3;
constexpr std::size_t kProcesses = 64;
constexpr std::size_t kPaths = 64;
constexpr std::size_t kSandboxes = 4096;
constexpr std::size_t kFunctions = 4096;

constexpr std::array<std::string_view, 1> kTechniques{"T1543"};
constexpr std::array kKinds{EventKind::exec, EventKind::exit, EventKind::tick};

constexpr RuleDescriptor kDescriptor{
    .rule = "supply.extra_process",
    .category = Category::supply_chain,
    .severity = Severity::medium,
    .techniques = kTechniques,
    .short_text = "A sandbox has a long-lived program that its function never had",
    .long_text =
        "Beside the server runs a program that other sandboxes of this function did not have at this age. Compare the "
        "revisions: a new worker is told for three sandboxes and then known. If nothing was rolled out, freeze the "
        "sandbox and "
        "look at who started it. The signal is statistical: it needs some sandboxes of the function to compare with.",
    .kinds = kKinds,
};

struct Running {
    std::uint32_t tgid = 0;
    Nanoseconds since_ns = 0;
    std::string exe;
};

struct Box {
    std::vector<Running> running;
    bool judged = false;
};

struct Normal {
    std::uint32_t sandboxes = 0;                // that were looked at
    std::map<std::string, std::uint32_t> with;  // path → in how many of them
};

class ExtraProcess : public Detector {
public:
    [[nodiscard]] const RuleDescriptor& descriptor() const override { return kDescriptor; }

    [[nodiscard]] std::optional<Finding> on_event(const Observation& seen) override
    {
        if (seen.event.kind == EventKind::tick)
            return on_tick(seen);
        if (!seen.sandbox || seen.sandbox->adopted)
            return std::nullopt;
        Box& box = boxes_.get(seen.event.sandbox);
        const std::uint32_t tgid = seen.event.process.tgid;
        std::erase_if(box.running, [tgid](const Running& one) { return one.tgid == tgid; });
        const auto* exec = seen.event.as<ExecBody>();
        if (exec && !box.judged && !is_operators_exec(seen, *exec) && box.running.size() < kProcesses)
            box.running.push_back({.tgid = tgid, .since_ns = seen.event.time_ns, .exe = exec->path});
        return std::nullopt;
    }

    void on_sandbox_gone(SandboxId id) override { boxes_.erase(id); }
    [[nodiscard]] std::vector<TableStats> tables() const override { return {boxes_.stats(), normal_.stats()}; }

private:
    std::optional<Finding> on_tick(const Observation& seen)
    {
        const Nanoseconds now = seen.event.time_ns;
        for (auto& [id, box] : boxes_) {
            const Sandbox* sandbox = box.judged ? nullptr : seen.model.sandbox(id);
            if (!sandbox || !sandbox->ready_ns || now < *sandbox->ready_ns + kAfterReady || sandbox->frozen_ns)
                continue;
            box.judged = true;
            if (auto finding = judge(*sandbox, box, now))
                return finding;
        }
        return std::nullopt;
    }

    std::optional<Finding> judge(const Sandbox& sandbox, Box& box, Nanoseconds now)
    {
        const std::string function = function_of(sandbox);
        if (function.empty())
            return std::nullopt;
        Normal& normal = normal_.get(function);
        std::optional<std::string> extra;
        for (const Running& one : box.running) {
            if (one.since_ns + kLongLived > now || (!normal.with.contains(one.exe) && normal.with.size() >= kPaths))
                continue;
            if (++normal.with[one.exe] <= kRollOut && normal.sandboxes >= kOthers && !extra)
                extra = one.exe;
        }
        ++normal.sandboxes;
        box.running.clear();
        if (!extra)
            return std::nullopt;
        Finding finding;
        finding.summary = sandbox_label(&sandbox, sandbox.id) + " runs " + printable(*extra) +
                          " beside its server; none of " + std::to_string(normal.sandboxes - 1) +
                          " other sandboxes of the function did";
        finding.key = *extra;
        finding.target.file = *extra;
        finding.about = sandbox.id;
        return finding;
    }

    BoundedTable<SandboxId, Box> boxes_{"supply_extra_process_sandboxes", kSandboxes};
    BoundedTable<std::string, Normal> normal_{"supply_extra_process_functions", kFunctions};
};

}  // namespace

std::unique_ptr<Detector> make_supply_extra_process()
{
    return std::make_unique<ExtraProcess>();
}

}  // namespace fnshield::detect
