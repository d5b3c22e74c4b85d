// SPDX-License-Identifier: Apache-2.0
//
// One sandbox template, parsed: "/fn/{tenant}/{function}/{instance}". See recognise.h for the grammar.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "daemon/base/result.h"
#include "daemon/model/recognise.h"

namespace fnshield {

// The segments of a path, without empty ones.
[[nodiscard]] std::vector<std::string_view> path_segments(std::string_view path);

class PathTemplate {
public:
    [[nodiscard]] static Result<PathTemplate> make(std::string_view text);

    // The placeholders' values in a path that fits, in the template's order; nothing where it does not fit.
    [[nodiscard]] std::optional<std::vector<std::pair<std::string_view, std::string>>> match(
        const std::vector<std::string_view>& path) const;

    [[nodiscard]] const ParentSpec& parent() const { return parent_; }

private:
    struct Segment {
        std::string before;  // the whole segment where there is no placeholder
        std::string name;    // "" = literal
        std::string after;
        bool rest = false;

        [[nodiscard]] std::optional<std::string_view> value_in(std::string_view text) const;
    };
    PathTemplate() = default;
    [[nodiscard]] static Result<Segment> parse_segment(std::string_view text, bool last);
    [[nodiscard]] Result<void> find_parent();

    std::vector<Segment> segments_;
    ParentSpec parent_;
};

}  // namespace fnshield
