// SPDX-License-Identifier: Apache-2.0
#include "tests/support/child.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>

#include "tests/support/slowness.h"

namespace fnshield::testing {
namespace {

using std::chrono::steady_clock;

int remaining_ms(steady_clock::time_point deadline)
{
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - steady_clock::now());
    return left.count() > 0 ? static_cast<int>(left.count()) : 0;
}

// In the child, between fork and exec: says on stderr why it could not go on.
[[noreturn]] void give_up(const char* what)
{
    perror(what);
    _exit(126);
}

void enter(const SpawnOptions& options)
{
    if (!options.cgroup_directory.empty()) {
        const int procs = ::open((options.cgroup_directory + "/cgroup.procs").c_str(), O_WRONLY | O_CLOEXEC);
        if (procs < 0 || ::write(procs, "0", 1) != 1)
            give_up("cgroup.procs");
        ::close(procs);
    }
    if (options.unshare_flags != 0 && ::unshare(options.unshare_flags) != 0)
        give_up("unshare");
    if (!options.working_directory.empty() && ::chdir(options.working_directory.c_str()) != 0)
        give_up("chdir");
    for (const std::string& variable : options.environment)
        ::putenv(const_cast<char*>(variable.c_str()));
}

}  // namespace

Result<Child> Child::spawn(const std::vector<std::string>& argv, const SpawnOptions& options)
{
    int in[2];
    int out[2];
    if (::pipe2(in, O_CLOEXEC) != 0)
        return fail_errno("pipe");
    UniqueFd in_read(in[0]), in_write(in[1]);
    if (::pipe2(out, O_CLOEXEC) != 0)
        return fail_errno("pipe");
    UniqueFd out_read(out[0]), out_write(out[1]);

    std::vector<char*> words;
    for (const std::string& word : argv)
        words.push_back(const_cast<char*>(word.c_str()));
    words.push_back(nullptr);

    const pid_t pid = ::fork();
    if (pid < 0)
        return fail_errno("fork");
    if (pid == 0) {
        ::dup2(in_read.get(), STDIN_FILENO);
        ::dup2(out_write.get(), STDOUT_FILENO);
        if (options.merge_stderr)
            ::dup2(out_write.get(), STDERR_FILENO);
        enter(options);
        ::execvp(words[0], words.data());
        give_up(words[0]);
    }
    UniqueFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    return Child(pid, std::move(pidfd), std::move(in_write), std::move(out_read));
}

Child::Child(Child&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      pidfd_(std::move(other.pidfd_)),
      input_(std::move(other.input_)),
      output_(std::move(other.output_)),
      buffer_(std::move(other.buffer_)),
      status_(other.status_)
{
}

Child::~Child()
{
    if (pid_ > 0 && !status_) {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
}

bool Child::fill(steady_clock::time_point deadline)
{
    pollfd ready{.fd = output_.get(), .events = POLLIN, .revents = 0};
    if (::poll(&ready, 1, remaining_ms(deadline)) <= 0)
        return false;
    char chunk[4096];
    const ssize_t got = ::read(output_.get(), chunk, sizeof chunk);
    if (got <= 0)
        return false;
    buffer_.append(chunk, static_cast<std::size_t>(got));
    return true;
}

Result<std::string> Child::read_line_by(steady_clock::time_point deadline)
{
    std::size_t end = 0;
    while ((end = buffer_.find('\n')) == std::string::npos) {
        if (!fill(deadline))
            return fail("no line from the child; it had written: " + buffer_);
    }
    std::string line = buffer_.substr(0, end);
    buffer_.erase(0, end + 1);
    return line;
}

Result<std::string> Child::read_line(std::chrono::milliseconds limit)
{
    return read_line_by(steady_clock::now() + patient(limit));
}

Result<std::string> Child::read_until(std::string_view text, std::chrono::milliseconds limit)
{
    const auto deadline = steady_clock::now() + patient(limit);
    for (;;) {
        auto line = read_line_by(deadline);
        if (!line || line->find(text) != std::string::npos)
            return line;
    }
}

Result<void> Child::write(std::string_view text)
{
    if (::write(input_.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
        return fail_errno("write to child");
    return {};
}

void Child::close_input()
{
    input_.reset();
}

void Child::signal(int number)
{
    if (pid_ > 0 && !status_)
        ::kill(pid_, number);
}

Result<int> Child::wait(std::chrono::milliseconds limit)
{
    input_.reset();
    return wait_keeping_input(limit);
}

Result<int> Child::wait_keeping_input(std::chrono::milliseconds limit)
{
    const auto deadline = steady_clock::now() + patient(limit);
    if (status_)
        return *status_;
    // Its output is read meanwhile, so that it cannot block on a full pipe.
    for (bool open = true;;) {
        pollfd watched[2] = {{.fd = pidfd_.get(), .events = POLLIN, .revents = 0},
                             {.fd = open ? output_.get() : -1, .events = POLLIN, .revents = 0}};
        if (::poll(watched, 2, remaining_ms(deadline)) <= 0)
            return fail("the child did not end in time; it had written: " + buffer_);
        if ((watched[1].revents & (POLLIN | POLLHUP)) != 0)
            open = fill(deadline);
        if ((watched[0].revents & POLLIN) != 0)
            break;
    }
    while (fill(steady_clock::now())) {
    }
    int status = 0;
    if (::waitpid(pid_, &status, 0) != pid_)
        return fail_errno("waitpid");
    status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return *status_;
}

Result<Finished> run(const std::vector<std::string>& argv, const SpawnOptions& options, std::chrono::milliseconds limit)
{
    auto child = Child::spawn(argv, options);
    if (!child)
        return pass(std::move(child));
    auto code = child->wait(limit);
    if (!code)
        return pass(std::move(code), argv.front());
    return Finished{*code, child->rest()};
}

}  // namespace fnshield::testing
