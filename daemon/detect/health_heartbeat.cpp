// SPDX-License-Identifier: Apache-2.0
//
// health.heartbeat: the daemon's own heartbeat does not come back through the kernel.
//
// Signal: ticks, but no heartbeat event for more than kPatience. The daemon makes the kernel send one every few
// seconds; if the rings, the programs or their links are gone, nothing else would be seen either, and silence would
// look like peace. Why it works: it takes the same way as every other event. False positives: where ticks themselves
// were far apart (a suspended machine, a daemon that was stopped or starved) the wait begins anew. Fires once; a
// heartbeat that comes back arms it again. Memory: two times.
#include <algorithm>
#include <array>

#include "daemon/detect/detectors.h"
#include "daemon/detect/wording.h"

namespace fnshield::detect {
namespace {

constexpr std::array kKinds{EventKind::heartbeat, EventKind::tick};

constexpr RuleDescriptor kDescriptor{
    .rule = "health.heartbeat",
    .category = Category::health,
    .severity = Severity::critical,
    .techniques = {},
    .short_text = "The daemon's heartbeat does not come back through the kernel: it is blind",
    .long_text =
        "The daemon sends itself a sign of life through its own programs and rings, and none came back. While "
        "this lasts nothing is seen. Restart fnshieldd; if it comes again, run fnshield doctor, and look for "
        "who detached its programs (another bpf() user with root).",
    .kinds = kKinds,
};

constexpr Nanoseconds kPatience = 10 * kSecond;
constexpr Nanoseconds kTicksApart = 5 * kSecond;

class Heartbeat : public Detector {
public:
    [[nodiscard]] const RuleDescriptor& descriptor() const override { return kDescriptor; }

    [[nodiscard]] std::optional<Finding> on_event(const Observation& seen) override
    {
        const Nanoseconds now_ns = seen.event.time_ns;
        if (seen.event.kind == EventKind::heartbeat) {
            waiting_since_ns_ = std::max(waiting_since_ns_.value_or(0), now_ns);
            reported_ = false;
            return std::nullopt;
        }
        const bool stood_still = last_tick_ns_ && now_ns > *last_tick_ns_ + kTicksApart;
        last_tick_ns_ = now_ns;
        if (!waiting_since_ns_ || stood_still)
            waiting_since_ns_ = now_ns;
        if (reported_ || now_ns <= *waiting_since_ns_ + kPatience)
            return std::nullopt;
        reported_ = true;
        return Finding{.summary = "no heartbeat came back through the kernel for " +
                                  seconds_text(now_ns - *waiting_since_ns_) + ": events are not seen",
                       .key = "heartbeat"};
    }

private:
    std::optional<Nanoseconds> waiting_since_ns_;  // the last heartbeat, or since when one is waited for
    std::optional<Nanoseconds> last_tick_ns_;
    bool reported_ = false;
};

}  // namespace

std::unique_ptr<Detector> make_health_heartbeat()
{
    return std::make_unique<Heartbeat>();
}

}  // namespace fnshield::detect
