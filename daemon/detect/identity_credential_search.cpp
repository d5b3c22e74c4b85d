// SPDX-License-Identifier: Apache-2.0
//
// identity.credential_search (T1552.001): a function that serves goes through files for credentials.
//
// Signal: an exec while warm of grep, find and the like whose arguments name what keys and passwords are called; of
// cat, cp, tar and the like on a file that is known to hold some (~/.aws/credentials, id_rsa, …); of an interpreter
// whose code on the command line names one; of curl or wget that sends one. Why it works: it is how one searches by
// hand and how the scripts do it; a function knows where its own secret is. False positives: before ready and from
// outside (linters in builders run so); what exec.warm of the policy lists; names are whole ones, for tokenizer.json
// and x.aws.log are no secrets. Gets past it: a search by the serving process itself, by a shell's builtins, or for
// other words; opens of files that the policy lists are told by the rules about secrets whoever does it. Memory: none.
#include <array>

#include "daemon/detect/detectors.h"
#include "daemon/detect/tool.h"

namespace fnshield::detect {
namespace {

constexpr std::array<std::string_view, 1> kTechniques{"T1552.001"};
constexpr std::array kKinds{EventKind::exec};

constexpr RuleDescriptor kDescriptor{
    .rule = "identity.credential_search",
    .category = Category::identity,
    .severity = Severity::medium,
    .techniques = kTechniques,
    .short_text = "A warm function searched files for credentials",
    .long_text =
        "A program that searches or copies files was pointed at what credentials are called. Somebody is looking for a "
        "way "
        "further. See in its arguments what was looked for, rotate what it can have found, and look at the request "
        "that "
        "was served then.",
    .kinds = kKinds,
};

constexpr auto kSearches = std::to_array<std::string_view>(
    {"ag", "egrep", "fd", "fdfind", "fgrep", "find", "grep", "locate", "plocate", "rg", "ugrep", "zgrep"});
constexpr auto kReaders = std::to_array<std::string_view>(
    {"awk",  "base32", "base64",  "bzip2", "cat",     "cp",    "cpio", "cut", "dd",   "diff",
     "gawk", "gpg",    "gzip",    "head",  "hexdump", "less",  "ln",   "ls",  "mawk", "more",
     "nl",   "od",     "openssl", "paste", "rev",     "rsync", "scp",  "sed", "sort", "strings",
     "tac",  "tail",   "tar",     "tree",  "uniq",    "wc",    "xxd",  "xz",  "zip",  "zstd"});
static_assert(std::ranges::is_sorted(kSearches) && std::ranges::is_sorted(kReaders));

// Which bytes may stand beside a word; those of other words may not.
enum class Bound : std::uint8_t { none, after, both };

struct Word {
    std::string_view text;
    Bound bound = Bound::none;
};

// Files and folders in which credentials are.
constexpr auto kPlaces = std::to_array<Word>({{".aws", Bound::both},
                                              {".azure", Bound::both},
                                              {".boto", Bound::both},
                                              {".config/gcloud", Bound::after},
                                              {".docker/config.json"},
                                              {".dockercfg", Bound::both},
                                              {".git-credentials"},
                                              {".gnupg", Bound::both},
                                              {".kube", Bound::both},
                                              {".netrc", Bound::both},
                                              {".npmrc", Bound::both},
                                              {".pgpass", Bound::both},
                                              {".pypirc", Bound::both},
                                              {".s3cfg", Bound::both},
                                              {".ssh", Bound::both},
                                              {".vault-token", Bound::both},
                                              {"/etc/shadow"},
                                              {"authorized_keys"},
                                              {"credentials.json"},
                                              {"id_dsa"},
                                              {"id_ecdsa"},
                                              {"id_ed25519"},
                                              {"id_rsa"},
                                              {"kubeconfig"},
                                              {"serviceaccount/token"}});
// What one greps for. "token" with a letter behind it is what language models have: tokenizer, special_tokens.
constexpr auto kWords = std::to_array<Word>({{"akia"},
                                             {"api_key"},
                                             {"apikey"},
                                             {"aws_secret"},
                                             {"begin rsa"},
                                             {"bearer"},
                                             {"credential"},
                                             {"passw"},
                                             {"private key"},
                                             {"private_key"},
                                             {"secret"},
                                             {"token", Bound::after},
                                             {".env", Bound::after},
                                             {".jks", Bound::after},
                                             {".kdbx", Bound::after},
                                             {".key", Bound::after},
                                             {".p12", Bound::after},
                                             {".pem", Bound::after},
                                             {".pfx", Bound::after},
                                             {".ppk", Bound::after}});

std::string lower(std::string_view text)
{
    std::string made(text);
    std::ranges::transform(made, made.begin(), [](unsigned char c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; });
    return made;
}

bool is_letter_or_digit(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool holds(std::string_view text, const Word& word)
{
    for (std::size_t at = text.find(word.text); at != std::string_view::npos; at = text.find(word.text, at + 1)) {
        const std::size_t end = at + word.text.size();
        const bool free_before = word.bound != Bound::both || at == 0 || !is_letter_or_digit(text[at - 1]);
        const bool free_after = word.bound == Bound::none || end == text.size() || !is_letter_or_digit(text[end]);
        if (free_before && free_after)
            return true;
    }
    return false;
}

template <std::size_t N>
bool holds_one_of(const std::array<Word, N>& words, std::string_view text)
{
    return std::ranges::any_of(words, [&](const Word& word) { return holds(text, word); });
}

// "-d @/root/.aws/credentials", "file:///etc/shadow", "--post-file=…", "-T …": a file that is sent, or read as an
// address. Not what the program itself uses (--netrc-file).
bool is_sent(std::string_view option_before, std::string_view text)
{
    return text.find('@') != std::string_view::npos || text.starts_with("file:") || text.starts_with("--post-file=") ||
           text.starts_with("--body-file=") || option_before == "-T" || option_before == "--upload-file" ||
           option_before == "--post-file" || option_before == "--body-file";
}

bool is_search(const Tool& tool)
{
    const bool searches = is_one_of(kSearches, tool.name);
    const bool sends = tool.name == "curl" || tool.name == "wget";
    if (!searches && !sends && !is_one_of(kReaders, tool.name) && !is_interpreter(tool.name))
        return false;
    for (std::size_t i = 0; i < tool.arguments.size(); ++i) {
        const std::string text = lower(std::string_view(tool.arguments[i]).substr(0, 512));
        if (sends && !is_sent(i == 0 ? std::string_view{} : tool.arguments[i - 1], text))
            continue;
        if (holds_one_of(kPlaces, text) || (searches && holds_one_of(kWords, text)))
            return true;
    }
    return false;
}

class CredentialSearch : public Detector {
public:
    [[nodiscard]] const RuleDescriptor& descriptor() const override { return kDescriptor; }

    [[nodiscard]] std::optional<Finding> on_event(const Observation& seen) override
    {
        const ExecBody* exec = undeclared_warm_exec(seen);
        if (!exec)
            return std::nullopt;
        const Tool tool = tool_of(*exec);
        if (!is_search(tool))
            return std::nullopt;
        return make_warm_exec_finding(seen, *exec, "a search for credentials", tool.name);
    }
};

}  // namespace

std::unique_ptr<Detector> make_identity_credential_search()
{
    return std::make_unique<CredentialSearch>();
}

}  // namespace fnshield::detect
