// SPDX-License-Identifier: Apache-2.0
//
// Which names promise a credential. A name is split into its lower-case parts ("AWS_SECRET_ACCESS_KEY", "accessToken",
// "--db.password"), then looked up: some words tell by themselves, some only as the last part, "key" only after certain
// words; and some last parts say that the value is about a credential, not one ("--password-file").
#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "daemon/respond/mask.h"

namespace fnshield {
namespace {

using namespace std::string_view_literals;

constexpr std::size_t kMaxNameBytes = 96;  // longer ones are not names

constexpr auto kTellAnywhere = std::to_array({
    "password"sv,
    "passwd"sv,
    "passphrase"sv,
    "pwd"sv,
    "secret"sv,
    "credential"sv,
    "credentials"sv,
    "apikey"sv,
    "accesskey"sv,
    "secretkey"sv,
    "privatekey"sv,
    "authtoken"sv,
    "accesstoken"sv,
    "authkey"sv,
    "mypwd"sv,
    "pgpassword"sv,
    "userpass"sv,
});
constexpr auto kTellAtTheEnd =
    std::to_array({"token"sv, "pass"sv, "authorization"sv, "cookie"sv, "pat"sv, "jwt"sv, "bearer"sv});
constexpr auto kTellBeforeKey =
    std::to_array({"api"sv, "access"sv, "secret"sv, "private"sv, "account"sv, "encryption"sv, "signing"sv, "auth"sv,
                   "master"sv, "shared"sv, "storage"sv, "service"sv, "subscription"sv, "license"sv});
constexpr auto kWholeNames = std::to_array({"sig"sv, "x_amz_signature"sv, "x_goog_signature"sv});
// "--password-file": where it is, how long it is, …
constexpr auto kOnlyAbout = std::to_array(
    {"file"sv,    "path"sv,   "dir"sv,     "name"sv,  "id"sv,     "type"sv,  "url"sv,  "uri"sv,    "ref"sv,
     "len"sv,     "length"sv, "size"sv,    "limit"sv, "count"sv,  "ttl"sv,   "mode"sv, "policy"sv, "algorithm"sv,
     "version"sv, "expiry"sv, "timeout"sv, "env"sv,   "prompt"sv, "stdin"sv, "hash"sv, "manager"sv});
// The tokens of language models, and other words that make a token harmless.
constexpr auto kHarmlessTokens =
    std::to_array({"pad"sv, "eos"sv, "bos"sv, "unk"sv, "mask"sv, "sep"sv, "cls"sv, "stop"sv, "special"sv, "max"sv,
                   "min"sv, "num"sv, "end"sv, "start"sv, "image"sv, "per"sv, "new"sv, "next"sv});

bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

bool is_lower_or_digit(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

std::vector<std::string> parts_of(std::string_view name)
{
    std::vector<std::string> parts;
    std::string part;
    char before = 0;
    for (const char c : name) {
        const bool separator = c == '_' || c == '-' || c == '.';
        if ((separator || (is_upper(c) && is_lower_or_digit(before))) && !part.empty())
            parts.push_back(std::exchange(part, {}));
        if (!separator)
            part += is_upper(c) ? static_cast<char>(c - 'A' + 'a') : c;
        before = c;
    }
    if (!part.empty())
        parts.push_back(std::move(part));
    return parts;
}

std::string joined(const std::vector<std::string>& parts)
{
    std::string whole;
    for (const std::string& part : parts)
        whole += (whole.empty() ? "" : "_") + part;
    return whole;
}

template <typename Words>
bool contains(const Words& words, std::string_view word)
{
    return std::ranges::find(words, word) != words.end();
}

}  // namespace

bool is_secret_name(std::string_view name)
{
    if (name.empty() || name.size() > kMaxNameBytes)
        return false;
    const std::vector<std::string> parts = parts_of(name);
    if (parts.empty() || contains(kOnlyAbout, parts.back()))
        return false;
    const std::string_view last = parts.back();
    const std::string_view before = parts.size() > 1 ? std::string_view(parts[parts.size() - 2]) : std::string_view{};
    if (last == "token" && contains(kHarmlessTokens, before))
        return false;
    if (std::ranges::any_of(parts, [](const std::string& part) { return contains(kTellAnywhere, part); }))
        return true;
    return contains(kTellAtTheEnd, last) || (last == "key" && contains(kTellBeforeKey, before)) ||
           contains(kWholeNames, joined(parts));
}

}  // namespace fnshield
