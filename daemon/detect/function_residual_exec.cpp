// SPDX-License-Identifier: Apache-2.0
//
// function.residual_exec (T1105): a program that one invocation left behind runs in a later one.
//
// Signal: an exec while warm, by the function itself, of a file whose status changed (ctime, which no program can set)
// after the sandbox was ready and before the invocation at hand began. Why it works: a warm sandbox keeps its files
// from one caller to the next; what comes with the image or was unpacked in init is older, and what a request makes for
// itself is younger. False positives: tools unpacked before ready; what exec.warm of the policy lists; what comes from
// outside; a folder that the host shares and renews. Gets past it: two requests within 10 ms, which
// the kernel side counts as one; a script that is given to an interpreter as an
// argument (its own file is not what is executed); the same invocation, which function.download_exec looks at.
// Memory: none.
#include <array>

#include "daemon/detect/detectors.h"
#include "daemon/detect/exec_match.h"
#include "daemon/detect/tool.h"
#include "daemon/detect/wording.h"

namespace fnshield::detect {
namespace {

constexpr Nanoseconds kFileClock = 10 * kMillisecond;  // files get the time of the kernel's last tick

constexpr std::array<std::string_view, 1> kTechniques{"T1105"};
constexpr std::array kKinds{EventKind::exec};
constexpr std::array<std::string_view, 2> kYieldsTo{"supply.changed_interpreter", "function.download_exec"};

constexpr RuleDescriptor kDescriptor{
    .rule = "function.residual_exec",
    .category = Category::function,
    .severity = Severity::high,
    .techniques = kTechniques,
    .short_text = "A file that an earlier invocation wrote was run in a later one",
    .long_text =
        "Somebody used one request to leave a program behind and another one to run it: the sandbox carries a foothold "
        "from caller to caller. Freeze it, save the file, and look at the requests of both times. End all warm "
        "sandboxes of the function if it may be in them too.",
    .kinds = kKinds,
    .yields_to = kYieldsTo,
};

class ResidualExec : public Detector {
public:
    [[nodiscard]] const RuleDescriptor& descriptor() const override { return kDescriptor; }

    [[nodiscard]] std::optional<Finding> on_event(const Observation& seen) override
    {
        const ExecBody* exec = undeclared_warm_exec(seen);
        if (!exec || !seen.sandbox->request_ns || exec->has(FNS_EXEC_MEMFD))
            return std::nullopt;
        const Nanoseconds changed = seen.event.boot_time_of(exec->file_ctime_ns);
        const Nanoseconds request = *seen.sandbox->request_ns;
        if (changed <= *seen.sandbox->ready_ns || changed + kFileClock >= request)
            return std::nullopt;
        Finding finding;
        finding.summary =
            exec_text(seen, *exec,
                      ", which an earlier invocation wrote " + seconds_text(seen.event.time_ns - changed) + " before");
        finding.key = exec->path;
        finding.target.file = exec->path;
        return finding;
    }
};

}  // namespace

std::unique_ptr<Detector> make_function_residual_exec()
{
    return std::make_unique<ResidualExec>();
}

}  // namespace fnshield::detect
