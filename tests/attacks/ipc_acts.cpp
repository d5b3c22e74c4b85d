// SPDX-License-Identifier: Apache-2.0
//
// UNIX sockets: a server, and who connects to it.
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>

#include "tests/attacks/act.h"
#include "tests/attacks/acting.h"

namespace fnshield::attacks {
namespace {

sockaddr_un address_of(const char* path)
{
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path, sizeof address.sun_path - 1);
    return address;
}

// Accepts until its input ends.
int serve(Arguments arguments)
{
    const sockaddr_un address = address_of(word(arguments, 0));
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 || listen(fd, 8) != 0)
        return print_result(-1);
    std::puts("ready");
    std::fflush(stdout);
    char byte = 0;
    while (read(STDIN_FILENO, &byte, 1) > 0) {
    }
    return 0;
}

int connect_to(Arguments arguments)
{
    const sockaddr_un address = address_of(word(arguments, 0));
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return print_result(connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address));
}

constexpr Act kActs[] = {
    {"unix-server", "PATH", serve},
    {"unix-connect", "PATH", connect_to},
};

}  // namespace

std::span<const Act> ipc_acts()
{
    return kActs;
}

}  // namespace fnshield::attacks
