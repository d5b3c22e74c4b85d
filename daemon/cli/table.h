// SPDX-License-Identifier: Apache-2.0
//
// Aligned columns under upper-case headers, two spaces apart. Where the terminal is too narrow the widest columns give
// way first, down to a few characters each; what still does not fit is cut at the edge rather than wrapped.
#pragma once

#include <string>
#include <vector>

#include "daemon/cli/terminal.h"

namespace fnshield::cli {

struct Cell {
    std::string text;  // raw: the table makes it printable
    Colour colour = Colour::none;
};

enum class Align { left, right };

class Table {
public:
    Table& column(std::string header, Align align = Align::left);
    // As many cells as there are columns; an empty one is shown as "-".
    void row(std::vector<Cell> cells);
    [[nodiscard]] std::string render(const Terminal& terminal) const;
    [[nodiscard]] bool empty() const { return rows_.empty(); }

private:
    struct Column {
        std::string header;
        Align align;
    };
    [[nodiscard]] std::vector<std::size_t> widths(std::size_t limit) const;

    std::vector<Column> columns_;
    std::vector<std::vector<Cell>> rows_;
};

}  // namespace fnshield::cli
