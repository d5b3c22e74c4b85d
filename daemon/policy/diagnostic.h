// SPDX-License-Identifier: Apache-2.0
//
// A fault in a configuration or policy file, with its place: what `fnshieldd --check` and `fnshield policy check`
// print. Readers collect all of a file's faults, not only the first, so that one run shows what has to be changed.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

namespace fnshield {

// 1-based, as editors count. 1:1 also stands for the file as a whole.
struct Place {
    int line = 1;
    int column = 1;
    bool operator==(const Place&) const = default;
};

enum class DiagnosticLevel : unsigned char {
    error,    // the file is refused
    warning,  // it is taken, but something in it does not do what it says
};

struct Diagnostic {
    std::string file;
    Place place;
    std::string message;
    DiagnosticLevel level = DiagnosticLevel::error;

    // "file:line:column: message"; a warning says "warning: " before the message.
    [[nodiscard]] std::string text() const
    {
        return file + ":" + std::to_string(place.line) + ":" + std::to_string(place.column) + ": " +
               (level == DiagnosticLevel::warning ? "warning: " : "") + message;
    }
};

using Diagnostics = std::vector<Diagnostic>;

[[nodiscard]] inline bool has_errors(const Diagnostics& diagnostics)
{
    return std::ranges::any_of(diagnostics, [](const Diagnostic& d) { return d.level == DiagnosticLevel::error; });
}

// File by file, from top to bottom.
inline void sort_by_place(Diagnostics& diagnostics)
{
    std::ranges::sort(diagnostics, {}, [](const Diagnostic& d) {
        return std::tuple<std::string_view, int, int, std::string_view>(d.file, d.place.line, d.place.column,
                                                                        d.message);
    });
}

}  // namespace fnshield
