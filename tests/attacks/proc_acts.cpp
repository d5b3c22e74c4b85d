// SPDX-License-Identifier: Apache-2.0
//
// What /proc tells of another process, and what it leads to: files, magic links, descriptors; and the look-alikes of
// process listings and of programs that open their own descriptors again.
#include <dirent.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <sys/mman.h>
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
#include "tests/attacks/acting.h"

namespace fnshield::attacks {
namespace {

constexpr std::size_t kName = 2;  // PID ADDRESS NAME

long read_some(int fd)
{
    char buffer[256];
    return fd < 0 ? -1 : read(fd, buffer, sizeof buffer);
}

int proc_file(Arguments arguments)
{
    return print_result(read_some(open(proc_path(arguments, word(arguments, kName)).c_str(), O_RDONLY | O_CLOEXEC)));
}

int proc_open(Arguments arguments)
{
    return print_result(open(proc_path(arguments, word(arguments, kName)).c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
}

int proc_write(Arguments arguments)
{
    return print_result(open(proc_path(arguments, word(arguments, kName)).c_str(), O_WRONLY | O_CLOEXEC));
}

// Through a descriptor of /proc/PID.
int proc_open_dirfd(Arguments arguments)
{
    const int folder = open(proc_path(arguments, "").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
    return print_result(openat(folder, word(arguments, kName), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
}

// Through a descriptor of /proc.
int proc_open_from_proc(Arguments arguments)
{
    const int folder = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
    const std::string path = std::string(word(arguments, 0)) + "/" + word(arguments, kName);
    return print_result(openat(folder, path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
}

// The path says another process when the kernel has read it: what a racing thread would do.
int proc_open_disguised(Arguments arguments)
{
    const std::string path = proc_path(arguments, word(arguments, kName));
    const std::string link = "/tmp/fnshield-trigger-" + std::to_string(getpid());
    if (symlink(path.c_str(), link.c_str()) != 0)
        return print_result(-1);
    const int fd = open(link.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    unlink(link.c_str());
    return print_result(fd);
}

int proc_link(Arguments arguments)
{
    char buffer[512];
    return print_result(readlink(proc_path(arguments, word(arguments, kName)).c_str(), buffer, sizeof buffer));
}

int proc_link_dirfd(Arguments arguments)
{
    char buffer[512];
    const int folder = open(proc_path(arguments, "").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
    return print_result(readlinkat(folder, word(arguments, kName), buffer, sizeof buffer));
}

int proc_chdir(Arguments arguments)
{
    return print_result(chdir(proc_path(arguments, word(arguments, kName)).c_str()));
}

int proc_chroot(Arguments arguments)
{
    return print_result(chroot(proc_path(arguments, word(arguments, kName)).c_str()));
}

int pidfd_getfd_act(Arguments arguments)
{
    const long pidfd = syscall(SYS_pidfd_open, pid(arguments), 0);
    return print_result(syscall(SYS_pidfd_getfd, pidfd, std::atoi(word(arguments, kName)), 0));
}

int kcmp_act(Arguments arguments)
{
    const long order = syscall(SYS_kcmp, getpid(), pid(arguments), KCMP_VM, 0, 0);
    return print_result(order);
}

// --- look-alikes ---

// What ps and top read, of every process there is.
int list_processes(Arguments)
{
    DIR* folder = opendir("/proc");
    int listed = 0;
    while (const dirent* entry = readdir(folder)) {
        if (std::strspn(entry->d_name, "0123456789") != std::strlen(entry->d_name))
            continue;
        for (const char* name : {"stat", "statm", "status", "cmdline", "comm", "cgroup", "oom_score", "wchan"}) {
            const std::string path = std::string("/proc/") + entry->d_name + "/" + name;
            const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
            (void)read_some(fd);
            close(fd);
        }
        ++listed;
    }
    closedir(folder);
    return print_result(listed);
}

bool opens_again(int fd)
{
    const std::string path = "/proc/self/fd/" + std::to_string(fd);
    const int again = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    close(again);
    return again >= 0;
}

// Its own memfd, pipe, unlinked file and standard streams by their /proc names; its own program; its own folder.
int reopen_own(Arguments)
{
    int ends[2];
    char name[] = "/tmp/fnshield-own-XXXXXX";
    const int unlinked = mkstemp(name);
    unlink(name);
    const int unnamed = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    bool all = pipe(ends) == 0 && opens_again(memfd_create("own", MFD_CLOEXEC)) && opens_again(unlinked) &&
               opens_again(unnamed) && opens_again(ends[0]) && opens_again(STDIN_FILENO);
    for (const char* path : {"/proc/self/exe", "/proc/self/environ", "/proc/self/maps", "/proc/self/root/etc/passwd",
                             "/proc/self/cwd", "/proc/thread-self/mem", "/proc/self/ns/net"})
        all = close(open(path, O_RDONLY | O_CLOEXEC)) == 0 && all;
    return print_result(all ? 1 : 0);
}

// A program without a file, which opens itself: what container runtimes do.
int run_from_memory(Arguments)
{
    const int program = memfd_create("program", MFD_CLOEXEC);
    const int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    char buffer[65536];
    for (ssize_t got = 0; (got = read(self, buffer, sizeof buffer)) > 0;)
        if (write(program, buffer, static_cast<std::size_t>(got)) != got)
            return 1;
    char name[] = "trigger";
    char act[] = "reopen_own";
    char* words[] = {name, act, nullptr};
    fexecve(program, words, environ);
    return 1;
}

// A child's memfd by /proc/CHILD/fd: one sandbox, so nobody's business.
int child_descriptor(Arguments)
{
    int ready[2];
    if (pipe(ready) != 0)
        return 1;
    const pid_t child = fork();
    if (child == 0) {
        const int memory = memfd_create("child's", 0);
        if (write(ready[1], &memory, sizeof memory) != sizeof memory)
            _exit(1);
        pause();
        _exit(0);
    }
    int fd = -1;
    if (read(ready[0], &fd, sizeof fd) != sizeof fd)
        return 1;
    const std::string path = "/proc/" + std::to_string(child) + "/fd/" + std::to_string(fd);
    const int status = print_result(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    return status;
}

// Opens and closes files as fast as it can until its input is closed.
int open_flood(Arguments)
{
    std::puts("ready");
    std::fflush(stdout);
    fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK);
    char byte = 0;
    long opened = 0;
    do {
        for (int i = 0; i < 1000; ++i, ++opened)
            close(open(i % 2 == 0 ? "/proc/self/stat" : "/dev/null", O_RDONLY | O_CLOEXEC));
    } while (read(STDIN_FILENO, &byte, 1) < 0);
    return print_result(opened);
}

constexpr Act kActs[] = {
    {"proc_file", "PID ADDRESS NAME", proc_file},
    {"proc_open", "PID ADDRESS NAME", proc_open},
    {"proc_write", "PID ADDRESS NAME", proc_write},
    {"proc_open_dirfd", "PID ADDRESS NAME", proc_open_dirfd},
    {"proc_open_from_proc", "PID ADDRESS NAME", proc_open_from_proc},
    {"proc_open_disguised", "PID ADDRESS NAME", proc_open_disguised},
    {"proc_link", "PID ADDRESS NAME", proc_link},
    {"proc_link_dirfd", "PID ADDRESS NAME", proc_link_dirfd},
    {"proc_chdir", "PID ADDRESS NAME", proc_chdir},
    {"proc_chroot", "PID ADDRESS NAME", proc_chroot},
    {"pidfd_getfd", "PID ADDRESS FD", pidfd_getfd_act},
    {"kcmp", "PID", kcmp_act},
    {"list_processes", "", list_processes},
    {"reopen_own", "", reopen_own},
    {"run_from_memory", "", run_from_memory},
    {"child_descriptor", "", child_descriptor},
    {"open_flood", "", open_flood},
};

}  // namespace

std::span<const Act> proc_acts()
{
    return kActs;
}

}  // namespace fnshield::attacks
