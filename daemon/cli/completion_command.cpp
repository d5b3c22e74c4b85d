// SPDX-License-Identifier: Apache-2.0
//
// fnshield completion SHELL: the script for one's own shell. Packages install the same (packaging/completions).
#include "daemon/cli/command.h"
#include "daemon/cli/completion.h"

namespace fnshield::cli {

void add_completion(App& app)
{
    CLI::App* command = add_command(app, "completion", "A completion script for bash, zsh or fish");
    struct Options {
        std::string shell;
        bool daemon = false;
    };
    auto options = std::make_shared<Options>();
    command->add_option("SHELL", options->shell, "bash, zsh or fish")->required();
    command->add_flag("--daemon", options->daemon, "For fnshieldd instead");
    command->callback([&app, options] {
        app.chosen = [&app, options](Terminal& terminal) -> Result<ExitCode> {
            auto script = completion_script(options->daemon ? daemon_entry() : tool_entry(app.cli), options->shell);
            if (!script)
                return pass(std::move(script));
            if (app.common.json)
                write_json(terminal, {{"shell", options->shell}, {"script", *script}});
            else
                terminal.write(*script);
            return ExitCode::ok;
        };
    });
}

}  // namespace fnshield::cli
