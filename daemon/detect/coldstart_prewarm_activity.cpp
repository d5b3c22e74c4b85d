// SPDX-License-Identifier: Apache-2.0
//
// coldstart.prewarm_activity (T1525): a pooled sandbox acts before it has a function.
//
// Signal: in a sandbox whose policy says that it listens before it gets its code (ready: first_response, as the shipped
// policies for OpenWhisk and Fission do), an exec, or a connection out of it, after it began to listen and before its
// first request. Why it works: all that it has to do then is to wait for its code; what acts there came with the pool's
// image or runs for whoever made it, and will be in every function that is put into it. False positives: its proxy
// starting (that is before the listen), health probes from outside, loopback, the resolvers. Gets past it: acts before
// the listen, which the rules about init see, and after the first request; a TCP health probe of the platform counts as
// the first request and ends the watch. Memory: none.
#include <array>

#include "daemon/detect/detectors.h"
#include "daemon/detect/exec_match.h"
#include "daemon/detect/init_deed.h"
#include "daemon/detect/wording.h"

namespace fnshield::detect {
namespace {

constexpr std::array<std::string_view, 1> kTechniques{"T1525"};
constexpr std::array kKinds{EventKind::exec, EventKind::connect, EventKind::send};

constexpr RuleDescriptor kDescriptor{
    .rule = "coldstart.prewarm_activity",
    .category = Category::function,
    .severity = Severity::high,
    .techniques = kTechniques,
    .short_text = "A pooled sandbox acted before it was given a function",
    .long_text =
        "A sandbox that waits in a pool ran a program or contacted somebody before it had any code to run. What did it "
        "came with the pool's image, and would be in every function that is put into such a sandbox. Stop the pool, "
        "and "
        "compare its image with what was released.",
    .kinds = kKinds,
};

class PrewarmActivity : public Detector {
public:
    [[nodiscard]] const RuleDescriptor& descriptor() const override { return kDescriptor; }

    [[nodiscard]] std::optional<Finding> on_event(const Observation& seen) override
    {
        if (!waits_in_pool(seen) || seen.by_runtime() || (seen.process && seen.process->from_outside) ||
            !is_init_deed(seen))
            return std::nullopt;
        Finding finding;
        if (const auto* exec = seen.event.as<ExecBody>()) {
            finding.summary = exec_text(seen, *exec, " in its pool, before it had a function");
            finding.key = exec->path;
            finding.target.file = exec->path;
            return finding;
        }
        const Endpoint& peer = seen.event.as<SocketBody>()->remote;
        const std::string remote = endpoint_text(peer);
        finding.summary = actor_label(seen) + " talked to " + remote + " in its pool, before it had a function (" +
                          program_of(seen) + ")";
        finding.key = remote;
        finding.target.address = peer.address_text();
        finding.target.port = peer.port;
        return finding;
    }

private:
    static bool waits_in_pool(const Observation& seen)
    {
        return seen.sandbox && seen.sandbox->in_init() && !seen.sandbox->listening.empty() &&
               seen.sandbox->invocation == 0 && seen.policy->ready.kind == ReadyRule::Kind::first_response;
    }
};

}  // namespace

std::unique_ptr<Detector> make_coldstart_prewarm_activity()
{
    return std::make_unique<PrewarmActivity>();
}

}  // namespace fnshield::detect
