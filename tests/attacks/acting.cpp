// SPDX-License-Identifier: Apache-2.0
#include "tests/attacks/acting.h"

#include <sys/socket.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace fnshield::attacks {
namespace {

// Room for one descriptor in a control message.
struct Control {
    alignas(cmsghdr) char bytes[CMSG_SPACE(sizeof(int))] = {};
};

msghdr message(iovec& data, Control& control)
{
    msghdr made{};
    made.msg_iov = &data;
    made.msg_iovlen = 1;
    made.msg_control = control.bytes;
    made.msg_controllen = sizeof control.bytes;
    return made;
}

}  // namespace

const char* word(Arguments arguments, std::size_t index)
{
    if (index >= arguments.size()) {
        std::fprintf(stderr, "trigger: argument %zu is missing\n", index + 1);
        std::exit(2);
    }
    return arguments[index];
}

pid_t pid(Arguments arguments)
{
    return static_cast<pid_t>(std::strtol(word(arguments, 0), nullptr, 10));
}

void* address(Arguments arguments)
{
    return reinterpret_cast<void*>(std::strtoull(word(arguments, 1), nullptr, 0));
}

std::string proc_path(Arguments arguments, const char* name)
{
    return std::string("/proc/") + word(arguments, 0) + "/" + name;
}

int print_result(long result)
{
    std::printf("result=%ld\n", result < 0 ? -static_cast<long>(errno) : result);
    return 0;
}

bool send_descriptor(int socket, int fd)
{
    char byte = 0;
    iovec data{&byte, 1};
    Control control;
    msghdr sent = message(data, control);
    cmsghdr* header = CMSG_FIRSTHDR(&sent);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof fd);
    std::memcpy(CMSG_DATA(header), &fd, sizeof fd);
    return fd >= 0 && sendmsg(socket, &sent, 0) == 1;
}

int receive_descriptor(int socket)
{
    char byte = 0;
    iovec data{&byte, 1};
    Control control;
    msghdr received = message(data, control);
    int fd = -1;
    if (recvmsg(socket, &received, 0) != 1)
        return -1;
    if (const cmsghdr* header = CMSG_FIRSTHDR(&received); header != nullptr && header->cmsg_type == SCM_RIGHTS)
        std::memcpy(&fd, CMSG_DATA(header), sizeof fd);
    return fd;
}

long call_32(long number, long first, long second, long third, long fourth, long fifth)
{
    long result = 0;
    // The sixth argument (ebp) is left as it is: none of the calls here looks at it.
    asm volatile("int $0x80"
                 : "=a"(result)
                 : "a"(number), "b"(first), "c"(second), "d"(third), "S"(fourth), "D"(fifth)
                 : "memory", "r8", "r9", "r10", "r11");
    return static_cast<int>(result);
}

long low(const void* pointer)
{
    return static_cast<long>(reinterpret_cast<std::uintptr_t>(pointer));
}

}  // namespace fnshield::attacks
