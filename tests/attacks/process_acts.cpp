// SPDX-License-Identifier: Apache-2.0
//
// Acts of the process sensor's tests: every way to run a file, and bursts of processes.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "tests/attacks/act.h"

namespace fnshield::attacks {
namespace {

int failed(const char* what)
{
    std::printf("failed=%s errno=%d\n", what, errno);
    return 1;
}

// This program once more, as `argv` says; execveat with an empty path, as fexecve does it.
int run_descriptor(int fd, const char* name)
{
    const char* const argv[] = {name, "nothing", nullptr};
    std::fflush(stdout);
    syscall(SYS_execveat, fd, "", argv, environ, AT_EMPTY_PATH);
    return failed("execveat");
}

// Copies this program into `to`.
bool copy_self(int to)
{
    const int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    struct stat status{};
    if (self < 0 || fstat(self, &status) != 0)
        return false;
    for (off_t at = 0; at < status.st_size;)
        if (sendfile(to, self, &at, static_cast<std::size_t>(status.st_size - at)) <= 0)
            return false;
    close(self);
    return true;
}

int exec_memfd(Arguments arguments)
{
    const int fd = memfd_create(arguments.empty() ? "payload" : arguments[0], MFD_CLOEXEC);
    if (fd < 0 || !copy_self(fd))
        return failed("memfd");
    return run_descriptor(fd, "memfd");
}

// FILE is made, opened, unlinked and run.
int exec_unlinked(Arguments arguments)
{
    if (arguments.empty())
        return 2;
    const int out = open(arguments[0], O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0755);
    if (out < 0 || !copy_self(out))
        return failed("copy");
    close(out);
    const int fd = open(arguments[0], O_RDONLY | O_CLOEXEC);
    if (fd < 0 || unlink(arguments[0]) != 0)
        return failed("unlink");
    return run_descriptor(fd, "unlinked");
}

// An ordinary file by its descriptor.
int exec_descriptor(Arguments)
{
    const int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    return fd < 0 ? failed("open") : run_descriptor(fd, "descriptor");
}

// The same by /proc/self/fd/N.
int exec_proc_fd(Arguments)
{
    const int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return failed("open");
    const std::string name = "/proc/self/fd/" + std::to_string(fd);
    execl(name.c_str(), "proc-fd", "nothing", nullptr);
    return failed("execl");
}

// Standard input and error are one connection of this process to itself; output stays, so that one sees the end.
int exec_on_socket(Arguments arguments)
{
    int ends[2] = {-1, -1};
    if (!arguments.empty() && std::strcmp(arguments[0], "unix") == 0) {
        if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0)
            return failed("socketpair");
    } else {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        ends[0] = socket(AF_INET, SOCK_STREAM, 0);
        if (bind(listener, reinterpret_cast<sockaddr*>(&address), size) != 0 || listen(listener, 1) != 0 ||
            getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) != 0 ||
            connect(ends[0], reinterpret_cast<sockaddr*>(&address), size) != 0)
            return failed("connect");
        std::printf("port=%d\n", ntohs(address.sin_port));
    }
    std::fflush(stdout);
    dup2(ends[0], 0);
    dup2(ends[0], 2);
    execl("/proc/self/exe", "on-socket", "nothing", nullptr);
    return failed("execl");
}

// By another thread than the first: the kernel gives it the process's pid.
int exec_thread(Arguments)
{
    std::printf("pid=%d\n", getpid());
    std::fflush(stdout);
    pthread_t thread{};
    const auto body = [](void*) -> void* {
        std::printf("tid=%ld\n", syscall(SYS_gettid));
        std::fflush(stdout);
        execl("/proc/self/exe", "thread", "nothing", nullptr);
        return nullptr;
    };
    if (pthread_create(&thread, nullptr, body, nullptr) != 0)
        return failed("pthread_create");
    pthread_join(thread, nullptr);
    return failed("execl");
}

// With one argument of BYTES bytes.
int exec_long(Arguments arguments)
{
    const std::string word(arguments.empty() ? 5000 : std::strtoul(arguments[0], nullptr, 10), 'a');
    execl("/proc/self/exe", "long", "nothing", word.c_str(), nullptr);
    return failed("execl");
}

// The first thread ends before the second; then the second ends the process with code 7.
int exit_leader_first(Arguments)
{
    pthread_t thread{};
    const auto body = [](void* leader) -> void* {
        pthread_join(*static_cast<pthread_t*>(leader), nullptr);
        _exit(7);
    };
    static pthread_t leader = pthread_self();
    if (pthread_create(&thread, nullptr, body, &leader) != 0)
        return failed("pthread_create");
    pthread_exit(nullptr);
}

// COUNT children, one after the other.
int fork_burst(Arguments arguments)
{
    const long count = arguments.empty() ? 100 : std::strtol(arguments[0], nullptr, 10);
    for (long i = 0; i < count; ++i) {
        const pid_t child = fork();
        if (child < 0)
            return failed("fork");
        if (child == 0)
            _exit(0);
        waitpid(child, nullptr, 0);
    }
    std::printf("forked=%ld\n", count);
    return 0;
}

// Moves itself into the cgroup DIRECTORY and runs on: as /proc/self/exe or, as runc does it, from a sealed copy.
int join_cgroup(Arguments arguments)
{
    if (arguments.empty())
        return 2;
    const int fd = open((std::string(arguments[0]) + "/cgroup.procs").c_str(), O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, "0", 1) != 1)
        return failed("cgroup.procs");
    close(fd);
    if (arguments.size() > 1 && std::strcmp(arguments[1], "memfd") == 0)
        return exec_memfd({});
    execl("/proc/self/exe", "joined", "nothing", nullptr);
    return failed("execl");
}

// A child born into the cgroup DIRECTORY (CLONE_INTO_CGROUP) runs this program.
int clone_into(Arguments arguments)
{
    constexpr unsigned long long kIntoCgroup = 0x200000000ULL;
    struct {
        unsigned long long flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid,
            set_tid_size, cgroup;
    } how{};
    const int directory = arguments.empty() ? -1 : open(arguments[0], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0)
        return failed("open");
    std::string self(4096, '\0');
    const ssize_t length = readlink("/proc/self/exe", self.data(), self.size());
    if (length < 0)
        return failed("readlink");
    self.resize(static_cast<std::size_t>(length));
    how.flags = kIntoCgroup;
    how.exit_signal = SIGCHLD;
    how.cgroup = static_cast<unsigned long long>(directory);
    const long child = syscall(SYS_clone3, &how, sizeof how);
    if (child < 0)
        return failed("clone3");
    if (child == 0) {
        execl(self.c_str(), "born", "nothing", nullptr);
        _exit(1);
    }
    int status = 0;
    waitpid(static_cast<pid_t>(child), &status, 0);
    std::printf("child=%ld status=%d\n", child, status);
    return 0;
}

constexpr Act kActs[] = {
    {"exec-memfd", "[NAME]", exec_memfd},
    {"exec-unlinked", "FILE", exec_unlinked},
    {"exec-descriptor", "", exec_descriptor},
    {"exec-proc-fd", "", exec_proc_fd},
    {"exec-on-socket", "tcp|unix", exec_on_socket},
    {"exec-thread", "", exec_thread},
    {"exec-long", "BYTES", exec_long},
    {"exit-leader-first", "", exit_leader_first},
    {"fork-burst", "COUNT", fork_burst},
    {"join-cgroup", "DIRECTORY [memfd]", join_cgroup},
    {"clone-into", "DIRECTORY", clone_into},
};

}  // namespace

std::span<const Act> process_acts()
{
    return kActs;
}

}  // namespace fnshield::attacks
