// SPDX-License-Identifier: Apache-2.0
#include "tests/attacks/network.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/ipv6.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <utility>

namespace fnshield::attacks {
namespace {

void bring_up(int control, const char* interface)
{
    ifreq request{};
    std::strncpy(request.ifr_name, interface, IFNAMSIZ - 1);
    request.ifr_flags = IFF_UP | IFF_RUNNING;
    if (ioctl(control, SIOCSIFFLAGS, &request) != 0)
        give_up("SIOCSIFFLAGS");
}

void add_v4(in_addr address)
{
    if ((ntohl(address.s_addr) >> 24) == 127)
        return;
    const int control = make_socket(AF_INET, SOCK_DGRAM);
    ifreq request{};
    std::strcpy(request.ifr_name, "lo:1");
    auto* end = reinterpret_cast<sockaddr_in*>(&request.ifr_addr);
    end->sin_family = AF_INET;
    end->sin_addr = address;
    if (ioctl(control, SIOCSIFADDR, &request) != 0)
        give_up("SIOCSIFADDR");
}

bool has_route_to(const in6_addr& address)
{
    std::string start;
    for (const unsigned char byte : address.s6_addr) {
        char digits[3];
        std::snprintf(digits, sizeof digits, "%02x", byte);
        start += digits;
    }
    start += " 80 ";  // the prefix length, in hexadecimal as well
    std::ifstream routes("/proc/net/ipv6_route");
    for (std::string line; std::getline(routes, line);)
        if (line.starts_with(start) && line.find(" 80200001 ") != std::string::npos)  // up, local
            return true;
    return false;
}

void add_v6(const in6_addr& address)
{
    if (IN6_IS_ADDR_LOOPBACK(&address))
        return;
    const int control = make_socket(AF_INET6, SOCK_DGRAM);
    in6_ifreq request{};
    request.ifr6_addr = address;
    request.ifr6_prefixlen = 128;
    request.ifr6_ifindex = static_cast<int>(if_nametoindex("lo"));
    if (ioctl(control, SIOCSIFADDR, &request) != 0)
        give_up("SIOCSIFADDR for IPv6");
    // The kernel makes the address usable in a work queue.
    while (!has_route_to(address))
        usleep(1000);
}

}  // namespace

void give_up(const char* what)
{
    std::perror(what);
    std::exit(1);
}

int report(long result)
{
    std::printf("result=%ld\n", result < 0 ? -static_cast<long>(errno) : 0L);
    return 0;
}

int make_socket(int family, int type, int protocol)
{
    const int fd = socket(family, type | SOCK_CLOEXEC, protocol);
    if (fd < 0)
        give_up("socket");
    return fd;
}

Address address_of(const char* text, std::uint16_t port)
{
    Address made;
    auto* v4 = reinterpret_cast<sockaddr_in*>(&made.storage);
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&made.storage);
    if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(port);
        made.length = sizeof *v4;
    } else if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(port);
        made.length = sizeof *v6;
    } else {
        std::fprintf(stderr, "trigger: '%s' is no address\n", text);
        std::exit(2);
    }
    return made;
}

void enter_private_network(const Address& address)
{
    if (unshare(CLONE_NEWNET) != 0)
        give_up("unshare");
    bring_up(make_socket(AF_INET, SOCK_DGRAM), "lo");
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(&address.storage);
    const auto* v6 = reinterpret_cast<const sockaddr_in6*>(&address.storage);
    if (address.family() == AF_INET) {
        add_v4(v4->sin_addr);
    } else if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) {
        in_addr inner{};
        std::memcpy(&inner, v6->sin6_addr.s6_addr + 12, sizeof inner);
        add_v4(inner);
    } else {
        add_v6(v6->sin6_addr);
    }
}

int enter_tunnel_network()
{
    const int tunnel = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
    if (tunnel < 0)
        std::exit(kNoTunnel);
    if (unshare(CLONE_NEWNET) != 0)
        give_up("unshare");
    const int control = make_socket(AF_INET, SOCK_DGRAM);
    bring_up(control, "lo");
    close(tunnel);  // it would make its device in the network that it was opened in
    const int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
    ifreq request{};
    std::strcpy(request.ifr_name, "tun0");
    request.ifr_flags = IFF_TUN | IFF_NO_PI;
    if (fd < 0 || ioctl(fd, TUNSETIFF, &request) != 0)
        give_up("TUNSETIFF");
    for (const auto& [call, text] : {std::pair{SIOCSIFADDR, "10.77.0.2"}, std::pair{SIOCSIFNETMASK, "255.0.0.0"}}) {
        auto* end = reinterpret_cast<sockaddr_in*>(&request.ifr_addr);
        *end = {};
        end->sin_family = AF_INET;
        inet_pton(AF_INET, text, &end->sin_addr);
        if (ioctl(control, static_cast<unsigned long>(call), &request) != 0)
            give_up("the tunnel's address");
    }
    bring_up(control, "tun0");
    return fd;
}

void add_own_address(const char* address)
{
    const Address own = address_of(address, 0);
    if (own.family() == AF_INET)
        add_v4(reinterpret_cast<const sockaddr_in*>(&own.storage)->sin_addr);
    else
        add_v6(reinterpret_cast<const sockaddr_in6*>(&own.storage)->sin6_addr);
}

std::vector<unsigned char> dns_query(const std::string& name)
{
    std::vector<unsigned char> message = {0x12, 0x34, 0x01, 0x00, 0, 1, 0, 0, 0, 0, 0, 0};
    for (std::size_t from = 0; from < name.size();) {
        const std::size_t dot = std::min(name.find('.', from), name.size());
        message.push_back(static_cast<unsigned char>(dot - from));
        message.insert(message.end(), name.begin() + static_cast<long>(from), name.begin() + static_cast<long>(dot));
        from = dot + 1;
    }
    for (const unsigned char byte : {0, 0, 1, 0, 1})  // the root, type A, class IN
        message.push_back(byte);
    return message;
}

}  // namespace fnshield::attacks
