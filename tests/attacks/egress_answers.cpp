// SPDX-License-Identifier: Apache-2.0
//
// DNS answers, true ones and forged ones: the act is the sandbox, and the resolver at the other end of its tunnel as
// well. It asks 10.0.0.10 for a name, is answered in one of many ways, and then connects.
#include <arpa/inet.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include "tests/attacks/act.h"
#include "tests/attacks/network.h"

namespace fnshield::attacks {
namespace {

constexpr const char* kResolver = "10.0.0.10";
constexpr std::size_t kIpBytes = sizeof(iphdr);
constexpr std::size_t kUdpBytes = sizeof(udphdr);

using Bytes = std::vector<unsigned char>;

std::uint16_t sum_of(const unsigned char* data, std::size_t size)
{
    std::uint32_t sum = 0;
    for (std::size_t i = 0; i + 1 < size; i += 2)
        sum += static_cast<std::uint32_t>(data[i] << 8 | data[i + 1]);
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return htons(static_cast<std::uint16_t>(~sum));
}

void append(Bytes& to, std::initializer_list<int> bytes)
{
    for (const int byte : bytes)
        to.push_back(static_cast<unsigned char>(byte));
}

// What of an answer the test chooses.
struct Answer {
    std::string name;  // in its question
    std::string address;
    std::uint32_t lifetime_s = 300;
    std::uint16_t id = 0x1234;  // as dns_query() has it
    const char* from = kResolver;
    int rcode = 0;
};

// As a resolver writes it: the question, a CNAME, and the address that belongs to that.
Bytes message_of(const Answer& answer)
{
    Bytes message = dns_query(answer.name);
    message[0] = static_cast<unsigned char>(answer.id >> 8);
    message[1] = static_cast<unsigned char>(answer.id);
    message[2] = 0x81;
    message[3] = static_cast<unsigned char>(0x80 | answer.rcode);
    message[7] = 2;
    const int life[] = {static_cast<int>(answer.lifetime_s >> 24), static_cast<int>(answer.lifetime_s >> 16 & 255),
                        static_cast<int>(answer.lifetime_s >> 8 & 255), static_cast<int>(answer.lifetime_s & 255)};
    append(message, {0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 60, 0, 7, 3, 'c', 'd', 'n', 1, 'x', 0});
    const bool v6 = answer.address.find(':') != std::string::npos;
    append(message,
           {3, 'c', 'd', 'n', 1, 'x', 0, 0, v6 ? 28 : 1, 0, 1, life[0], life[1], life[2], life[3], 0, v6 ? 16 : 4});
    unsigned char address[16];
    if (inet_pton(v6 ? AF_INET6 : AF_INET, answer.address.c_str(), address) != 1)
        give_up("the answer's address");
    message.insert(message.end(), address, address + (v6 ? 16 : 4));
    return message;
}

// Puts the answer into the tunnel, for the socket that is bound to `port_be`.
void deliver(int tunnel, const Answer& answer, std::uint16_t port_be)
{
    const Bytes message = message_of(answer);
    Bytes packet(kIpBytes + kUdpBytes);
    packet.insert(packet.end(), message.begin(), message.end());
    iphdr ip{};
    ip.version = 4;
    ip.ihl = 5;
    ip.ttl = 64;
    ip.protocol = IPPROTO_UDP;
    ip.tot_len = htons(static_cast<std::uint16_t>(packet.size()));
    inet_pton(AF_INET, answer.from, &ip.saddr);
    inet_pton(AF_INET, "10.77.0.2", &ip.daddr);
    ip.check = sum_of(reinterpret_cast<const unsigned char*>(&ip), sizeof ip);
    udphdr udp{};  // without a checksum
    udp.source = htons(53);
    udp.dest = port_be;
    udp.len = htons(static_cast<std::uint16_t>(packet.size() - kIpBytes));
    std::memcpy(packet.data(), &ip, sizeof ip);
    std::memcpy(packet.data() + kIpBytes, &udp, sizeof udp);
    if (write(tunnel, packet.data(), packet.size()) != static_cast<ssize_t>(packet.size()))
        give_up("the tunnel");
}

std::uint16_t port_of(int fd)
{
    sockaddr_in own{};
    socklen_t size = sizeof own;
    if (getsockname(fd, reinterpret_cast<sockaddr*>(&own), &size) != 0)
        give_up("getsockname");
    return own.sin_port;
}

void ask(int fd, const std::string& name)
{
    const Address resolver = address_of(kResolver, 53);
    const Bytes question = dns_query(name);
    if (sendto(fd, question.data(), question.size(), 0, resolver.get(), resolver.length) < 0)
        give_up("the question");
}

void receive(int fd)
{
    unsigned char bytes[1024];
    if (recv(fd, bytes, sizeof bytes, 0) <= 0)
        give_up("no answer came");
}

// The answer comes from the sandbox itself: 10.0.0.10 is an address of its loopback.
void answer_by_loopback(int fd, const Answer& answer)
{
    add_own_address(kResolver);
    ask(fd, answer.name);
    const Address resolver = address_of(kResolver, 53);
    const int server = make_socket(AF_INET, SOCK_DGRAM);
    if (bind(server, resolver.get(), resolver.length) != 0)
        give_up("bind");
    Address client = address_of("10.77.0.2", 0);
    reinterpret_cast<sockaddr_in*>(&client.storage)->sin_port = port_of(fd);
    const Bytes message = message_of(answer);
    if (sendto(server, message.data(), message.size(), 0, client.get(), client.length) < 0)
        give_up("the answer");
    receive(fd);
}

// What the sandbox does before it asks, by which it might answer itself.
void prepare(std::string_view how)
{
    if (how == "raw")
        close(make_socket(AF_INET, SOCK_RAW, IPPROTO_UDP));
    if (how != "port53")
        return;
    const int fd = make_socket(AF_INET, SOCK_DGRAM);
    const Address own = address_of("10.77.0.2", 53);
    if (bind(fd, own.get(), own.length) != 0)
        give_up("bind");
    const Address peer = address_of("10.0.0.10", 53);
    if (sendto(fd, "x", 1, 0, peer.get(), peer.length) != 1)
        give_up("from port 53");
}

void be_answered(int tunnel, int fd, std::string_view how, Answer answer)
{
    const std::string asked = answer.name;
    if (how == "loopback")
        return answer_by_loopback(fd, answer);
    if (how == "id")
        answer.id++;
    else if (how == "name")
        answer.name = "other.models.example";
    else if (how == "source")
        answer.from = "10.0.0.11";
    else if (how == "rcode")
        answer.rcode = 3;
    if (how != "unasked")
        ask(fd, asked);
    else if (const Address own = address_of("0.0.0.0", 0); bind(fd, own.get(), own.length) != 0)
        give_up("bind");
    if (how == "late") {  // a second answer, when the question has its own
        Answer first = answer;
        first.address = "10.9.9.1";
        deliver(tunnel, first, port_of(fd));
        receive(fd);
    }
    if (how != "silent") {
        deliver(tunnel, answer, port_of(fd));
        receive(fd);
    }
}

// Without waiting for anybody to answer: −115 (in progress) where it was let pass.
long try_connect(const std::string& address, const char* port)
{
    const Address peer = address_of(address.c_str(), static_cast<std::uint16_t>(std::atoi(port)));
    const int fd = make_socket(peer.family(), SOCK_STREAM | SOCK_NONBLOCK);
    return connect(fd, peer.get(), peer.length) == 0 ? 0 : -errno;
}

// HOW NAME ADDRESS PORT LIFETIME: asks, is answered, connects; for each line of input once more.
int resolve(Arguments arguments)
{
    if (arguments.size() < 5)
        return 2;
    const int tunnel = enter_tunnel_network();
    const std::string_view how = arguments[0];
    const int fd = make_socket(AF_INET, SOCK_DGRAM);
    const timeval limit{.tv_sec = 10, .tv_usec = 0};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    prepare(how);
    be_answered(tunnel, fd, how,
                {.name = arguments[1],
                 .address = arguments[2],
                 .lifetime_s = static_cast<std::uint32_t>(std::strtoul(arguments[4], nullptr, 10))});
    do {
        std::printf("result=%ld\n", try_connect(arguments[2], arguments[3]));
        std::fflush(stdout);
    } while (std::getchar() != EOF);
    return 0;
}

constexpr Act kActs[] = {
    {"egress-resolve", "plain|silent|unasked|id|name|source|rcode|late|loopback|raw|port53 NAME ADDRESS PORT LIFETIME",
     resolve},
};

}  // namespace

std::span<const Act> egress_answer_acts()
{
    return kActs;
}

}  // namespace fnshield::attacks
