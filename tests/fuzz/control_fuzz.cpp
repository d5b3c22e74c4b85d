// SPDX-License-Identifier: Apache-2.0
//
// Bytes of a client of the control socket: parsed as a request, and what passes must survive being written and read
// again. The tool's escaping is fed the same bytes: nothing that comes out may move a terminal's cursor.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "daemon/cli/text.h"
#include "daemon/control/protocol.h"

using namespace fnshield;

namespace {

void check_request(std::string_view line)
{
    const auto request = control::parse_request(line);
    if (!request)
        return;
    const std::string written = control::format_request(*request);
    const auto again = control::parse_request(std::string_view(written).substr(0, written.size() - 1));
    if (!again || again->command != request->command || again->follow != request->follow ||
        again->alert != request->alert || again->filter.sandbox != request->filter.sandbox ||
        again->filter.kind != request->filter.kind)
        std::abort();
}

void check_printable(std::string_view text)
{
    for (const char c : cli::printable(text))
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
            std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    check_request(bytes);
    check_printable(bytes);
    return 0;
}
