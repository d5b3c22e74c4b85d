// SPDX-License-Identifier: Apache-2.0
//
// Two sandboxes and the memory sensor: a victim that holds a secret in one, acts of the trigger program in the other.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/sensor_harness.h"

namespace fnshield::testing {

struct Victim {
    Child process;
    std::string pid;
    std::string address;  // of its secret: "0x4a60e0"
};

class MemoryScene {
public:
    // `options.sensors` is set to the memory sensor.
    [[nodiscard]] static Result<std::unique_ptr<MemoryScene>> make(SensorHarness::Options options = {});

    // Starts `trigger hold` in a sandbox, or on the host where it is null, and waits until it is ready.
    [[nodiscard]] static Result<Victim> start_victim(const CgroupSandbox* where, SpawnOptions options = {});
    // Runs `trigger ACT PID ADDRESS ARGUMENTS…` in a sandbox, or on the host where it is null; its output.
    [[nodiscard]] static Result<std::string> act(const CgroupSandbox* where, const std::string& name,
                                                 const Victim& victim, const std::vector<std::string>& more = {});
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
