// SPDX-License-Identifier: Apache-2.0
#include "daemon/kernel/shared_maps.h"

#include "daemon/kernel/pins.h"
#include "shared_maps.skel.h"

namespace fnshield {

SharedMaps::SharedMaps(Skeleton<shared_maps_bpf> skeleton, bool left_behind)
    : skeleton_(std::make_unique<Skeleton<shared_maps_bpf>>(std::move(skeleton))), left_behind_(left_behind)
{
}
SharedMaps::SharedMaps(SharedMaps&&) noexcept = default;
SharedMaps& SharedMaps::operator=(SharedMaps&&) noexcept = default;
SharedMaps::~SharedMaps() = default;

namespace {

Result<Skeleton<shared_maps_bpf>> load(const SharedMapSizes& sizes, const Pins* pins)
{
    auto skeleton = Skeleton<shared_maps_bpf>::open("the shared maps");
    if (!skeleton)
        return pass(std::move(skeleton));
    auto& maps = (*skeleton)->maps;
    bpf_map__set_max_entries(maps.sandboxes, sizes.sandboxes);
    bpf_map__set_max_entries(maps.assignments, sizes.sandboxes);
    bpf_map__set_max_entries(maps.seen, sizes.seen);
    bpf_map__set_max_entries(maps.events_critical, sizes.critical_ring_bytes);
    bpf_map__set_max_entries(maps.events_bulk, sizes.bulk_ring_bytes);
    bpf_map* map = nullptr;
    bpf_object__for_each_map(map, skeleton->object())
    {
        if (pins == nullptr || bpf_map__is_internal(map))
            continue;
        if (const int failed = bpf_map__set_pin_path(map, pins->map_path(bpf_map__name(map)).c_str()); failed != 0)
            return fail_errno(std::string("cannot pin the map ") + bpf_map__name(map), failed);
    }
    if (auto loaded = skeleton->load(); !loaded)
        return pass(std::move(loaded));
    return skeleton;
}

}  // namespace

Result<SharedMaps> SharedMaps::make(const SharedMapSizes& sizes, const Pins* pins)
{
    auto skeleton = load(sizes, pins);
    const bool leave_behind = !skeleton && pins != nullptr;
    if (leave_behind) {
        pins->drop_maps();
        skeleton = load(sizes, pins);
    }
    if (!skeleton)
        return pass(std::move(skeleton));
    return SharedMaps(std::move(*skeleton), leave_behind);
}

Result<void> SharedMaps::share_with(bpf_object* object) const
{
    bpf_map* map = nullptr;
    bpf_object__for_each_map(map, (*skeleton_).object())
    {
        bpf_map* theirs = bpf_object__find_map_by_name(object, bpf_map__name(map));
        if (theirs == nullptr || bpf_map__is_internal(map))
            continue;
        if (const int failed = bpf_map__reuse_fd(theirs, bpf_map__fd(map)); failed != 0)
            return fail_errno(std::string("cannot share the map ") + bpf_map__name(map), failed);
    }
    return {};
}

Map<std::uint64_t, fns_sandbox> SharedMaps::sandboxes() const
{
    return Map<std::uint64_t, fns_sandbox>(bpf_map__fd((*skeleton_)->maps.sandboxes));
}

Map<std::uint64_t, fns_assignment> SharedMaps::assignments() const
{
    return Map<std::uint64_t, fns_assignment>(bpf_map__fd((*skeleton_)->maps.assignments));
}

Map<std::uint32_t, fns_policy> SharedMaps::policies() const
{
    return Map<std::uint32_t, fns_policy>(bpf_map__fd((*skeleton_)->maps.policies));
}

Map<fns_path_key, fns_path_value> SharedMaps::listed_paths() const
{
    return Map<fns_path_key, fns_path_value>(bpf_map__fd((*skeleton_)->maps.listed_paths));
}

Map<fns_network_key, fns_ports> SharedMaps::listed_networks() const
{
    return Map<fns_network_key, fns_ports>(bpf_map__fd((*skeleton_)->maps.listed_networks));
}

Map<fns_name_key, fns_ports> SharedMaps::listed_names() const
{
    return Map<fns_name_key, fns_ports>(bpf_map__fd((*skeleton_)->maps.listed_names));
}

Map<fns_resolved_key, fns_resolved> SharedMaps::resolved() const
{
    return Map<fns_resolved_key, fns_resolved>(bpf_map__fd((*skeleton_)->maps.resolved));
}

Map<fns_name_pair, std::uint32_t> SharedMaps::memory_allowed() const
{
    return Map<fns_name_pair, std::uint32_t>(bpf_map__fd((*skeleton_)->maps.memory_allowed));
}

Map<std::uint32_t, fns_sensor_counters> SharedMaps::counters() const
{
    return Map<std::uint32_t, fns_sensor_counters>(bpf_map__fd((*skeleton_)->maps.counters));
}

int SharedMaps::critical_ring_fd() const
{
    return bpf_map__fd((*skeleton_)->maps.events_critical);
}

int SharedMaps::bulk_ring_fd() const
{
    return bpf_map__fd((*skeleton_)->maps.events_bulk);
}

Result<fns_sensor_counters> SharedMaps::total(fns_sensor sensor) const
{
    auto values = counters().lookup_per_cpu(sensor);
    if (!values)
        return pass(std::move(values));
    fns_sensor_counters sum{};
    for (const fns_sensor_counters& cpu : *values) {
        sum.forwarded += cpu.forwarded;
        sum.suppressed += cpu.suppressed;
        for (std::size_t stage = 0; stage < FNS_LOSS_STAGE_COUNT; ++stage)
            sum.lost[stage] += cpu.lost[stage];
    }
    return sum;
}

}  // namespace fnshield
