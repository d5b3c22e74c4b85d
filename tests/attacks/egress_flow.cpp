// SPDX-License-Identifier: Apache-2.0
//
// Acts that send much, in a network of their own: `egress-flow WAY ADDRESS PORT BYTES`.
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <vector>

#include "tests/attacks/act.h"
#include "tests/attacks/network.h"

namespace fnshield::attacks {
namespace {

constexpr std::size_t kPiece = 32 << 10;
constexpr std::size_t kSmallConnection = 100 << 10;
constexpr const char* kOwnV4 = "10.77.0.1";  // with it, all of 10.0.0.0/8 is local
constexpr const char* kOwnV6 = "fd00::99";

void send_all(int fd, std::size_t bytes)
{
    const std::vector<char> piece(kPiece, 'w');
    while (bytes > 0) {
        const ssize_t sent = send(fd, piece.data(), std::min(bytes, piece.size()), 0);
        if (sent < 0)
            give_up("send");
        bytes -= static_cast<std::size_t>(sent);
    }
}

void read_to_end(int fd)
{
    std::vector<char> taken(kPiece);
    while (read(fd, taken.data(), taken.size()) > 0) {
    }
    close(fd);
}

int listener_at(const Address& own)
{
    const int fd = make_socket(own.family(), SOCK_STREAM);
    if (bind(fd, own.get(), own.length) != 0 || listen(fd, 64) != 0)
        give_up("listen");
    return fd;
}

// From another address than the peer's: this is one host with both, and by IPv6 it would take the same.
int connected_to(const Address& peer, int type)
{
    const int fd = make_socket(peer.family(), type);
    const Address own = address_of(kOwnV6, 0);
    if (peer.family() == AF_INET6 && bind(fd, own.get(), own.length) != 0)
        give_up("bind");
    if (connect(fd, peer.get(), peer.length) != 0)
        give_up("connect");
    return fd;
}

// A process that takes what comes over `connections` connections.
pid_t start_taker(int listener, std::size_t connections)
{
    const pid_t taker = fork();
    if (taker != 0)
        return taker;
    for (; connections > 0; --connections)
        read_to_end(accept(listener, nullptr, nullptr));
    _exit(0);
}

void send_by_connections(const Address& peer, std::size_t bytes, std::size_t each)
{
    const int listener = listener_at(peer);
    const pid_t taker = start_taker(listener, (bytes + each - 1) / each);
    for (; bytes > 0; bytes -= std::min(bytes, each)) {
        const int fd = connected_to(peer, SOCK_STREAM);
        send_all(fd, std::min(bytes, each));
        close(fd);
    }
    waitpid(taker, nullptr, 0);
}

// As the one that was connected to.
void answer(const Address& own, std::size_t bytes)
{
    const int listener = listener_at(own);
    const pid_t client = fork();
    if (client == 0) {
        read_to_end(connected_to(own, SOCK_STREAM));
        _exit(0);
    }
    const int fd = accept(listener, nullptr, nullptr);
    send_all(fd, bytes);
    close(fd);
    waitpid(client, nullptr, 0);
}

Address with_next_port(Address address)
{
    auto& port = reinterpret_cast<sockaddr_in*>(&address.storage)->sin_port;  // at the same place in IPv6's
    port = htons(static_cast<std::uint16_t>(ntohs(port) + 1));
    return address;
}

// Somebody is bound to each port and reads nothing.
void send_datagrams(const Address& peer, std::size_t bytes, bool connected, bool hops)
{
    const Address next = with_next_port(peer);
    for (const Address& each : {peer, next}) {
        const int fd = make_socket(peer.family(), SOCK_DGRAM);
        if (bind(fd, each.get(), each.length) != 0)
            give_up("bind");
    }
    const int fd = connected ? connected_to(peer, SOCK_DGRAM) : make_socket(peer.family(), SOCK_DGRAM);
    const std::vector<char> piece(kPiece, 'w');
    for (std::size_t i = 0; i < bytes / kPiece; ++i) {
        const Address& to = hops && i % 2 == 1 ? next : peer;
        const ssize_t sent = connected ? send(fd, piece.data(), piece.size(), 0)
                                       : sendto(fd, piece.data(), piece.size(), 0, to.get(), to.length);
        if (sent < 0)
            give_up("datagram");
    }
}

int flow(Arguments arguments)
{
    if (arguments.size() < 4)
        return 2;
    const std::string_view way = arguments[0];
    const Address peer = address_of(arguments[1], static_cast<std::uint16_t>(std::atoi(arguments[2])));
    const auto bytes = static_cast<std::size_t>(std::atol(arguments[3]));
    enter_private_network(address_of(kOwnV4, 0));
    if (peer.family() == AF_INET6) {
        add_own_address(kOwnV6);
        add_own_address(arguments[1]);
    }
    if (way == "connection")
        send_by_connections(peer, bytes, bytes);
    else if (way == "pieces")
        send_by_connections(peer, bytes, kSmallConnection);
    else if (way == "answer")
        answer(peer, bytes);
    else if (way == "datagrams" || way == "sendto" || way == "hops")
        send_datagrams(peer, bytes, way == "datagrams", way == "hops");
    else
        return 2;
    return report(0);
}

constexpr Act kActs[] = {
    {"egress-flow", "connection|pieces|answer|datagrams|sendto|hops ADDRESS PORT BYTES", flow},
};

}  // namespace

std::span<const Act> egress_flow_acts()
{
    return kActs;
}

}  // namespace fnshield::attacks
