// SPDX-License-Identifier: Apache-2.0
#include "daemon/cli/table.h"

#include <algorithm>
#include <numeric>

#include "daemon/cli/text.h"

namespace fnshield::cli {
namespace {

constexpr std::size_t kGap = 2;
constexpr std::size_t kNarrowest = 5;

}  // namespace

Table& Table::column(std::string header, Align align)
{
    columns_.push_back({std::move(header), align});
    return *this;
}

void Table::row(std::vector<Cell> cells)
{
    cells.resize(columns_.size());
    for (Cell& cell : cells)
        cell.text = cell.text.empty() ? "-" : printable(cell.text);
    rows_.push_back(std::move(cells));
}

std::vector<std::size_t> Table::widths(std::size_t limit) const
{
    std::vector<std::size_t> widths;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
        std::size_t width = display_width(columns_[i].header);
        for (const auto& row : rows_)
            width = std::max(width, display_width(row[i].text));
        widths.push_back(width);
    }
    std::size_t total = std::accumulate(widths.begin(), widths.end(), kGap * (columns_.size() - 1));
    for (; limit > 0 && total > limit; --total) {
        const auto widest = std::ranges::max_element(widths);
        if (*widest <= kNarrowest)
            break;
        --*widest;
    }
    return widths;
}

std::string Table::render(const Terminal& terminal) const
{
    const std::vector<std::size_t> widths_of = widths(terminal.width());
    const auto line = [&](auto&& cell_of) {
        std::string text;
        std::size_t used = 0;
        for (std::size_t i = 0; i < columns_.size(); ++i) {
            const Cell cell = cell_of(i);
            const std::size_t gap = i == 0 ? 0 : kGap;
            if (terminal.width() > 0 && used + gap + 1 > terminal.width())
                break;
            const std::size_t room =
                terminal.width() > 0 ? std::min(widths_of[i], terminal.width() - used - gap) : widths_of[i];
            const std::string shown = fitted(cell.text, room);
            const std::string padding(room - display_width(shown), ' ');
            text.append(gap, ' ');
            if (columns_[i].align == Align::right)
                text += padding;
            text += terminal.paint(shown, cell.colour);
            if (columns_[i].align == Align::left && i + 1 < columns_.size())
                text += padding;
            used += gap + room;
        }
        text.erase(text.find_last_not_of(' ') + 1);
        return text + "\n";
    };
    std::string text = line([&](std::size_t i) { return Cell{columns_[i].header, Colour::bold}; });
    for (const auto& row : rows_)
        text += line([&](std::size_t i) { return row[i]; });
    return text;
}

}  // namespace fnshield::cli
