// SPDX-License-Identifier: Apache-2.0
//
// Command lines: each word by itself (mask.cpp), and what one word says about the next.
#include <array>
#include <cstdint>
#include <utility>

#include "daemon/respond/mask.h"

namespace fnshield {
namespace {

// Short flags that mean a password in one program only.

struct ProgramFlag {
    std::string_view program;
    std::string_view flag;
    bool joined;       // the value may stand in the same word: -pSECRET
    bool after_colon;  // only what follows the first ':' is secret: user:password
};

constexpr auto kProgramFlags = std::to_array<ProgramFlag>({
    {"curl", "-u", true, true},
    {"curl", "--user", false, true},
    {"curl", "--proxy-user", false, true},
    {"curl", "-U", true, true},
    {"sshpass", "-p", true, false},
    {"mysql", "-p", true, false},
    {"mysqldump", "-p", true, false},
    {"mariadb", "-p", true, false},
    {"redis-cli", "-a", false, false},
    {"ldapsearch", "-w", false, false},
});

std::string mask_value(std::string_view value, bool after_colon)
{
    const std::size_t colon = after_colon ? value.find(':') : std::string_view::npos;
    if (!after_colon)
        return "***";
    return colon == std::string_view::npos || colon + 1 == value.size()
               ? std::string(value)
               : std::string(value.substr(0, colon + 1)) + "***";
}

// Masks one word after another; remembers what the word before announced.
class ArgvMasker {
public:
    explicit ArgvMasker(std::string_view program) : program_(program.substr(program.rfind('/') + 1)) {}

    std::string next(const std::string& word)
    {
        const Announced announced = std::exchange(announced_, Announced::nothing);
        if (announced != Announced::nothing && !word.starts_with('-'))
            return mask_value(word, announced == Announced::user_and_password);
        for (const ProgramFlag& row : kProgramFlags) {
            if (row.program != program_ || !word.starts_with(row.flag))
                continue;
            if (word.size() == row.flag.size()) {
                // "mysql -p DATABASE" asks for the password: there is no value in the next word
                if (!(row.flag == "-p" && program_ != "sshpass"))
                    announced_ = row.after_colon ? Announced::user_and_password : Announced::secret;
                return word;
            }
            if (row.joined)
                return std::string(row.flag) + mask_value(word.substr(row.flag.size()), row.after_colon);
        }
        if (word == "Bearer" || word == "bearer" ||
            (word.starts_with('-') && word.find('=') == std::string::npos && is_secret_name(word)))
            announced_ = Announced::secret;
        return mask_text(word);
    }

private:
    enum class Announced : std::uint8_t { nothing, secret, user_and_password };
    std::string_view program_;
    Announced announced_ = Announced::nothing;
};

// Not in the middle of a character.
void cut(std::string& word, std::size_t bytes)
{
    while (bytes > 0 && (static_cast<unsigned char>(word[bytes]) & 0xc0) == 0x80)
        --bytes;
    word.resize(bytes);
    word += "…";
}

}  // namespace

std::vector<std::string> mask_argv(std::span<const std::string> argv, std::size_t max_bytes)
{
    std::vector<std::string> masked;
    ArgvMasker masker(argv.empty() ? std::string_view{} : std::string_view(argv.front()));
    std::size_t left = max_bytes;
    for (const std::string& word : argv) {
        std::string safe = masker.next(word);
        if (safe.size() + 1 > left) {
            cut(safe, left > 0 ? left - 1 : 0);
            masked.push_back(std::move(safe));
            break;
        }
        left -= safe.size() + 1;
        masked.push_back(std::move(safe));
    }
    return masked;
}

}  // namespace fnshield
