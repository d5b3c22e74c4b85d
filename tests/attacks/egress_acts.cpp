// SPDX-License-Identifier: Apache-2.0
//
// Network acts by the ordinary system calls: TCP and UDP clients, servers, DNS questions, and sockets that are nobody's
// business. Acts with an ADDRESS run in a network of their own (network.h); those without use the caller's.
#include <arpa/inet.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netinet/tcp.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "tests/attacks/act.h"
#include "tests/attacks/network.h"

namespace fnshield::attacks {
namespace {

constexpr int kIpv6FreeBind = 78;

int count_of(Arguments arguments, std::size_t index)
{
    return arguments.size() > index ? std::atoi(arguments[index]) : 1;
}

// The address of the first two arguments, in a network of its own.
Address peer_of(Arguments arguments)
{
    if (arguments.size() < 2) {
        std::fprintf(stderr, "trigger: ADDRESS and PORT are missing\n");
        std::exit(2);
    }
    const Address peer = address_of(arguments[0], static_cast<std::uint16_t>(std::atoi(arguments[1])));
    enter_private_network(peer);
    return peer;
}

int tcp(Arguments arguments)
{
    const Address peer = peer_of(arguments);
    for (int left = count_of(arguments, 2); left > 1; --left) {
        const int fd = make_socket(peer.family(), SOCK_STREAM);
        (void)connect(fd, peer.get(), peer.length);
        close(fd);
    }
    return report(connect(make_socket(peer.family(), SOCK_STREAM), peer.get(), peer.length));
}

// ADDRESS PORT [stranger]: TCP from a socket that is bound to the very address; `stranger`: which is not its host's.
int bound(Arguments arguments)
{
    const bool stranger = arguments.size() > 2;
    const Address peer =
        stranger ? address_of(arguments[0], static_cast<std::uint16_t>(std::atoi(arguments[1]))) : peer_of(arguments);
    if (stranger)
        enter_private_network(address_of("fd00::1", 0));
    const int fd = make_socket(peer.family(), SOCK_STREAM);
    const int on = 1;
    Address own = peer;
    reinterpret_cast<sockaddr_in*>(&own.storage)->sin_port = 0;  // at the same place in IPv6's
    if (stranger && setsockopt(fd, IPPROTO_IPV6, kIpv6FreeBind, &on, sizeof on) != 0)
        give_up("IPV6_FREEBIND");
    if (bind(fd, own.get(), own.length) != 0)
        give_up("bind");
    return report(connect(fd, peer.get(), peer.length));
}

// Two acts that a careless hash takes for one: a socket of UDP is connected to an address that differs from the given
// one as much as the two protocols do, which sends nothing and may lead nowhere; right after it TCP to the given one.
int shadowed_tcp(Arguments arguments)
{
    const Address peer = peer_of(arguments);
    Address shadow = peer;
    reinterpret_cast<sockaddr_in*>(&shadow.storage)->sin_addr.s_addr ^= IPPROTO_TCP ^ IPPROTO_UDP;
    (void)connect(make_socket(peer.family(), SOCK_DGRAM), shadow.get(), shadow.length);
    return report(connect(make_socket(peer.family(), SOCK_STREAM), peer.get(), peer.length));
}

int udp_sendto(Arguments arguments)
{
    const Address peer = peer_of(arguments);
    const int fd = make_socket(peer.family(), SOCK_DGRAM);
    long sent = 0;
    for (int left = count_of(arguments, 2); left > 0; --left)
        sent = sendto(fd, "hello", 5, 0, peer.get(), peer.length);
    return report(sent);
}

// ADDRESS PORT: as a server, from port 20053, to PORT and then to the one above it.
int udp_answers(Arguments arguments)
{
    Address peer = peer_of(arguments);
    const int fd = make_socket(AF_INET, SOCK_DGRAM);
    const Address own = address_of("0.0.0.0", 20053);
    if (bind(fd, own.get(), own.length) != 0)
        give_up("bind");
    report(sendto(fd, "hello", 5, 0, peer.get(), peer.length));
    auto& port = reinterpret_cast<sockaddr_in*>(&peer.storage)->sin_port;
    port = htons(static_cast<std::uint16_t>(ntohs(port) + 1));
    return report(sendto(fd, "hello", 5, 0, peer.get(), peer.length));
}

// ADDRESS COUNT: one datagram to each of the ports 1 to COUNT, then a TCP connection to the metadata service.
int scan(Arguments arguments)
{
    if (arguments.size() < 2)
        return 2;
    Address peer = address_of(arguments[0], 0);
    enter_private_network(peer);
    const int fd = make_socket(peer.family(), SOCK_DGRAM);
    for (int port = 1; port <= std::atoi(arguments[1]); ++port) {
        reinterpret_cast<sockaddr_in*>(&peer.storage)->sin_port = htons(static_cast<std::uint16_t>(port));
        (void)sendto(fd, "x", 1, 0, peer.get(), peer.length);
    }
    const Address metadata = address_of("169.254.169.254", 80);
    return report(connect(make_socket(AF_INET, SOCK_STREAM), metadata.get(), metadata.length));
}

// ADDRESS COUNT: listens on 300 ports, more than one sandbox's share of the critical ring, then scans.
int listen_and_scan(Arguments arguments)
{
    for (int left = 300; left > 0; --left) {
        const int fd = make_socket(AF_INET, SOCK_STREAM);
        Address own = address_of("127.0.0.1", static_cast<std::uint16_t>(20000 + left));
        if (bind(fd, own.get(), own.length) != 0 || listen(fd, 1) != 0)
            give_up("listen");
        close(fd);
    }
    return scan(arguments);
}

int udp_sendmsg(Arguments arguments)
{
    Address peer = peer_of(arguments);
    char text[] = "hello";
    iovec piece{.iov_base = text, .iov_len = 5};
    msghdr message{};
    message.msg_name = &peer.storage;
    message.msg_namelen = peer.length;
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    return report(sendmsg(make_socket(peer.family(), SOCK_DGRAM), &message, 0));
}

// The kernel takes the family "unspecified" as IPv4 here.
int udp_unspecified_family(Arguments arguments)
{
    Address peer = peer_of(arguments);
    peer.storage.ss_family = AF_UNSPEC;
    return report(sendto(make_socket(AF_INET, SOCK_DGRAM), "hello", 5, 0, peer.get(), peer.length));
}

int udp_connect(Arguments arguments)
{
    const Address peer = peer_of(arguments);
    const int fd = make_socket(peer.family(), SOCK_DGRAM);
    if (connect(fd, peer.get(), peer.length) != 0)
        return report(-1);
    for (int left = count_of(arguments, 2); left > 1; --left)
        (void)send(fd, "hello", 5, 0);
    return report(send(fd, "hello", 5, 0));
}

int fastopen(Arguments arguments)
{
    const Address peer = peer_of(arguments);
    return report(sendto(make_socket(peer.family(), SOCK_STREAM), "hello", 5, MSG_FASTOPEN, peer.get(), peer.length));
}

// ADDRESS PORT CGROUP_PROCS: makes a socket, then enters the cgroup, then connects.
int late_tcp(Arguments arguments)
{
    const Address peer = peer_of(arguments);
    if (arguments.size() < 3)
        return 2;
    const int fd = make_socket(peer.family(), SOCK_STREAM);
    FILE* procs = std::fopen(arguments[2], "w");
    if (procs == nullptr || std::fputs("0", procs) < 0 || std::fclose(procs) != 0)
        give_up("cgroup.procs");
    return report(connect(fd, peer.get(), peer.length));
}

// Binds and says where: "port=N".
void bind_and_say(int fd, const char* address, std::uint16_t port)
{
    Address own = address_of(address, port);
    const int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, own.get(), own.length) != 0)
        give_up("bind");
    if (getsockname(fd, reinterpret_cast<sockaddr*>(&own.storage), &own.length) != 0)
        give_up("getsockname");
    std::printf("port=%d\n", ntohs(reinterpret_cast<const sockaddr_in*>(&own.storage)->sin_port));
}

