// SPDX-License-Identifier: Apache-2.0
//
// What is done to the file PATH, by each road: opened for reading and for writing, truncated, removed, renamed,
// replaced, mapped. By io_uring: entry_acts.cpp.
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdio>
#include <string>

#include "tests/attacks/acting.h"

namespace fnshield::attacks {
namespace {

// Says how the open went, not which descriptor it gave.
int print_open(int fd)
{
    return print_result(fd < 0 ? -1 : 0);
}

int open_read(Arguments arguments)
{
    return print_open(open(word(arguments, 0), O_RDONLY | O_CLOEXEC));
}

int open_write(Arguments arguments)
{
    return print_open(open(word(arguments, 0), O_WRONLY | O_CLOEXEC));
}

// The libc's open() is openat.
int open_write_old(Arguments arguments)
{
    return print_open(static_cast<int>(syscall(SYS_open, word(arguments, 0), O_RDWR | O_CLOEXEC)));
}

int open_write_creat(Arguments arguments)
{
    return print_open(static_cast<int>(syscall(SYS_creat, word(arguments, 0), 0600)));
}

int open_write_openat2(Arguments arguments)
{
    open_how how{};
    how.flags = O_WRONLY | O_APPEND | O_CLOEXEC;
    return print_open(static_cast<int>(syscall(SYS_openat2, AT_FDCWD, word(arguments, 0), &how, sizeof how)));
}

// The link stands beside the file's folder where it can, for this process may be killed before it takes it away: it
// goes with what the test made.
int open_write_symlink(Arguments arguments)
{
    const std::string path = word(arguments, 0);
    const std::string name = "/fnshield-trigger-" + std::to_string(getpid());
    std::string link = path.substr(0, path.rfind('/', path.rfind('/') - 1)) + name;
    if (symlink(path.c_str(), link.c_str()) != 0) {
        link = "/tmp" + name;
        if (symlink(path.c_str(), link.c_str()) != 0)
            return 1;
    }
    const int fd = open(link.c_str(), O_WRONLY | O_CLOEXEC);
    unlink(link.c_str());
    return print_open(fd);
}

int open_write_again(Arguments arguments)
{
    const int path = open(word(arguments, 0), O_PATH | O_CLOEXEC);
    return print_open(open(("/proc/self/fd/" + std::to_string(path)).c_str(), O_WRONLY | O_CLOEXEC));
}

int open_write_relative(Arguments arguments)
{
    const std::string path = word(arguments, 0);
    const std::string folder = path.substr(0, path.rfind('/'));
    if (chdir(folder.c_str()) != 0)
        return 1;
    const std::string up = "../" + folder.substr(folder.rfind('/') + 1);
    return print_open(open((up + path.substr(folder.size())).c_str(), O_WRONLY | O_CLOEXEC));
}

int open_truncate(Arguments arguments)
{
    return print_open(open(word(arguments, 0), O_RDONLY | O_TRUNC | O_CLOEXEC));
}

int open_truncate_openat2(Arguments arguments)
{
    open_how how{};
    how.flags = O_RDONLY | O_TRUNC | O_CLOEXEC;
    return print_open(static_cast<int>(syscall(SYS_openat2, AT_FDCWD, word(arguments, 0), &how, sizeof how)));
}

int open_write_32(Arguments arguments)
{
    constexpr long kOpen = 5;
    auto* const text =
        static_cast<char*>(mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0));
    std::snprintf(text, 4096, "%s", word(arguments, 0));
    const long result = call_32(kOpen, low(text), O_WRONLY | O_CLOEXEC);
    std::printf("result=%ld\n", result < 0 ? result : 0);
    return 0;
}

// --- without an open ---

int truncate_path(Arguments arguments)
{
    return print_result(truncate(word(arguments, 0), 0));
}

int remove_path(Arguments arguments)
{
    return print_result(unlink(word(arguments, 0)));
}

int rename_away(Arguments arguments)
{
    return print_result(rename(word(arguments, 0), word(arguments, 1)));
}

int rename_onto(Arguments arguments)
{
    return print_result(rename(word(arguments, 1), word(arguments, 0)));
}

// --- mapped ---

int print_mapped(const void* mapping)
{
    return print_result(mapping == MAP_FAILED ? -1 : 0);
}

int map_with(Arguments arguments, int protection)
{
    const int fd = open(word(arguments, 0), O_RDONLY | O_CLOEXEC);
    return print_mapped(mmap(nullptr, 4096, protection, MAP_PRIVATE, fd, 0));
}

int map_read(Arguments arguments)
{
    return map_with(arguments, PROT_READ);
}

int map_exec(Arguments arguments)
{
    return map_with(arguments, PROT_READ | PROT_EXEC);
}

int map_exec_later(Arguments arguments)
{
    const int fd = open(word(arguments, 0), O_RDONLY | O_CLOEXEC);
    void* const mapping = mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
    if (mapping == MAP_FAILED)
        return print_mapped(mapping);
    return print_result(mprotect(mapping, 4096, PROT_READ | PROT_EXEC));
}

int map_exec_memfd(Arguments)
{
    const int fd = memfd_create("code", MFD_CLOEXEC);
    if (ftruncate(fd, 4096) != 0)
        return print_result(-1);
    return print_mapped(mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0));
}

constexpr Act kActs[] = {
    {"open_read", "PATH", open_read},
    {"open_write", "PATH", open_write},
    {"open_write_old", "PATH", open_write_old},
    {"open_write_creat", "PATH", open_write_creat},
    {"open_write_openat2", "PATH", open_write_openat2},
    {"open_write_symlink", "PATH", open_write_symlink},
    {"open_write_again", "PATH", open_write_again},
    {"open_write_relative", "PATH", open_write_relative},
    {"open_write_32", "PATH", open_write_32},
    {"open_truncate", "PATH", open_truncate},
    {"open_truncate_openat2", "PATH", open_truncate_openat2},
    {"truncate_path", "PATH", truncate_path},
    {"remove_path", "PATH", remove_path},
    {"rename_away", "PATH TO", rename_away},
    {"rename_onto", "PATH FROM", rename_onto},
    {"map_read", "PATH", map_read},
    {"map_exec", "PATH", map_exec},
    {"map_exec_later", "PATH", map_exec_later},
    {"map_exec_memfd", "", map_exec_memfd},
};

}  // namespace

std::span<const Act> file_acts()
{
    return kActs;
}

}  // namespace fnshield::attacks
