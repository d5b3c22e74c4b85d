// SPDX-License-Identifier: Apache-2.0
//
// What the network acts share: addresses, a network of their own to send into, and how they report.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <vector>

namespace fnshield::attacks {

struct Address {
    sockaddr_storage storage{};
    socklen_t length = 0;

    [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
    [[nodiscard]] int family() const { return storage.ss_family; }
};

// "10.0.0.1", "fd00::1", "::ffff:10.0.0.1" (which stays IPv6). Ends the program where it is none.
[[nodiscard]] Address address_of(const char* text, std::uint16_t port);

// Moves into a fresh network namespace with only a loopback interface that has `address` as well, so that packets to it
// really leave and come back, and nothing else in the world can be reached. Ends the program where that fails.
void enter_private_network(const Address& address);

// Moves into a fresh network namespace whose only way out is a tunnel: what is sent to 10.0.0.0/8 comes out of the
// descriptor that is returned, and IP packets written to it arrive. Its own address is 10.77.0.2. Ends the program with
// kNoTunnel where the kernel has no tunnels.
[[nodiscard]] int enter_tunnel_network();
inline constexpr int kNoTunnel = 77;

// One more address of the loopback interface.
void add_own_address(const char* address);

// A DNS query of type A for `name`, as a resolver would write it.
[[nodiscard]] std::vector<unsigned char> dns_query(const std::string& name);

// Prints "result=N" (0 or −errno) and returns 0: the act was done, whatever came of it.
int report(long result);

// Says what failed and ends the program with 1: the act could not be tried.
[[noreturn]] void give_up(const char* what);

// A new socket, or the end.
[[nodiscard]] int make_socket(int family, int type, int protocol = 0);

}  // namespace fnshield::attacks
