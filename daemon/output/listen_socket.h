// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "daemon/base/result.h"
#include "daemon/base/unique_fd.h"

namespace fnshield {

struct ListenSocket {
    UniqueFd fd;
    std::uint16_t port = 0;  // the real one where 0 was asked for
};

// A listening TCP socket on "HOST:PORT", "[IPV6]:PORT" or ":PORT" (any address, IPv6 and IPv4).
[[nodiscard]] Result<ListenSocket> listen_on(const std::string& address);

}  // namespace fnshield
