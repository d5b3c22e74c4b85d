// SPDX-License-Identifier: Apache-2.0
//
// function.unexpected_exec (T1059): a program runs while the sandbox is warm that the policy does not list for it.
//
// Signal: an exec after ready whose file the list exec.warm does not name (an empty list: any exec).
// Why it works: most handlers serve from one process; command injection and web shells need an exec.
// False positives: per-request forks of a declared handler (the classic OpenFaaS watchdog) are listed; what runs from
// outside (`runc exec`: probes, `docker exec`, and their children) is the operator's, unless the file may be the
// function's own: in the writable layer, unlinked, a memfd. A script that the image has but that runs such a file by
// its interpreter is the gap that is left. A policy without the list is quiet.
// Memory: none.
#include <array>

#include "daemon/detect/detectors.h"
#include "daemon/detect/exec_match.h"

namespace fnshield::detect {
namespace {

constexpr std::array<std::string_view, 1> kTechniques{"T1059"};
constexpr std::array kKinds{EventKind::exec};

constexpr std::array<std::string_view, 14> kYieldsTo{
    "supply.changed_interpreter", "function.reverse_shell", "function.download_exec",     "function.fileless_exec",
    "function.package_install",   "function.residual_exec", "function.runtime_swap",      "function.shell_spawned",
    "function.undead_process",    "identity.cloud_cli",     "identity.credential_search", "identity.environment_read",
    "model.unsafe_load",          "supply.masquerade"};

constexpr RuleDescriptor kDescriptor{
    .rule = "function.unexpected_exec",
    .category = Category::function,
    .severity = Severity::medium,
    .techniques = kTechniques,
    .short_text = "A warm function ran a program that the policy does not list",
    .long_text =
        "A function that serves ran a program that exec.warm of its policy does not name. Look at its "
        "arguments and at the request that was served then: an injected command looks like this. If the "
        "handler starts programs by design, list them.",
    .kinds = kKinds,
    .yields_to = kYieldsTo,
};

class UnexpectedExec : public Detector {
public:
    [[nodiscard]] const RuleDescriptor& descriptor() const override { return kDescriptor; }

    [[nodiscard]] std::optional<Finding> on_event(const Observation& seen) override
    {
        const auto* exec = seen.event.as<ExecBody>();
        if (!exec || !seen.sandbox || !seen.sandbox->warm() || !seen.policy->exec.warm)
            return std::nullopt;
        if (is_operators_exec(seen, *exec) || lists_exec(*seen.policy->exec.warm, *exec))
            return std::nullopt;
        Finding finding;
        finding.summary =
            exec_text(seen, *exec, " while warm") + "; exec.warm of policy " + seen.policy->name + " does not list it";
        finding.key = exec->path;
        finding.target.file = exec->path;
        return finding;
    }
};

}  // namespace

std::unique_ptr<Detector> make_function_unexpected_exec()
{
    return std::make_unique<UnexpectedExec>();
}

}  // namespace fnshield::detect
