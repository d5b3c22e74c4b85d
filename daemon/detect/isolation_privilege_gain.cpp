// SPDX-License-Identifier: Apache-2.0
//
// isolation.privilege_gain (T1548.001): while warm, a process that was no root became root.
//
// Signal: the first act by which a process shows itself as user 0 (in the initial user namespace), where it was another
// user when it was forked or last seen: the exec of a set-user-ID program, setuid(0) by a saved id, or a kernel that
// was tricked into new credentials. Every event of the process sensor and of the others carries the effective user. Why
// it works: a function keeps the user that it was started as. False positives: setpriv, gosu and sudo in the entry
// point come before ready and go down, not up; root in a user namespace of its own is not user 0 to us; what comes from
// outside. Gets past it: capabilities without the user, a thread that changes alone and back between two events, and a
// process that does nothing that makes an event afterwards. Memory: BoundedTable of processes.
#include <array>

#include "daemon/detect/bounded_table.h"
#include "daemon/detect/detectors.h"
#include "daemon/detect/same.h"
#include "daemon/detect/wording.h"

namespace fnshield::detect {
namespace {

constexpr std::size_t kProcesses = 65536;

constexpr std::array<std::string_view, 1> kTechniques{"T1548.001"};
constexpr std::array kKinds{EventKind::fork,      EventKind::exec,       EventKind::exit,      EventKind::connect,
                            EventKind::send,      EventKind::bind,       EventKind::listen,    EventKind::memory_access,
                            EventKind::fd_access, EventKind::namespace_, EventKind::mount,     EventKind::module,
                            EventKind::bpf,       EventKind::signal,     EventKind::file_open, EventKind::file_write,
                            EventKind::syscall_,  EventKind::io_uring,   EventKind::perf_event};

constexpr RuleDescriptor kDescriptor{
    .rule = "isolation.privilege_gain",
    .category = Category::infrastructure,
    .severity = Severity::critical,
    .techniques = kTechniques,
    .short_text = "A process of a warm function became root",
    .long_text =
        "A process that ran as another user acts as root now. Either a set-user-ID program of the image did that for "
        "it, or "
        "something in the kernel gave way. Freeze the sandbox, look at what was run just before, and start functions "
        "with no new privileges (noNewPrivileges), which rules the first way out.",
    .kinds = kKinds,
};

class PrivilegeGain : public Detector {
public:
    [[nodiscard]] const RuleDescriptor& descriptor() const override { return kDescriptor; }

    [[nodiscard]] std::optional<Finding> on_event(const Observation& seen) override
    {
        const ProcessInfo& actor = seen.event.process;
        if (seen.event.sandbox == kHost || actor.tgid == 0 || seen.event.has(FNS_FLAG_NO_TASK))
            return std::nullopt;
        const std::uint64_t key = key_of(actor);
        if (seen.event.kind == EventKind::exit) {
            users_.erase(key);
            return std::nullopt;
        }
        if (const auto* fork = seen.event.as<ForkBody>(); fork && fork->child.uid != 0)
            users_.get(key_of(fork->child)) = fork->child.uid;
        const std::uint32_t* before = users_.find(key);
        if (actor.uid != 0) {
            if (!before)
                users_.get(key) = actor.uid;
            return std::nullopt;
        }
        if (!before)
            return std::nullopt;
        const std::uint32_t user = *before;
        users_.erase(key);
        if (!seen.sandbox || !seen.sandbox->warm() || seen.by_runtime() || (seen.process && seen.process->from_outside))
            return std::nullopt;
        Finding finding;
        finding.summary = actor_label(seen) + ": " + program_of(seen) + " (pid " + std::to_string(actor.tgid) +
                          ") became root; it was user " + std::to_string(user);
        finding.key = program_of(seen);
        return finding;
    }

    [[nodiscard]] std::vector<TableStats> tables() const override { return {users_.stats()}; }

private:
    BoundedTable<std::uint64_t, std::uint32_t> users_{"isolation_privilege_gain_processes", kProcesses};
};

}  // namespace

std::unique_ptr<Detector> make_isolation_privilege_gain()
{
    return std::make_unique<PrivilegeGain>();
}

}  // namespace fnshield::detect
