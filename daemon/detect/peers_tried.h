// SPDX-License-Identifier: Apache-2.0
//
// Whom a sandbox tried to reach within the last minute, each peer once, for isolation.port_scan. At most kKept of them;
// the one that was tried longest ago makes room.
#pragma once

#include <algorithm>
#include <vector>

#include "daemon/detect/detector.h"

namespace fnshield::detect {

struct Try {
    Endpoint remote;  // port 0: by ping
    Nanoseconds time_ns = 0;
    bool counts_as_host = true;
};

// Loopback is one host, whatever its number, and however it was named.
[[nodiscard]] Endpoint host_of(const Endpoint& remote);

// A neighbour's: RFC 1918, shared 100.64/10, link local, unique local, loopback.
[[nodiscard]] bool is_near(const Endpoint& remote);

[[nodiscard]] bool is_same_host(const Endpoint& a, const Endpoint& b);

class PeersTried {
public:
    // True where it was not tried within the window: only then can there be more than before.
    bool note(const Try& one);
    // How many ports of this host; pings do not count.
    [[nodiscard]] std::size_t ports_of(const Endpoint& host) const;
    // How many ports of hosts in all.
    [[nodiscard]] std::size_t ports() const;
    template <typename Wanted>
    [[nodiscard]] std::size_t hosts(Wanted wanted) const
    {
        std::vector<const Endpoint*> hosts;
        for (const Try& one : tries_)
            if (one.counts_as_host && wanted(one.remote) &&
                std::ranges::none_of(hosts, [&](const Endpoint* known) { return is_same_host(*known, one.remote); }))
                hosts.push_back(&one.remote);
        return hosts.size();
    }
    void clear() { tries_.clear(); }

private:
    static constexpr Nanoseconds kWindow = 60 * kSecond;
    static constexpr std::size_t kKept = 64;

    std::vector<Try> tries_;  // oldest first
};

}  // namespace fnshield::detect
