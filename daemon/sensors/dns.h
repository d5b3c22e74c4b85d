// SPDX-License-Identifier: Apache-2.0
//
// The name that a DNS message asks for (RFC 1035, 4.1). The bytes come from inside a sandbox: any length, any content.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace fnshield {

struct DnsQuestion {
    std::string name;        // lower case, no final dot, "." for the root; other than printable ASCII as \DDD
    std::uint16_t type = 0;  // 1 = A, 28 = AAAA, 16 = TXT, …
    bool malformed = false;  // name holds the labels before the fault
};

// The first question of the message that begins at message[0]. At most 4 characters for each byte of a 255-byte name.
[[nodiscard]] DnsQuestion decode_dns_question(std::span<const std::byte> message);

}  // namespace fnshield
