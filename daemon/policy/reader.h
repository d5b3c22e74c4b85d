// SPDX-License-Identifier: Apache-2.0
//
// Walks a YamlNode tree and turns it into structs, collecting every fault with its place. What a map may hold is a
// table of Field rows, so that unknown keys, their hints and the documentation's key lists come from one place:
//
//   constexpr Field<ColdStart> kColdStart[] = {{"budget", [](Reader& r, const YamlNode& n, ColdStart& to) {…}}, …};
//   reader.map(node, kColdStart, cold_start);
//
// A value that is wrong is reported and left as it was.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "daemon/policy/diagnostic.h"
#include "daemon/policy/values.h"
#include "daemon/policy/yaml.h"

namespace fnshield {

class Reader;

template <typename Target>
struct Field {
    std::string_view key;
    void (*read)(Reader&, const YamlNode&, Target&);
};

// A word and what it stands for.
template <typename Value>
struct Choice {
    std::string_view word;
    Value value;
};

// The keys of one map of a file, by the path that leads there: "" is the file, "egress.init[]" an item of that list.
struct KeyTable {
    std::string_view path;
    std::vector<std::string_view> keys;
};

template <typename Target, std::size_t N>
[[nodiscard]] KeyTable key_table(std::string_view path, const Field<Target> (&fields)[N])
{
    KeyTable table{path, {}};
    for (const Field<Target>& field : fields)
        table.keys.push_back(field.key);
    return table;
}

class Reader {
public:
    // Both outlive the reader.
    Reader(const std::string& file, Diagnostics& diagnostics) : file_(file), diagnostics_(diagnostics) {}

    void error(Place place, std::string message);
    void warning(Place place, std::string message);

    // Every key of the map that has a row; a key without one is an error with a hint. An empty value (`exec:`) is an
    // empty map.
    template <typename Target, std::size_t N>
    void map(const YamlNode& node, const Field<Target> (&fields)[N], std::type_identity_t<Target>& target)
    {
        if (!is_map(node))
            return;
        std::vector<std::string_view> known;
        for (const Field<Target>& field : fields)
            known.push_back(field.key);
        for (const YamlNode& item : node.items) {
            const auto found = std::ranges::find(known, item.key);
            if (found == known.end())
                unknown_key(node, item, known);
            else
                fields[found - known.begin()].read(*this, item, target);
        }
    }

    [[nodiscard]] bool is_map(const YamlNode& node);
    // False where it is not a list, or is longer than that. `x:` with nothing after it is refused: [] says "nothing".
    [[nodiscard]] bool is_list(const YamlNode& node, std::size_t longest = 1024);

    [[nodiscard]] std::optional<std::string> text(const YamlNode& node);  // a single value that is not empty
    [[nodiscard]] std::optional<bool> boolean(const YamlNode& node);
    [[nodiscard]] std::optional<std::uint64_t> number(const YamlNode& node, std::uint64_t min, std::uint64_t max);
    [[nodiscard]] std::optional<Nanoseconds> duration(const YamlNode& node, Nanoseconds min, Nanoseconds max);
    [[nodiscard]] std::optional<std::string> absolute_path(const YamlNode& node);
    [[nodiscard]] std::optional<std::vector<std::string>> texts(const YamlNode& node);

    // A value by a function of values.h.
    template <typename Parse>
    [[nodiscard]] auto value(const YamlNode& node, Parse parse)
        -> std::optional<typename std::invoke_result_t<Parse, std::string_view>::value_type>
    {
        const auto written = text(node);
        if (!written)
            return std::nullopt;
        auto parsed = parse(std::string_view(*written));
        if (!parsed) {
            error(node.place, node.label() + " " + parsed.error().message);
            return std::nullopt;
        }
        return std::move(*parsed);
    }

    template <typename Value, std::size_t N>
    [[nodiscard]] std::optional<Value> choice(const YamlNode& node, const Choice<Value> (&choices)[N])
    {
        const auto written = text(node);
        if (!written)
            return std::nullopt;
        std::vector<std::string_view> words;
        for (const Choice<Value>& candidate : choices) {
            if (candidate.word == *written)
                return candidate.value;
            words.push_back(candidate.word);
        }
        not_a_choice(node, *written, words);
        return std::nullopt;
    }

    // Requires `version: 1` in a file that is not empty.
    void version(const YamlNode& root);

    [[nodiscard]] const std::string& file() const { return file_; }

private:
    void unknown_key(const YamlNode& map, const YamlNode& item, std::span<const std::string_view> known);
    void not_a_choice(const YamlNode& node, std::string_view word, std::span<const std::string_view> words);
    void wrong_kind(const YamlNode& node, std::string_view wanted);

    const std::string& file_;
    Diagnostics& diagnostics_;
};

// "a, b and c"
[[nodiscard]] std::string word_list(std::span<const std::string_view> words, std::string_view last = "and");

}  // namespace fnshield
