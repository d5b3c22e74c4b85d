// SPDX-License-Identifier: Apache-2.0
//
// identity.token_read (T1552.007, T1528): the token of a service account is opened by something that is not the server.
//
// Signal: an open, while warm, of a file called "token" or "*-token" that files.secrets of the policy lists, by a
// process whose program is not the one of the workload's first process. Why it works: the SDK that needs the token runs
// in the serving process; cat, curl and a shell that read it were started by somebody. False positives: a sidecar-like
// helper in the same sandbox, a server below a supervisor or a shell that did not exec it (then the first process is
// not the server): turn the rule off there. Quiet: the serving process and its forks, all before ready, the set-up,
// what enters from outside. Gets past it: code that runs in the server itself. Memory: none.
#include <array>

#include "daemon/detect/detectors.h"
#include "daemon/detect/file_acts.h"

namespace fnshield::detect {
namespace {

constexpr std::array<std::string_view, 2> kTechniques{"T1552.007", "T1528"};
constexpr std::array kKinds{EventKind::file_open, EventKind::file_write};

constexpr std::array<std::string_view, 1> kYieldsTo{"identity.foreign_secret"};

constexpr RuleDescriptor kDescriptor{
    .rule = "identity.token_read",
    .category = Category::identity,
    .severity = Severity::high,
    .techniques = kTechniques,
    .short_text = "A service account's token was opened by another program than the server",
    .long_text =
        "With the token one is the function to the cluster and to the cloud. The server reads it; a program that a "
        "request started does not. Revoke the token, look at what that program sent and where, and mount no token "
        "into functions that do not ask for anything.",
    .kinds = kKinds,
    .yields_to = kYieldsTo,
};

bool is_token(std::string_view path)
{
    const std::string_view name = base_name(path);
    return name == "token" || name.ends_with("-token");
}

class TokenRead : public Detector {
public:
    [[nodiscard]] const RuleDescriptor& descriptor() const override { return kDescriptor; }

    [[nodiscard]] std::optional<Finding> on_event(const Observation& seen) override
    {
        const FileBody* file = file_act(seen, FNS_FILE_CLASS_SECRET);
        if (!file || !seen.sandbox || !seen.sandbox->warm() || !seen.process || !is_token(file->path))
            return std::nullopt;
        if (seen.event.process.tgid == seen.sandbox->root_tgid || seen.process->from_outside)
            return std::nullopt;
        const Process* server = seen.model.process(seen.sandbox->root_tgid, seen.sandbox->root_start_ns);
        if (!server || seen.process->exe.empty() || server->exe == seen.process->exe)  // its fork, a worker
            return std::nullopt;
        return make_file_finding(seen, *file, "the token");
    }
};

}  // namespace

std::unique_ptr<Detector> make_identity_token_read()
{
    return std::make_unique<TokenRead>();
}

}  // namespace fnshield::detect