// PORT COUNT: answers COUNT connections on 127.0.0.1, one line each, then stays until its input is closed.
int server(Arguments arguments)
{
    const int fd = make_socket(AF_INET, SOCK_STREAM);
    bind_and_say(fd, "127.0.0.1", static_cast<std::uint16_t>(arguments.empty() ? 0 : std::atoi(arguments[0])));
    if (listen(fd, 64) != 0)
        give_up("listen");
    std::puts("ready");
    for (int left = count_of(arguments, 1); left > 0; --left) {
        const int client = accept(fd, nullptr, nullptr);
        char line[64];
        const ssize_t got = read(client, line, sizeof line);
        if (got > 0 && write(client, line, static_cast<std::size_t>(got)) != got)
            give_up("write");
        close(client);
    }
    std::puts("served");
    char byte = 0;
    while (read(STDIN_FILENO, &byte, 1) > 0) {
    }
    return 0;
}

// PORT COUNT: as many connections to 127.0.0.1, each asks and waits for its answer.
int client(Arguments arguments)
{
    if (arguments.empty())
        return 2;
    const Address peer = address_of("127.0.0.1", static_cast<std::uint16_t>(std::atoi(arguments[0])));
    for (int left = count_of(arguments, 1); left > 0; --left) {
        const int fd = make_socket(AF_INET, SOCK_STREAM);
        char answer[8];
        if (connect(fd, peer.get(), peer.length) != 0 || write(fd, "hello", 5) != 5 || read(fd, answer, 5) != 5)
            give_up("client");
        close(fd);
    }
    return report(0);
}

