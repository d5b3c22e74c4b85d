// SPDX-License-Identifier: Apache-2.0
//
// Roads to a peer that go round the ordinary ones: raw, packet and ping sockets, io_uring, the 32-bit entry; and DNS
// questions cut up in every way that a resolver, or someone who hides, may cut them.
#include <linux/if_ether.h>
#include <linux/io_uring.h>
#include <linux/udp.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "tests/attacks/act.h"
#include "tests/attacks/acting.h"
#include "tests/attacks/network.h"

namespace fnshield::attacks {
namespace {

constexpr long kCompatSocket = 359;
constexpr long kCompatConnect = 362;

Address peer_of(Arguments arguments)
{
    if (arguments.empty()) {
        std::fprintf(stderr, "trigger: ADDRESS is missing\n");
        std::exit(2);
    }
    const int port = arguments.size() > 1 ? std::atoi(arguments[1]) : 0;
    const Address peer = address_of(arguments[0], static_cast<std::uint16_t>(port));
    enter_private_network(peer);
    return peer;
}

// --- raw, packet and ping sockets ---

int send_echo_request(int fd, const Address& peer)
{
    icmphdr request{};
    request.type = ICMP_ECHO;
    request.checksum = htons(0xf7ff);  // of these eight bytes
    return report(sendto(fd, &request, sizeof request, 0, peer.get(), peer.length));
}

int raw_icmp(Arguments arguments)
{
    const Address peer = peer_of(arguments);
    return send_echo_request(make_socket(AF_INET, SOCK_RAW, IPPROTO_ICMP), peer);
}

int ping(Arguments arguments)
{
    const Address peer = peer_of(arguments);
    FILE* range = std::fopen("/proc/sys/net/ipv4/ping_group_range", "w");
    if (range == nullptr || std::fputs("0 2147483647", range) < 0 || std::fclose(range) != 0)
        give_up("ping_group_range");
    return send_echo_request(make_socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP), peer);
}

// ADDRESS PORT syn|udp: a packet whose IP header the sender wrote itself.
int own_header(Arguments arguments)
{
    const Address peer = peer_of(arguments);
    const bool syn = arguments.size() > 2 && std::string_view(arguments[2]) == "syn";
    const auto* to = reinterpret_cast<const sockaddr_in*>(&peer.storage);
    struct {
        iphdr ip;
        union {
            tcphdr tcp;
            udphdr udp;
        };
    } packet{};
    packet.ip.version = 4;
    packet.ip.ihl = 5;
    packet.ip.ttl = 64;
    packet.ip.protocol = syn ? IPPROTO_TCP : IPPROTO_UDP;
    packet.ip.daddr = to->sin_addr.s_addr;
    if (syn) {
        packet.tcp.dest = to->sin_port;
        packet.tcp.syn = 1;
        packet.tcp.doff = 5;
    } else {
        packet.udp.dest = to->sin_port;
        packet.udp.len = htons(sizeof packet.udp);
    }
    const std::size_t size = sizeof packet.ip + (syn ? sizeof packet.tcp : sizeof packet.udp);
    return report(sendto(make_socket(AF_INET, SOCK_RAW, IPPROTO_RAW), &packet, size, 0, peer.get(), peer.length));
}

int packet_socket(Arguments)
{
    return report(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL)));
}

int raw_socket(Arguments)
{
    return report(socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP));
}

// packet|raw, without the privilege.
int refused_socket(Arguments arguments)
{
    if (setresuid(65534, 65534, 65534) != 0)
        give_up("setresuid");
    const bool raw = !arguments.empty() && std::string_view(arguments[0]) == "raw";
    return report(raw ? socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP)
                      : socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL)));
}

// A socket option that needs the same capability as a raw socket.
int mark_option(Arguments)
{
    const int mark = 1;
    return report(setsockopt(make_socket(AF_INET, SOCK_DGRAM), SOL_SOCKET, SO_MARK, &mark, sizeof mark));
}

// --- the 32-bit entry ---

long compat_call(long number, long first, long second, long third)
{
    long result = 0;
    asm volatile("int $0x80"
                 : "=a"(result)
                 : "a"(number), "b"(first), "c"(second), "d"(third)
                 : "memory", "r8", "r9", "r10", "r11");
    return result;
}

// The 32-bit entry takes addresses below 4 GiB only.
void* low_memory(std::size_t size)
{
    void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
    if (memory == MAP_FAILED)
        give_up("mmap");
    return memory;
}

