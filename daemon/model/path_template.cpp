// SPDX-License-Identifier: Apache-2.0
//
// Template text → segments → the parent for the kernel side; and a path's values by them.
#include "daemon/model/path_template.h"

#include <fmt/format.h>

#include <algorithm>

#include "fnshield/abi/tables.h"

namespace fnshield {
namespace {

bool is_name(std::string_view text)
{
    const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; };
    return !text.empty() && letter(text.front()) &&
           std::ranges::all_of(text, [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

}  // namespace

std::vector<std::string_view> path_segments(std::string_view path)
{
    std::vector<std::string_view> segments;
    while (!path.empty()) {
        const std::size_t end = std::min(path.find('/'), path.size());
        if (end > 0)
            segments.push_back(path.substr(0, end));
        path.remove_prefix(std::min(end + 1, path.size()));
    }
    return segments;
}

std::optional<std::string_view> PathTemplate::Segment::value_in(std::string_view text) const
{
    if (name.empty())
        return text == before ? std::optional(text) : std::nullopt;
    if (text.size() <= before.size() + after.size() || !text.starts_with(before) || !text.ends_with(after))
        return std::nullopt;
    return text.substr(before.size(), text.size() - before.size() - after.size());
}

Result<PathTemplate::Segment> PathTemplate::parse_segment(std::string_view text, bool last)
{
    const std::size_t open = text.find('{');
    if (open == std::string_view::npos) {
        if (text.contains('}'))
            return fail("has a '}' without its '{'");
        if (text == "." || text == "..")
            return fail("must not contain '.' or '..'");
        return Segment{.before = std::string(text)};
    }
    const std::size_t close = text.find('}', open);
    if (close == std::string_view::npos)
        return fail("has a '{' without its '}'");
    Segment segment{.before = std::string(text.substr(0, open)), .after = std::string(text.substr(close + 1))};
    std::string_view name = text.substr(open + 1, close - open - 1);
    if (segment.after.find_first_of("{}") != std::string::npos)
        return fail("has more than one placeholder in one segment");
    if (segment.before.contains('}'))
        return fail("has a '}' without its '{'");
    if (name.ends_with('*')) {
        name.remove_suffix(1);
        segment.rest = true;
        if (!last || !segment.before.empty() || !segment.after.empty())
            return fail(fmt::format("can have {{{}*}} only as its whole last segment", name));
    }
    if (!is_name(name))
        return fail(
            fmt::format("has a placeholder {{{}}} that is not a name of lower-case letters, digits and '_'", name));
    segment.name = name;
    return segment;
}

Result<PathTemplate> PathTemplate::make(std::string_view text)
{
    if (!text.starts_with('/'))
        return fail("must begin with '/'");
    if (text.size() > 1 && (text.ends_with('/') || text.contains("//")))
        return fail("must not have empty segments");
    const std::vector<std::string_view> parts = path_segments(text);
    PathTemplate made;
    std::vector<std::string> names;
    for (std::size_t i = 0; i < parts.size(); ++i) {
        auto segment = parse_segment(parts[i], i + 1 == parts.size());
        if (!segment)
            return pass(std::move(segment));
        if (!segment->name.empty()) {
            if (std::ranges::find(names, segment->name) != names.end())
                return fail(fmt::format("has {{{}}} twice", segment->name));
            names.push_back(segment->name);
        }
        made.segments_.push_back(std::move(*segment));
    }
    if (names.empty())
        return fail("has no placeholder such as {function}");
    if (made.segments_.back().name.empty())
        return fail("must end in a placeholder: its last segment is the sandbox");
    if (auto found = made.find_parent(); !found)
        return pass(std::move(found));
    return made;
}

// The literal segments at the beginning are the parent; what follows is the depth.
Result<void> PathTemplate::find_parent()
{
    std::size_t literal = 0;
    while (segments_[literal].name.empty())
        parent_.path += '/' + segments_[literal++].before;
    if (literal == 0)
        return fail("must begin with a literal segment; otherwise the host's own cgroups would be sandboxes");
    if (parent_.path.size() >= FNS_PARENT_PATH_BYTES)
        return fail(fmt::format("has a literal beginning of {} bytes; at most {} fit", parent_.path.size(),
                                FNS_PARENT_PATH_BYTES - 1));
    parent_.depth = static_cast<std::uint32_t>(segments_.size() - literal);
    const Segment& leaf = segments_.back();
    parent_.rest = leaf.rest;
    if (!leaf.before.empty()) {
        if (leaf.before.size() >= FNS_LEAF_PREFIX_BYTES)
            return fail(fmt::format("has '{}' before its last placeholder; at most {} bytes fit", leaf.before,
                                    FNS_LEAF_PREFIX_BYTES - 1));
        if (leaf.before.front() == FNS_LEAF_PREFIX_NOT)
            return fail(fmt::format("cannot have '{}' at the beginning of its last segment", FNS_LEAF_PREFIX_NOT));
        parent_.leaf_prefixes.push_back(leaf.before);
    }
    return {};
}

std::optional<std::vector<std::pair<std::string_view, std::string>>> PathTemplate::match(
    const std::vector<std::string_view>& path) const
{
    const bool rest = segments_.back().rest;
    if (rest ? path.size() < segments_.size() : path.size() != segments_.size())
        return std::nullopt;
    std::vector<std::pair<std::string_view, std::string>> values;
    for (std::size_t i = 0; i < segments_.size(); ++i) {
        const auto value = segments_[i].value_in(path[i]);
        if (!value)
            return std::nullopt;
        if (!segments_[i].name.empty())
            values.emplace_back(segments_[i].name, *value);
    }
    for (std::size_t i = segments_.size(); i < path.size(); ++i) {
        values.back().second += '/';
        values.back().second += path[i];
    }
    return values;
}

}  // namespace fnshield
