// SPDX-License-Identifier: Apache-2.0
//
// The command line of fnshieldd. What is given there wins over the configuration file.
#pragma once

#include <optional>
#include <string>

#include "daemon/base/result.h"

namespace fnshield {

struct Options {
    std::optional<std::string> config;  // absent = the default path, where that exists
    std::optional<std::string> policy_dir;
    std::optional<std::string> listen;
    std::optional<std::string> state_dir;
    std::optional<std::string> run_dir;
    std::optional<std::string> mode;
    std::optional<std::string> log_level;
    bool check = false;
};

// Where the command line asks for nothing more than a text (--help, --version) or is wrong: that text and the exit
// code.
struct ParseEnd {
    std::string text;
    int exit_code = 0;
};

[[nodiscard]] std::expected<Options, ParseEnd> parse_command_line(int argc, const char* const* argv);

}  // namespace fnshield
