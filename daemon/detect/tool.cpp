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
constexpr auto kInterpreters = std::to_array<std::string_view>(
    {"bun", "deno", "lua", "luajit", "node", "nodejs", "perl", "php", "pypy", "python", "ruby"});
// Options of the dynamic loader that have their value behind them.
constexpr auto kLoaderValues =
    std::to_array<std::string_view>({"--argv0", "--audit", "--glibc-hwcaps-mask", "--glibc-hwcaps-prepend",
                                     "--inhibit-rpath", "--library-path", "--preload"});
static_assert(std::ranges::is_sorted(kShells) && std::ranges::is_sorted(kInterpreters) &&
              std::ranges::is_sorted(kLoaderValues));

// Options of an interpreter that have their value in the next word, as one string; a space stands around each.
std::string_view options_with_value(std::string_view family)
{
    if (family == "python" || family == "pypy")
        return " -W -X --check-hash-based-pycs ";
    if (family == "node" || family == "nodejs")
        return " -r -C --require --import --loader --env-file --conditions ";
    if (family == "ruby")
        return " -r -I -C ";
    if (family == "php")
        return " -d -c ";
    return family == "perl" ? " -I " : "";
}

// "-m", and for Python what ends in it: "-Im".
bool takes_module(std::string_view family, std::string_view word)
{
    if (word == "-m")
        return true;
    return (family == "python" || family == "pypy") && word.size() > 2 && !word.starts_with("--") &&
           word.ends_with('m') && word.find_first_of("WX") == std::string_view::npos;
}

bool takes_code(std::string_view family, std::string_view word)
{
    if (word == "-" || word == "-e" || word == "--eval" || word == "-p" || (word == "-r" && family == "php"))
        return true;
    return (family == "python" || family == "pypy") && !word.starts_with("--") && word.ends_with('c') &&
           word.find_first_of("WX") == std::string_view::npos;
}

// What an interpreter was told to run: a module behind -m, else the first word that is no option. Code is its own.
Tool tool_of_interpreter(std::string_view name, std::span<const std::string> arguments)
{
    const std::string_view valued = options_with_value(name);
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        const std::string_view word = arguments[i];
        if (!word.starts_with('-'))
            return {.name = base_name(word), .arguments = arguments.subspan(i + 1)};
        if (takes_module(name, word) && i + 1 < arguments.size())
            return {.name = arguments[i + 1], .arguments = arguments.subspan(i + 2)};
        if (takes_code(name, word))
            break;
        if (word.find(' ') == std::string_view::npos && valued.find(" " + std::string(word) + " ") != valued.npos)
            ++i;
    }
    return {.name = name, .arguments = arguments};
}

// One file under many names: it goes by argv[0], or by the word behind it. The coreutils of small images are one, too
// (`--coreutils-prog=cat`; where its names are scripts, the script's path stands behind that).
Tool tool_of_multi_call(std::string_view file, std::string_view called, std::span<const std::string> arguments)
{
    if (called.starts_with('-'))
        called.remove_prefix(1);  // a login shell
    if (!is_multi_call(called))
        return {.name = called, .arguments = arguments};
    if (arguments.empty())
        return {.name = file, .arguments = arguments};
    const std::string_view word = arguments.front();
    if (!word.starts_with("--coreutils-prog"))
        return {.name = base_name(word), .arguments = arguments.subspan(1)};
    const bool script = word.starts_with("--coreutils-prog-shebang") && arguments.size() > 1;
    return {.name = word.substr(word.find('=') + 1), .arguments = arguments.subspan(script ? 2 : 1)};
}

Tool tool_of_file(std::string_view path, std::span<const std::string> words, std::uint32_t flags)
{
    const std::span<const std::string> arguments = words.empty() ? words : words.subspan(1);
    const std::string_view file = base_name(path);
    if (is_multi_call(file))
        return tool_of_multi_call(file, words.empty() ? file : base_name(words.front()), arguments);
    const std::string_view family = without_version(file);
    // What the kernel runs for a script gets the script's path as its own argument.
    if ((flags & FNS_EXEC_SCRIPT) != 0 || is_one_of(kInterpreters, family))
        return tool_of_interpreter(family, arguments);
    return {.name = file, .arguments = arguments};
}

bool is_loader(std::string_view file)
{
    return file.starts_with("ld-linux") || file.starts_with("ld-musl") || file.starts_with("ld.so") ||
           file.starts_with("ld-2.") || file.starts_with("ld64.so");
}

Tool tool_of(std::string_view path, std::span<const std::string> words, std::uint32_t flags)
{
    // The dynamic loader runs the program that it is given, without another exec.
    for (std::size_t i = 1; i < words.size() && is_loader(base_name(path)); ++i) {
        if (!words[i].starts_with('-'))
            return tool_of_file(words[i], words.subspan(i), 0);
        if (is_one_of(kLoaderValues, words[i]))
            ++i;
    }
    return tool_of_file(path, words, flags);
}

}  // namespace

std::string_view without_version(std::string_view name)
{
    const auto end = name.find_last_not_of("0123456789.-");
    return end == std::string_view::npos ? name : name.substr(0, end + 1);
}

bool is_shell(std::string_view name)
{
    return is_one_of(kShells, name);
}

bool is_pythons_question(const Tool& shell)
{
    constexpr auto kQuestions = std::to_array<std::string_view>(
        {"uname -p 2> /dev/null", "exec 2>/dev/null; LC_ALL=C LANG=C /sbin/ldconfig -p"});
    return is_shell(shell.name) && shell.arguments.size() == 2 && shell.arguments[0] == "-c" &&
           std::ranges::find(kQuestions, shell.arguments[1]) != kQuestions.end();
}

bool is_multi_call(std::string_view file)
{
    return file.starts_with("busybox") || file.starts_with("toybox") || file.starts_with("coreutils");
}

bool is_interpreter(std::string_view name)
{
    return is_one_of(kInterpreters, name);
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
