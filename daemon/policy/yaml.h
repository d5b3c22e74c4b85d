// SPDX-License-Identifier: Apache-2.0
//
// YAML text → a plain tree with places. The tree is built from yaml-cpp's events and not from its Node, so that
// duplicate keys are seen and anchors, aliases and tags are refused before they cost anything: a file is hostile input,
// whoever wrote it. Scalars stay text; what they mean is for the reader (reader.h) to say.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/base/result.h"
#include "daemon/policy/diagnostic.h"

namespace fnshield {

struct YamlLimits {
    std::size_t bytes = 1U << 20;
    std::size_t depth = 16;
    std::size_t entries = 2048;  // of one list or map
    std::size_t nodes = 20000;
    std::size_t scalar_bytes = 4096;
};

struct YamlNode {
    enum class Kind : unsigned char { null, scalar, list, map };

    Kind kind = Kind::null;
    Place place;
    std::string key;  // under which it stands in a map; an item of a list has the list's key
    Place key_place;
    bool in_list = false;
    std::string text;             // scalar
    std::vector<YamlNode> items;  // of a list or a map, in the file's order; of a map's duplicate keys, all

    // "'ports'", or "an item of 'ports'", or "the file"
    [[nodiscard]] std::string label() const;
    [[nodiscard]] const YamlNode* find(std::string_view key_wanted) const;  // null where there is none
};

// The word for a node's kind in messages: "a list".
[[nodiscard]] std::string_view kind_name(YamlNode::Kind kind);

// The one document in `text`; an empty text is a null node. Nothing where it cannot be read as a tree; why not, and
// duplicate keys, are appended to `diagnostics`.
[[nodiscard]] std::optional<YamlNode> parse_yaml(std::string_view text, const std::string& file,
                                                 Diagnostics& diagnostics, const YamlLimits& limits = {});

// A regular file's bytes, at most `limit` of them; more is an error, as is a pipe or a device.
[[nodiscard]] Result<std::string> read_text_file(const std::string& path, std::size_t limit);

}  // namespace fnshield