int compat_connect(Arguments arguments)
{
    const Address peer = peer_of(arguments);
    void* address = low_memory(sizeof peer.storage);
    std::memcpy(address, &peer.storage, sizeof peer.storage);
    const long fd = compat_call(kCompatSocket, peer.family(), SOCK_STREAM, 0);
    if (fd < 0)
        give_up("32-bit socket");
    const long result = compat_call(kCompatConnect, fd, reinterpret_cast<long>(address), peer.length);
    std::printf("result=%ld\n", result);
    return 0;
}

int compat_packet_socket(Arguments)
{
    const long result = compat_call(kCompatSocket, AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
    std::printf("result=%ld\n", result < 0 ? result : 0L);
    return 0;
}

// --- io_uring ---

// One request at a time, by the system calls themselves.
class Ring {
public:
    Ring()
    {
        fd_ = static_cast<int>(syscall(SYS_io_uring_setup, 1, &parameters_));
        if (fd_ < 0)
            give_up("io_uring_setup");
        submissions_ = map(IORING_OFF_SQ_RING, parameters_.sq_off.array + sizeof(unsigned));
        completions_ = map(IORING_OFF_CQ_RING, parameters_.cq_off.cqes + parameters_.cq_entries * sizeof(io_uring_cqe));
        entry_ = reinterpret_cast<io_uring_sqe*>(map(IORING_OFF_SQES, sizeof(io_uring_sqe)));
    }

    // Submits one request and waits for its result: 0 or more, or −errno.
    long run(const io_uring_sqe& request)
    {
        *entry_ = request;
        *word(submissions_, parameters_.sq_off.array) = 0;
        std::atomic_ref(*word(submissions_, parameters_.sq_off.tail)).fetch_add(1);
        if (syscall(SYS_io_uring_enter, fd_, 1, 1, IORING_ENTER_GETEVENTS, nullptr, 0) != 1)
            give_up("io_uring_enter");
        const auto* done = reinterpret_cast<const io_uring_cqe*>(completions_ + parameters_.cq_off.cqes);
        return done->res;
    }

private:
    char* map(off_t offset, std::size_t size)
    {
        void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd_, offset);
        if (memory == MAP_FAILED)
            give_up("mmap of the ring");
        return static_cast<char*>(memory);
    }
    static unsigned* word(char* ring, unsigned offset) { return reinterpret_cast<unsigned*>(ring + offset); }

    int fd_ = -1;
    io_uring_params parameters_{};
    char* submissions_ = nullptr;
    char* completions_ = nullptr;
    io_uring_sqe* entry_ = nullptr;
};

int report_ring(long result)
{
    std::printf("result=%ld\n", result < 0 ? result : 0L);
    return 0;
}

int uring_connect(Arguments arguments)
{
    const Address peer = peer_of(arguments);
    io_uring_sqe request{};
    request.opcode = IORING_OP_CONNECT;
    request.fd = make_socket(peer.family(), SOCK_STREAM);
    request.addr = reinterpret_cast<std::uint64_t>(peer.get());
    request.off = peer.length;
    return report_ring(Ring().run(request));
}

int uring_connect_unix(Arguments arguments)
{
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{.sun_family = AF_UNIX};
    std::strncpy(address.sun_path, word(arguments, 0), sizeof address.sun_path - 1);
    Ring ring;
    io_uring_sqe request{};
    request.opcode = IORING_OP_CONNECT;
    request.fd = fd;
    request.addr = reinterpret_cast<std::uint64_t>(&address);
    request.off = sizeof address;
    return print_result(ring.run(request));
}

int uring_sendmsg(Arguments arguments)
{
    Address peer = peer_of(arguments);
    char text[] = "hello";
    iovec piece{.iov_base = text, .iov_len = 5};
    msghdr message{};
    message.msg_name = &peer.storage;
    message.msg_namelen = peer.length;
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    io_uring_sqe request{};
    request.opcode = IORING_OP_SENDMSG;
    request.fd = make_socket(peer.family(), SOCK_DGRAM);
    request.addr = reinterpret_cast<std::uint64_t>(&message);
    request.len = 1;
    return report_ring(Ring().run(request));
}

// packet|raw: the socket itself is made by the ring.
int uring_socket(Arguments arguments)
{
    const bool raw = !arguments.empty() && std::string_view(arguments[0]) == "raw";
    io_uring_sqe request{};
    request.opcode = IORING_OP_SOCKET;
    request.fd = raw ? AF_INET : AF_PACKET;
    request.off = SOCK_RAW;
    request.len = raw ? static_cast<unsigned>(IPPROTO_ICMP) : htons(ETH_P_ALL);
    return report_ring(Ring().run(request));
}

