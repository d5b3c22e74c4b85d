// SPDX-License-Identifier: Apache-2.0
//
// Shell completion, written out of the command line itself so that it cannot lag behind. The files under
// packaging/completions are what this makes; a test compares them.
#pragma once

#include <string>
#include <vector>

#include "daemon/base/result.h"

namespace CLI {
class App;
}

namespace fnshield::cli {

// What to offer after an option or as an argument.
struct Values {
    enum class Kind { none, any, file, directory, words };  // none = takes no value
    Kind kind = Kind::none;
    std::vector<std::string> words;
};

struct OptionEntry {
    std::vector<std::string> names;  // "-f", "--follow"
    std::string description;
    Values values;
};

struct CommandEntry {
    std::string name;  // empty = the program itself
    std::string description;
    std::vector<OptionEntry> options;
    Values argument;
};

struct ProgramEntry {
    std::string name;
    CommandEntry top;
    std::vector<CommandEntry> commands;
};

[[nodiscard]] ProgramEntry tool_entry(const CLI::App& app);
[[nodiscard]] ProgramEntry daemon_entry();  // fnshieldd

// `shell` is bash, zsh or fish.
[[nodiscard]] Result<std::string> completion_script(const ProgramEntry& program, const std::string& shell);

}  // namespace fnshield::cli
