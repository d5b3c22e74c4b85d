// SPDX-License-Identifier: Apache-2.0
#include "daemon/app/options.h"

#include <CLI/CLI.hpp>
#include <sstream>

#include "daemon/policy/config.h"

namespace fnshield {

std::expected<Options, ParseEnd> parse_command_line(int argc, const char* const* argv)
{
    Options options;
    CLI::App app(
        "The runtime shield for FaaS worker nodes: watches function sandboxes from the kernel and raises cold-start "
        "and isolation-breach alerts. Runs in the foreground.",
        "fnshieldd");
    app.add_option("--config", options.config,
                   "configuration file (default: " + std::string(kDefaultConfigFile) + " where it exists)")
        ->type_name("FILE");
    app.add_option("--policy-dir", options.policy_dir, "folder of policy files")->type_name("DIR");
    app.add_option("--listen", options.listen, "address of /metrics, /-/healthy and /-/ready; off = none")
        ->type_name("ADDR:PORT");
    app.add_option("--state-dir", options.state_dir, "folder for what outlives the daemon")->type_name("DIR");
    app.add_option("--run-dir", options.run_dir, "folder of control.sock")->type_name("DIR");
    app.add_option("--mode", options.mode, "monitor or enforce")
        ->type_name("MODE")
        ->check(CLI::IsMember({"monitor", "enforce"}));
    app.add_option("--log-level", options.log_level, "trace, debug, info, warning or error")
        ->type_name("L")
        ->check(CLI::IsMember({"trace", "debug", "info", "warning", "error"}));
    app.add_flag("--check", options.check,
                 "check configuration and policies, print file:line:column: message, and exit");
    app.set_version_flag("--version", std::string("fnshieldd ") + FNSHIELD_VERSION);
    app.footer(
        "Exit codes: 0 stopped as asked; 1 failed while running; 2 bad usage, configuration or policy; 3 this kernel "
        "or these privileges cannot do it.\nSIGHUP reloads configuration and policies, SIGTERM stops. See "
        "fnshieldd(8).");
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        std::ostringstream out;
        std::ostringstream err;
        const bool wrong = app.exit(error, out, err) != 0;
        return std::unexpected(ParseEnd{wrong ? err.str() : out.str(), wrong ? static_cast<int>(ExitCode::usage) : 0});
    }
    return options;
}

}  // namespace fnshield
