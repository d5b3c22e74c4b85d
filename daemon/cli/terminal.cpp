// SPDX-License-Identifier: Apache-2.0
#include "daemon/cli/terminal.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <system_error>

namespace fnshield::cli {
namespace {

constexpr std::size_t kUsualWidth = 80;

std::string_view sequence(Colour colour)
{
    switch (colour) {
        case Colour::none:
            return "";
        case Colour::bold:
            return "\x1b[1m";
        case Colour::dim:
            return "\x1b[2m";
        case Colour::red:
            return "\x1b[31m";
        case Colour::yellow:
            return "\x1b[33m";
        case Colour::green:
            return "\x1b[32m";
        case Colour::cyan:
            return "\x1b[36m";
    }
    return "";
}

}  // namespace

Terminal Terminal::of_process()
{
    if (::isatty(STDOUT_FILENO) == 0)
        return {STDOUT_FILENO, STDERR_FILENO, 0, false};
    winsize size{};
    const bool sized = ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
    const char* const no_colour = std::getenv("NO_COLOR");
    const char* const kind = std::getenv("TERM");
    const bool coloured =
        (no_colour == nullptr || *no_colour == '\0') && kind != nullptr && std::string_view(kind) != "dumb";
    return {STDOUT_FILENO, STDERR_FILENO, sized ? size.ws_col : kUsualWidth, coloured};
}

void Terminal::write(std::string_view text)
{
    while (!text.empty() && !closed_ && error_.empty()) {
        const ssize_t written = ::write(out_fd_, text.data(), text.size());
        if (written >= 0) {
            text.remove_prefix(static_cast<std::size_t>(written));
        } else if (errno == EAGAIN) {  // somebody made the terminal non-blocking
            pollfd writable{.fd = out_fd_, .events = POLLOUT, .revents = 0};
            (void)::poll(&writable, 1, -1);
        } else if (errno == EPIPE) {
            closed_ = true;
        } else if (errno != EINTR) {
            error_ = std::generic_category().message(errno);
        }
    }
}

void Terminal::remark(std::string_view line) const
{
    const std::string text = std::string(line) + "\n";
    (void)!::write(error_fd_, text.data(), text.size());
}

std::string Terminal::paint(std::string_view text, Colour colour) const
{
    if (!coloured_ || colour == Colour::none || text.empty())
        return std::string(text);
    return std::string(sequence(colour)) + std::string(text) + "\x1b[0m";
}

Colour severity_colour(std::string_view severity)
{
    if (severity == "critical" || severity == "high")
        return Colour::red;
    return severity == "medium" ? Colour::yellow : Colour::cyan;
}

Colour state_colour(std::string_view sandbox_state)
{
    if (sandbox_state == "serving" || sandbox_state == "ready")
        return Colour::green;
    if (sandbox_state == "created" || sandbox_state == "starting")
        return Colour::yellow;
    return sandbox_state == "frozen" ? Colour::cyan : Colour::dim;
}

}  // namespace fnshield::cli
