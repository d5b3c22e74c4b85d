// SPDX-License-Identifier: Apache-2.0
//
// identity.credential_search (T1552.001): a function that serves goes through files for credentials.
//
// Signal: an exec while warm of grep, find and the like whose arguments name what keys and passwords are called, or of
// cat, cp, tar and the like on a file that is known to hold some (~/.aws/credentials, id_rsa, …). Why it works: it is
// how one searches by hand and how the scripts do it; a function knows where its own secret is. False positives: before
// ready and from outside (linters in builders run so); what exec.warm of the policy lists. Gets past it: a search by
// the serving process itself, or for other words; opens of files that the policy lists are told by the rules about
// secrets whoever does it. Memory: none.
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

constexpr auto kSearches =
    std::to_array<std::string_view>({"ag", "egrep", "fd", "fgrep", "find", "grep", "locate", "rg", "zgrep"});
constexpr auto kReaders =
    std::to_array<std::string_view>({"awk", "base64", "cat", "cp", "dd", "gzip", "head", "less", "more", "od", "scp",
                                     "sed", "strings", "tail", "tar", "xxd", "zip"});
static_assert(std::ranges::is_sorted(kSearches) && std::ranges::is_sorted(kReaders));

// Files and folders in which credentials are.
constexpr auto kPlaces = std::to_array<std::string_view>({".aws/",
                                                          ".aws",
                                                          ".azure",
                                                          ".config/gcloud",
                                                          ".docker/config.json",
                                                          ".git-credentials",
                                                          ".gnupg",
                                                          ".kube",
                                                          ".netrc",
                                                          ".npmrc",
                                                          ".pgpass",
                                                          ".pypirc",
                                                          ".ssh",
                                                          "/etc/shadow",
                                                          "authorized_keys",
                                                          "credentials.json",
                                                          "id_dsa",
                                                          "id_ecdsa",
                                                          "id_ed25519",
                                                          "id_rsa",
                                                          "kubeconfig",
                                                          "serviceaccount/token"});
// What one greps for.
constexpr auto kWords = std::to_array<std::string_view>({"akia", "api_key", "apikey", "aws_secret", "begin rsa",
                                                         "bearer", "credential", "passw", "private key", "private_key",
                                                         "secret", "token", ".env", ".key", ".pem", ".p12", ".pfx"});

std::string lower(std::string_view text)
{
    std::string made(text);
    std::ranges::transform(made, made.begin(), [](unsigned char c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; });
    return made;
}

template <std::size_t N>
bool holds_one_of(const std::array<std::string_view, N>& words, std::string_view text)
{
    return std::ranges::any_of(words, [&](std::string_view word) { return text.find(word) != std::string_view::npos; });
}

bool is_search(const Tool& tool)
{
    const bool searches = is_one_of(kSearches, tool.name);
    if (!searches && !is_one_of(kReaders, tool.name))
        return false;
    return std::ranges::any_of(tool.arguments, [&](const std::string& argument) {
        const std::string text = lower(std::string_view(argument).substr(0, 512));
        return holds_one_of(kPlaces, text) || (searches && holds_one_of(kWords, text));
    });
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
