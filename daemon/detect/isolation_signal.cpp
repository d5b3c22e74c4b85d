// SPDX-License-Identifier: Apache-2.0
//
// isolation.signal (T1489): a function sends a signal to a process of another sandbox or of the host.
//
// Signal: the kernel generated a signal that a process of one sandbox sent to one outside of it, by whatever call. Why
// it works: in its own pid namespace a function cannot even name such a process. False positives: what the kernel
// itself sends (SIGCHLD to a shim when the workload ends, faults, being killed for memory); shims, kubelet and runc are
// on the host, and the host signals whom it likes; one pod's containers where they share a pid namespace. A signal to
// the daemon is health.tamper's. Gets past it: a signal that was refused (it is not generated), a descriptor's owner
// that gets SIGIO. Memory: none.
#include <array>
#include <csignal>

#include "daemon/detect/detectors.h"
#include "daemon/detect/same.h"
#include "daemon/detect/wording.h"

namespace fnshield::detect {
namespace {

constexpr std::array<std::string_view, 1> kTechniques{"T1489"};
constexpr std::array kKinds{EventKind::signal};

constexpr RuleDescriptor kDescriptor{
    .rule = "isolation.signal",
    .category = Category::infrastructure,
    .severity = Severity::high,
    .techniques = kTechniques,
    .short_text = "A function signalled a process of another sandbox or of the host",
    .long_text =
        "A signal crossed a sandbox's boundary: somebody stops, ends or disturbs what is not his. The sandbox can see "
        "processes of others, so it shares a pid namespace with them: end that, and look at what it did to the target.",
    .kinds = kKinds,
};

class Signal : public Detector {
public:
    [[nodiscard]] const RuleDescriptor& descriptor() const override { return kDescriptor; }

    [[nodiscard]] std::optional<Finding> on_event(const Observation& seen) override
    {
        const auto* signal = seen.event.as<SignalBody>();
        if (!signal || signal->at_daemon || seen.event.sandbox == kHost || seen.by_runtime())
            return std::nullopt;
        if (signal->target_sandbox == seen.event.sandbox || signal->signal == SIGCHLD)
            return std::nullopt;
        if (seen.sandbox && seen.target_sandbox && is_one_pod(*seen.sandbox, *seen.target_sandbox))
            return std::nullopt;
        Finding finding;
        finding.summary = actor_label(seen) + " sent signal " + std::to_string(signal->signal) + " to a process of " +
                          target_label(seen) + " (" + program_of(seen) + ")";
        finding.key =
            program_of(seen) + " " + std::to_string(signal->target_sandbox) + " " + std::to_string(signal->signal);
        return finding;
    }
};

}  // namespace

std::unique_ptr<Detector> make_isolation_signal()
{
    return std::make_unique<Signal>();
}

}  // namespace fnshield::detect