// --- DNS ---

// ADDRESS PORT NAME sendto|connected|hop|segmented
int dns_udp(Arguments arguments)
{
    const Address peer = peer_of(arguments);
    if (arguments.size() < 4)
        return 2;
    auto query = dns_query(arguments[2]);
    const std::string_view how = arguments[3];
    const int fd = make_socket(peer.family(), SOCK_DGRAM);
    if (how == "connected") {
        if (connect(fd, peer.get(), peer.length) != 0)
            give_up("connect");
        return report(send(fd, query.data(), query.size(), 0));
    }
    if (how == "hop") {  // an extension header stands between the IPv6 header and UDP
        unsigned char options[8] = {0, 0, 1, 4, 0, 0, 0, 0};
        if (setsockopt(fd, IPPROTO_IPV6, IPV6_HOPOPTS, options, sizeof options) != 0)
            give_up("IPV6_HOPOPTS");
    } else if (how == "segmented") {  // the kernel cuts it into datagrams after the hook
        const int size = static_cast<int>(query.size());
        if (setsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &size, sizeof size) != 0)
            give_up("UDP_SEGMENT");
        auto second = dns_query(std::string("z") + (arguments[2] + 1));  // of the same length
        query.insert(query.end(), second.begin(), second.end());
    }
    return report(sendto(fd, query.data(), query.size(), 0, peer.get(), peer.length));
}

void write_all(int fd, const unsigned char* data, std::size_t size)
{
    if (write(fd, data, size) != static_cast<ssize_t>(size))
        give_up("write");
}

// Until all of it has arrived: the kernel sends what does not fit into its window after the caller has gone on.
void read_all(int fd, std::size_t size)
{
    unsigned char chunk[512];
    while (size > 0) {
        const ssize_t got = read(fd, chunk, std::min(size, sizeof chunk));
        if (got <= 0)
            give_up("read");
        size -= static_cast<std::size_t>(got);
    }
}

// ADDRESS PORT NAME whole|prefix|bytes|pipelined
int dns_tcp(Arguments arguments)
{
    const Address peer = peer_of(arguments);
    if (arguments.size() < 4)
        return 2;
    const int on = 1;
    const int listener = make_socket(peer.family(), SOCK_STREAM);
    if (bind(listener, peer.get(), peer.length) != 0 || listen(listener, 1) != 0)
        give_up("listen");
    const int fd = make_socket(peer.family(), SOCK_STREAM);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(fd, peer.get(), peer.length) != 0)
        give_up("connect");

    auto message = dns_query(arguments[2]);
    message.insert(message.begin(), {0, static_cast<unsigned char>(message.size())});
    const std::string_view how = arguments[3];
    if (how == "prefix") {
        write_all(fd, message.data(), 2);
        write_all(fd, message.data() + 2, message.size() - 2);
    } else if (how == "bytes") {
        for (const unsigned char& byte : message)
            write_all(fd, &byte, 1);
    } else {
        if (how == "pipelined") {
            auto second = dns_query(std::string("second.") + arguments[2]);
            message.insert(message.end(), {0, static_cast<unsigned char>(second.size())});
            message.insert(message.end(), second.begin(), second.end());
        }
        write_all(fd, message.data(), message.size());
    }
    read_all(accept(listener, nullptr, nullptr), message.size());
    return report(0);
}

constexpr Act kActs[] = {
    {"egress-raw-icmp", "ADDRESS", raw_icmp},
    {"egress-ping", "ADDRESS", ping},
    {"egress-own-header", "ADDRESS PORT syn|udp", own_header},
    {"egress-packet-socket", "", packet_socket},
    {"egress-raw-socket", "", raw_socket},
    {"egress-refused-socket", "packet|raw", refused_socket},
    {"egress-mark-option", "", mark_option},
    {"egress-compat-connect", "ADDRESS PORT", compat_connect},
    {"egress-compat-packet-socket", "", compat_packet_socket},
    {"egress-uring-connect", "ADDRESS PORT", uring_connect},
    {"unix-uring-connect", "PATH", uring_connect_unix},
    {"egress-uring-sendmsg", "ADDRESS PORT", uring_sendmsg},
    {"egress-uring-socket", "packet|raw", uring_socket},
    {"egress-dns-udp", "ADDRESS PORT NAME sendto|connected|hop|segmented", dns_udp},
    {"egress-dns-tcp", "ADDRESS PORT NAME whole|prefix|bytes|pipelined", dns_tcp},
};

}  // namespace

std::span<const Act> egress_road_acts()
{
    return kActs;
}

}  // namespace fnshield::attacks
