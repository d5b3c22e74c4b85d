// SPDX-License-Identifier: Apache-2.0
//
// Two sandboxes and the memory sensor: a victim that holds a secret in one, acts of the trigger program in the other.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/sensor_harness.h"

namespace fnshield::testing {

struct Victim {
    Child process;
    // What it said of itself: pid, tid (of a second thread), address (of its secret), memfd, unlinked, pipe.
    std::map<std::string, std::string> said;

    // "fd/{memfd}" → "fd/3"
    [[nodiscard]] std::string fill_in(std::string text) const;
};

class MemoryScene {
public:
    // `options.sensors` is set to the memory sensor.
    [[nodiscard]] static Result<std::unique_ptr<MemoryScene>> make(SensorHarness::Options options = {});

    // Starts `trigger hold` in a sandbox, or on the host where it is null, and waits until it is ready.
    [[nodiscard]] static Result<Victim> start_victim(const CgroupSandbox* where, SpawnOptions options = {});
    // Runs `trigger ACT PID ADDRESS ARGUMENTS…` in a sandbox, or on the host where it is null; its output. Arguments
    // are filled in with what the victim said.
    [[nodiscard]] static Result<std::string> act(const CgroupSandbox* where, const std::string& name,
                                                 const Victim& victim, const std::vector<std::string>& more = {});
    // The same for acts that have no victim.
    [[nodiscard]] static Result<std::string> act(const CgroupSandbox* where, const std::vector<std::string>& words,
                                                 SpawnOptions options = {});
    // All memory_access and fd_access events so far. Fails the test where one could not be decoded.
    [[nodiscard]] std::vector<Event> seen();

    [[nodiscard]] SensorHarness& harness() { return *harness_; }
    [[nodiscard]] CgroupSandbox& attacker() { return *attacker_; }
    [[nodiscard]] CgroupSandbox& victims() { return *victims_; }

private:
    MemoryScene() = default;
    std::unique_ptr<SensorHarness> harness_;
    std::optional<CgroupSandbox> attacker_;
    std::optional<CgroupSandbox> victims_;
};

// One line an event, for messages of failed tests.
[[nodiscard]] std::string describe(const std::vector<Event>& events);

}  // namespace fnshield::testing
