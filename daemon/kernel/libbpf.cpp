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
    char line[1024];
    const int written = std::vsnprintf(line, sizeof line, format, arguments);
    std::string& buffer = captured();
    buffer += line;
    if (buffer.size() > kKeepBytes)
        buffer.erase(0, buffer.size() - kKeepBytes);
    return written;
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
