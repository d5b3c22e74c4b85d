// SPDX-License-Identifier: Apache-2.0
//
// isolation.fd_theft (T1563): an open descriptor of another sandbox, or of the host, is taken.
//
// Signal: pidfd_getfd on, or an open of /proc/PID/fd/N of, a process across a boundary; also where it was refused.
// Why it works: the descriptor brings its access along: a connected socket, a file deleted long since, a device.
// False positives: seccomp supervisors and debuggers run on the host: always quiet. Within one sandbox: quiet.
// Memory: none.
#include <array>

#include "daemon/detect/detectors.h"
#include "daemon/detect/reach.h"

namespace fnshield::detect {
namespace {

constexpr std::array<std::string_view, 1> kTechniques{"T1563"};
constexpr std::array kKinds{EventKind::memory_access, EventKind::fd_access};

constexpr RuleDescriptor kDescriptor{
    .rule = "isolation.fd_theft",
    .category = Category::infrastructure,
    .severity = Severity::critical,
    .techniques = kTechniques,
    .short_text = "A process took, or tried to take, an open descriptor of another sandbox or of the host",
    .long_text =
        "With a descriptor comes what it leads to: a session that is logged in, a file that nobody else may "
        "open, a device. Kill the acting sandbox, end the target's connections, rotate what they were "
        "authenticated with, and find out how the actor can see the target's processes at all.",
    .kinds = kKinds,
};

class FdTheft : public Detector {
public:
    [[nodiscard]] const RuleDescriptor& descriptor() const override { return kDescriptor; }

    [[nodiscard]] std::optional<Finding> on_event(const Observation& seen) override
    {
        if (!is_breach(seen, Reach::descriptor, false))
            return std::nullopt;
        Finding finding = make_reach_finding(seen, "took a descriptor of", "tried to take a descriptor of");
        finding.on_behalf_of_target = true;
        return finding;
    }
};

}  // namespace

std::unique_ptr<Detector> make_isolation_fd_theft()
{
    return std::make_unique<FdTheft>();
}

}  // namespace fnshield::detect
