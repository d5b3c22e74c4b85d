// SPDX-License-Identifier: Apache-2.0
//
// A child process of a test: started in a cgroup of choice, spoken to over pipes, always ended and reaped. Limits are
// meant for a real machine and stretched on an emulated one (slowness.h).
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "daemon/base/result.h"
#include "daemon/base/unique_fd.h"

namespace fnshield::testing {

struct SpawnOptions {
    std::string cgroup_directory;  // joined before exec; empty = the test's own
    int unshare_flags = 0;         // CLONE_NEWNS, …; applied before exec
    bool merge_stderr = true;      // into what read_line() sees
    std::string working_directory;
    std::vector<std::string> environment;  // added to the test's own: "NAME=value"
};

class Child {
public:
    [[nodiscard]] static Result<Child> spawn(const std::vector<std::string>& argv, const SpawnOptions& options = {});
    Child(Child&& other) noexcept;
    Child& operator=(Child&&) = delete;
    ~Child();  // SIGKILL and reap, if still running

    [[nodiscard]] pid_t pid() const { return pid_; }
    // The next line of output without its newline; an error at end of file or after the time limit.
    [[nodiscard]] Result<std::string> read_line(std::chrono::milliseconds limit = std::chrono::seconds(10));
    // Reads lines until one contains `text`.
    [[nodiscard]] Result<std::string> read_until(std::string_view text,
                                                 std::chrono::milliseconds limit = std::chrono::seconds(10));
    [[nodiscard]] Result<void> write(std::string_view text);
    void close_input();
    void signal(int number);
    // Waits for its end: the exit code, or 128 + signal. Output that was not read is kept in rest().
    [[nodiscard]] Result<int> wait(std::chrono::milliseconds limit = std::chrono::seconds(20));
    // The same, but its input stays open: for what it left running with its pipes.
    [[nodiscard]] Result<int> wait_keeping_input(std::chrono::milliseconds limit = std::chrono::seconds(20));
    [[nodiscard]] const std::string& rest() const { return buffer_; }

private:
    Child(pid_t pid, UniqueFd pidfd, UniqueFd input, UniqueFd output)
        : pid_(pid), pidfd_(std::move(pidfd)), input_(std::move(input)), output_(std::move(output))
    {
    }
    [[nodiscard]] Result<std::string> read_line_by(std::chrono::steady_clock::time_point deadline);
    [[nodiscard]] bool fill(std::chrono::steady_clock::time_point deadline);

    pid_t pid_ = -1;
    UniqueFd pidfd_;
    UniqueFd input_;
    UniqueFd output_;
    std::string buffer_;
    std::optional<int> status_;
};

// Runs to the end; output and exit code.
struct Finished {
    int exit_code = -1;
    std::string output;
};
[[nodiscard]] Result<Finished> run(const std::vector<std::string>& argv, const SpawnOptions& options = {},
                                   std::chrono::milliseconds limit = std::chrono::seconds(20));

}  // namespace fnshield::testing
