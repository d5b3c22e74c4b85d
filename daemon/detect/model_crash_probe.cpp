// SPDX-License-Identifier: Apache-2.0
//
// model.crash_probe (T1499.004): the processes of a function crash again and again.
//
// Signal: five processes of one function, in one sandbox or in many, that ended within ten minutes by SIGSEGV, SIGBUS,
// SIGILL, SIGFPE, SIGABRT, SIGTRAP or SIGSYS. Why it works: who looks for a hole in a native library (a decoder, a
// tensor operator) crashes it many times before he gets it right; handlers in production do not. False positives: being
// killed for memory, SIGKILL and SIGTERM of a scale-down, SIGPIPE and failing exit codes are no crashes; four of them
// are few. A broken release crashes as well, and is worth a look too. Gets past it: fewer in ten minutes, and crashes
// that a language turns into an exception. Memory: BoundedTable of functions.
#include <algorithm>
#include <array>
#include <csignal>

#include "daemon/detect/bounded_table.h"
#include "daemon/detect/detectors.h"
#include "daemon/detect/same.h"
#include "daemon/detect/wording.h"

namespace fnshield::detect {
namespace {

constexpr Nanoseconds kWindow = 600 * kSecond;
constexpr std::size_t kMany = 5;
constexpr std::size_t kFunctions = 4096;

constexpr std::array<std::string_view, 1> kTechniques{"T1499.004"};
constexpr std::array kKinds{EventKind::exit};

constexpr RuleDescriptor kDescriptor{
    .rule = "model.crash_probe",
    .category = Category::model,
    .severity = Severity::medium,
    .techniques = kTechniques,
    .short_text = "Processes of a function crashed again and again",
    .long_text =
        "Five crashes of one function within ten minutes. Either a release is broken, or somebody feeds it inputs to "
        "find a "
        "hole in native code (decoders and tensor operators are the usual place). Look at the requests before each "
        "crash, and keep a core file of one.",
    .kinds = kKinds,
};

constexpr auto kCrashes = std::to_array<std::int32_t>({SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP, SIGSYS});

// Sandboxes of one function count together: a crash often ends its sandbox.
std::string owner_of(const Sandbox& sandbox)
{
    const std::string function = function_of(sandbox);
    return function.empty() ? sandbox.cgroup : function;
}

class CrashProbe : public Detector {
public:
    [[nodiscard]] const RuleDescriptor& descriptor() const override { return kDescriptor; }

    [[nodiscard]] std::optional<Finding> on_event(const Observation& seen) override
    {
        const auto* exit = seen.event.as<ExitBody>();
        if (!exit || !seen.sandbox || exit->oom_killed || std::ranges::find(kCrashes, exit->signal) == kCrashes.end())
            return std::nullopt;
        if (seen.by_runtime() || (seen.process && seen.process->from_outside))
            return std::nullopt;
        const Nanoseconds now = seen.event.time_ns;
        std::vector<Nanoseconds>& times = crashes_.get(owner_of(*seen.sandbox));
        std::erase_if(times, [now](Nanoseconds then) { return then + kWindow < now; });
        times.push_back(now);
        if (times.size() < kMany)
            return std::nullopt;
        const Nanoseconds since = times.front();
        times.clear();
        Finding finding;
        finding.summary = actor_label(seen) + ": " + std::to_string(kMany) + " crashes of its function within " +
                          seconds_text(now - since) + ", the last of " + program_of(seen) + " by signal " +
                          std::to_string(exit->signal);
        return finding;
    }

    [[nodiscard]] std::vector<TableStats> tables() const override { return {crashes_.stats()}; }

private:
    BoundedTable<std::string, std::vector<Nanoseconds>> crashes_{"model_crash_probe_functions", kFunctions};
};

}  // namespace

std::unique_ptr<Detector> make_model_crash_probe()
{
    return std::make_unique<CrashProbe>();
}

}  // namespace fnshield::detect
