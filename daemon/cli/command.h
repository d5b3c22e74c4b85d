// SPDX-License-Identifier: Apache-2.0
//
// A subcommand: it adds itself to the command line and says what to run when it was chosen. Adding one: a file
// NAME_command.cpp with its add_NAME(), a declaration here, a row in build_app() (app.cpp).
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "daemon/base/result.h"
#include "daemon/cli/client.h"
#include "daemon/cli/terminal.h"

namespace fnshield::cli {

// What every command takes.
struct CommonOptions {
    std::string run_dir{kDefaultRunDir};
    bool json = false;
};

// Runs the chosen command; the exit code, or an error for main to print.
using Run = std::function<Result<ExitCode>(Terminal&)>;

struct App {
    CLI::App cli{"See what fnshieldd sees: sandboxes, cold starts, isolation breaches."};
    CommonOptions common;
    Run chosen;
};

// Adds --json and --run-dir to a new subcommand.
[[nodiscard]] CLI::App* add_command(App& app, const std::string& name, const std::string& description);

void add_status(App& app);
void add_sandboxes(App& app);
void add_events(App& app);
void add_alerts(App& app);
void add_show(App& app);
void add_reload(App& app);
void add_doctor(App& app);
void add_completion(App& app);

// All of them. Returned by pointer: what the options are bound to must not move.
[[nodiscard]] std::unique_ptr<App> build_app();

// Connects, asks once, and hands back "data" (or the whole answer).
[[nodiscard]] Result<nlohmann::ordered_json> ask_daemon(const CommonOptions& common, const control::Request& request);

// For scripts: indented, and with anything beyond ASCII escaped where a terminal would see it.
void write_json(Terminal& terminal, const nlohmann::ordered_json& value, bool one_line = false);

}  // namespace fnshield::cli
