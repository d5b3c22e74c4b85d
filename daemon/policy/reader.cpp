// SPDX-License-Identifier: Apache-2.0
//
// The checks that are the same for every key, and their messages.
#include "daemon/policy/reader.h"

#include <fmt/format.h>

namespace fnshield {
namespace {

// Of one run; what is wrong beyond that is the same again. Warnings leave room, so that no error is lost behind them.
constexpr std::size_t kFaultsShown = 200;
constexpr std::size_t kWarningsShown = 100;

constexpr Choice<bool> kBooleans[] = {{"true", true}, {"false", false}};

std::string hint(std::string_view word, std::span<const std::string_view> known)
{
    const auto meant = nearest(word, known);
    return meant ? fmt::format("; did you mean '{}'?", *meant) : std::string();
}

// Where a value's fault is shown: at the value, or at the key where nothing follows it.
Place place_of(const YamlNode& node)
{
    return node.kind == YamlNode::Kind::null && !node.key.empty() && !node.in_list ? node.key_place : node.place;
}

}  // namespace

std::string word_list(std::span<const std::string_view> words, std::string_view last)
{
    std::string list;
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (i > 0)
            list += i + 1 == words.size() ? fmt::format(" {} ", last) : std::string(", ");
        list += words[i];
    }
    return list;
}

void Reader::error(Place place, std::string message)
{
    if (diagnostics_.size() < kFaultsShown)
        diagnostics_.push_back({file_, place, std::move(message)});
}

void Reader::warning(Place place, std::string message)
{
    if (diagnostics_.size() < kWarningsShown)
        diagnostics_.push_back({file_, place, std::move(message), DiagnosticLevel::warning});
}

void Reader::unknown_key(const YamlNode& map, const YamlNode& item, std::span<const std::string_view> known)
{
    std::string message = fmt::format("unknown key '{}'", item.key);
    if (!map.key.empty())
        message += fmt::format(" in {}", map.label());
    const std::string meant = hint(item.key, known);
    error(item.key_place, message + (meant.empty() ? "; known are " + word_list(known) : meant));
}

void Reader::not_a_choice(const YamlNode& node, std::string_view word, std::span<const std::string_view> words)
{
    error(node.place,
          fmt::format("{} must be {}, not '{}'{}", node.label(), word_list(words, "or"), word, hint(word, words)));
}

void Reader::wrong_kind(const YamlNode& node, std::string_view wanted)
{
    error(place_of(node), fmt::format("{} must be {}, not {}", node.label(), wanted, kind_name(node.kind)));
}

bool Reader::is_map(const YamlNode& node)
{
    if (node.kind != YamlNode::Kind::map && node.kind != YamlNode::Kind::null)
        wrong_kind(node, "a map of keys and values");
    return node.kind == YamlNode::Kind::map;
}

bool Reader::is_list(const YamlNode& node, std::size_t longest)
{
    if (node.kind == YamlNode::Kind::null) {
        error(place_of(node),
              fmt::format("{} has no value; write [] for an empty list, or leave the key out", node.label()));
        return false;
    }
    if (node.kind != YamlNode::Kind::list) {
        wrong_kind(node, "a list");
        return false;
    }
    if (node.items.size() > longest) {
        error(node.place,
              fmt::format("{} has {} items; at most {} are taken", node.label(), node.items.size(), longest));
        return false;
    }
    return true;
}

std::optional<std::string> Reader::text(const YamlNode& node)
{
    if (node.kind != YamlNode::Kind::scalar) {
        wrong_kind(node, "a single value");
        return std::nullopt;
    }
    if (node.text.empty()) {
        error(node.place, node.label() + " must not be empty");
        return std::nullopt;
    }
    return node.text;
}

std::optional<bool> Reader::boolean(const YamlNode& node)
{
    return choice(node, kBooleans);
}

std::optional<std::uint64_t> Reader::number(const YamlNode& node, std::uint64_t min, std::uint64_t max)
{
    return value(node, [&](std::string_view written) { return parse_number(written, min, max); });
}

std::optional<Nanoseconds> Reader::duration(const YamlNode& node, Nanoseconds min, Nanoseconds max)
{
    return value(node, [&](std::string_view written) -> Result<Nanoseconds> {
        auto parsed = parse_duration(written);
        if (parsed && (*parsed < min || *parsed > max))
            return fail(
                fmt::format("must be from {} to {}, not '{}'", duration_text(min), duration_text(max), written));
        return parsed;
    });
}

std::optional<std::string> Reader::absolute_path(const YamlNode& node)
{
    return value(node, [](std::string_view written) -> Result<std::string> {
        if (!written.starts_with('/'))
            return fail(fmt::format("must be an absolute path, not '{}'", written));
        return std::string(written);
    });
}

std::optional<std::vector<std::string>> Reader::texts(const YamlNode& node)
{
    if (!is_list(node))
        return std::nullopt;
    std::vector<std::string> list;
    for (const YamlNode& item : node.items)
        if (auto written = text(item))
            list.push_back(std::move(*written));
    return list;
}

void Reader::version(const YamlNode& root)
{
    if (root.kind != YamlNode::Kind::map)
        return;
    const YamlNode* version = root.find("version");
    if (version == nullptr)
        error(root.place, "'version' is missing; this format is 'version: 1'");
    else if (version->kind != YamlNode::Kind::scalar || version->text != "1")
        error(place_of(*version), "'version' must be 1, the only one there is");
}

}  // namespace fnshield
