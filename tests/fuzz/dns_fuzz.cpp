// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as a DNS message: no read outside of them, a name that is bounded and can be printed.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "daemon/sensors/dns.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const auto question = fnshield::decode_dns_question(std::as_bytes(std::span(data, size)));
    const bool printable =
        std::ranges::all_of(question.name, [](char c) { return c > ' ' && c < 0x7f && (c < 'A' || c > 'Z'); });
    if (question.name.size() > std::size_t{4} * 255 || !printable || (!question.malformed && question.name.empty()))
        std::abort();
    return 0;
}
