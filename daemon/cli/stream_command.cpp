// SPDX-License-Identifier: Apache-2.0
//
// fnshield events, fnshield alerts: what the daemon still has of them, or with -f what comes. --json is one object a
// line either way. Following ends with exit code 0 on Ctrl-C and where the reader of a pipe goes away; with 3 where the
// daemon does.
#include <ctime>

#include "daemon/cli/command.h"
#include "daemon/cli/event_view.h"
#include "daemon/cli/json_read.h"
#include "daemon/cli/text.h"

namespace fnshield::cli {
namespace {

using Json = nlohmann::ordered_json;

struct StreamOptions {
    control::Request request;
    std::string since;
};

class Printer {
public:
    Printer(Terminal& terminal, const CommonOptions& common, control::Command stream)
        : terminal_(terminal), json_(common.json), alerts_(stream == control::Command::alerts)
    {
    }
    // False once nobody reads.
    bool print(const Json& line)
    {
        if (json_)
            write_json(terminal_, line, true);
        else if (line.is_object() && line.contains("dropped"))
            terminal_.remark("-- " + human_count(count(line, "dropped")) +
                             " more were dropped: they were read too slowly");
        else if (alerts_)
            terminal_.write((std::exchange(first_, false) ? "" : "\n") + alert_block(line, terminal_));
        else
            terminal_.write(event_line(line, terminal_));
        return !terminal_.closed() && terminal_.error().empty();
    }

private:
    Terminal& terminal_;
    bool json_;
    bool alerts_;
    bool first_ = true;
};

Result<ExitCode> list(const StreamOptions& options, const CommonOptions& common, Terminal& terminal)
{
    auto answer = ask_daemon(common, options.request);
    if (!answer)
        return pass(std::move(answer));
    Printer printer(terminal, common, options.request.command);
    for (const Json& line : (*answer)["data"])
        if (!printer.print(line))
            return ExitCode::ok;
    if (const std::uint64_t more = count(*answer, "not_kept"); more > 0)
        terminal.remark("-- " + human_count(more) + " more were not kept: too many at once while nobody followed");
    return ExitCode::ok;
}

Result<ExitCode> follow(const StreamOptions& options, const CommonOptions& common, Terminal& terminal)
{
    auto client = Client::connect(common.run_dir);
    if (!client)
        return pass(std::move(client));
    Printer printer(terminal, common, options.request.command);
    auto ended =
        client->follow(options.request, terminal.out_fd(), [&](const Json& line) { return printer.print(line); });
    if (!ended)
        return pass(std::move(ended));
    return ExitCode::ok;
}

CLI::App* add_stream(App& app, control::Command stream, const char* description)
{
    CLI::App* command = add_command(app, std::string(control::command_name(stream)), description);
    auto options = std::make_shared<StreamOptions>();
    control::Filter& filter = options->request.filter;
    options->request.command = stream;
    command->add_flag("-f,--follow", options->request.follow, "Go on with what comes, until Ctrl-C");
    command->add_option("--sandbox", filter.sandbox, "Id, cgroup path, instance or function/instance; * is any text")
        ->type_name("GLOB");
    command->add_option("--function", filter.function, "Of these functions, as actor or target")->type_name("GLOB");
    command->add_option("--kind", filter.kind, "Kind of event (of an alert's evidence): exec, connect, sandbox_*, ...")
        ->type_name("GLOB");
    command->add_option("--since", options->since, "Not older than this: 90s, 5m, 2h, 1d or 2026-11-23T05:17:02Z")
        ->type_name("TIME");
    if (stream == control::Command::alerts) {
        command->add_option("--rule", filter.rule, "Of these rules: isolation.*")->type_name("GLOB");
        command->add_option("--severity", filter.severity, "At least: low, medium, high or critical")
            ->type_name("LEVEL");
    }
    command->callback([&app, options] {
        app.chosen = [&app, options](Terminal& terminal) -> Result<ExitCode> {
            if (!options->since.empty()) {
                const auto seconds = parse_ago(options->since, std::time(nullptr));
                if (!seconds)
                    return std::unexpected(seconds.error());
                options->request.filter.since_ns = static_cast<Nanoseconds>(std::min(*seconds, 366 * 86400.0) * 1e9);
            }
            if (auto checked = control::check_filter(options->request.filter); !checked)
                return pass(std::move(checked));
            return (options->request.follow ? follow : list)(*options, app.common, terminal);
        };
    });
    return command;
}

}  // namespace

void add_events(App& app)
{
    add_stream(app, control::Command::events, "What the sandboxes did: the last events, or with -f as they come");
}

void add_alerts(App& app)
{
    add_stream(app, control::Command::alerts, "What was wrong: the last alerts, or with -f as they come");
}

void add_show(App& app)
{
    CLI::App* command = add_command(app, "show", "One alert with its evidence and what its rule means");
    auto request = std::make_shared<control::Request>(control::Request{.command = control::Command::show});
    command->add_option("ALERT", request->alert, "Its id, or the beginning of it")->required();
    command->callback([&app, request] {
        app.chosen = [&app, request](Terminal& terminal) -> Result<ExitCode> {
            auto answer = ask_daemon(app.common, *request);
            if (!answer)
                return pass(std::move(answer));
            const Json& shown = (*answer)["data"];
            if (app.common.json)
                write_json(terminal, shown);
            else
                terminal.write(incident(shown, terminal));
            return ExitCode::ok;
        };
    });
}

}  // namespace fnshield::cli
