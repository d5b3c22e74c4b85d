// SPDX-License-Identifier: Apache-2.0
//
// fnshield status: is this node guarded, by which backends, under which policies, and what was lost. Exits 0 whether
// the daemon is ready or not: it answered; --json has "ready" for scripts.
#include "daemon/cli/command.h"
#include "daemon/cli/status_view.h"

namespace fnshield::cli {

void add_status(App& app)
{
    CLI::App* command =
        add_command(app, "status", "The daemon: readiness, sensors, policies, losses, sandboxes by state");
    auto programs = std::make_shared<bool>(false);
    command->add_flag("--programs", *programs, "Each sensor's programs as well, attached or not and why");
    command->callback([&app, programs] {
        app.chosen = [&app, programs](Terminal& terminal) -> Result<ExitCode> {
            auto answer = ask_daemon(app.common, {.command = control::Command::status});
            if (!answer)
                return pass(std::move(answer));
            const auto& status = (*answer)["data"];
            if (app.common.json)
                write_json(terminal, status);
            else
                terminal.write(status_text(status, terminal, *programs));
            return ExitCode::ok;
        };
    });
}

void add_reload(App& app)
{
    CLI::App* command = add_command(app, "reload", "Read configuration and policies again (root only)");
    command->callback([&app] {
        app.chosen = [&app](Terminal& terminal) -> Result<ExitCode> {
            auto answer = ask_daemon(app.common, {.command = control::Command::reload});
            if (!answer)
                return pass(std::move(answer), answer.error().exit_code == kNoDaemon ? "" : "nothing was changed");
            const auto& summary = (*answer)["data"];
            if (app.common.json)
                write_json(terminal, {{"summary", summary}});
            else
                terminal.write((summary.is_string() ? summary.get<std::string>() : summary.dump()) + "\n");
            return ExitCode::ok;
        };
    });
}

}  // namespace fnshield::cli
