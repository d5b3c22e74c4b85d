// SPDX-License-Identifier: Apache-2.0
#include "daemon/cli/completion.h"

#include <CLI/CLI.hpp>

#include "daemon/control/filter.h"

namespace fnshield::cli {
namespace {

std::vector<std::string> event_kinds()
{
    std::vector<std::string> kinds;
    for (int kind = 0; kind < static_cast<int>(control::kFirstInternalKind); ++kind)
        kinds.emplace_back(event_kind_name(static_cast<EventKind>(kind)));
    return kinds;
}

Values values_of(const CLI::Option& option)
{
    const std::string name = option.get_single_name();
    if (name == "run-dir")
        return {.kind = Values::Kind::directory, .words = {}};
    if (name == "kind")
        return {.kind = Values::Kind::words, .words = event_kinds()};
    if (name == "severity")
        return {.kind = Values::Kind::words, .words = {"low", "medium", "high", "critical"}};
    if (name == "SHELL")
        return {.kind = Values::Kind::words, .words = {"bash", "zsh", "fish"}};
    return {.kind = option.get_items_expected_max() > 0 ? Values::Kind::any : Values::Kind::none, .words = {}};
}

CommandEntry command_entry(const CLI::App& app)
{
    CommandEntry entry{.name = app.get_name(), .description = app.get_description(), .options = {}, .argument = {}};
    for (const CLI::Option* option : app.get_options()) {
        if (option->get_positional()) {
            entry.argument = values_of(*option);
            continue;
        }
        OptionEntry made{.names = {}, .description = option->get_description(), .values = values_of(*option)};
        for (const std::string& name : option->get_snames())
            made.names.push_back("-" + name);
        for (const std::string& name : option->get_lnames())
            made.names.push_back("--" + name);
        entry.options.push_back(std::move(made));
    }
    return entry;
}

// Text inside single quotes of a shell.
std::string quoted(const std::string& text)
{
    std::string out = "'";
    for (const char c : text)
        out += c == '\'' ? std::string(R"('\'')") : std::string(1, c);
    return out + "'";
}

std::string joined(const std::vector<std::string>& words, const char* separator = " ")
{
    std::string text;
    for (const std::string& word : words)
        text += (text.empty() ? "" : separator) + word;
    return text;
}

std::vector<CommandEntry> with_top(const ProgramEntry& program)
{
    std::vector<CommandEntry> all{program.top};
    all.insert(all.end(), program.commands.begin(), program.commands.end());
    return all;
}

std::vector<std::string> command_names(const ProgramEntry& program)
{
    std::vector<std::string> names;
    for (const CommandEntry& command : program.commands)
        names.push_back(command.name);
    return names;
}

std::string bash_reply(const Values& values)
{
    switch (values.kind) {
        case Values::Kind::file:
            return "compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -f -- \"$current\"))";
        case Values::Kind::directory:
            return "compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -d -- \"$current\"))";
        case Values::Kind::words:
            return "COMPREPLY=($(compgen -W " + quoted(joined(values.words)) + " -- \"$current\"))";
        case Values::Kind::none:
        case Values::Kind::any:
            break;
    }
    return ":";
}

// After an option that takes a value. Commands give an option of one name the same meaning, so the first row does.
std::string bash_values(const ProgramEntry& program)
{
    std::string text;
    std::vector<std::string> seen;
    for (const CommandEntry& command : with_top(program))
        for (const OptionEntry& option : command.options) {
            const std::string names = joined(option.names, "|");
            if (option.values.kind == Values::Kind::none || std::ranges::find(seen, names) != seen.end())
                continue;
            seen.push_back(names);
            text += "        " + names + ") " + bash_reply(option.values) + "; return ;;\n";
        }
    return text;
}

std::string bash_script(const ProgramEntry& program)
{
    const std::string function = "_" + program.name;
    std::string text = function +
                       "()\n{\n    local current=${COMP_WORDS[COMP_CWORD]} "
                       "previous=${COMP_WORDS[COMP_CWORD-1]} command= i\n    COMPREPLY=()\n";
    if (!program.commands.empty())
        text += "    for ((i = 1; i < COMP_CWORD; ++i)); do\n        case ${COMP_WORDS[i]} in\n            " +
                joined(command_names(program), "|") + ") command=${COMP_WORDS[i]}; break ;;\n        esac\n    done\n";
    text += "    case $previous in\n" + bash_values(program) + "    esac\n    case $command in\n";
    for (const CommandEntry& command : with_top(program)) {
        const bool top = command.name == program.top.name;
        std::vector<std::string> words = top ? command_names(program) : command.argument.words;
        for (const OptionEntry& option : command.options)
            words.insert(words.end(), option.names.begin(), option.names.end());
        text += "        " + (top ? std::string("''") : command.name) + ") COMPREPLY=($(compgen -W " +
                quoted(joined(words)) + " -- \"$current\")) ;;\n";
    }
    return text + "    esac\n}\ncomplete -F " + function + " " + program.name + "\n";
}

std::string zsh_action(const Values& values)
{
    switch (values.kind) {
        case Values::Kind::file:
            return ":file:_files";
        case Values::Kind::directory:
            return ":directory:_files -/";
        case Values::Kind::words:
            return ":value:(" + joined(values.words) + ")";
        case Values::Kind::any:
            return ":value: ";
        case Values::Kind::none:
            break;
    }
    return {};
}

// In an _arguments specification brackets and colons are its own.
std::string zsh_description(const std::string& text)
{
    std::string out;
    for (const char c : text)
        out += c == '[' || c == ']' || c == ':' || c == '\\' ? std::string("\\") + c : std::string(1, c);
    return out;
}

std::string zsh_arguments(const CommandEntry& command, const std::string& indent)
{
    std::string text;
    for (const OptionEntry& option : command.options)
        for (const std::string& name : option.names)
            text += " \\\n" + indent +
                    quoted("(" + joined(option.names) + ")" + name +
                           (option.values.kind == Values::Kind::none || !name.starts_with("--") ? "" : "=") + "[" +
                           zsh_description(option.description) + "]" + zsh_action(option.values));
    if (command.argument.kind != Values::Kind::none)
        text += " \\\n" + indent + quoted("1" + zsh_action(command.argument));
    return text;
}

std::string zsh_script(const ProgramEntry& program)
{
    const std::string function = "_" + program.name;
    std::string text = function + "() {\n    local curcontext=$curcontext state line\n    typeset -A opt_args\n";
    text += "    _arguments -C" + zsh_arguments(program.top, "        ");
    if (program.commands.empty())
        return text + "\n}\n" + function + " \"$@\"\n";
    text +=
        " \\\n        '1: :->command' \\\n        '*:: :->arguments'\n    case $state in\n        command)\n           "
        " local -a commands\n            commands=(\n";
    for (const CommandEntry& command : program.commands)
        text += "                " + quoted(command.name + ":" + zsh_description(command.description)) + "\n";
    text +=
        "            )\n            _describe command commands\n            ;;\n        arguments)\n            case "
        "$line[1] in\n";
    for (const CommandEntry& command : program.commands)
        text += "                " + command.name + ")\n                    _arguments" +
                zsh_arguments(command, "                        ") + "\n                    ;;\n";
    return text + "            esac\n            ;;\n    esac\n}\n" + function + " \"$@\"\n";
}

std::string fish_option(const std::string& start, const OptionEntry& option)
{
    std::string text = start;
    for (const std::string& name : option.names)
        text += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
    switch (option.values.kind) {
        case Values::Kind::file:
            text += " -r -F";
            break;
        case Values::Kind::directory:
            text += " -x -a '(__fish_complete_directories)'";
            break;
        case Values::Kind::words:
            text += " -x -a " + quoted(joined(option.values.words));
            break;
        case Values::Kind::any:
            text += " -x";
            break;
        case Values::Kind::none:
            break;
    }
    return text + " -d " + quoted(option.description) + "\n";
}

std::string fish_script(const ProgramEntry& program)
{
    const std::string start = "complete -c " + program.name;
    std::string text = start + " -f\n";
    const std::string at_top = program.commands.empty() ? std::string() : " -n __fish_use_subcommand";
    for (const OptionEntry& option : program.top.options)
        text += fish_option(start + at_top, option);
    for (const CommandEntry& command : program.commands)
        text += start + at_top + " -a " + command.name + " -d " + quoted(command.description) + "\n";
    for (const CommandEntry& command : program.commands) {
        const std::string chosen = start + " -n '__fish_seen_subcommand_from " + command.name + "'";
        for (const OptionEntry& option : command.options)
            text += fish_option(chosen, option);
        if (!command.argument.words.empty())
            text += chosen + " -a " + quoted(joined(command.argument.words)) + "\n";
    }
    return text;
}

}  // namespace

ProgramEntry tool_entry(const CLI::App& app)
{
    ProgramEntry program{.name = app.get_name(), .top = command_entry(app), .commands = {}};
    for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; }))
        program.commands.push_back(command_entry(*command));
    return program;
}

