// SPDX-License-Identifier: Apache-2.0
//
// See tool.h.
#include "daemon/detect/tool.h"

#include "daemon/detect/exec_match.h"
#include "daemon/detect/file_acts.h"

namespace fnshield::detect {
namespace {

constexpr auto kShells = std::to_array<std::string_view>(
    {"ash", "bash", "csh", "dash", "fish", "ksh", "ksh93", "mksh", "pwsh", "rbash", "sh", "tcsh", "yash", "zsh"});
constexpr auto kInterpreters =
    std::to_array<std::string_view>({"bun", "deno", "node", "nodejs", "perl", "php", "pypy", "python", "ruby"});
static_assert(std::ranges::is_sorted(kShells) && std::ranges::is_sorted(kInterpreters));

// "python3.11" → "python", "perl5.36" → "perl"; a name that is one but for its end.
std::string_view without_version(std::string_view name)
{
    const auto end = name.find_last_not_of("0123456789.-");
    return end == std::string_view::npos ? name : name.substr(0, end + 1);
}

// What an interpreter was told to run: a module behind -m, else the first word that is no option. "-c" is code.
Tool tool_of_interpreter(std::string_view name, std::span<const std::string> arguments)
{
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        const std::string_view word = arguments[i];
        if (word == "-m" && i + 1 < arguments.size())
            return {.name = arguments[i + 1], .arguments = arguments.subspan(i + 2)};
        if (word == "-c" || word == "-e" || word == "-")
            break;
        if (!word.starts_with('-'))
            return {.name = base_name(word), .arguments = arguments.subspan(i + 1)};
    }
    return {.name = name, .arguments = arguments};
}

Tool tool_of(std::string_view path, std::span<const std::string> words, std::uint32_t flags)
{
    const std::span<const std::string> arguments = words.empty() ? words : words.subspan(1);
    const std::string_view file = base_name(path);
    if (file.starts_with("busybox") || file.starts_with("toybox")) {
        const std::string_view called = words.empty() ? file : base_name(words.front());
        if (!called.starts_with("busybox") && !called.starts_with("toybox"))
            return {.name = called, .arguments = arguments};
        if (arguments.empty())
            return {.name = file, .arguments = arguments};
        return {.name = base_name(arguments.front()), .arguments = arguments.subspan(1)};
    }
    const std::string_view family = without_version(file);
    // What the kernel runs for a script gets the script's path as its own argument.
    if ((flags & FNS_EXEC_SCRIPT) != 0 || is_one_of(kInterpreters, family))
        return tool_of_interpreter(family, arguments);
    return {.name = file, .arguments = arguments};
}

}  // namespace

bool is_shell(std::string_view name)
{
    return is_one_of(kShells, name);
}

Tool tool_of(const ExecBody& exec)
{
    return tool_of(exec.path, exec.argv, exec.flags);
}

Tool tool_of(const Process& process)
{
    return tool_of(process.exe, process.argv.words(), process.exec_flags);
}

const ExecBody* undeclared_warm_exec(const Observation& seen)
{
    const auto* exec = seen.event.as<ExecBody>();
    if (!exec || !seen.sandbox || !seen.sandbox->warm() || is_operators_exec(seen, *exec))
        return nullptr;
    const auto& listed = seen.policy->exec.warm;
    return listed && lists_exec(*listed, *exec) ? nullptr : exec;
}

Finding make_warm_exec_finding(const Observation& seen, const ExecBody& exec, std::string_view what,
                               std::string_view key)
{
    Finding finding;
    finding.summary = exec_text(seen, exec, " while warm", what.empty() ? std::string() : std::string(what) + ": ");
    finding.key = key;
    finding.target.file = exec.path;
    return finding;
}

}  // namespace fnshield::detect
