// SPDX-License-Identifier: Apache-2.0
//
// Text → values, with the message for each way to be wrong.
#include "daemon/policy/values.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <numeric>
#include <vector>

namespace fnshield {
namespace {

std::optional<std::uint64_t> digits(std::string_view text)
{
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || error != std::errc() || end != text.data() + text.size())
        return std::nullopt;
    return value;
}

struct Unit {
    std::string_view name;
    Nanoseconds ns;
};
constexpr std::array kUnits{Unit{"ms", kMillisecond}, Unit{"s", kSecond}, Unit{"m", 60 * kSecond},
                            Unit{"h", 3600 * kSecond}};

// Long values are cut, so that a message stays a line.
std::string quoted(std::string_view text)
{
    constexpr std::size_t kShown = 60;
    return text.size() <= kShown ? fmt::format("'{}'", text) : fmt::format("'{}…'", text.substr(0, kShown));
}

unsigned address_bits(const Endpoint& endpoint)
{
    return endpoint.family == AF_INET ? 32 : 128;
}

// Insertions, deletions, replacements and swaps of neighbours.
std::size_t edit_distance(std::string_view a, std::string_view b)
{
    std::vector<std::size_t> before(b.size() + 1);
    std::vector<std::size_t> above(b.size() + 1);
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(above.begin(), above.end(), std::size_t{0});
    for (std::size_t i = 1; i <= a.size(); ++i) {
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = std::min(row[j], before[j - 2] + 1);
        }
        before.swap(above);
        above.swap(row);
    }
    return above[b.size()];
}

}  // namespace

Result<Nanoseconds> parse_duration(std::string_view text)
{
    const std::size_t unit_at = std::min(text.find_first_not_of("0123456789"), text.size());
    const auto count = digits(text.substr(0, unit_at));
    const auto unit = std::ranges::find(kUnits, text.substr(unit_at), &Unit::name);
    if (!count || unit == kUnits.end())
        return fail(fmt::format("must be a duration such as 500ms, 2s or 1m, not {}", quoted(text)));
    if (*count > std::numeric_limits<Nanoseconds>::max() / unit->ns)
        return fail(fmt::format("is longer than any duration: {}", quoted(text)));
    return *count * unit->ns;
}

std::string duration_text(Nanoseconds duration)
{
    const Unit* unit = &kUnits[duration == 0 ? 1 : 0];
    for (const Unit& larger : kUnits)
        if (duration != 0 && duration % larger.ns == 0)
            unit = &larger;
    return fmt::format("{}{}", duration / unit->ns, unit->name);
}

Result<std::uint64_t> parse_number(std::string_view text, std::uint64_t min, std::uint64_t max)
{
    const auto value = digits(text);
    if (!value || *value < min || *value > max)
        return fail(fmt::format("must be a whole number from {} to {}, not {}", min, max, quoted(text)));
    return *value;
}

Result<Endpoint> parse_address(std::string_view text)
{
    Endpoint endpoint;
    const std::string terminated(text);
    if (terminated.find('\0') == std::string::npos) {
        for (const int family : {AF_INET, AF_INET6}) {
            if (::inet_pton(family, terminated.c_str(), endpoint.address.data()) == 1) {
                endpoint.family = static_cast<std::uint16_t>(family);
                return endpoint;
            }
        }
    }
    return fail(fmt::format("must be an IPv4 or IPv6 address, not {}", quoted(text)));
}

Result<Cidr> parse_cidr(std::string_view text)
{
    const std::size_t slash = text.find('/');
    auto base = parse_address(text.substr(0, slash));
    if (!base)
        return fail(fmt::format("must be a network such as 10.20.0.0/16 or an address, not {}", quoted(text)));
    Cidr cidr{.base = *base, .prefix_bits = static_cast<std::uint8_t>(address_bits(*base))};
    if (slash != std::string_view::npos) {
        const auto bits = digits(text.substr(slash + 1));
        if (!bits || *bits > address_bits(*base))
            return fail(fmt::format("has a prefix length that is not 0 to {}: {}", address_bits(*base), quoted(text)));
        cidr.prefix_bits = static_cast<std::uint8_t>(*bits);
    }
    Cidr network = cidr;
    for (unsigned bit = cidr.prefix_bits; bit < address_bits(*base); ++bit)
        network.base.address[bit / 8] &= static_cast<std::uint8_t>(~(0x80U >> (bit % 8)));
    if (network.base != cidr.base)
        return fail(
            fmt::format("has bits beyond its prefix: {}; did you mean '{}'?", quoted(text), cidr_text(network)));
    return cidr;
}

Result<Endpoint> parse_address_port(std::string_view text, std::uint16_t min_port)
{
    const auto wrong = [&] {
        return fail(fmt::format("must be ADDR:PORT such as 127.0.0.1:9938 or [::1]:9938, not {}", quoted(text)));
    };
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos)
        return wrong();
    std::string_view address = text.substr(0, colon);
    const bool bracketed = address.size() >= 2 && address.front() == '[' && address.back() == ']';
    if (bracketed)
        address = address.substr(1, address.size() - 2);
    auto endpoint = parse_address(address);
    if (!endpoint || bracketed != (endpoint->family == AF_INET6))
        return wrong();
    const auto port = digits(text.substr(colon + 1));
    if (!port || *port < min_port || *port > 65535)
        return fail(fmt::format("has a port that is not {} to 65535: {}", min_port, quoted(text)));
    endpoint->port = static_cast<std::uint16_t>(*port);
    return endpoint;
}

std::string cidr_text(const Cidr& cidr)
{
    return fmt::format("{}/{}", cidr.base.address_text(), cidr.prefix_bits);
}

std::optional<std::string_view> nearest(std::string_view word, std::span<const std::string_view> known)
{
    constexpr std::size_t kLongestWord = 64;
    if (word.size() > kLongestWord)
        return std::nullopt;
    std::optional<std::string_view> best;
    std::size_t best_distance = std::max<std::size_t>(1, word.size() / 3) + 1;
    for (const std::string_view candidate : known) {
        const std::size_t distance = edit_distance(word, candidate);
        if (distance < best_distance) {
            best = candidate;
            best_distance = distance;
        }
    }
    return best;
}

}  // namespace fnshield
