// SPDX-License-Identifier: Apache-2.0
//
// Runs the built tool as a person would: its exit code and what it printed.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "daemon/base/unique_fd.h"
#include "tests/unit/control/control_support.h"

namespace fnshield::test {

struct Ran {
    int code = -1;  // −signal where one ended it
    std::string out;
    std::string err;
};

inline std::string slurp(const std::string& path)
{
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

// A child whose standard output is `out_fd`, or goes to a file.
class Child {
public:
    explicit Child(std::vector<std::string> words, int out_fd = -1)
    {
        posix_spawn_file_actions_t actions;
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
        if (out_fd >= 0)
            posix_spawn_file_actions_adddup2(&actions, out_fd, STDOUT_FILENO);
        else
            posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, out().c_str(), O_WRONLY | O_CREAT, 0600);
        posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, err().c_str(), O_WRONLY | O_CREAT, 0600);
        std::vector<char*> arguments;
        for (std::string& word : words)
            arguments.push_back(word.data());
        arguments.push_back(nullptr);
        std::array<char*, 2> environment{const_cast<char*>("PATH=/usr/sbin:/usr/bin:/sbin:/bin"), nullptr};
        EXPECT_EQ(::posix_spawnp(&pid_, arguments[0], &actions, nullptr, arguments.data(), environment.data()), 0);
        posix_spawn_file_actions_destroy(&actions);
    }
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;
    ~Child()
    {
        if (pid_ > 0) {
            ::kill(pid_, SIGKILL);
            ::waitpid(pid_, nullptr, 0);
        }
    }

    void signal(int number) const { ::kill(pid_, number); }
    Ran wait()
    {
        int status = 0;
        EXPECT_EQ(::waitpid(pid_, &status, 0), pid_);
        pid_ = -1;
        return {.code = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status),
                .out = slurp(out()),
                .err = slurp(err())};
    }

private:
    std::string out() const { return directory_.path() + "/out"; }
    std::string err() const { return directory_.path() + "/err"; }

    TemporaryDirectory directory_;
    pid_t pid_ = -1;
};

inline Ran run(std::vector<std::string> words)
{
    return Child(std::move(words)).wait();
}

inline Ran fnshield_cli(std::vector<std::string> arguments)
{
    arguments.insert(arguments.begin(), FNSHIELD_CLI);
    return run(std::move(arguments));
}

}  // namespace fnshield::test
