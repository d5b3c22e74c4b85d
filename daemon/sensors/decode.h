// SPDX-License-Identifier: Apache-2.0
//
// What all decoders share: a checked view of the fixed part, the header, bounded strings.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <span>
#include <string>

#include "daemon/base/result.h"
#include "daemon/model/event.h"

namespace fnshield::decode {

// Copies the fixed part out (ring bytes are aligned to 8 only), or fails if the event is shorter.
template <typename Raw>
[[nodiscard]] Result<Raw> fixed_part(std::span<const std::byte> bytes)
{
    if (bytes.size() < sizeof(Raw))
        return fail("event of " + std::to_string(bytes.size()) + " bytes where " + std::to_string(sizeof(Raw)) +
                    " were expected");
    Raw raw;
    std::memcpy(&raw, bytes.data(), sizeof raw);
    return raw;
}

// A zero-terminated string in a fixed array; the terminator may be missing.
template <std::size_t N>
[[nodiscard]] std::string text(const char (&array)[N])
{
    return std::string(array, strnlen(array, N));
}

[[nodiscard]] ProcessInfo process(const fns_process& raw);
// Nothing judged where a number is none that we know.
[[nodiscard]] fns_verdict verdict(const fns_verdict& raw);
[[nodiscard]] Endpoint endpoint(const fns_endpoint& raw);
[[nodiscard]] WriterInfo writer(const fns_writer& raw);
// Everything of the header; `kind` is the decoder's to say.
[[nodiscard]] Event header(const fns_event_header& raw, EventKind kind);

// The variable part after `Raw`, cut into pieces of the given lengths; fails where they do not fit.
class Tail {
public:
    Tail(std::span<const std::byte> bytes, std::size_t fixed_bytes)
        : rest_(bytes.subspan(std::min(fixed_bytes, bytes.size())))
    {
    }
    [[nodiscard]] Result<std::string> take(std::size_t length);

private:
    std::span<const std::byte> rest_;
};

}  // namespace fnshield::decode
