// SPDX-License-Identifier: Apache-2.0
//
// Where the tool writes: standard output with its width and colours, and standard error for remarks. Unbuffered beyond
// one call, so that a stream's line is out before the next is read and an interrupt loses none.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace fnshield::cli {

enum class Colour { none, bold, dim, red, yellow, green, cyan };

class Terminal {
public:
    // Colour only on a terminal, without NO_COLOR, and where TERM is not "dumb".
    [[nodiscard]] static Terminal of_process();
    Terminal(int out_fd, int error_fd, std::size_t width, bool coloured)
        : out_fd_(out_fd), error_fd_(error_fd), width_(width), coloured_(coloured)
    {
    }

    // Does nothing once the reader is gone (a pipe to head): see closed().
    void write(std::string_view text);
    void remark(std::string_view line) const;  // to standard error, a newline after it

    [[nodiscard]] bool closed() const { return closed_; }
    [[nodiscard]] const std::string& error() const { return error_; }  // a write that failed otherwise: a full disk
    [[nodiscard]] int out_fd() const { return out_fd_; }
    // Columns; 0 = no limit (not a terminal).
    [[nodiscard]] std::size_t width() const { return width_; }
    [[nodiscard]] bool coloured() const { return coloured_; }
    [[nodiscard]] std::string paint(std::string_view text, Colour colour) const;

private:
    int out_fd_;
    int error_fd_;
    std::size_t width_;
    bool coloured_;
    bool closed_ = false;
    std::string error_;
};

[[nodiscard]] Colour severity_colour(std::string_view severity);
[[nodiscard]] Colour state_colour(std::string_view sandbox_state);

}  // namespace fnshield::cli
