// SPDX-License-Identifier: Apache-2.0
//
// fnshield sandboxes: one row a sandbox, the oldest first.
#include "daemon/cli/command.h"
#include "daemon/cli/status_view.h"

namespace fnshield::cli {

void add_sandboxes(App& app)
{
    CLI::App* command = add_command(app, "sandboxes", "One row a sandbox: who, state, age, cold start, alerts, policy");
    auto request = std::make_shared<control::Request>(control::Request{.command = control::Command::sandboxes});
    command
        ->add_option("--sandbox", request->filter.sandbox,
                     "Id, cgroup path, instance or function/instance; * is any text")
        ->type_name("GLOB");
    command->add_option("--function", request->filter.function, "Of these functions only")->type_name("GLOB");
    command->callback([&app, request] {
        app.chosen = [&app, request](Terminal& terminal) -> Result<ExitCode> {
            auto answer = ask_daemon(app.common, *request);
            if (!answer)
                return pass(std::move(answer));
            const auto& rows = (*answer)["data"];
            if (app.common.json)
                write_json(terminal, rows);
            else
                terminal.write(sandboxes_text(rows, terminal));
            return ExitCode::ok;
        };
    });
}

}  // namespace fnshield::cli
