// SPDX-License-Identifier: Apache-2.0
#include "daemon/output/listen_socket.h"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <charconv>
#include <memory>
#include <optional>

namespace fnshield {
namespace {

struct HostPort {
    std::string host;  // empty = any
    std::string port;
};

std::optional<HostPort> split(const std::string& address)
{
    const auto colon = address.rfind(':');
    if (colon == std::string::npos)
        return std::nullopt;
    HostPort parts{.host = address.substr(0, colon), .port = address.substr(colon + 1)};
    if (parts.host.starts_with('[') && parts.host.ends_with(']'))
        parts.host = parts.host.substr(1, parts.host.size() - 2);
    else if (parts.host.find(':') != std::string::npos)
        return std::nullopt;  // an IPv6 address without its brackets: which colon is it?
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(parts.port.data(), parts.port.data() + parts.port.size(), port);
    if (error != std::errc() || end != parts.port.data() + parts.port.size())
        return std::nullopt;
    return parts;
}

std::uint16_t port_of(int fd)
{
    sockaddr_storage bound{};
    socklen_t length = sizeof bound;
    if (getsockname(fd, reinterpret_cast<sockaddr*>(&bound), &length) != 0)
        return 0;
    // The port is at the same place for both families.
    return ntohs(reinterpret_cast<const sockaddr_in*>(&bound)->sin_port);
}

Result<UniqueFd> listen_at(const addrinfo& where)
{
    UniqueFd fd(socket(where.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd)
        return fail_errno("cannot make a socket");
    const int on = 1;
    const int off = 0;
    setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);  // a restart finds its port in TIME_WAIT
    if (where.ai_family == AF_INET6)
        setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    if (bind(fd.get(), where.ai_addr, where.ai_addrlen) != 0 || listen(fd.get(), 64) != 0)
        return fail(std::generic_category().message(errno));
    return fd;
}

}  // namespace

Result<ListenSocket> listen_on(const std::string& address)
{
    const std::string context = "cannot listen on " + address;
    const auto parts = split(address);
    if (!parts)
        return fail(context + ": not ADDRESS:PORT (IPv6 as [ADDRESS]:PORT)");

    addrinfo hints{};
    hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* answer = nullptr;
    const std::string host = parts->host.empty() ? "::" : parts->host;
    const int error = getaddrinfo(host.c_str(), parts->port.c_str(), &hints, &answer);
    if (error != 0)
        return fail(context + ": " + gai_strerror(error));
    const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(answer, &freeaddrinfo);

    Result<UniqueFd> fd = listen_at(*answer);
    if (!fd && parts->host.empty()) {  // no IPv6 on this host
        sockaddr_in any{};
        any.sin_family = AF_INET;
        any.sin_port = reinterpret_cast<const sockaddr_in*>(answer->ai_addr)->sin_port;
        addrinfo ipv4{};
        ipv4.ai_family = AF_INET;
        ipv4.ai_addr = reinterpret_cast<sockaddr*>(&any);
        ipv4.ai_addrlen = sizeof any;
        fd = listen_at(ipv4);
    }
    if (!fd)
        return pass(std::move(fd), context);
    const std::uint16_t port = port_of(fd->get());
    return ListenSocket{.fd = std::move(*fd), .port = port};
}

}  // namespace fnshield
