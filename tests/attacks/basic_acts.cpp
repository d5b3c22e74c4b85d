// SPDX-License-Identifier: Apache-2.0
//
// Acts that other acts need: a victim that holds a secret in its memory, a process that does nothing.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <future>
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

constexpr Act kActs[] = {
    {"hold", "", hold},
    {"nothing", "", nothing},
};

}  // namespace

std::span<const Act> basic_acts()
{
    return kActs;
}

}  // namespace fnshield::attacks
