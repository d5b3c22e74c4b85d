// SPDX-License-Identifier: Apache-2.0
//
// isolation.io_uring (T1562): a function that never had an io_uring makes one.
//
// Signal: a ring made while warm, in a sandbox that made none before it was ready. Why it works: requests by a ring go
// past the system calls that most watchers look at, and past seccomp filters; a runtime that uses rings makes them when
// it starts. What is done by a ring is seen by the other rules all the same. False positives: runtimes that make one
// before ready (newer libuv); what comes from outside; a sandbox whose start was not seen. Weak by itself: a library
// that makes its ring with the first request looks the same. Gets past it: a ring from before ready. Memory:
// BoundedTable of sandboxes.
#include <array>

#include "daemon/detect/bounded_table.h"
#include "daemon/detect/detectors.h"
#include "daemon/detect/privilege.h"

namespace fnshield::detect {
namespace {

constexpr std::size_t kSandboxes = 16384;

constexpr std::array<std::string_view, 1> kTechniques{"T1562"};
constexpr std::array kKinds{EventKind::io_uring};

constexpr RuleDescriptor kDescriptor{
    .rule = "isolation.io_uring",
    .category = Category::infrastructure,
    .severity = Severity::medium,
    .techniques = kTechniques,
    .short_text = "A warm function that had no io_uring made one",
    .long_text =
        "Requests by an io_uring pass by seccomp and by watchers of system calls, so attackers like it; it has been a "
        "way "
        "into the kernel as well. By itself this is a weak sign: look at what the process did then. Where functions "
        "need "
        "none, set kernel.io_uring_disabled to 2.",
    .kinds = kKinds,
};

class IoUring : public Detector {
public:
    [[nodiscard]] const RuleDescriptor& descriptor() const override { return kDescriptor; }

    [[nodiscard]] std::optional<Finding> on_event(const Observation& seen) override
    {
        const PrivilegeBody* act = functions_act(seen);
        if (!act || !seen.sandbox || seen.sandbox->adopted || (seen.process && seen.process->from_outside))
            return std::nullopt;
        if (!seen.sandbox->warm()) {
            had_one_.get(seen.event.sandbox) = true;
            return std::nullopt;
        }
        if (had_one_.find(seen.event.sandbox))
            return std::nullopt;
        return make_privilege_finding(seen, *act);
    }

    void on_sandbox_gone(SandboxId id) override { had_one_.erase(id); }
    [[nodiscard]] std::vector<TableStats> tables() const override { return {had_one_.stats()}; }

private:
    BoundedTable<SandboxId, bool> had_one_{"isolation_io_uring_sandboxes", kSandboxes};
};

}  // namespace

std::unique_ptr<Detector> make_isolation_io_uring()
{
    return std::make_unique<IoUring>();
}

}  // namespace fnshield::detect
