// SPDX-License-Identifier: Apache-2.0
//
// identity.environment_read (T1552): the environment of a function, where its secrets often are, is read out.
//
// Signal: an exec while warm of printenv, or of env without a program to run, by the function itself; or
// /proc/PID/environ of another process of the same sandbox. Why it works: a program reads its own environment without
// asking anybody, so one that is started to print it does it for somebody else. False positives: `env PROGRAM` and
// `#!/usr/bin/env` launch; before ready (entry scripts print it); what exec.warm of the policy lists; what comes from
// outside; a process's own environ. Another sandbox's environ is for isolation.proc_peek. Gets past it: a shell's
// builtins (`set`, `export -p`), and code in the serving process, which has the environment already. Memory: none.
#include <array>

#include "daemon/detect/detectors.h"
#include "daemon/detect/reach.h"
#include "daemon/detect/tool.h"
#include "daemon/detect/wording.h"

namespace fnshield::detect {
namespace {

constexpr std::array<std::string_view, 1> kTechniques{"T1552"};
constexpr std::array kKinds{EventKind::exec, EventKind::memory_access};

constexpr RuleDescriptor kDescriptor{
    .rule = "identity.environment_read",
    .category = Category::identity,
    .severity = Severity::high,
    .techniques = kTechniques,
    .short_text = "The environment of a warm function was read out",
    .long_text =
        "Environments hold keys and tokens. A program that prints the environment, or another process that reads "
        "/proc/PID/environ, takes them. Rotate what the function's environment holds, and find the request that led "
        "there. A launcher that looks like this is declared in exec.warm of the policy.",
    .kinds = kKinds,
};

// env without a command: nothing but options and NAME=VALUE. -S and its like hold a command.
bool only_prints(const Tool& tool)
{
    if (tool.name == "printenv")
        return true;
    if (tool.name != "env")
        return false;
    bool value = false;  // of the option before
    for (const std::string& word : tool.arguments) {
        if (value) {
            value = false;
        } else if (word.starts_with("-S") || word.starts_with("--split-string")) {
            return false;
        } else if (word == "-u" || word == "-C" || word == "--unset" || word == "--chdir") {
            value = true;
        } else if (!word.starts_with('-') && word.find('=') == std::string::npos) {
            return false;
        }
    }
    return true;
}

class EnvironmentRead : public Detector {
public:
    [[nodiscard]] const RuleDescriptor& descriptor() const override { return kDescriptor; }

    [[nodiscard]] std::optional<Finding> on_event(const Observation& seen) override
    {
        return seen.event.kind == EventKind::exec ? on_exec(seen) : on_access(seen);
    }

private:
    static std::optional<Finding> on_exec(const Observation& seen)
    {
        const ExecBody* exec = undeclared_warm_exec(seen);
        if (!exec || !only_prints(tool_of(*exec)))
            return std::nullopt;
        return make_warm_exec_finding(seen, *exec, "a program that prints the environment", exec->path);
    }

    // ps of procps 4 opens everybody's environ, whether it shows it or not. The image's own, that is.
    static bool is_process_list(const Observation& seen)
    {
        return seen.process && (seen.process->exec_flags & FNS_EXEC_UPPER_LAYER) == 0 &&
               (seen.process->exe == "/usr/bin/ps" || seen.process->exe == "/bin/ps");
    }

    static std::optional<Finding> on_access(const Observation& seen)
    {
        const auto* memory = seen.event.as<MemoryBody>();
        if (!memory || seen.event.sandbox == kHost || memory->target_sandbox != seen.event.sandbox)
            return std::nullopt;
        if (seen.by_runtime() || memory->target.tgid == 0 || memory->target.tgid == seen.event.process.tgid)
            return std::nullopt;
        if (!memory->name.ends_with("environ") || is_process_list(seen))
            return std::nullopt;
        return make_reach_finding(seen, "read the environment of another process of",
                                  "tried to read the environment of");
    }
};

}  // namespace

std::unique_ptr<Detector> make_identity_environment_read()
{
    return std::make_unique<EnvironmentRead>();
}

}  // namespace fnshield::detect
