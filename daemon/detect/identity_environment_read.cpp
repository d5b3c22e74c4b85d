// SPDX-License-Identifier: Apache-2.0
//
// identity.environment_read (T1552): the environment of a function, where its secrets often are, is read out.
//
// Signal: an exec while warm of printenv, of env without a program to run, of `ps e`, or of any program with
// /proc/self/environ among its words (cat, strings, tr), by the function itself; or /proc/PID/environ of another
// process of the same sandbox. Why it works: a program reads its own environment without asking anybody, so one that is
// started to print it does it for somebody else. False positives: `env PROGRAM` and `#!/usr/bin/env` launch; before
// ready (entry scripts print it); what exec.warm of the policy lists; what comes from outside; a process that opens its
// own environ. Another sandbox's environ is for isolation.proc_peek. Gets past it: a shell's builtins (`set`, `export
// -p`; the shell is function.shell_spawned's), and code in the serving process, which has the environment already.
// Memory: none.
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

// env without a command: nothing but options and NAME=VALUE. -S holds a command; -i leaves nothing to print.
enum class EnvWord : std::uint8_t { harmless, takes_value, no_print };

EnvWord env_option(std::string_view word)
{
    if (word == "--unset" || word == "--chdir" || word == "--argv0")
        return EnvWord::takes_value;
    if (word == "-" || word == "--ignore-environment" || word.starts_with("--split-string"))
        return EnvWord::no_print;
    for (std::size_t i = 1; i < word.size() && !word.starts_with("--"); ++i) {
        if (word[i] == 'S' || word[i] == 'i')
            return EnvWord::no_print;
        if (word[i] == 'u' || word[i] == 'C' || word[i] == 'a')
            return i + 1 == word.size() ? EnvWord::takes_value : EnvWord::harmless;
    }
    return EnvWord::harmless;
}

bool is_env_alone(std::span<const std::string> arguments)
{
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        const std::string& word = arguments[i];
        if (word.starts_with('-')) {
            const EnvWord option = env_option(word);
            if (option == EnvWord::no_print)
                return false;
            i += option == EnvWord::takes_value ? 1 : 0;
        } else if (word.find('=') == std::string::npos) {
            return false;
        }
    }
    return true;
}

// "e", "auxe", "axeww": the letters without a dash, of which e asks for the environment.
bool asks_ps_for_it(std::span<const std::string> arguments)
{
    return !arguments.empty() && arguments.front().find('e') != std::string::npos &&
           std::ranges::all_of(arguments.front(), [](char c) { return (c | 0x20) >= 'a' && (c | 0x20) <= 'z'; });
}

// Its own, which is what it was given: the function's.
bool names_own_environ(std::string_view word)
{
    for (const std::string_view folder : {"/proc/self/", "/proc/thread-self/"})
        if (const auto at = word.find(folder); at != std::string_view::npos)
            return word.substr(at, 128).find("/environ") != std::string_view::npos;
    return false;
}

bool prints_it(const Tool& tool)
{
    if (tool.name == "printenv" || (tool.name == "env" && is_env_alone(tool.arguments)) ||
        (tool.name == "ps" && asks_ps_for_it(tool.arguments)))
        return true;
    // What a shell was told it starts next, or does itself: function.shell_spawned's.
    return !is_shell(tool.name) && std::ranges::any_of(tool.arguments, names_own_environ);
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
        if (!exec || !prints_it(tool_of(*exec)))
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