// PORT COUNT: answers COUNT datagrams on 127.0.0.1.
int udp_server(Arguments arguments)
{
    const int fd = make_socket(AF_INET, SOCK_DGRAM);
    bind_and_say(fd, "127.0.0.1", static_cast<std::uint16_t>(arguments.empty() ? 0 : std::atoi(arguments[0])));
    std::puts("ready");
    for (int left = count_of(arguments, 1); left > 0; --left) {
        char text[64];
        Address from;
        from.length = sizeof from.storage;
        const ssize_t got =
            recvfrom(fd, text, sizeof text, 0, reinterpret_cast<sockaddr*>(&from.storage), &from.length);
        if (got < 0 || sendto(fd, text, static_cast<std::size_t>(got), 0, from.get(), from.length) != got)
            give_up("answer");
    }
    return report(0);
}

// PORT COUNT: as many questions to 127.0.0.1, each from a port of its own.
int udp_client(Arguments arguments)
{
    if (arguments.empty())
        return 2;
    const Address peer = address_of("127.0.0.1", static_cast<std::uint16_t>(std::atoi(arguments[0])));
    for (int left = count_of(arguments, 1); left > 0; --left) {
        const int fd = make_socket(AF_INET, SOCK_DGRAM);
        char answer[8];
        if (sendto(fd, "hello", 5, 0, peer.get(), peer.length) != 5 || recv(fd, answer, sizeof answer, 0) != 5)
            give_up("udp client");
        close(fd);
    }
    return report(0);
}

// Sockets that lead nowhere outside: none of them is egress.
int local_only(Arguments)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0 || write(pair[0], "x", 1) != 1)
        give_up("socketpair");
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    std::snprintf(name.sun_path + 1, sizeof name.sun_path - 1, "fnshield-test-%d", getpid());
    const int listener = make_socket(AF_UNIX, SOCK_STREAM);
    if (bind(listener, reinterpret_cast<sockaddr*>(&name), sizeof name) != 0 || listen(listener, 1) != 0 ||
        connect(make_socket(AF_UNIX, SOCK_STREAM), reinterpret_cast<sockaddr*>(&name), sizeof name) != 0)
        give_up("unix");
    const int netlink = make_socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
    sockaddr_nl kernel{};
    kernel.nl_family = AF_NETLINK;
    if (bind(netlink, reinterpret_cast<sockaddr*>(&kernel), sizeof kernel) != 0)
        give_up("netlink");
    struct {
        nlmsghdr header;
        rtgenmsg body;
    } request{};
    request.header.nlmsg_len = sizeof request;
    request.header.nlmsg_type = RTM_GETLINK;
    request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    if (sendto(netlink, &request, sizeof request, 0, reinterpret_cast<sockaddr*>(&kernel), sizeof kernel) < 0)
        give_up("netlink request");
    close(make_socket(AF_INET, SOCK_STREAM));  // made and never used
    return report(0);
}

constexpr Act kActs[] = {
    {"egress-tcp", "ADDRESS PORT [COUNT]", tcp},
    {"egress-bound", "ADDRESS PORT [stranger]", bound},
    {"egress-shadowed-tcp", "ADDRESS PORT", shadowed_tcp},
    {"egress-udp-sendto", "ADDRESS PORT [COUNT]", udp_sendto},
    {"egress-udp-answers", "ADDRESS PORT", udp_answers},
    {"egress-scan", "ADDRESS COUNT", scan},
    {"egress-listen-scan", "ADDRESS COUNT", listen_and_scan},
    {"egress-udp-sendmsg", "ADDRESS PORT", udp_sendmsg},
    {"egress-udp-unspec", "ADDRESS PORT", udp_unspecified_family},
    {"egress-udp-connect", "ADDRESS PORT [COUNT]", udp_connect},
    {"egress-fastopen", "ADDRESS PORT", fastopen},
    {"egress-late-tcp", "ADDRESS PORT CGROUP_PROCS", late_tcp},
    {"egress-server", "PORT COUNT", server},
    {"egress-client", "PORT COUNT", client},
    {"egress-udp-server", "PORT COUNT", udp_server},
    {"egress-udp-client", "PORT COUNT", udp_client},
    {"egress-local-only", "", local_only},
};

}  // namespace

std::span<const Act> egress_acts()
{
    return kActs;
}

}  // namespace fnshield::attacks
