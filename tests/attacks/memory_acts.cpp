// SPDX-License-Identifier: Apache-2.0
//
// Reaching into another process's memory: process_vm_*, ptrace and /proc/PID/mem by every path that leads there; and
// the look-alikes, a process that reads its own memory or its child's. Each prints result=BYTES or result=-ERRNO.
#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <spawn.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>

#include "tests/attacks/act.h"
#include "tests/attacks/acting.h"

namespace fnshield::attacks {
namespace {

long vm_access(long number, Arguments arguments)
{
    char buffer[16] = "overwritten";
    iovec local{buffer, sizeof buffer};
    iovec remote{address(arguments), sizeof buffer};
    return syscall(number, pid(arguments), &local, 1, &remote, 1, 0);
}

int vmread(Arguments arguments)
{
    return print_result(vm_access(SYS_process_vm_readv, arguments));
}

int vmwrite(Arguments arguments)
{
    return print_result(vm_access(SYS_process_vm_writev, arguments));
}

// From a second thread of a second fork: the actor's ids are new.
int vmread_deep(Arguments arguments)
{
    const pid_t child = fork();
    if (child == 0) {
        if (fork() == 0) {
            int status = 0;
            std::thread([&] { status = vmread(arguments); }).join();
            _exit(status);
        }
        int status = 0;
        wait(&status);
        _exit(WEXITSTATUS(status));
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WEXITSTATUS(status);
}

// Ends the trace without leaving the victim stopped.
void let_go(pid_t victim)
{
    waitpid(victim, nullptr, __WALL);
    ptrace(PTRACE_DETACH, victim, nullptr, nullptr);
}

int ptrace_attach(Arguments arguments)
{
    const long result = ptrace(PTRACE_ATTACH, pid(arguments), nullptr, nullptr);
    const int status = print_result(result);
    if (result == 0)
        let_go(pid(arguments));
    return status;
}

int ptrace_seize(Arguments arguments)
{
    return print_result(ptrace(PTRACE_SEIZE, pid(arguments), nullptr, nullptr));
}

int peek_or_poke(Arguments arguments, bool poke)
{
    const pid_t victim = pid(arguments);
    if (ptrace(PTRACE_ATTACH, victim, nullptr, nullptr) != 0)
        return print_result(-1);
    waitpid(victim, nullptr, __WALL);
    errno = 0;
    const long word = ptrace(PTRACE_PEEKDATA, victim, address(arguments), nullptr);
    const long result = poke ? ptrace(PTRACE_POKEDATA, victim, address(arguments), word) : (errno == 0 ? 8 : -1);
    const int status = print_result(result);
    ptrace(PTRACE_DETACH, victim, nullptr, nullptr);
    return status;
}

int ptrace_peek(Arguments arguments)
{
    return peek_or_poke(arguments, false);
}

int ptrace_poke(Arguments arguments)
{
    return peek_or_poke(arguments, true);
}

int ptrace_regs(Arguments arguments)
{
    const pid_t victim = pid(arguments);
    if (ptrace(PTRACE_ATTACH, victim, nullptr, nullptr) != 0)
        return print_result(-1);
    waitpid(victim, nullptr, __WALL);
    char registers[512];
    const int status = print_result(ptrace(PTRACE_GETREGS, victim, nullptr, registers));
    ptrace(PTRACE_DETACH, victim, nullptr, nullptr);
    return status;
}

// --- /proc/PID/mem ---

int read_and_report(int fd, Arguments arguments)
{
    char buffer[16];
    return print_result(fd < 0 ? -1 : pread(fd, buffer, sizeof buffer, reinterpret_cast<off_t>(address(arguments))));
}

int proc_mem(Arguments arguments)
{
    return read_and_report(open(proc_path(arguments, "mem").c_str(), O_RDONLY | O_CLOEXEC), arguments);
}

int proc_mem_write(Arguments arguments)
{
    const int fd = open(proc_path(arguments, "mem").c_str(), O_RDWR | O_CLOEXEC);
    return print_result(fd < 0 ? -1 : pwrite(fd, "overwritten", 11, reinterpret_cast<off_t>(address(arguments))));
}

int proc_mem_open_only(Arguments arguments)
{
    return print_result(open(proc_path(arguments, "mem").c_str(), O_RDONLY | O_CLOEXEC));
}

int proc_mem_dirfd(Arguments arguments)
{
    const int folder = open(proc_path(arguments, "").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return read_and_report(openat(folder, "mem", O_RDONLY | O_CLOEXEC), arguments);
}

int proc_mem_chdir(Arguments arguments)
{
    if (chdir(proc_path(arguments, "").c_str()) != 0)
        return print_result(-1);
    return read_and_report(open("mem", O_RDONLY | O_CLOEXEC), arguments);
}

int proc_mem_symlink(Arguments arguments)
{
    const std::string link = "/tmp/fnshield-trigger-" + std::to_string(getpid());
    if (symlink(proc_path(arguments, "mem").c_str(), link.c_str()) != 0)
        return print_result(-1);
    const int fd = open(link.c_str(), O_RDONLY | O_CLOEXEC);
    unlink(link.c_str());
    return read_and_report(fd, arguments);
}

int proc_mem_openat2(Arguments arguments)
{
    open_how how{};
    how.flags = O_RDONLY | O_CLOEXEC;
    how.resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
    const int fd =
        static_cast<int>(syscall(SYS_openat2, AT_FDCWD, proc_path(arguments, "mem").c_str(), &how, sizeof how));
    return read_and_report(fd, arguments);
}

int proc_mem_o_path(Arguments arguments)
{
    const int path = open(proc_path(arguments, "mem").c_str(), O_PATH | O_CLOEXEC);
    const std::string again = "/proc/self/fd/" + std::to_string(path);
    return read_and_report(open(again.c_str(), O_RDONLY | O_CLOEXEC), arguments);
}

int proc_mem_task(Arguments arguments)
{
    return read_and_report(open(proc_path(arguments, ("task/" + std::string(arguments[0]) + "/mem").c_str()).c_str(),
                                O_RDONLY | O_CLOEXEC),
                           arguments);
}

// Opened by one process, read by another that got the descriptor over a socket.
int proc_mem_passed(Arguments arguments)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0)
        return print_result(-1);
    const pid_t opener = fork();
    if (opener == 0)
        _exit(send_descriptor(pair[1], open(proc_path(arguments, "mem").c_str(), O_RDONLY)) ? 0 : 1);
    const int fd = receive_descriptor(pair[0]);
    waitpid(opener, nullptr, 0);
    return read_and_report(fd, arguments);
}

// --- look-alikes ---

int own_memory(Arguments)
{
    char secret[16] = "mine";
    char self[32];
    char where[32];
    std::snprintf(self, sizeof self, "%d", getpid());
    std::snprintf(where, sizeof where, "%p", static_cast<void*>(secret));
    char* words[] = {self, where};
    return vmread(words) | proc_mem(words) | proc_mem_task(words);
}

int child_memory(Arguments)
{
    static char secret[16] = "my child's";
    const pid_t child = fork();
    if (child == 0) {
        pause();
        _exit(0);
    }
    char victim[32];
    char where[32];
    std::snprintf(victim, sizeof victim, "%d", child);
    std::snprintf(where, sizeof where, "%p", static_cast<void*>(secret));
    char* words[] = {victim, where};
    const int status = vmread(words) | vmwrite(words) | proc_mem(words) | ptrace_attach(words);
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    return status;
}

int traced_child(Arguments)
{
    const pid_t child = fork();
    if (child == 0) {
        ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
        raise(SIGSTOP);
        _exit(0);
    }
    waitpid(child, nullptr, 0);
    char registers[512];
    const int status = print_result(ptrace(PTRACE_GETREGS, child, nullptr, registers));
    ptrace(PTRACE_CONT, child, nullptr, nullptr);
    waitpid(child, nullptr, 0);
    return status;
}

// fork, exec, vfork, mmap and their ends: the kernel locks memory that is not current->mm in all of them.
int own_life(Arguments)
{
    char name[] = "trigger";
    char nothing[] = "nothing";
    char* words[] = {name, nothing, nullptr};
    for (int i = 0; i < 20; ++i) {
        pid_t child = -1;
        if (i % 2 == 0)
            posix_spawn(&child, "/proc/self/exe", nullptr, nullptr, words, environ);  // by vfork
        else if ((child = fork()) == 0)
            _exit(execv("/proc/self/exe", words));
        waitpid(child, nullptr, 0);
    }
    std::puts("done");
    return 0;
}

constexpr Act kActs[] = {
    {"vmread", "PID ADDRESS", vmread},
    {"vmwrite", "PID ADDRESS", vmwrite},
    {"vmread_deep", "PID ADDRESS", vmread_deep},
    {"ptrace_attach", "PID", ptrace_attach},
    {"ptrace_seize", "PID", ptrace_seize},
    {"ptrace_peek", "PID ADDRESS", ptrace_peek},
    {"ptrace_poke", "PID ADDRESS", ptrace_poke},
    {"ptrace_regs", "PID", ptrace_regs},
    {"proc_mem", "PID ADDRESS", proc_mem},
    {"proc_mem_write", "PID ADDRESS", proc_mem_write},
    {"proc_mem_open_only", "PID", proc_mem_open_only},
    {"proc_mem_dirfd", "PID ADDRESS", proc_mem_dirfd},
    {"proc_mem_chdir", "PID ADDRESS", proc_mem_chdir},
    {"proc_mem_symlink", "PID ADDRESS", proc_mem_symlink},
    {"proc_mem_openat2", "PID ADDRESS", proc_mem_openat2},
    {"proc_mem_o_path", "PID ADDRESS", proc_mem_o_path},
    {"proc_mem_task", "PID ADDRESS", proc_mem_task},
    {"proc_mem_passed", "PID ADDRESS", proc_mem_passed},
    {"own_memory", "", own_memory},
    {"child_memory", "", child_memory},
    {"traced_child", "", traced_child},
    {"own_life", "", own_life},
};

}  // namespace

std::span<const Act> memory_acts()
{
    return kActs;
}

}  // namespace fnshield::attacks
