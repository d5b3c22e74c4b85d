// SPDX-License-Identifier: Apache-2.0
//
// isolation.cgroup_escape (T1562.001): a task leaves its sandbox's cgroup, or a function writes to the cgroup file
// system.
//
// Signal: a process moved out of its sandbox, or into another one, by a process of that sandbox; or a file of a cgroup
// file system opened for writing by the function (cgroup.procs is how one moves; memory.max, how one lifts one's
// limits). Why it works: limits, and all that we see, hang on the cgroup; who leaves it is out of sight. The move
// itself is told by the kernel, whatever the file's path was. False positives: runtimes and systemd of the host attach
// from outside; moves between cgroups nested in the sandbox stay in it (systemd in a container) and are no moves to us,
// but its writes are: turn the rule off for such. release_agent has its own rule. Memory: none.
#include <array>

#include "daemon/detect/detectors.h"
#include "daemon/detect/file_acts.h"
#include "daemon/detect/wording.h"

namespace fnshield::detect {
namespace {

constexpr std::array<std::string_view, 1> kTechniques{"T1562.001"};
constexpr std::array kKinds{EventKind::cgroup_move, EventKind::file_write};
constexpr std::array<std::string_view, 1> kYieldsTo{"isolation.release_agent"};

constexpr RuleDescriptor kDescriptor{
    .rule = "isolation.cgroup_escape",
    .category = Category::infrastructure,
    .severity = Severity::critical,
    .techniques = kTechniques,
    .short_text = "A task left its sandbox's cgroup, or a function wrote to cgroupfs",
    .long_text =
        "A sandbox's limits and everything that watches it hang on its cgroup. A task of the sandbox moved out of it, "
        "or "
        "opened a cgroup file for writing. Find the task by its pid and end it, mount cgroupfs read-only or not at all "
        "in "
        "functions, and look at what else the sandbox did: this is a step of an escape.",
    .kinds = kKinds,
    .yields_to = kYieldsTo,
};

class CgroupEscape : public Detector {
public:
    [[nodiscard]] const RuleDescriptor& descriptor() const override { return kDescriptor; }

    [[nodiscard]] std::optional<Finding> on_event(const Observation& seen) override
    {
        return seen.event.kind == EventKind::cgroup_move ? on_move(seen) : on_write(seen);
    }

private:
    // A move names in `sandbox` where the task went, or where it came from if it left for the host; `process` moved it.
    static std::optional<Finding> on_move(const Observation& seen)
    {
        const auto* move = seen.event.as<LifecycleBody>();
        if (!move || move->from_sandbox == kHost)
            return std::nullopt;
        const bool left = move->value == 0;
        const Process* mover = seen.model.process(seen.event.process.tgid, seen.event.process.start_ns);
        if (!mover || mover->entrant || mover->from_outside)
            return std::nullopt;
        // Where it already is what it moved itself into, its sandbox is the new one.
        const bool itself = seen.event.process.tgid == move->subject.tgid;
        if (!itself && mover->sandbox != move->from_sandbox)
            return std::nullopt;
        const std::string from = sandbox_label(seen.model.sandbox(move->from_sandbox), move->from_sandbox);
        Finding finding;
        finding.summary = from + ": " + printable(mover->exe.empty() ? mover->info.comm : mover->exe) + " moved " +
                          (itself ? "itself" : "process " + std::to_string(move->subject.tgid)) +
                          " out of its sandbox" +
                          (left ? "" : " into " + sandbox_label(seen.sandbox, seen.event.sandbox));
        finding.key = left ? "out" : "into another";
        finding.about = move->from_sandbox;
        if (!left)
            finding.target_sandbox = seen.event.sandbox;
        return finding;
    }

    static std::optional<Finding> on_write(const Observation& seen)
    {
        const FileBody* file = file_act(seen, FNS_FILE_CLASS_CGROUP);
        return file ? std::optional(make_file_finding(seen, *file, "the cgroup file")) : std::nullopt;
    }
};

}  // namespace

std::unique_ptr<Detector> make_isolation_cgroup_escape()
{
    return std::make_unique<CgroupEscape>();
}

}  // namespace fnshield::detect