ProgramEntry daemon_entry()
{
    using enum Values::Kind;
    return {.name = "fnshieldd",
            .top = {.name = "fnshieldd",
                    .description = {},
                    .options = {{{"--config"}, "Configuration file", {file, {}}},
                                {{"--policy-dir"}, "Folder of policies", {directory, {}}},
                                {{"--listen"}, "Address and port of /metrics, or off", {any, {}}},
                                {{"--state-dir"}, "State folder", {directory, {}}},
                                {{"--run-dir"}, "Folder of the control socket", {directory, {}}},
                                {{"--mode"}, "Alert only, or act", {words, {"monitor", "enforce"}}},
                                {{"--log-level"},
                                 "How much to log",
                                 {words, {"trace", "debug", "info", "warning", "error"}}},
                                {{"--check"}, "Check configuration and policies, then exit", {}},
                                {{"--version"}, "Print the version and exit", {}},
                                {{"-h", "--help"}, "Print help and exit", {}}},
                    .argument = {}},
            .commands = {}};
}

Result<std::string> completion_script(const ProgramEntry& program, const std::string& shell)
{
    const std::string origin = " completion for " + program.name + "; made by 'fnshield completion " + shell +
                               (program.name == "fnshieldd" ? " --daemon" : "") + "'.\n";
    if (shell == "bash")
        return "# bash" + origin + bash_script(program);
    if (shell == "zsh")
        return "#compdef " + program.name + "\n# zsh" + origin + zsh_script(program);
    if (shell == "fish")
        return "# fish" + origin + fish_script(program);
    return fail("no completion for the shell '" + shell + "': bash, zsh or fish", ExitCode::usage);
}

}  // namespace fnshield::cli
