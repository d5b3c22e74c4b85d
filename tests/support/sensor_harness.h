// SPDX-License-Identifier: Apache-2.0
//
// Real sensors on the real kernel, without the daemon: loads and attaches those that a test asks for, and collects
// their decoded events. Heartbeat is always there: settle() sends one through the kernel and waits for it, so that "no
// event came" means that none will come, without a sleep.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <vector>

#include "daemon/kernel/rings.h"
#include "daemon/sensors/sensor.h"
#include "tests/support/cgroup_sandbox.h"

namespace fnshield::testing {

class SensorHarness {
public:
    struct Options {
        std::vector<fns_sensor> sensors;
        ProgramChoice choice;
        std::uint32_t bulk_budget = 4000;
        Nanoseconds repeat_after_ns = kSecond;
        SharedMapSizes sizes;
    };
    using Matches = std::function<bool(const Event&)>;

    // Fails where a sensor cannot be loaded, or any of its programs that was chosen was not attached.
    [[nodiscard]] static Result<std::unique_ptr<SensorHarness>> make(const Options& options);

    // Makes a cgroup a sandbox as the daemon's adoption does; `started`: the workload has begun. Also attaches the
    // sensors' cgroup programs to it.
    [[nodiscard]] Result<void> add_sandbox(const CgroupSandbox& sandbox, bool started = true);

    // Undoes add_sandbox, so that another case can use the harness.
    void remove_sandbox(const CgroupSandbox& sandbox);

    // The first event, old or new, that matches; null after the time limit.
    [[nodiscard]] const Event* wait_for(const Matches& matches,
                                        std::chrono::milliseconds limit = std::chrono::seconds(5));
    // Everything that was sent before this call has been collected when it returns.
    [[nodiscard]] Result<void> settle();
    [[nodiscard]] std::vector<Event> matching(const Matches& matches) const;
    [[nodiscard]] std::size_t count(const Matches& matches) const { return matching(matches).size(); }
    [[nodiscard]] const std::vector<Event>& events() const { return events_; }
    void clear() { events_.clear(); }

    [[nodiscard]] const SharedMaps& maps() const { return *maps_; }
    [[nodiscard]] Sensor& sensor(fns_sensor id);
    // Lost events of all sensors and stages.
    [[nodiscard]] std::uint64_t lost() const;
    // Records that the decoders refused, with the reason. Should be empty.
    [[nodiscard]] const std::vector<std::string>& decode_errors() const { return decode_errors_; }

private:
    SensorHarness() = default;
    void collect(std::span<const std::byte> record);
    [[nodiscard]] bool drain_until(std::chrono::steady_clock::time_point deadline);

    std::unique_ptr<Host> host_;
    std::unique_ptr<SharedMaps> maps_;
    std::unique_ptr<Rings> rings_;
    std::vector<std::unique_ptr<Sensor>> sensors_;
    std::vector<Event> events_;
    std::vector<std::string> decode_errors_;
};

// Which thing a test is about: kind, and the sandbox that did it.
[[nodiscard]] SensorHarness::Matches is_event(EventKind kind, SandboxId sandbox);

// What all harnesses run on: FNSHIELD_TEST_BACKEND (lsm, fentry, tracepoint), by default the fallback. An error where
// the one that is asked for does not work here.
[[nodiscard]] Result<Backend> test_backend();
[[nodiscard]] bool on_fallback();

// The path of the trigger program.
[[nodiscard]] std::string trigger();

}  // namespace fnshield::testing
