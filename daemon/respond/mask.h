// SPDX-License-Identifier: Apache-2.0
//
// Takes credentials out of command lines and texts before they are kept or printed: the value is replaced by "***",
// its name stays. Knows `--password=…`, `--token X`, `AWS_SECRET_ACCESS_KEY=…`, JSON and header pairs, user:password@
// in URLs, bearer tokens, JWTs, private keys and the tokens of well-known services by their shape.
//
// It is a net for what people put on command lines by mistake, not a proof: a secret that looks like any other word
// passes. Linear in its input, whatever that is; masking twice changes nothing.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace fnshield {

inline constexpr std::size_t kMaxArgvBytes = 4096;

// One word or a whole text (a shell script after `-c`, a summary).
[[nodiscard]] std::string mask_text(std::string_view text);

// A command line: also the value in the word after a flag. Cut after max_bytes, separators counted; the word that is
// cut ends in "…".
[[nodiscard]] std::vector<std::string> mask_argv(std::span<const std::string> argv,
                                                 std::size_t max_bytes = kMaxArgvBytes);

// Does a name (of a flag, a variable, a header, a JSON field) promise a credential? "--db-password", "accessToken"; not
// "--password-file", "--pad-token".
[[nodiscard]] bool is_secret_name(std::string_view name);

}  // namespace fnshield
