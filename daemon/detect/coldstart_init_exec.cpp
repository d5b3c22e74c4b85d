// SPDX-License-Identifier: Apache-2.0
//
// coldstart.init_exec (T1059): a program runs before ready that the policy does not list for that phase.
//
// Signal: an exec between the workload's first one and ready whose file the list exec.init does not name.
// Why it works: a start is the same every time: the entry point and the few tools that it calls. A payload in a package
// or a start-up hook (*.pth, sitecustomize) runs now, before anybody looks.
// False positives: the first program itself, the runtime's own stages, and what a probe or operator runs from outside
// are quiet; so is a policy without the list. A file that is in the writable layer, unlinked or a memfd is judged also
// when a probe runs it.
// Memory: none.
#include <array>

#include "daemon/detect/detectors.h"
#include "daemon/detect/exec_match.h"

namespace fnshield::detect {
namespace {

constexpr std::array<std::string_view, 1> kTechniques{"T1059"};
constexpr std::array kKinds{EventKind::exec};

constexpr std::array<std::string_view, 6> kYieldsTo{"supply.changed_interpreter", "function.reverse_shell",
                                                    "coldstart.prewarm_activity", "function.fileless_exec",
                                                    "model.unsafe_load",          "supply.masquerade"};

constexpr RuleDescriptor kDescriptor{
    .rule = "coldstart.init_exec",
    .category = Category::function,
    .severity = Severity::medium,
    .techniques = kTechniques,
    .short_text = "A program ran during a cold start that the policy does not list",
    .long_text =
        "The function ran a program before it was ready that exec.init of its policy does not name. If the "
        "start has changed (a new revision, another base image), list the program. If not, look at the "
        "process tree in the sandbox's timeline: a package or a start-up hook may have brought it.",
    .kinds = kKinds,
    .yields_to = kYieldsTo,
};

class InitExec : public Detector {
public:
    [[nodiscard]] const RuleDescriptor& descriptor() const override { return kDescriptor; }

    [[nodiscard]] std::optional<Finding> on_event(const Observation& seen) override
    {
        const auto* exec = seen.event.as<ExecBody>();
        if (!exec || !seen.sandbox || seen.sandbox->warm() || !seen.policy->exec.init)
            return std::nullopt;
        if (exec->has(FNS_EXEC_FIRST) || is_operators_exec(seen, *exec) || lists_exec(*seen.policy->exec.init, *exec))
            return std::nullopt;
        Finding finding;
        finding.summary = exec_text(seen, *exec, " before it was ready") + "; exec.init of policy " +
                          seen.policy->name + " does not list it";
        finding.key = exec->path;
        finding.target.file = exec->path;
        return finding;
    }
};

}  // namespace

std::unique_ptr<Detector> make_coldstart_init_exec()
{
    return std::make_unique<InitExec>();
}

}  // namespace fnshield::detect
