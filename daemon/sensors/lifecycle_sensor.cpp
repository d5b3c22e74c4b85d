// SPDX-License-Identifier: Apache-2.0
#include "daemon/sensors/lifecycle_sensor.h"

#include <array>

#include "daemon/kernel/adoption.h"
#include "daemon/sensors/decode.h"
#include "fnshield/abi/lifecycle.h"
#include "lifecycle.skel.h"

namespace fnshield {
namespace {

constexpr ProgramSpec kPrograms[] = {
    {"lifecycle_mkdir", Backend::tracepoint, Tier::always, "raw:cgroup_mkdir", "new sandboxes are not seen"},
    {"lifecycle_rmdir", Backend::tracepoint, Tier::always, "raw:cgroup_rmdir", "the end of sandboxes is not seen"},
    {"lifecycle_attach", Backend::tracepoint, Tier::always, "raw:cgroup_attach_task",
     "the runtime is not told from the function, moves between sandboxes are not seen"},
    {"lifecycle_populated", Backend::tracepoint, Tier::always, "raw:cgroup_notify_populated",
     "it is not seen when the last process of a sandbox ends"},
    {"lifecycle_frozen", Backend::tracepoint, Tier::always, "raw:cgroup_notify_frozen",
     "freezing by cgroup v2 is not seen"},
};

struct KindRow {
    std::uint16_t raw;
    EventKind kind;
};

constexpr KindRow kKinds[] = {
    {FNS_EVENT_CGROUP_MKDIR, EventKind::cgroup_made},    {FNS_EVENT_CGROUP_RMDIR, EventKind::cgroup_removed},
    {FNS_EVENT_CGROUP_ATTACH, EventKind::cgroup_move},   {FNS_EVENT_CGROUP_POPULATED, EventKind::cgroup_populated},
    {FNS_EVENT_CGROUP_FROZEN, EventKind::cgroup_frozen}, {FNS_EVENT_PARENT_MKDIR, EventKind::parent_made},
    {FNS_EVENT_PARENT_RMDIR, EventKind::parent_removed},
};

}  // namespace

LifecycleSensor::LifecycleSensor(Skeleton<lifecycle_bpf> skeleton, std::vector<ProgramStatus> programs,
                                 const SharedMaps& maps)
    : skeleton_(std::move(skeleton)), programs_(std::move(programs)), sandboxes_(maps.sandboxes())
{
}

LifecycleSensor::~LifecycleSensor() = default;

Result<void> LifecycleSensor::attach()
{
    links_ = attach_programs(skeleton_.object(), programs_);
    if (const ProgramStatus& mkdir = programs_.front(); !mkdir.attached)
        return fail("no sandbox can be seen: " + mkdir.reason, ExitCode::unsupported);
    return {};
}

Result<void> LifecycleSensor::add_parent_path(const std::string& path, const fns_parent& parent)
{
    auto key = parent_path_key(path);
    if (!key)
        return pass(std::move(key));
    if (auto added = parent_paths().update(*key, parent); !added)
        return pass(std::move(added), "cannot watch for sandboxes under " + path);
    return {};
}

Result<void> LifecycleSensor::add_parent(std::uint64_t cgroup_id, const fns_parent& parent)
{
    return parents().update(cgroup_id, parent);
}

Map<fns_parent_path, fns_parent> LifecycleSensor::parent_paths() const
{
    return Map<fns_parent_path, fns_parent>(bpf_map__fd(skeleton_->maps.parent_paths));
}

Map<std::uint64_t, fns_parent> LifecycleSensor::parents() const
{
    return Map<std::uint64_t, fns_parent>(bpf_map__fd(skeleton_->maps.parents));
}

Result<std::unique_ptr<Sensor>> make_lifecycle_sensor(const SensorContext& context)
{
    auto skeleton = Skeleton<lifecycle_bpf>::open("lifecycle");
    if (!skeleton)
        return pass(std::move(skeleton));
    (*skeleton)->rodata->fns_bulk_budget = context.bulk_budget;
    auto programs = choose_programs(skeleton->object(), kPrograms, context.host, context.choice);
    if (auto shared = context.maps.share_with(skeleton->object()); !shared)
        return pass(std::move(shared));
    if (auto loaded = skeleton->load(); !loaded)
        return pass(std::move(loaded));
    return std::make_unique<LifecycleSensor>(std::move(*skeleton), std::move(programs), context.maps);
}

Result<Event> decode_lifecycle(std::span<const std::byte> bytes)
{
    auto raw = decode::fixed_part<fns_lifecycle_event>(bytes);
    if (!raw)
        return pass(std::move(raw), "lifecycle");
    const auto row = std::ranges::find(kKinds, raw->header.kind, &KindRow::raw);
    if (row == std::end(kKinds))
        return fail("lifecycle: event of unknown kind " + std::to_string(raw->header.kind));
    Event event = decode::header(raw->header, row->kind);
    event.body = LifecycleBody{.cgroup_id = raw->cgroup_id,
                               .parent_cgroup_id = raw->parent_cgroup_id,
                               .path = decode::text(raw->path),
                               .value = raw->value,
                               .subject = decode::process(raw->subject),
                               .from_sandbox = raw->from_sandbox_id};
    return event;
}

}  // namespace fnshield
