// SPDX-License-Identifier: Apache-2.0
#include "daemon/cli/text.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <ctime>

namespace fnshield::cli {
namespace {

constexpr std::string_view kEllipsis = "…";

std::string format(const char* pattern, double value)
{
    std::array<char, 48> text{};
    std::snprintf(text.data(), text.size(), pattern, value);
    return text.data();
}

struct CodePoint {
    char32_t value = 0;
    std::size_t bytes = 0;  // 0 = not UTF-8
};

CodePoint decode(std::string_view text)
{
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char first = byte(0);
    if (first < 0x80)
        return {first, 1};
    const std::size_t length = first >= 0xf0 && first < 0xf5   ? 4
                               : first >= 0xe0 && first < 0xf0 ? 3
                               : first >= 0xc2 && first < 0xe0 ? 2
                                                               : 0;
    if (length == 0 || length > text.size())
        return {};
    char32_t value = first & (0xffU >> (length + 1));
    for (std::size_t i = 1; i < length; ++i) {
        if ((byte(i) & 0xc0) != 0x80)
            return {};
        value = (value << 6) | (byte(i) & 0x3fU);
    }
    constexpr std::array<char32_t, 5> kSmallest = {0, 0, 0x80, 0x800, 0x10000};
    if (value < kSmallest.at(length) || value > 0x10ffff || (value >= 0xd800 && value < 0xe000))
        return {};
    return {value, length};
}

bool is_dangerous(char32_t c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x061c || (c >= 0x200b && c <= 0x200f) ||
           (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || c == 0xfeff;
}

struct Unit {
    std::string_view name;
    double seconds;
};
constexpr std::array<Unit, 5> kUnits = {{{"ms", 0.001}, {"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}}};

Result<double> seconds_since(const std::string& rfc3339, std::int64_t now_unix_seconds)
{
    std::tm utc{};
    const char* const end = ::strptime(rfc3339.c_str(), "%Y-%m-%dT%H:%M:%S", &utc);
    if (end == nullptr)
        return fail("'" + rfc3339 + "' is neither a duration (90s, 5m, 2h, 1d) nor a time (2026-11-23T05:17:02Z)",
                    ExitCode::usage);
    const std::string_view rest(end);
    if (!rest.ends_with('Z') || (rest.size() > 1 && !rest.starts_with('.')))
        return fail("'" + rfc3339 + "' must be in UTC, with a Z at its end", ExitCode::usage);
    const std::int64_t at = ::timegm(&utc);
    return at >= now_unix_seconds ? 0.0 : static_cast<double>(now_unix_seconds - at);
}

}  // namespace

std::string human_duration(double seconds)
{
    if (!(seconds > 0))
        return "0s";
    if (seconds < 0.0095)
        return format("%.1fms", seconds * 1000);
    if (seconds < 0.9995)
        return format("%.0fms", seconds * 1000);
    if (seconds < 9.95)
        return format("%.1fs", seconds);
    if (seconds < 59.5)
        return format("%.0fs", seconds);
    const auto whole = static_cast<std::uint64_t>(std::llround(std::min(seconds, 1e15)));
    const auto two = [](std::uint64_t big, const char* big_unit, std::uint64_t small, const char* small_unit) {
        return std::to_string(big) + big_unit + (small > 0 && big < 10 ? std::to_string(small) + small_unit : "");
    };
    if (whole < 3600)
        return two(whole / 60, "m", whole % 60, "s");
    if (whole < 86400)
        return two(whole / 3600, "h", whole % 3600 / 60, "m");
    return two(whole / 86400, "d", whole % 86400 / 3600, "h");
}

Result<double> parse_ago(const std::string& text, std::int64_t now_unix_seconds)
{
    double number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    const std::string_view unit(end, text.data() + text.size());
    if (error != std::errc() || unit.starts_with('-'))
        return seconds_since(text, now_unix_seconds);
    if (!(number >= 0) || !std::isfinite(number))
        return fail("'" + text + "' is not a duration: 90s, 5m, 2h, 1d", ExitCode::usage);
    if (unit.empty())
        return number;
    for (const Unit& known : kUnits)
        if (unit == known.name)
            return number * known.seconds;
    return fail("'" + text + "' has an unknown unit: ms, s, m, h or d", ExitCode::usage);
}

std::string human_count(std::uint64_t count)
{
    std::string text = std::to_string(count);
    for (std::size_t at = text.size(); at > 3; at -= 3)
        text.insert(at - 3, 1, ',');
    return text;
}

std::string human_time(const std::string& rfc3339)
{
    constexpr std::size_t kDate = 10;
    constexpr std::size_t kMilliseconds = 23;
    if (rfc3339.size() <= kMilliseconds || rfc3339[kDate] != 'T' || !rfc3339.ends_with('Z'))
        return printable(rfc3339);
    return printable(rfc3339.substr(0, kDate) + " " + rfc3339.substr(kDate + 1, kMilliseconds - kDate - 1) + "Z");
}

std::string printable(std::string_view text)
{
    std::string safe;
    std::array<char, 16> escape{};
    for (std::size_t at = 0; at < text.size();) {
        const CodePoint point = decode(text.substr(at));
        if (point.bytes == 0 || (point.bytes == 1 && is_dangerous(point.value))) {
            std::snprintf(escape.data(), escape.size(), "\\x%02x", static_cast<unsigned char>(text[at]));
            safe += escape.data();
            ++at;
        } else if (is_dangerous(point.value)) {
            std::snprintf(escape.data(), escape.size(), "\\u{%x}", static_cast<unsigned>(point.value));
            safe += escape.data();
            at += point.bytes;
        } else {
            safe += text.substr(at, point.bytes);
            at += point.bytes;
        }
    }
    return safe;
}

std::size_t display_width(std::string_view text)
{
    std::size_t width = 0;
    for (const char c : text)
        width += (static_cast<unsigned char>(c) & 0xc0) != 0x80 ? 1 : 0;
    return width;
}

std::string fitted(std::string_view text, std::size_t width)
{
    if (display_width(text) <= width)
        return std::string(text);
    if (width == 0)
        return {};
    std::size_t at = 0;
    for (std::size_t columns = 0; at < text.size(); ++at) {
        if ((static_cast<unsigned char>(text[at]) & 0xc0) != 0x80 && columns++ == width - 1)
            break;
    }
    return std::string(text.substr(0, at)) + std::string(kEllipsis);
}

}  // namespace fnshield::cli
