// SPDX-License-Identifier: Apache-2.0
//
// Acts that other acts need: a victim that holds a secret in its memory, a process that does nothing.
#include <unistd.h>

#include <cstdio>
#include <cstring>

#include "tests/attacks/act.h"

namespace fnshield::attacks {
namespace {

// Prints where its secret is and stays until its input is closed.
int hold(Arguments)
{
    static char secret[64] = "the model's weights";
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
