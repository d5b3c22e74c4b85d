// SPDX-License-Identifier: Apache-2.0
//
// health.tamper: somebody reaches for the daemon itself.
//
// Signal: (a) a bpf() that takes or changes one of the daemon's own maps, programs or links; (b) a signal, ptrace or
// memory access from a sandbox to the daemon. Whoever blinds the monitor first has all the time for the rest.
// Why it works: the kernel side knows the daemon's objects by their ids, and its process; a pin, a passed descriptor or
// another pid namespace change nothing. Who the daemon is, it tells itself: each heartbeat has it as its actor, so that
// a recording has it too.
// False positives: on the host, `bpftool prog` and exporters that list all objects take a descriptor of each one: low,
// since it is the same step with which a thief begins. A change is critical from there as well: no tool does that in
// passing. Signals from the host are systemd's and the operator's.
// What gets past: before the first heartbeat (a second after start) a memory access; on the fallback, bpf() by the
// 32-bit entry and in the lean profile; a SIGKILL that is not denied may end the daemon before it can tell.
// Memory: the daemon's own identity.
#include <array>
#include <cerrno>

#include "daemon/detect/detectors.h"
#include "daemon/detect/privilege.h"
#include "daemon/detect/reach.h"
#include "daemon/detect/wording.h"

namespace fnshield::detect {
namespace {

constexpr std::array kKinds{EventKind::bpf, EventKind::signal, EventKind::memory_access, EventKind::fd_access,
                            EventKind::heartbeat};

constexpr RuleDescriptor kDescriptor{
    .rule = "health.tamper",
    .category = Category::health,
    .severity = Severity::critical,
    .techniques = {},
    .short_text = "A process took or changed a BPF object of the daemon, or reached for the daemon itself",
    .long_text =
        "Somebody is trying to blind or stop fnshield, which is what an attack does before its next step. If a sandbox "
        "did it, kill it and treat the node as attacked: it should see neither the daemon nor its objects. If a "
        "program on the host changed an object, find out who ran it, and restart fnshieldd: what it sees may be false. "
        "A program on the host that only looks (bpftool, an exporter) is reported as low; set the severity of this "
        "rule, or turn it off in the policy of the host, where that is daily business.",
    .kinds = kKinds,
};

std::string object_text(const PrivilegeBody& act)
{
    return "fnshield's own " + std::string(object_name(act.object)) + " " + std::to_string(act.object_id);
}

Finding make_finding(const Observation& seen, const std::string& deed, const std::string& aimed_at,
                     const std::string& how, bool refused, std::int64_t result)
{
    Finding finding;
    finding.summary = actor_label(seen) + (refused ? " tried to " : " ") + deed + " " + aimed_at + " (" + how + ")" +
                      failure_text(refused, result);
    finding.key = program_of(seen) + " " + deed + (refused ? " tried" : "");
    finding.target.name = aimed_at;
    return finding;
}

class Tamper : public Detector {
public:
    [[nodiscard]] const RuleDescriptor& descriptor() const override { return kDescriptor; }

    [[nodiscard]] std::optional<Finding> on_event(const Observation& seen) override
    {
        if (seen.event.kind == EventKind::heartbeat) {
            daemon_ = seen.event.process;
            return std::nullopt;
        }
        if (const auto* act = seen.event.as<PrivilegeBody>())
            return on_object(seen, *act);
        if (seen.event.sandbox == kHost)
            return std::nullopt;
        if (const auto* signal = seen.event.as<SignalBody>())
            return on_signal(seen, *signal);
        if (const auto* memory = seen.event.as<MemoryBody>())
            return on_memory(seen, *memory);
        return std::nullopt;
    }

private:
    static std::optional<Finding> on_object(const Observation& seen, const PrivilegeBody& act)
    {
        if (!act.own_object)
            return std::nullopt;
        const bool refused = act.refused();
        Finding finding =
            make_finding(seen, act.writes ? (refused ? "change" : "changed") : (refused ? "take" : "took"),
                         object_text(act), act_text(act), refused, act.result);
        if (seen.event.sandbox == kHost && !act.writes)
            finding.severity = Severity::low;
        return finding;
    }

    static std::optional<Finding> on_signal(const Observation& seen, const SignalBody& signal)
    {
        if (!signal.at_daemon)
            return std::nullopt;
        const bool refused = seen.event.has(FNS_FLAG_DENIED);
        return make_finding(seen, refused ? "signal" : "signalled", "the fnshield daemon",
                            "signal " + std::to_string(signal.signal), refused, -EPERM);
    }

    [[nodiscard]] std::optional<Finding> on_memory(const Observation& seen, const MemoryBody& memory) const
    {
        const Reach reach = reach_of(seen.event);
        if (!daemon_ || reach == Reach::none || seen.by_runtime())
            return std::nullopt;
        if (memory.target.tgid != daemon_->tgid || memory.target.start_ns != daemon_->start_ns)
            return std::nullopt;
        return make_finding(seen, memory.attempted ? "reach into" : "reached into", "the fnshield daemon",
                            road_text(memory), memory.attempted, memory.result);
    }

    std::optional<ProcessInfo> daemon_;
};

}  // namespace

std::unique_ptr<Detector> make_health_tamper()
{
    return std::make_unique<Tamper>();
}

}  // namespace fnshield::detect
