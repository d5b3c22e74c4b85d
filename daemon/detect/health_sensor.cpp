// SPDX-License-Identifier: Apache-2.0
//
// health.sensor: a sensor sees nothing, or less than the other sensors of this node can.
//
// Signal: the daemon itself tells at its start what became of a sensor that could not be loaded, lost programs that it
// wanted, or runs on a lesser backend than the rest. Why it works: a rule whose sensor is missing is silent, and
// silence looks like peace. False positives: none in the sense of a rule; what the configuration leaves out, and a
// backend that is the best for all sensors, are choices and make no such event. Gets past it: a program that is
// detached later, which is health.tamper's and health.heartbeat's. Memory: none.
#include <array>

#include "daemon/detect/detectors.h"
#include "daemon/detect/wording.h"

namespace fnshield::detect {
namespace {

constexpr std::array kKinds{EventKind::sensor};

constexpr RuleDescriptor kDescriptor{
    .rule = "health.sensor",
    .category = Category::health,
    .severity = Severity::high,
    .techniques = {},
    .short_text = "A sensor sees nothing, or less than the daemon asked of it",
    .long_text =
        "The daemon wanted a sensor that this node does not give it in full: the rules that need it are silent or see "
        "less, and nothing else will say so. `fnshield doctor` shows what is missing and what would change it: a "
        "capability, kernel.perf_event_paranoid, memory for its maps, or another kernel. Restart fnshieldd when it is "
        "put right; with log_level debug it also logs what the kernel's verifier said.",
    .kinds = kKinds,
};

class SensorHealth : public Detector {
public:
    [[nodiscard]] const RuleDescriptor& descriptor() const override { return kDescriptor; }

    [[nodiscard]] std::optional<Finding> on_event(const Observation& seen) override
    {
        const auto* sensor = seen.event.as<SensorBody>();
        if (!sensor)
            return std::nullopt;
        const std::string name(sensor_name(sensor->sensor));
        Finding finding;
        finding.summary = "sensor " + name + (sensor->attached ? " sees less than it should" : " sees nothing");
        if (!sensor->backend.empty())
            finding.summary += " (it runs on " + printable(sensor->backend) + ")";
        if (!sensor->reason.empty())
            finding.summary += ": " + printable(sensor->reason);
        finding.key = name;
        finding.target.name = name;
        return finding;
    }
};

}  // namespace

std::unique_ptr<Detector> make_health_sensor()
{
    return std::make_unique<SensorHealth>();
}

}  // namespace fnshield::detect
