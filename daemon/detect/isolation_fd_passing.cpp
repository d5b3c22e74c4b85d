// SPDX-License-Identifier: Apache-2.0
//
// isolation.fd_passing (T1559): a function passes descriptors to a process of another sandbox.
//
// Signal: a message with SCM_RIGHTS on a UNIX socket whose other end is another sandbox's. Why it works: a descriptor
// carries what its giver may do with a file, a socket or a memory, past all mounts and namespaces; two functions that
// know nothing of one another have no such socket. Quiet: one pod's containers, what goes to the host or comes from it
// (runtimes and agents), the set-up, what enters from outside. False positives: functions that a shared helper serves
// by a socket in a shared volume: turn the rule off in their policies. Gets past it: a helper on the host that passes
// descriptors on; on the fallback what ipc.bpf.c lists. Memory: none.
#include <array>

#include "daemon/detect/detectors.h"
#include "daemon/detect/same.h"
#include "daemon/detect/wording.h"

namespace fnshield::detect {
namespace {

constexpr std::array<std::string_view, 1> kTechniques{"T1559"};
constexpr std::array kKinds{EventKind::unix_connect};

constexpr RuleDescriptor kDescriptor{
    .rule = "isolation.fd_passing",
    .category = Category::infrastructure,
    .severity = Severity::medium,
    .techniques = kTechniques,
    .short_text = "A function passed descriptors to another sandbox",
    .long_text =
        "Two sandboxes share a UNIX socket, and one handed open files or sockets to the other: what one may use, the "
        "other may use now, whatever its own mounts and networks are. Look at which volume the socket lies in and "
        "whether the two functions are meant to talk, and take it away from those that are not.",
    .kinds = kKinds,
};

class FdPassing : public Detector {
public:
    [[nodiscard]] const RuleDescriptor& descriptor() const override { return kDescriptor; }

    [[nodiscard]] std::optional<Finding> on_event(const Observation& seen) override
    {
        const auto* contact = seen.event.as<UnixBody>();
        if (!contact || contact->descriptors == 0 || seen.event.sandbox == kHost || seen.by_runtime())
            return std::nullopt;
        if (contact->peer_sandbox == kHost || contact->peer_sandbox == seen.event.sandbox)
            return std::nullopt;
        const Sandbox* other = seen.model.sandbox(contact->peer_sandbox);
        if (seen.sandbox && other && is_one_pod(*seen.sandbox, *other))
            return std::nullopt;
        const std::string to = sandbox_label(other, contact->peer_sandbox);
        Finding finding;
        finding.summary = actor_label(seen) + " passed " + std::to_string(contact->descriptors) + " descriptor" +
                          (contact->descriptors == 1 ? "" : "s") + " to " + to +
                          (contact->path.empty() ? std::string() : " by " + printable(contact->path)) + " (" +
                          program_of(seen) + ")";
        finding.key = to;
        finding.target.file = contact->path;
        finding.target_sandbox = contact->peer_sandbox;
        return finding;
    }
};

}  // namespace

std::unique_ptr<Detector> make_isolation_fd_passing()
{
    return std::make_unique<FdPassing>();
}

}  // namespace fnshield::detect
