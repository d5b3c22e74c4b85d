// SPDX-License-Identifier: Apache-2.0
//
// Each finder below marks the parts of a text that are secret; mask_text() joins what they found and writes "***"
// there. Adding a kind of secret: a finder and its row in kFinders, or a row in kTokenShapes; and its rows in
// mask_test.cpp.
#include "daemon/respond/mask.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

namespace fnshield {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view kMasked = "***";
constexpr std::string_view kSpaces = " \t\r\n\v\f";
constexpr std::string_view kQuotes = "\"'`";

struct Span {
    std::size_t begin;
    std::size_t end;
};
using Spans = std::vector<Span>;

bool one_of(char c, std::string_view set)
{
    return set.find(c) != std::string_view::npos;
}

bool is_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool is_name_char(char c)
{
    return is_alnum(c) || c == '_' || c == '-' || c == '.';
}

bool equals_ignoring_case(std::string_view a, std::string_view b)
{
    return std::ranges::equal(a, b, [](char x, char y) { return (x | 0x20) == (y | 0x20); });
}

std::size_t end_or_size(std::string_view text, std::size_t found)
{
    return found == std::string_view::npos ? text.size() : found;
}

// --- NAME=value, NAME: value, "NAME": "value" ---

// What is looked up once, not for each name.
struct TextShape {
    std::size_t url;  // where the first one begins; npos = none
    bool one_word;
};

struct Separator {
    std::size_t value;  // where the value begins, its opening quote included
};

// What follows a name that ended at `at`.
std::optional<Separator> separator_after(std::string_view text, std::size_t at)
{
    bool quoted = false;
    while (at < text.size() && (text[at] == '\\' || one_of(text[at], kQuotes))) {
        quoted = quoted || text[at] != '\\';
        ++at;
    }
    if (at >= text.size())
        return std::nullopt;
    if (text[at] == '=')
        return at + 1 < text.size() && text[at + 1] == '=' ? std::nullopt : std::optional(Separator{at + 1});
    if (text[at] != ':')
        return std::nullopt;
    const std::size_t value = end_or_size(text, text.find_first_not_of(kSpaces, at + 1));
    // "image:token:latest" is no pair; JSON has the quote, YAML and headers the space.
    if (!quoted && value == at + 1 && value < text.size() && !one_of(text[value], kQuotes))
        return std::nullopt;
    return Separator{value};
}

// Where a value that begins at `begin` ends; `begin` moves past an opening quote.
std::size_t value_end(std::string_view text, const TextShape& shape, std::size_t& begin, std::string_view name,
                      std::size_t name_begin)
{
    const bool escaped = begin < text.size() && text[begin] == '\\';
    const std::size_t quote_at = begin + (escaped ? 1 : 0);
    if (quote_at < text.size() && one_of(text[quote_at], kQuotes)) {
        const char quote = text[quote_at];
        begin = quote_at + 1;
        for (std::size_t i = begin; i < text.size(); ++i) {
            if (text[i] == '\\' && !escaped)
                ++i;  // what is escaped belongs to the value
            else if (text[i] == '\\' && i + 1 < text.size() && text[i + 1] == quote)
                return i;
            else if (text[i] == quote)
                return i;
        }
        return text.size();
    }
    const bool header = equals_ignoring_case(name, "authorization") || equals_ignoring_case(name, "cookie") ||
                        equals_ignoring_case(name, "set-cookie") || equals_ignoring_case(name, "proxy-authorization");
    if (header)
        return end_or_size(text, text.find_first_of("\"'`\r\n", begin));
    const bool in_url = shape.url < name_begin;
    if (!in_url && (shape.one_word || text[0] == '-'))
        return text.size();  // an argument of its own: whatever is in it belongs to the value
    if (!in_url && name_begin == 0)
        return end_or_size(text, text.find_first_of(" \t\r\n\v\f\"'`", begin));
    return end_or_size(text, text.find_first_of(" \t\r\n\v\f\"'`&;,|()<>{}[]#\\", begin));
}

void find_pairs(std::string_view text, Spans& spans)
{
    const TextShape shape{.url = text.find("://"), .one_word = text.find_first_of(kSpaces) == std::string_view::npos};
    for (std::size_t at = 0; at < text.size();) {
        if (!is_name_char(text[at])) {
            ++at;
            continue;
        }
        const std::size_t name_begin = at;
        while (at < text.size() && is_name_char(text[at]))
            ++at;
        const std::string_view name = text.substr(name_begin, at - name_begin);
        const auto separator = separator_after(text, at);
        if (!separator || !is_secret_name(name))
            continue;
        std::size_t begin = separator->value;
        const std::size_t end = value_end(text, shape, begin, name, name_begin);
        if (begin < end)
            spans.push_back({begin, end});
        at = std::max(at, end);
    }
}

// --- "--token X" inside of one text ---

void find_flag_values(std::string_view text, Spans& spans)
{
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t begin = text.find_first_not_of(" \t\r\n\v\f\"'`", at);
        if (begin == std::string_view::npos)
            return;
        at = end_or_size(text, text.find_first_of(" \t\r\n\v\f\"'`", begin));
        const std::string_view word = text.substr(begin, at - begin);
        if (word[0] != '-' || !std::ranges::all_of(word, is_name_char) || !is_secret_name(word))
            continue;
        std::size_t value = end_or_size(text, text.find_first_not_of(kSpaces, at));
        if (value == at || value >= text.size() || text[value] == '-')
            continue;
        at = one_of(text[value], kQuotes) ? end_or_size(text, text.find(text[value], value + 1))
                                          : end_or_size(text, text.find_first_of(" \t\r\n\v\f\"'`", value));
        value += one_of(text[value], kQuotes) ? 1 : 0;
        if (value < at)
            spans.push_back({value, at});
    }
}

