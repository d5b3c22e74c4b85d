// SPDX-License-Identifier: Apache-2.0
//
// The same acts by other entries: io_uring, the 32-bit system call, another user, another pid namespace.
#include <fcntl.h>
#include <linux/io_uring.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "tests/attacks/act.h"
#include "tests/attacks/acting.h"

namespace fnshield::attacks {
namespace {

// --- io_uring, by its system calls alone ---

class Ring {
public:
    Ring()
    {
        fd_ = static_cast<int>(syscall(SYS_io_uring_setup, 4, &parameters_));
        if (fd_ < 0)
            return;
        submissions_ = map(parameters_.sq_off.array + parameters_.sq_entries * sizeof(unsigned), IORING_OFF_SQ_RING);
        completions_ = map(parameters_.cq_off.cqes + parameters_.cq_entries * sizeof(io_uring_cqe), IORING_OFF_CQ_RING);
        entries_ = reinterpret_cast<io_uring_sqe*>(map(parameters_.sq_entries * sizeof(io_uring_sqe), IORING_OFF_SQES));
    }

    // One request from start to end; its result. −ENOSYS where there is no ring.
    long run(const io_uring_sqe& request)
    {
        if (fd_ < 0)
            return -ENOSYS;
        auto& tail = at<unsigned>(submissions_, parameters_.sq_off.tail);
        const unsigned slot = tail & at<unsigned>(submissions_, parameters_.sq_off.ring_mask);
        entries_[slot] = request;
        at<unsigned>(submissions_, parameters_.sq_off.array + slot * sizeof(unsigned)) = slot;
        std::atomic_ref(tail).store(tail + 1, std::memory_order_release);
        if (syscall(SYS_io_uring_enter, fd_, 1, 1, IORING_ENTER_GETEVENTS, nullptr, 0) != 1)
            return -errno;
        auto& head = at<unsigned>(completions_, parameters_.cq_off.head);
        const unsigned index = head & at<unsigned>(completions_, parameters_.cq_off.ring_mask);
        const long result = at<io_uring_cqe>(completions_, parameters_.cq_off.cqes + index * sizeof(io_uring_cqe)).res;
        std::atomic_ref(head).store(head + 1, std::memory_order_release);
        return result;
    }

private:
    char* map(std::size_t size, off_t offset)
    {
        return static_cast<char*>(mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd_, offset));
    }
    template <typename T>
    static T& at(char* base, std::size_t offset)
    {
        return *reinterpret_cast<T*>(base + offset);
    }

    io_uring_params parameters_{};
    int fd_ = -1;
    char* submissions_ = nullptr;
    char* completions_ = nullptr;
    io_uring_sqe* entries_ = nullptr;
};

long ring_open(Ring& ring, const std::string& path, unsigned access = O_RDONLY)
{
    io_uring_sqe request{};
    request.opcode = IORING_OP_OPENAT;
    request.fd = AT_FDCWD;
    request.addr = reinterpret_cast<std::uint64_t>(path.c_str());
    request.open_flags = access | O_CLOEXEC | O_NONBLOCK;
    return ring.run(request);
}

long ring_read(Ring& ring, int fd, void* buffer, unsigned size, std::uint64_t offset)
{
    io_uring_sqe request{};
    request.opcode = IORING_OP_READ;
    request.fd = fd;
    request.addr = reinterpret_cast<std::uint64_t>(buffer);
    request.len = size;
    request.off = offset;
    return ring.run(request);
}

int print_ring_result(long result)
{
    errno = static_cast<int>(-result);
    return print_result(result);
}

int ring_open_act(Arguments arguments)
{
    Ring ring;
    return print_ring_result(ring_open(ring, proc_path(arguments, word(arguments, 2))));
}

int ring_open_write(Arguments arguments)
{
    Ring ring;
    const long fd = ring_open(ring, word(arguments, 0), O_WRONLY);
    return print_ring_result(fd < 0 ? fd : 0);
}

int ring_mem(Arguments arguments)
{
    Ring ring;
    char buffer[16];
    const long fd = ring_open(ring, proc_path(arguments, "mem"));
    return print_ring_result(fd < 0 ? fd
                                    : ring_read(ring, static_cast<int>(fd), buffer, sizeof buffer,
                                                reinterpret_cast<std::uint64_t>(address(arguments))));
}

// The descriptor comes by a system call, the read by the ring.
int ring_file(Arguments arguments)
{
    Ring ring;
    char buffer[64];
    const int fd = open(proc_path(arguments, word(arguments, 2)).c_str(), O_RDONLY | O_CLOEXEC);
    return print_ring_result(fd < 0 ? -errno : ring_read(ring, fd, buffer, sizeof buffer, 0));
}

// --- the 32-bit entry: any 64-bit program can use it, with pointers below 4 GiB ---

struct Low {
    struct {
        std::uint32_t base;
        std::uint32_t length;
    } local, remote;
    char buffer[16];
    char path[128];
};

Low* low_memory()
{
    return static_cast<Low*>(
        mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0));
}

