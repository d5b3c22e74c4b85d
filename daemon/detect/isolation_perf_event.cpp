// SPDX-License-Identifier: Apache-2.0
//
// isolation.perf_event (T1068): a function opens a performance counter on somebody else, or on the whole system.
//
// Signal: perf_event_open that asked the kernel for CAP_PERFMON, refused or not, and that names another process than
// itself, or all (pid −1). Why it works: counters and their samples tell what others compute, and the call has a long
// list of holes. False positives: profilers of one's own process (pid 0, or its own) are quiet, also where the kernel
// asks for the capability because they want kernel samples. On a kernel without cap_capable (before 6.14) the fallback
// sees each call, whether it asks or not. Gets past it: counters on another process of its own user, where that needs
// no capability. Memory: none.
#include <array>

#include "daemon/detect/detectors.h"
#include "daemon/detect/privilege.h"

namespace fnshield::detect {
namespace {

constexpr std::array<std::string_view, 1> kTechniques{"T1068"};
constexpr std::array kKinds{EventKind::perf_event};

constexpr RuleDescriptor kDescriptor{
    .rule = "isolation.perf_event",
    .category = Category::infrastructure,
    .severity = Severity::high,
    .techniques = kTechniques,
    .short_text = "A function opened, or tried to open, a performance counter on others",
    .long_text =
        "Performance counters on other processes or the whole system leak what neighbours compute, and the call has "
        "been "
        "a way into the kernel before. Set kernel.perf_event_paranoid to 2 or more, take CAP_PERFMON and CAP_SYS_ADMIN "
        "away, and look at what the process did next.",
    .kinds = kKinds,
};

class PerfEvent : public Detector {
public:
    [[nodiscard]] const RuleDescriptor& descriptor() const override { return kDescriptor; }

    [[nodiscard]] std::optional<Finding> on_event(const Observation& seen) override
    {
        const PrivilegeBody* act = functions_act(seen);
        if (!act || act->argument == 0 || act->argument == seen.event.process.tgid)
            return std::nullopt;
        Finding finding = make_privilege_finding(seen, *act);
        const bool all = static_cast<std::int64_t>(act->argument) == -1;
        finding.summary +=
            all ? ", on all processes" : ", on process " + std::to_string(act->argument) + " as it is called there";
        return finding;
    }
};

}  // namespace

std::unique_ptr<Detector> make_isolation_perf_event()
{
    return std::make_unique<PerfEvent>();
}

}  // namespace fnshield::detect