// --- scheme://user:password@host ---

constexpr std::size_t kUrlWindow = 2048;  // looked at after each "://", so that many of them stay linear
constexpr std::string_view kUrlEnd = " \t\r\n\v\f\"'`<>";

void find_url_passwords(std::string_view text, Spans& spans)
{
    for (std::size_t at = text.find("://"); at != std::string_view::npos; at = text.find("://", at)) {
        at += 3;
        const std::string_view url =
            text.substr(at, kUrlWindow).substr(0, text.substr(at, kUrlWindow).find_first_of(kUrlEnd));
        const std::string_view authority = url.substr(0, url.find_first_of("/?#"));
        const std::size_t colon = authority.find(':');
        if (colon == std::string_view::npos)
            continue;
        std::size_t host = authority.rfind('@');
        if (host == std::string_view::npos || host < colon) {
            // No '@' before the first slash: a password with a slash in it, or a host with a port.
            const bool port = std::ranges::all_of(authority.substr(colon + 1), is_digit);
            host = port ? std::string_view::npos : url.find('@', colon);
        }
        if (host != std::string_view::npos && host > colon + 1)
            spans.push_back({at + colon + 1, at + host});
        at += host != std::string_view::npos ? host : authority.size();
    }
}

// --- tokens that tell by their shape ---

bool is_token_char(char c)
{
    return is_alnum(c) || c == '_' || c == '-';
}

bool is_jwt_char(char c)
{
    return is_token_char(c) || c == '.';
}

bool is_upper_or_digit(char c)
{
    return (c >= 'A' && c <= 'Z') || is_digit(c);
}

struct TokenShape {
    std::string_view prefix;
    std::size_t tail_bytes;  // at least so many of `belongs` follow
    bool (*belongs)(char);
    std::size_t dots = 0;  // at least so many among them
};

