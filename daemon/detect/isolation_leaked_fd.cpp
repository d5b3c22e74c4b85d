// SPDX-License-Identifier: Apache-2.0
//
// isolation.leaked_fd (T1611): a program of a sandbox runs from outside of its root.
//
// Signal: an exec of the workload's, the first one or a later one, whose file is not below the process's root: it was
// reached by a descriptor or a working directory that the runtime left open (CVE-2024-21626: process.cwd is
// /proc/self/fd/7). Why it works: after pivot_root nothing of the host has a path; the kernel walks from the file up to
// the root of its mount, and does not meet the process's root. False positives: the runtime's re-exec before the
// workload; a memfd or an unlinked file, which is function.fileless_exec's. Gets past it: a leaked folder that is only
// read from, not run from; on kernels and backends that see opens isolation.host_path is for that. Memory: none.
#include <array>

#include "daemon/detect/detectors.h"
#include "daemon/detect/exec_match.h"

namespace fnshield::detect {
namespace {

constexpr std::array<std::string_view, 1> kTechniques{"T1611"};
constexpr std::array kKinds{EventKind::exec};

constexpr RuleDescriptor kDescriptor{
    .rule = "isolation.leaked_fd",
    .category = Category::infrastructure,
    .severity = Severity::critical,
    .techniques = kTechniques,
    .short_text = "A sandbox ran a program from outside of its root",
    .long_text =
        "The program lies outside of what the sandbox was given as its root: a descriptor or a working directory of "
        "the "
        "host leaked into it. With that the whole file system of the host may be in reach. End the sandbox, update the "
        "runtime (runc before 1.1.12 leaks one), and treat the node as reached.",
    .kinds = kKinds,
};

constexpr std::uint32_t kOfOthers = FNS_EXEC_RUNTIME | FNS_EXEC_MEMFD | FNS_EXEC_UNLINKED;

class LeakedFd : public Detector {
public:
    [[nodiscard]] const RuleDescriptor& descriptor() const override { return kDescriptor; }

    [[nodiscard]] std::optional<Finding> on_event(const Observation& seen) override
    {
        const auto* exec = seen.event.as<ExecBody>();
        if (!exec || seen.event.sandbox == kHost || !exec->has(FNS_EXEC_UNREACHABLE) || (exec->flags & kOfOthers) != 0)
            return std::nullopt;
        Finding finding;
        finding.summary = exec_text(seen, *exec, ", which is outside of its root");
        finding.key = exec->path;
        finding.target.file = exec->path;
        return finding;
    }
};

}  // namespace

std::unique_ptr<Detector> make_isolation_leaked_fd()
{
    return std::make_unique<LeakedFd>();
}

}  // namespace fnshield::detect
