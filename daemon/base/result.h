// SPDX-License-Identifier: Apache-2.0
//
// Errors as values. A function that can fail for a reason outside of the program returns Result<T>; context is added
// as the error climbs, so that the line which reaches the operator reads from the outside in:
//   "policy /etc/fnshield/policies/a.yaml: cannot open: Permission denied".
#pragma once

#include <cerrno>
#include <expected>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace fnshield {

// What main() returns for an error that reached it; the numbers are the contract's exit codes.
enum class ExitCode : int { ok = 0, failed = 1, usage = 2, unsupported = 3 };

struct Error {
    std::string message;
    ExitCode exit_code = ExitCode::failed;

    // Puts "context: " before the message.
    [[nodiscard]] Error within(std::string_view context) &&
    {
        message.insert(0, std::string(context) + ": ");
        return std::move(*this);
    }
};

template <typename T = void>
using Result = std::expected<T, Error>;

[[nodiscard]] inline std::unexpected<Error> fail(std::string message, ExitCode exit_code = ExitCode::failed)
{
    return std::unexpected(Error{std::move(message), exit_code});
}

// "what: strerror(code)"; code is an errno, positive or negative (libbpf returns −errno).
[[nodiscard]] inline std::unexpected<Error> fail_errno(std::string_view what, int code = errno,
                                                       ExitCode exit_code = ExitCode::failed)
{
    return fail(std::string(what) + ": " + std::generic_category().message(code < 0 ? -code : code), exit_code);
}

// Passes another result's error on, with context before it.
template <typename T>
[[nodiscard]] std::unexpected<Error> pass(Result<T>&& failed, std::string_view context = {})
{
    if (context.empty())
        return std::unexpected(std::move(failed).error());
    return std::unexpected(std::move(std::move(failed).error()).within(context));
}

}  // namespace fnshield
