// SPDX-License-Identifier: Apache-2.0
//
// UNIX sockets: a server, and who connects to it or passes it a descriptor. System V shared memory.
#include <sys/ipc.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
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

int connected_to(Arguments arguments)
{
    const sockaddr_un address = address_of(word(arguments, 0));
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ? fd : -1;
}

int print_done(bool done)
{
    return print_result(done ? 0 : -1);
}

int connect_to(Arguments arguments)
{
    return print_done(connected_to(arguments) >= 0);
}

// A message whose control data begins with the sender's credentials, if asked for, and then passes standard input
// along.
struct Passing {
    explicit Passing(bool credentials_first)
    {
        header.msg_iov = &part;
        header.msg_iovlen = 1;
        header.msg_control = control.data();
        header.msg_controllen = CMSG_SPACE(sizeof(int)) + (credentials_first ? CMSG_SPACE(sizeof(ucred)) : 0);
        cmsghdr* at = CMSG_FIRSTHDR(&header);
        if (credentials_first) {
            const ucred own{.pid = getpid(), .uid = getuid(), .gid = getgid()};
            *at = {.cmsg_len = CMSG_LEN(sizeof own), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_CREDENTIALS};
            std::memcpy(CMSG_DATA(at), &own, sizeof own);
            at = CMSG_NXTHDR(&header, at);
        }
        const int passed = STDIN_FILENO;
        *at = {.cmsg_len = CMSG_LEN(sizeof passed), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
        std::memcpy(CMSG_DATA(at), &passed, sizeof passed);
    }
    Passing(const Passing&) = delete;

    char byte = 'x';
    iovec part{.iov_base = &byte, .iov_len = 1};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(ucred))> control{};
    msghdr header{};
};

int pass_descriptor(Arguments arguments)
{
    return print_done(send_descriptor(connected_to(arguments), STDIN_FILENO));
}

int pass_descriptor_behind(Arguments arguments)
{
    const Passing message(true);
    return print_done(sendmsg(connected_to(arguments), &message.header, 0) >= 0);
}

int pass_descriptor_second(Arguments arguments)
{
    const Passing message(false);
    std::array<mmsghdr, 2> messages{};
    messages[0].msg_hdr = message.header;
    messages[0].msg_hdr.msg_control = nullptr;
    messages[0].msg_hdr.msg_controllen = 0;
    messages[1].msg_hdr = message.header;
    return print_done(sendmmsg(connected_to(arguments), messages.data(), messages.size(), 0) >= 0);
}

int send_nothing_along(Arguments arguments)
{
    Passing message(true);
    message.header.msg_controllen = CMSG_SPACE(sizeof(ucred));
    return print_done(sendmsg(connected_to(arguments), &message.header, 0) >= 0);
}

// --- System V shared memory ---

key_t key_of(Arguments arguments)
{
    return static_cast<key_t>(std::strtol(word(arguments, 0), nullptr, 10));
}

int segment_make(Arguments arguments)
{
    const int id = shmget(key_of(arguments), 4096, IPC_CREAT | 0600);
    if (id < 0)
        return print_result(-1);
    std::printf("id=%d\n", id);
    return print_result(0);
}

int segment_attach(Arguments arguments)
{
    const int id = shmget(key_of(arguments), 0, 0);
    return print_result(shmat(id, nullptr, 0) == reinterpret_cast<void*>(-1) ? -1 : 0);
}

int segment_remove(Arguments arguments)
{
    return print_result(shmctl(shmget(key_of(arguments), 0, 0), IPC_RMID, nullptr));
}

constexpr Act kActs[] = {
    {"segment_make", "KEY", segment_make},
    {"segment_attach", "KEY", segment_attach},
    {"segment_remove", "KEY", segment_remove},
    {"unix-server", "PATH", serve},
    {"unix-connect", "PATH", connect_to},
    {"pass_descriptor", "PATH", pass_descriptor},
    {"pass_descriptor_behind", "PATH", pass_descriptor_behind},
    {"pass_descriptor_second", "PATH", pass_descriptor_second},
    {"send_nothing_along", "PATH", send_nothing_along},
};

}  // namespace

std::span<const Act> ipc_acts()
{
    return kActs;
}

}  // namespace fnshield::attacks
