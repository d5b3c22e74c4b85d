// SPDX-License-Identifier: Apache-2.0
#include "daemon/policy/compile_paths.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <string_view>
#include <utility>

namespace fnshield {
namespace {

using Tails = std::map<std::string, std::uint32_t, std::less<>>;  // by prefix

// Each pair is one folder to a list of programs.
constexpr std::array<std::pair<std::string_view, std::string_view>, 2> kTwins{
    {{"/usr/bin/", "/bin/"}, {"/usr/sbin/", "/sbin/"}}};

struct Glob {
    std::string_view prefix;
    std::uint32_t tail;
};

// Nothing where a wildcard is not at the end.
std::optional<Glob> split(std::string_view glob)
{
    const std::string_view prefix = glob.substr(0, glob.find_first_of("*?"));
    const std::string_view tail = glob.substr(prefix.size());
    if (tail.find_first_not_of('*') != std::string_view::npos)
        return std::nullopt;
    if (tail.empty())
        return Glob{prefix, FNS_TAIL_NONE};
    return Glob{prefix, tail.size() == 1 ? FNS_TAIL_SEGMENT : FNS_TAIL_ANY};
}

// A glob that names what lies in `from` names the same in `to`.
void add_twin(Tails& tails, const Glob& glob, std::string_view from, std::string_view to)
{
    if (glob.prefix.starts_with(from))
        tails[std::string(to) + std::string(glob.prefix.substr(from.size()))] |= glob.tail;
    else if (from.starts_with(glob.prefix) && glob.tail == FNS_TAIL_ANY)
        tails[std::string(to)] |= FNS_TAIL_ANY;
}

void add(Tails& tails, const Glob& glob, bool programs)
{
    tails[std::string(glob.prefix)] |= glob.tail;
    if (!programs)
        return;
    for (const auto& [a, b] : kTwins) {
        add_twin(tails, glob, a, b);
        add_twin(tails, glob, b, a);
    }
}

// Adds to each row where the next shorter one is that begins it. Sorted by prefix, those that begin a row stand before
// it, each beginning the next. False where there are more of them than the kernel looks up.
bool chain(const Tails& tails, std::vector<PathRow>& rows)
{
    std::vector<std::string_view> open;
    for (const auto& [prefix, tail] : tails) {
        while (!open.empty() && !prefix.starts_with(open.back()))
            open.pop_back();
        if (open.size() >= FNS_SHORTER_ROWS)
            return false;
        rows.push_back({prefix, tail, static_cast<std::uint16_t>(open.empty() ? 0 : open.back().size())});
        open.push_back(prefix);
    }
    return true;
}

std::string fault_of(std::string_view written, const std::optional<Glob>& glob)
{
    if (!glob)
        return fmt::format(
            "'{}' has a wildcard that is not at its end; the kernel decides only literal paths with nothing, * or ** "
            "behind them",
            written);
    if (glob->prefix.empty() && glob->tail != FNS_TAIL_ANY)
        return fmt::format("'{}' is no absolute path", written);
    // Room for the longer twin of /bin.
    constexpr std::size_t kLongest = FNS_LISTED_PATH_BYTES - 4;
    if (glob->prefix.size() > kLongest)
        return fmt::format("'{}' has more than {} bytes before its wildcard", written, kLongest);
    return {};
}

}  // namespace

PathRows compile_paths(std::span<const std::string> globs, bool programs)
{
    PathRows made;
    Tails tails;
    for (std::size_t i = 0; i < globs.size(); ++i) {
        const auto glob = split(globs[i]);
        if (glob && glob->prefix.empty() && glob->tail == FNS_TAIL_ANY) {
            made.rows = {{"", FNS_TAIL_ANY, 0}};  // everything, whatever else is listed
            made.faults.clear();
            return made;
        }
        if (std::string fault = fault_of(globs[i], glob); !fault.empty())
            made.faults.push_back({i, std::move(fault)});
        else
            add(tails, *glob, programs);
    }
    if (!chain(tails, made.rows))
        made.faults.push_back({0, fmt::format("more than {} of the list's paths begin each other", FNS_SHORTER_ROWS)});
    return made;
}

}  // namespace fnshield
