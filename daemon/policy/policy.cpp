// SPDX-License-Identifier: Apache-2.0
//
// What detectors ask of a policy: its rules' settings, whether a path fits a glob, whether an address lies in a
// network.
#include "daemon/policy/policy.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstddef>

namespace fnshield {
namespace {

constexpr std::array<std::string_view, 4> kSeverities{"low", "medium", "high", "critical"};
constexpr std::array<std::string_view, 5> kActions{"alert", "deny", "kill", "freeze", "off"};

template <std::size_t N>
std::string_view word(const std::array<std::string_view, N>& words, std::size_t index)
{
    return index < N ? words[index] : std::string_view("unknown");
}

// ::ffff:a.b.c.d as a.b.c.d, so that one network fits both ways of writing an address.
Endpoint unmapped(const Endpoint& endpoint)
{
    static constexpr std::array<std::uint8_t, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    if (endpoint.family != AF_INET6 || !std::equal(kMapped.begin(), kMapped.end(), endpoint.address.begin()))
        return endpoint;
    Endpoint plain;
    plain.family = AF_INET;
    std::copy(endpoint.address.begin() + kMapped.size(), endpoint.address.end(), plain.address.begin());
    return plain;
}

// One step of a glob: a character, ?, *, ** or **/ (any number of whole folders, none included).
struct Step {
    enum class Kind : std::uint8_t { character, one, segment, any, folders } kind;
    char character;
};

std::vector<Step> steps_of(std::string_view pattern)
{
    std::vector<Step> steps;
    steps.reserve(pattern.size());
    for (std::size_t i = 0; i < pattern.size(); ++i) {
        if (pattern[i] == '?') {
            steps.push_back({Step::Kind::one, 0});
        } else if (pattern[i] != '*') {
            steps.push_back({Step::Kind::character, pattern[i]});
        } else {
            const bool begins_segment = i == 0 || pattern[i - 1] == '/';
            std::size_t stars = 1;
            while (i + 1 < pattern.size() && pattern[i + 1] == '*') {
                ++i;
                ++stars;
            }
            if (stars == 1) {
                steps.push_back({Step::Kind::segment, 0});
            } else if (begins_segment && i + 1 < pattern.size() && pattern[i + 1] == '/') {
                ++i;
                steps.push_back({Step::Kind::folders, 0});
            } else {
                steps.push_back({Step::Kind::any, 0});
            }
        }
    }
    return steps;
}

// All states at once, so that no pattern and no text can make it slow: pattern × text steps at most.
bool run(const std::vector<Step>& steps, std::string_view text)
{
    std::vector<char> here(steps.size() + 1, 0);
    std::vector<char> next(steps.size() + 1, 0);
    const auto skip_empty = [&](std::vector<char>& states) {
        for (std::size_t i = 0; i < steps.size(); ++i)
            if (states[i] && steps[i].kind >= Step::Kind::segment)
                states[i + 1] = 1;
    };
    // Inside of **/: in its state, but not at the beginning of a folder, so that it cannot end here.
    std::vector<char> inside(steps.size(), 0);
    here[0] = 1;
    skip_empty(here);
    for (const char c : text) {
        std::fill(next.begin(), next.end(), 0);
        for (std::size_t i = 0; i < steps.size(); ++i) {
            const Step& step = steps[i];
            if (step.kind == Step::Kind::folders) {
                if (here[i] || inside[i]) {
                    inside[i] = c != '/';
                    next[i] |= static_cast<char>(c == '/');
                }
                continue;
            }
            if (!here[i])
                continue;
            if (step.kind == Step::Kind::any || (step.kind == Step::Kind::segment && c != '/'))
                next[i] = 1;
            else if ((step.kind == Step::Kind::one && c != '/') ||
                     (step.kind == Step::Kind::character && step.character == c))
                next[i + 1] = 1;
        }
        skip_empty(next);
        here.swap(next);
    }
    return here[steps.size()] != 0;
}

}  // namespace

std::string_view severity_name(Severity severity)
{
    return word(kSeverities, static_cast<std::size_t>(severity));
}

std::string_view action_name(Action action)
{
    return word(kActions, static_cast<std::size_t>(action));
}

bool Cidr::contains(const Endpoint& endpoint) const
{
    const Endpoint wanted = unmapped(base);
    const Endpoint given = unmapped(endpoint);
    unsigned bits = prefix_bits;
    if (base.family == AF_INET6 && wanted.family == AF_INET)
        bits = bits > 96 ? bits - 96 : 0;
    if (wanted.family != given.family || given.family == 0)
        return false;
    for (unsigned i = 0; i < bits; i += 8) {
        const unsigned left = std::min(8U, bits - i);
        const auto mask = static_cast<std::uint8_t>(0xff00U >> left);
        if (((wanted.address[i / 8] ^ given.address[i / 8]) & mask) != 0)
            return false;
    }
    return true;
}

Action Policy::action_for(std::string_view rule) const
{
    const auto found = rules.find(rule);
    return found == rules.end() ? Action::alert : found->second.action.value_or(Action::alert);
}

Severity Policy::severity_for(std::string_view rule, Severity otherwise) const
{
    const auto found = rules.find(rule);
    return found == rules.end() ? otherwise : found->second.severity.value_or(otherwise);
}

bool glob_match(std::string_view pattern, std::string_view text)
{
    const std::size_t literal = std::min(pattern.find_first_of("*?"), pattern.size());
    if (!text.starts_with(pattern.substr(0, literal)))
        return false;
    if (literal == pattern.size())
        return text.size() == literal;
    // "**/" knows by the character before it whether it begins a folder: leave that one in.
    const std::size_t from = literal == 0 ? 0 : literal - 1;
    return run(steps_of(pattern.substr(from)), text.substr(from));
}

}  // namespace fnshield
