// SPDX-License-Identifier: Apache-2.0
//
// The tool's end of the control socket (daemon/control/protocol.h). Errors carry the exit code that the tool ends with:
// 3 where there is no daemon, 1 for everything else.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "daemon/base/result.h"
#include "daemon/base/unique_fd.h"
#include "daemon/control/protocol.h"

namespace fnshield::cli {

inline constexpr std::string_view kDefaultRunDir = "/run/fnshield";
// The contract's exit codes of the tool; the daemon's 3 is another.
inline constexpr ExitCode kNoDaemon = static_cast<ExitCode>(3);

class Client {
public:
    [[nodiscard]] static Result<Client> connect(const std::string& run_dir);

    // The whole answer: "data", and what stands beside it.
    [[nodiscard]] Result<nlohmann::ordered_json> ask(const control::Request& request);

    enum class Ended { interrupted, reader_gone };
    // Hands out the lines of a stream until Ctrl-C, until nobody reads `out_fd` any more or until on_line says false
    // (as reader_gone). The daemon's end is an error with kNoDaemon. From here on SIGINT does not kill the process.
    using OnLine = std::function<bool(const nlohmann::ordered_json& line)>;
    [[nodiscard]] Result<Ended> follow(const control::Request& request, int out_fd, const OnLine& on_line);

private:
    Client(std::string path, UniqueFd socket) : path_(std::move(path)), socket_(std::move(socket)) {}
    [[nodiscard]] Result<void> send(const control::Request& request);
    [[nodiscard]] Result<void> receive();
    [[nodiscard]] Result<std::string> read_line();
    [[nodiscard]] std::optional<std::string> buffered_line();

    std::string path_;
    UniqueFd socket_;
    std::string buffer_;
    std::size_t searched_ = 0;  // of buffer_, without a newline
};

}  // namespace fnshield::cli
