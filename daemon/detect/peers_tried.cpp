// SPDX-License-Identifier: Apache-2.0
//
// See peers_tried.h.
#include "daemon/detect/peers_tried.h"

#include <sys/socket.h>

#include "daemon/detect/egress_match.h"

namespace fnshield::detect {

Endpoint host_of(const Endpoint& remote)
{
    if (!reaches_loopback(remote))
        return remote;
    return {.address = {127, 0, 0, 1}, .family = AF_INET, .port = remote.port};
}

bool is_near(const Endpoint& remote)
{
    const auto& a = remote.address;
    if (remote.family == AF_INET6)
        return (a[0] & 0xfe) == 0xfc || (a[0] == 0xfe && (a[1] & 0xc0) == 0x80);
    return a[0] == 10 || a[0] == 127 || (a[0] == 172 && (a[1] & 0xf0) == 16) || (a[0] == 192 && a[1] == 168) ||
           (a[0] == 169 && a[1] == 254) || (a[0] == 100 && (a[1] & 0xc0) == 64);
}

bool is_same_host(const Endpoint& a, const Endpoint& b)
{
    return a.family == b.family && a.address == b.address;
}

bool PeersTried::note(const Try& one)
{
    std::erase_if(tries_, [&](const Try& before) { return before.time_ns + kWindow < one.time_ns; });
    const auto known = std::ranges::find(tries_, one.remote, &Try::remote);
    if (known == tries_.end()) {
        if (tries_.size() >= kKept)
            tries_.erase(tries_.begin());
        tries_.push_back(one);
        return true;
    }
    const bool news = one.counts_as_host && !known->counts_as_host;
    const Try again{
        .remote = one.remote, .time_ns = one.time_ns, .counts_as_host = known->counts_as_host || one.counts_as_host};
    tries_.erase(known);
    tries_.push_back(again);
    return news;
}

std::size_t PeersTried::ports_of(const Endpoint& host) const
{
    return static_cast<std::size_t>(std::ranges::count_if(
        tries_, [&](const Try& one) { return one.remote.port != 0 && is_same_host(one.remote, host); }));
}

std::size_t PeersTried::ports() const
{
    return static_cast<std::size_t>(
        std::ranges::count_if(tries_, [](const Try& one) { return one.counts_as_host && one.remote.port != 0; }));
}

}  // namespace fnshield::detect
