// SPDX-License-Identifier: Apache-2.0
#include "daemon/cli/command.h"

namespace fnshield::cli {
namespace {

constexpr const char* kFooter = R"(
Examples:
  fnshield status                             is the node guarded, by what, and what was lost
  fnshield sandboxes --function 'resnet-*'    the sandboxes of some functions
  fnshield alerts -f                          alerts as they come
  fnshield alerts --since 1h --json           the last hour's, for a script: one object a line
  fnshield events -f --kind 'sandbox_*'       cold starts and freezes as they happen
  fnshield show 01J9                          one alert, its evidence and what its rule means
  fnshield doctor                             what this host offers, and what to change to get more

Exit status: 0 done, 1 failed, 2 wrong usage, 3 no daemon. Following ends with 0 on Ctrl-C.)";

}  // namespace

CLI::App* add_command(App& app, const std::string& name, const std::string& description)
{
    CLI::App* command = app.cli.add_subcommand(name, description);
    command->add_option("--run-dir", app.common.run_dir, "The daemon's run directory")
        ->type_name("DIR")
        ->envname("FNSHIELD_RUN_DIR")
        ->capture_default_str();
    command->add_flag("--json", app.common.json, "JSON, for scripts");
    return command;
}

std::unique_ptr<App> build_app()
{
    auto app = std::make_unique<App>();
    app->cli.name("fnshield");
    app->cli.set_version_flag("--version", std::string("fnshield ") + FNSHIELD_VERSION);
    app->cli.require_subcommand(0, 1);
    for (const auto add :
         {add_status, add_sandboxes, add_events, add_alerts, add_show, add_reload, add_doctor, add_completion})
        add(*app);
    app->cli.footer(kFooter);  // last: commands made before do not take it over
    return app;
}

Result<nlohmann::ordered_json> ask_daemon(const CommonOptions& common, const control::Request& request)
{
    auto client = Client::connect(common.run_dir);
    if (!client)
        return pass(std::move(client));
    return client->ask(request);
}

void write_json(Terminal& terminal, const nlohmann::ordered_json& value, bool one_line)
{
    const bool escape = terminal.width() > 0;
    terminal.write(value.dump(one_line ? -1 : 2, ' ', escape, nlohmann::ordered_json::error_handler_t::replace) + "\n");
}

}  // namespace fnshield::cli
