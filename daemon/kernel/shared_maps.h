// SPDX-License-Identifier: Apache-2.0
//
// The maps that all sensors share (bpf/lib/shared_maps.bpf.c): made once, handed to each object before it is loaded.
#pragma once

#include <cstdint>
#include <memory>

#include "daemon/base/result.h"
#include "daemon/kernel/libbpf.h"
#include "fnshield/abi/policy.h"
#include "fnshield/abi/tables.h"

struct shared_maps_bpf;

namespace fnshield {

class Pins;

struct SharedMapSizes {
    std::uint32_t sandboxes = 16384;
    std::uint32_t seen = 16384;
    std::uint32_t critical_ring_bytes = 1U << 20;  // powers of two, multiples of the page size
    std::uint32_t bulk_ring_bytes = 4U << 20;
};

class SharedMaps {
public:
    // With `pins`, maps that are pinned there are taken over with what is in them, and the others are pinned. Maps of
    // another layout or size are not taken over: all are new then.
    [[nodiscard]] static Result<SharedMaps> make(const SharedMapSizes& sizes = {}, const Pins* pins = nullptr);
    SharedMaps(SharedMaps&&) noexcept;
    SharedMaps& operator=(SharedMaps&&) noexcept;
    ~SharedMaps();

    // Lets an opened, not yet loaded object use these maps wherever it declares one of their names.
    [[nodiscard]] Result<void> share_with(bpf_object* object) const;

    [[nodiscard]] Map<std::uint64_t, fns_sandbox> sandboxes() const;
    [[nodiscard]] Map<std::uint64_t, fns_assignment> assignments() const;
    [[nodiscard]] Map<std::uint32_t, fns_policy> policies() const;
    [[nodiscard]] Map<fns_path_key, fns_path_value> listed_paths() const;
    [[nodiscard]] Map<fns_network_key, fns_ports> listed_networks() const;
    [[nodiscard]] Map<fns_name_key, fns_ports> listed_names() const;
    [[nodiscard]] Map<fns_resolved_key, fns_resolved> resolved() const;
    [[nodiscard]] Map<fns_name_pair, std::uint32_t> memory_allowed() const;
    [[nodiscard]] Map<std::uint32_t, fns_sensor_counters> counters() const;  // per CPU
    [[nodiscard]] int critical_ring_fd() const;
    [[nodiscard]] int bulk_ring_fd() const;

    // All CPUs added up.
    [[nodiscard]] Result<fns_sensor_counters> total(fns_sensor sensor) const;

    // There were pinned maps that could not be taken over.
    [[nodiscard]] bool left_behind() const { return left_behind_; }

private:
    SharedMaps(Skeleton<shared_maps_bpf> skeleton, bool left_behind);

    std::unique_ptr<Skeleton<shared_maps_bpf>> skeleton_;
    bool left_behind_ = false;
};

}  // namespace fnshield
