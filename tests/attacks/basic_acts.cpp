// SPDX-License-Identifier: Apache-2.0
//
// Acts that attack nobody: a victim that holds a secret in its memory, a process that does nothing, one that counts
// what a system call costs.
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <x86intrin.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <future>
#include <limits>
#include <string_view>
#include <thread>

#include "tests/attacks/act.h"

namespace fnshield::attacks {
namespace {

// Descriptors that only a thief would open again: they have no name, or none any more.
void hold_descriptors()
{
    constexpr std::string_view kSecret = "the model's weights, in a file";
    const int memory = memfd_create("weights", MFD_CLOEXEC);
    int ends[2] = {-1, -1};
    char name[] = "/tmp/fnshield-held-XXXXXX";
    const int unlinked = mkstemp(name);
    if (memory < 0 || unlinked < 0 || pipe(ends) != 0)
        std::exit(1);
    unlink(name);
    for (const int fd : {memory, unlinked, ends[1]})
        if (write(fd, kSecret.data(), kSecret.size()) < 0)
            std::exit(1);
    std::printf("memfd=%d\nunlinked=%d\npipe=%d\n", memory, unlinked, ends[0]);
}

// Prints where its secret is and what it holds, and stays until its input is closed.
int hold(Arguments)
{
    static char secret[64] = "the model's weights";
    hold_descriptors();
    std::promise<pid_t> tid;
    std::thread([&] {
        tid.set_value(gettid());
        for (;;)
            pause();
    }).detach();
    std::printf("tid=%d\n", tid.get_future().get());
    std::printf("pid=%d\naddress=%p\nready\n", getpid(), static_cast<void*>(secret));
    std::fflush(stdout);
    char byte = 0;
    while (read(STDIN_FILENO, &byte, 1) > 0) {
    }
    std::printf("secret=%s\n", secret);
    return 0;
}

int nothing(Arguments)
{
    std::puts("done");
    return 0;
}

// In assembly: on each call's way lie these four instructions and the kernel's, whatever the compiler thinks of a loop.
void call_getppid(std::uint64_t times)
{
    asm volatile(
        "1: mov %[number], %%eax\n"
        "syscall\n"
        "dec %[times]\n"
        "jnz 1b\n"
        : [times] "+r"(times)
        : [number] "i"(SYS_getppid)
        : "rax", "rcx", "r11", "memory", "cc");
}

// How far the time stamp counter goes during so many calls of getppid: the least of many rounds, each far shorter than
// from one timer interrupt to the next, so that there are rounds without any.
int count_getppid(Arguments)
{
    constexpr std::uint64_t kCalls = 1000;
    constexpr int kRounds = 40;
    auto least = std::numeric_limits<std::uint64_t>::max();
    for (int round = 0; round < kRounds; ++round) {
        const std::uint64_t begun = __rdtsc();
        call_getppid(kCalls);
        least = std::min<std::uint64_t>(least, __rdtsc() - begun);
    }
    std::printf("calls=%llu\nticks=%llu\n", static_cast<unsigned long long>(kCalls),
                static_cast<unsigned long long>(least));
    return 0;
}

constexpr Act kActs[] = {
    {"count_getppid", "", count_getppid},
    {"hold", "", hold},
    {"nothing", "", nothing},
};

}  // namespace

std::span<const Act> basic_acts()
{
    return kActs;
}

}  // namespace fnshield::attacks