int vmread_32(Arguments arguments)
{
    constexpr long kProcessVmReadv = 347;
    Low* memory = low_memory();
    memory->local = {static_cast<std::uint32_t>(low(memory->buffer)), sizeof memory->buffer};
    memory->remote = {static_cast<std::uint32_t>(low(address(arguments))), sizeof memory->buffer};
    long result = 0;
    // The sixth argument, its flags, is in ebp, which the compiler does not give away.
    asm volatile("push %%rbp\n\txor %%ebp, %%ebp\n\tint $0x80\n\tpop %%rbp"
                 : "=a"(result)
                 : "a"(kProcessVmReadv), "b"(static_cast<long>(pid(arguments))), "c"(low(&memory->local)), "d"(1L),
                   "S"(low(&memory->remote)), "D"(1L)
                 : "memory", "r8", "r9", "r10", "r11");
    return print_ring_result(static_cast<int>(result));
}

int ptrace_attach_32(Arguments arguments)
{
    constexpr long kPtrace = 26;
    constexpr long kSeize = 0x4206;
    return print_ring_result(call_32(kPtrace, kSeize, pid(arguments)));
}

int proc_open_32(Arguments arguments)
{
    constexpr long kOpenat = 295;
    Low* memory = low_memory();
    std::snprintf(memory->path, sizeof memory->path, "%s", proc_path(arguments, word(arguments, 2)).c_str());
    return print_ring_result(call_32(kOpenat, AT_FDCWD, low(memory->path), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
}

int pidfd_getfd_32(Arguments arguments)
{
    constexpr long kPidfdGetfd = 438;
    const long pidfd = syscall(SYS_pidfd_open, pid(arguments), 0);
    return print_ring_result(call_32(kPidfdGetfd, pidfd, std::atoi(word(arguments, 2))));
}

// --- who and where ---

// PID ADDRESS ACT ARGUMENT…: the act as a user who may do none of it.
int as_nobody(Arguments arguments)
{
    const Act* act = find_act(word(arguments, 2));
    if (act == nullptr || setuid(65534) != 0)
        return 1;
    std::vector<char*> passed = {arguments[0], arguments[1]};
    passed.insert(passed.end(), arguments.begin() + 3, arguments.end());
    return act->run(passed);
}

// PID ADDRESS TIMES ACT ARGUMENT…
int repeat(Arguments arguments)
{
    const Act* act = find_act(word(arguments, 3));
    if (act == nullptr)
        return 1;
    std::vector<char*> passed = {arguments[0], arguments[1]};
    passed.insert(passed.end(), arguments.begin() + 4, arguments.end());
    for (int i = std::atoi(arguments[2]); i > 0; --i)
        if (act->run(passed) != 0)
            return 1;
    return 0;
}

bool join(const char* cgroup_procs)
{
    const int fd = open(cgroup_procs, O_WRONLY | O_CLOEXEC);
    const bool joined = fd >= 0 && write(fd, "0", 1) == 1;
    close(fd);
    return joined;
}

// Attacker and victim in one pid namespace of their own: the act names the victim by its number there, 1.
int twins(Arguments arguments)
{
    static char secret[16] = "the twin's";
    const Act* act = find_act(word(arguments, 2));
    int ready[2];
    if (act == nullptr || pipe(ready) != 0 || unshare(CLONE_NEWPID) != 0)
        return 1;
    const pid_t victim = fork();
    if (victim == 0) {
        if (getpid() != 1 || !join(arguments[0]) || write(ready[1], "", 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    std::printf("victim=%d\n", victim);
    std::fflush(stdout);
    char byte = 0;
    int status = 1;
    if (read(ready[0], &byte, 1) == 1) {
        const pid_t attacker = fork();
        if (attacker == 0) {
            char number[] = "1";
            char where[32];
            std::snprintf(where, sizeof where, "%p", static_cast<void*>(secret));
            std::vector<char*> passed = {number, where};
            passed.insert(passed.end(), arguments.begin() + 3, arguments.end());
            _exit(join(arguments[1]) ? act->run(passed) : 1);
        }
        waitpid(attacker, &status, 0);
    }
    kill(victim, SIGKILL);
    waitpid(victim, nullptr, 0);
    return status == 0 ? 0 : 1;
}

constexpr Act kActs[] = {
    {"ring_open", "PID ADDRESS NAME", ring_open_act},
    {"ring_open_write", "PATH", ring_open_write},
    {"ring_mem", "PID ADDRESS", ring_mem},
    {"ring_file", "PID ADDRESS NAME", ring_file},
    {"vmread_32", "PID ADDRESS", vmread_32},
    {"ptrace_seize_32", "PID", ptrace_attach_32},
    {"proc_open_32", "PID ADDRESS NAME", proc_open_32},
    {"pidfd_getfd_32", "PID ADDRESS FD", pidfd_getfd_32},
    {"as_nobody", "PID ADDRESS ACT ARGUMENT…", as_nobody},
    {"repeat", "PID ADDRESS TIMES ACT ARGUMENT…", repeat},
    {"twins", "VICTIM-CGROUP.PROCS ATTACKER-CGROUP.PROCS ACT ARGUMENT…", twins},
};

}  // namespace

std::span<const Act> entry_acts()
{
    return kActs;
}

}  // namespace fnshield::attacks
