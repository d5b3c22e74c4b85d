// SPDX-License-Identifier: Apache-2.0
#include "daemon/app/host_program.h"

#include <unistd.h>

#include <array>
#include <charconv>
#include <climits>
#include <fstream>
#include <optional>

namespace fnshield {
namespace {

constexpr int kStartField = 22;  // of /proc/PID/stat, proc(5): clock ticks since boot

// The fields after the comm, which is in parentheses and may hold anything, closing parentheses as well.
std::optional<std::uint64_t> start_ticks(const std::string& folder)
{
    std::ifstream file(folder + "/stat");
    std::string line;
    line.resize(2048);
    file.read(line.data(), static_cast<std::streamsize>(line.size()));
    line.resize(static_cast<std::size_t>(file.gcount()));
    const auto comm_end = line.rfind(')');
    if (comm_end == std::string::npos)
        return std::nullopt;
    std::size_t at = comm_end;  // the space before field 3 follows
    for (int field = 3; field <= kStartField && at != std::string::npos; ++field)
        at = line.find(' ', at + 1);
    if (at == std::string::npos)
        return std::nullopt;
    std::uint64_t ticks = 0;
    const auto parsed = std::from_chars(line.data() + at + 1, line.data() + line.size(), ticks);
    return parsed.ec == std::errc() ? std::optional(ticks) : std::nullopt;
}

std::uint64_t in_ticks(Nanoseconds start_ns)
{
    const long hertz = sysconf(_SC_CLK_TCK);
    return start_ns / (kSecond / static_cast<Nanoseconds>(hertz > 0 ? hertz : 100));
}

}  // namespace

bool is_process(std::uint32_t tgid, Nanoseconds start_ns, const std::string& proc)
{
    return start_ticks(proc + "/" + std::to_string(tgid)) == in_ticks(start_ns);
}

void name_host_actor(Event& event, const std::string& proc)
{
    auto* memory = std::get_if<MemoryBody>(&event.body);
    if (memory == nullptr || event.sandbox != kHost || event.process.tgid == 0 || event.has(FNS_FLAG_NO_TASK))
        return;
    const std::string folder = proc + "/" + std::to_string(event.process.tgid);
    std::array<char, PATH_MAX> exe{};
    const ssize_t length = readlink((folder + "/exe").c_str(), exe.data(), exe.size());
    if (length <= 0 || static_cast<std::size_t>(length) >= exe.size())
        return;
    // After the link was read: the pid may have become another process's by then, but not before.
    if (is_process(event.process.tgid, event.process.start_ns, proc))
        memory->actor_exe.assign(exe.data(), static_cast<std::size_t>(length));
}

}  // namespace fnshield
