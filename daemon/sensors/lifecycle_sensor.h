// SPDX-License-Identifier: Apache-2.0
//
// Cgroups that are sandboxes, or under which sandboxes appear. The kernel side registers a sandbox by itself, at mkdir;
// what it must be told before is under which paths.
#pragma once

#include "daemon/sensors/sensor.h"

struct lifecycle_bpf;

namespace fnshield {

class LifecycleSensor final : public Sensor {
public:
    LifecycleSensor(Skeleton<lifecycle_bpf> skeleton, std::vector<ProgramStatus> programs, const SharedMaps& maps);
    ~LifecycleSensor() override;

    [[nodiscard]] fns_sensor id() const override { return FNS_SENSOR_LIFECYCLE; }
    [[nodiscard]] Result<void> attach() override;
    [[nodiscard]] const std::vector<ProgramStatus>& programs() const override { return programs_; }

    // A cgroup made at `path` ("/openfaas-fn") from now on is a parent. At most FNS_PARENT_PATH_BYTES − 2 bytes.
    [[nodiscard]] Result<void> add_parent_path(const std::string& path, const fns_parent& parent);
    // A cgroup that exists is a parent: what is made in it from now on is seen.
    [[nodiscard]] Result<void> add_parent(std::uint64_t cgroup_id, const fns_parent& parent);

    // By path; for the policies, which say what holds below each (daemon/kernel/kernel_policies.h).
    [[nodiscard]] Map<fns_parent_path, fns_parent> parent_paths() const;
    // For adoption, which fills them for what is there already (daemon/kernel/adoption.h).
    [[nodiscard]] Map<std::uint64_t, fns_parent> parents() const;
    [[nodiscard]] Map<std::uint64_t, fns_sandbox> sandboxes() const { return sandboxes_; }

private:
    Skeleton<lifecycle_bpf> skeleton_;
    std::vector<ProgramStatus> programs_;
    Map<std::uint64_t, fns_sandbox> sandboxes_;
    std::vector<BpfLink> links_;
};

[[nodiscard]] Result<std::unique_ptr<Sensor>> make_lifecycle_sensor(const SensorContext& context);
[[nodiscard]] Result<Event> decode_lifecycle(std::span<const std::byte> bytes);

}  // namespace fnshield
