// SPDX-License-Identifier: Apache-2.0
//
// fnshield, the operator's tool. Parses, runs the chosen command, prints its error. The exit codes are the contract's:
// 0 done, 1 failed, 2 wrong usage, 3 no daemon.
#include <csignal>

#include "daemon/cli/command.h"

using namespace fnshield;

namespace {

// Exit code where parsing ends the program: 0 after --help and --version, else 2.
int end_of_parsing(const cli::App& app, const CLI::ParseError& error, const cli::Terminal& terminal)
{
    if (error.get_exit_code() == 0)
        return app.cli.exit(error);
    const bool no_command = app.cli.get_subcommands().empty();
    terminal.remark(std::string("fnshield: ") + error.what());
    terminal.remark(no_command ? "See 'fnshield --help' for the commands."
                               : "See 'fnshield " + app.cli.get_subcommands().front()->get_name() + " --help'.");
    return static_cast<int>(ExitCode::usage);
}

}  // namespace

int main(int argc, char** argv)
{
    // A reader that goes away (| head) is seen by the write that fails, and is no error.
    std::signal(SIGPIPE, SIG_IGN);
    cli::Terminal terminal = cli::Terminal::of_process();
    const auto app = cli::build_app();
    try {
        app->cli.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return end_of_parsing(*app, error, terminal);
    }
    if (!app->chosen) {
        terminal.remark(app->cli.help());
        return static_cast<int>(ExitCode::usage);
    }
    const auto code = app->chosen(terminal);
    if (terminal.closed())
        return static_cast<int>(ExitCode::ok);
    if (!code) {
        terminal.remark("fnshield: " + code.error().message);
        return static_cast<int>(code.error().exit_code);
    }
    if (!terminal.error().empty()) {
        terminal.remark("fnshield: cannot write: " + terminal.error());
        return static_cast<int>(ExitCode::failed);
    }
    return static_cast<int>(*code);
}
