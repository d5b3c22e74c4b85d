// SPDX-License-Identifier: Apache-2.0
#include "daemon/kernel/libbpf.h"

#include <cstdarg>
#include <cstdio>

namespace fnshield {
namespace {

constexpr std::size_t kKeepBytes = 4096;

std::string& captured()
{
    static std::string buffer;
    return buffer;
}

int capture(libbpf_print_level level, const char* format, va_list arguments)
{
    if (level == LIBBPF_DEBUG)
        return 0;
    // The verifier's log is one message, and its end is what tells.
    va_list again;
    va_copy(again, arguments);
    const int length = std::vsnprintf(nullptr, 0, format, again);
    va_end(again);
    if (length <= 0)
        return length;
    std::string line(static_cast<std::size_t>(length) + 1, '\0');
    (void)std::vsnprintf(line.data(), line.size(), format, arguments);
    line.pop_back();
    std::string& buffer = captured();
    buffer += line;
    if (buffer.size() > kKeepBytes)
        buffer.erase(0, buffer.size() - kKeepBytes);
    return length;
}

}  // namespace

void capture_libbpf_output()
{
    libbpf_set_print(capture);
}

std::string take_libbpf_output()
{
    std::string text = std::exchange(captured(), {});
    while (!text.empty() && text.back() == '\n')
        text.pop_back();
    return text;
}

}  // namespace fnshield