constexpr auto kTokenShapes = std::to_array<TokenShape>({
    {"AKIA", 16, is_upper_or_digit},  // AWS access key id
    {"ASIA", 16, is_upper_or_digit},  // … of a session
    {"AIza", 30, is_token_char},      // Google API key
    {"ya29.", 20, is_jwt_char},       // Google OAuth
    {"ghp_", 20, is_alnum},           // GitHub: personal, OAuth, user, server, refresh
    {"gho_", 20, is_alnum},
    {"ghu_", 20, is_alnum},
    {"ghs_", 20, is_alnum},
    {"ghr_", 20, is_alnum},
    {"github_pat_", 20, is_token_char},
    {"glpat-", 16, is_token_char},  // GitLab
    {"xoxa-", 10, is_token_char},   // Slack
    {"xoxb-", 10, is_token_char},
    {"xoxp-", 10, is_token_char},
    {"xoxr-", 10, is_token_char},
    {"xoxs-", 10, is_token_char},
    {"sk-", 20, is_token_char},  // OpenAI, Anthropic
    {"sk_live_", 10, is_alnum},  // Stripe
    {"sk_test_", 10, is_alnum},
    {"rk_live_", 10, is_alnum},
    {"hf_", 20, is_alnum},  // Hugging Face
    {"npm_", 30, is_alnum},
    {"pypi-", 40, is_token_char},
    {"dckr_pat_", 16, is_token_char},  // Docker Hub
    {"SG.", 40, is_jwt_char, 1},       // SendGrid
    {"eyJ", 20, is_jwt_char, 2},       // JWT
});

void find_known_tokens(std::string_view text, Spans& spans)
{
    for (const TokenShape& shape : kTokenShapes) {
        for (std::size_t at = text.find(shape.prefix); at != std::string_view::npos; at = text.find(shape.prefix, at)) {
            const std::size_t begin = at;
            at += shape.prefix.size();
            if (begin > 0 && is_token_char(text[begin - 1]))
                continue;
            std::size_t end = at;
            std::size_t dots = 0;
            for (; end < text.size() && shape.belongs(text[end]); ++end)
                dots += text[end] == '.' ? 1 : 0;
            if (end - at >= shape.tail_bytes && dots >= shape.dots)
                spans.push_back({begin, end});
            at = end;
        }
    }
}

// "Bearer of bad news" is none: a token is long or has a digit in it.
bool looks_like_token(std::string_view word)
{
    return word.size() >= 20 || (word.size() >= 8 && std::ranges::any_of(word, is_digit));
}

void find_bearers(std::string_view text, Spans& spans)
{
    constexpr std::string_view kBearer = "bearer";
    for (std::size_t at = 0; at + kBearer.size() < text.size(); ++at) {
        if ((text[at] | 0x20) != 'b' || !equals_ignoring_case(text.substr(at, kBearer.size()), kBearer))
            continue;
        const std::size_t after = at + kBearer.size();
        const std::size_t begin = end_or_size(text, text.find_first_not_of(kSpaces, after));
        const std::size_t end = end_or_size(text, text.find_first_of(" \t\r\n\v\f\"'`,;", begin));
        if (begin > after && looks_like_token(text.substr(begin, end - begin)))
            spans.push_back({begin, end});
        at = after - 1;
    }
}

void find_private_keys(std::string_view text, Spans& spans)
{
    constexpr std::string_view kBegin = "PRIVATE KEY-----";
    const std::size_t begin = text.find(kBegin);
    if (begin != std::string_view::npos && begin + kBegin.size() < text.size())
        spans.push_back({begin + kBegin.size(), text.size()});
}

constexpr auto kFinders = std::to_array(
    {&find_pairs, &find_flag_values, &find_url_passwords, &find_known_tokens, &find_bearers, &find_private_keys});

}  // namespace

std::string mask_text(std::string_view text)
{
    Spans spans;
    for (const auto finder : kFinders)
        finder(text, spans);
    if (spans.empty())
        return std::string(text);
    std::ranges::sort(spans, {}, &Span::begin);
    std::string masked;
    std::size_t done = 0;
    for (const Span& span : spans) {
        if (span.end <= done)
            continue;
        if (span.begin >= done) {
            masked += text.substr(done, span.begin - done);
            masked += kMasked;
        }
        done = span.end;
    }
    masked += text.substr(done);
    return masked;
}

}  // namespace fnshield
