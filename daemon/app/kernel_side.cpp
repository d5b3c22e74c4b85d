// SPDX-License-Identifier: Apache-2.0
#include "daemon/app/kernel_side.h"

#include <algorithm>
#include <cstring>

#include "daemon/app/sensor_health.h"
#include "daemon/kernel/adoption.h"
#include "daemon/kernel/backend_probe.h"
#include "daemon/kernel/own_tgid.h"
#include "daemon/sensors/lifecycle_sensor.h"
#include "daemon/sensors/process_sensor.h"

namespace fnshield {
namespace {

// Without these nothing that happens could be told apart.
bool is_vital(fns_sensor id)
{
    return id == FNS_SENSOR_LIFECYCLE || id == FNS_SENSOR_PROCESS;
}

fns_parent parent_entry(const ParentSpec& spec)
{
    fns_parent entry{};
    entry.depth = spec.depth;
    entry.flags = spec.rest ? FNS_PARENT_REST : 0;
    entry.prefixes = static_cast<std::uint32_t>(std::min<std::size_t>(spec.leaf_prefixes.size(), FNS_LEAF_PREFIXES));
    for (std::size_t i = 0; i < entry.prefixes; ++i)
        std::strncpy(entry.leaf_prefix[i], spec.leaf_prefixes[i].c_str(), FNS_LEAF_PREFIX_BYTES - 1);
    return entry;
}

Event loss_event(Nanoseconds now_ns, SandboxId sandbox, LossBody body)
{
    Event event;
    event.kind = EventKind::loss;
    event.time_ns = now_ns;
    event.sandbox = sandbox;
    event.body = std::move(body);
    return event;
}

}  // namespace

bool KernelSide::Loaded::attached() const
{
    return sensor && std::ranges::none_of(sensor->programs(), &ProgramStatus::failed);
}

std::string KernelSide::Loaded::why_not() const
{
    if (sensor)
        for (const ProgramStatus& program : sensor->programs())
            if (program.failed)
                return program.reason;
    return error;
}

std::string_view KernelSide::Loaded::backend() const
{
    if (sensor)
        for (const ProgramStatus& program : sensor->programs())
            if (program.attached)
                return backend_name(program.backend);
    return {};
}

KernelSide::~KernelSide() = default;

Result<std::unique_ptr<KernelSide>> KernelSide::make(const Host& host, const Options& options,
                                                     Rings::OnRecord on_record, Nanoseconds now_ns)
{
    std::optional<Pins> pins;
    if (options.pin_dir) {
        auto folder = Pins::make(*options.pin_dir, now_ns);
        if (!folder)
            return pass(std::move(folder));
        pins.emplace(std::move(*folder));
    }
    auto maps = SharedMaps::make(options.sizes, pins ? &*pins : nullptr);
    if (!maps)
        return pass(std::move(maps));
    std::unique_ptr<KernelSide> made(new KernelSide(host, std::move(pins), std::move(*maps)));
    if (made->maps_.left_behind())
        made->problems_.push_back(
            "the maps that an earlier daemon pinned are of another layout or size: sandboxes that run are adopted "
            "without what was known of them");
    made->inherit();
    auto rings = Rings::make(made->maps_, std::move(on_record));
    if (!rings)
        return pass(std::move(rings));
    made->rings_ = std::make_unique<Rings>(std::move(*rings));
    if (host.freezer_mount()) {
        auto freezer = V1Freezer::make(*host.freezer_mount());
        if (freezer)
            made->freezer_.emplace(std::move(*freezer));
        else
            made->problems_.push_back("freezes through the v1 freezer are not seen: " + freezer.error().message);
    }
    if (auto loaded = made->load(options); !loaded)
        return pass(std::move(loaded));
    return made;
}

Result<void> KernelSide::load(const Options& options)
{
    auto self = fnshield::own_tgid();
    if (!self)
        return pass(std::move(self));
    own_tgid_ = self->number;
    if (self->nested)
        problems_.push_back(
            "the daemon runs in a pid namespace of its own: what /proc tells about processes outside of it is missing; "
            "give its container the host's pid namespace");
    auto backend = choose_backend(options.forced_backend);
    if (!backend)
        return pass(std::move(backend));
    backend_ = *backend;
    ProgramChoice choice = options.choice;
    choice.backend = backend_;
    const SensorContext context{.host = host_,
                                .maps = maps_,
                                .choice = choice,
                                .daemon_tgid = self->number,
                                .bulk_budget = options.bulk_budget};
    for (const SensorRow& row : sensor_rows()) {
        auto sensor = row.make(context);
        if (!sensor && is_vital(row.id))
            return std::unexpected(std::move(sensor).error());
        Loaded loaded{.id = row.id};
        if (sensor)
            loaded.sensor = std::move(*sensor);
        else {
            loaded.error = sensor.error().message;
            loaded.detail = take_libbpf_output();
        }
        sensors_.push_back(std::move(loaded));
    }
    const auto& lifecycle = dynamic_cast<const LifecycleSensor&>(*find(FNS_SENSOR_LIFECYCLE));
    policies_ = std::make_unique<KernelPolicies>(maps_, lifecycle.parents(), lifecycle.parent_paths());
    return put_in_force(options.in_force);
}

Sensor* KernelSide::find(fns_sensor id)
{
    const auto found = std::ranges::find(sensors_, id, &Loaded::id);
    return found != sensors_.end() ? found->sensor.get() : nullptr;
}

Result<void> KernelSide::put_in_force(const InForce& wanted)
{
    ParentRules rules = rules_;
    for (const ParentSpec& spec : wanted.parents) {
        const auto before = rules.find(spec.path);
        const std::uint32_t policy_id = before == rules.end() ? 0 : before->second.policy_id;
        rules[spec.path] = parent_entry(spec);
        rules[spec.path].policy_id = policy_id;
    }
    if (auto replaced = policies_->replace(wanted.policies, wanted.mode, wanted.recogniser, rules); !replaced)
        return replaced;
    rules_ = std::move(rules);
    return {};
}

void KernelSide::assign_policy(const Sandbox& sandbox, const Recogniser& recogniser)
{
    if (auto assigned = policies_->assign(sandbox.id, sandbox.name, sandbox.warm()); !assigned)
        problems_.push_back(sandbox.cgroup + ": " + assigned.error().message);
    // The next one beside it then has its policy from its first instruction, also while there is no daemon.
    const auto entry = maps_.sandboxes().lookup(sandbox.id);
    const std::string above = sandbox.cgroup.substr(0, sandbox.cgroup.rfind('/'));
    if (entry)
        policies_->assign_parent(entry->parent_cgroup_id, above, recogniser);
}

Result<std::vector<Event>> KernelSide::arm(Nanoseconds now_ns)
{
    for (Loaded& loaded : sensors_) {
        if (!loaded.sensor)
            continue;
        if (auto attached = loaded.sensor->attach(); !attached) {
            if (is_vital(loaded.id))
                return pass(std::move(attached));
            loaded.error = attached.error().message;
            loaded.sensor.reset();
        }
    }
    auto& lifecycle = dynamic_cast<LifecycleSensor&>(*find(FNS_SENSOR_LIFECYCLE));
    auto adopted = adopt(host_.cgroup2_mount(), rules_, lifecycle.parents(), lifecycle.sandboxes(), inherited_, now_ns);
    if (!adopted)
        return pass(std::move(adopted), "cannot read back the sandboxes that run already");
    for (const AdoptedParent& parent : adopted->parents)
        attach_parent(parent.cgroup_id, parent.path);

    std::vector<Event> events = std::move(adopted->sandboxes);
    auto running = dynamic_cast<ProcessSensor&>(*find(FNS_SENSOR_PROCESS)).running_processes(now_ns);
    if (running)
        std::ranges::move(*running, std::back_inserter(events));
    else
        problems_.push_back("processes that run already are not known: " + running.error().message);
    keep_pinned();
    return events;
}

// What an earlier daemon left in the maps: its sandboxes are adopted; its losses were reported by it, or happened while
// there was none.
void KernelSide::inherit()
{
    maps_.sandboxes().for_each([this](SandboxId id, const fns_sandbox& sandbox) {
        const auto assigned = maps_.assignments().lookup(id);
        inherited_[id] = {.started_ns = sandbox.started_ns,
                          .warm = (sandbox.flags & FNS_SANDBOX_READY) != 0 || (assigned && assigned->warm != 0)};
        lost_before_[id] = sandbox.lost_events;
    });
    std::uint64_t lost = 0;
    for (int id = 0; id < FNS_SENSOR_COUNT; ++id)
        if (const auto counters = maps_.total(static_cast<fns_sensor>(id)))
            for (int stage = 0; stage < FNS_LOSS_STAGE_COUNT; ++stage)
                lost += lost_by_stage_before_[{id, stage}] = counters->lost[stage];
    total_lost_before_ = lost;
    if (lost > 0)
        problems_.push_back(std::to_string(lost) +
                            " events were lost before this start, or while no daemon was there to take them");
}

void KernelSide::replace_inherited(const std::string& pin_dir)
{
    policies_->forget_inherited();
    inherited_.clear();
    if (pins_) {
        pins_->drop_older_links();
        return;
    }
    if (const auto removed = Pins::remove_all(pin_dir); !removed)
        problems_.push_back(removed.error().message);
    else if (*removed > 0)
        problems_.push_back(std::to_string(*removed) + " objects that an earlier daemon left pinned in " + pin_dir +
                            " are removed: enforcement.persist is off");
}

void KernelSide::keep_pinned()
{
    if (!pins_)
        return;
    if (auto pinned = pins_->pin_links(); !pinned)
        problems_.push_back("not all stays in force when the daemon stops: " + pinned.error().message);
}

void KernelSide::attach_parent(std::uint64_t cgroup_id, const std::string& path)
{
    parent_cgroups_[cgroup_id] = path;
    for (const Loaded& loaded : sensors_)
        if (loaded.sensor)
            if (auto attached = loaded.sensor->attach_to_parent(cgroup_id, host_.cgroup2_mount() + path); !attached)
                problems_.push_back("sandboxes under " + path + ": " + attached.error().message);
}

void KernelSide::follow(const Event& event, const Sandbox* sandbox)
{
    const auto* lifecycle = event.as<LifecycleBody>();
    switch (event.kind) {
        case EventKind::parent_made:
            attach_parent(lifecycle->cgroup_id, lifecycle->path);
            keep_pinned();
            break;
        case EventKind::parent_removed:
            parent_cgroups_.erase(lifecycle->cgroup_id);
            for (const Loaded& loaded : sensors_)
                if (loaded.sensor)
                    loaded.sensor->detach_from_parent(lifecycle->cgroup_id);
            keep_pinned();
            break;
        case EventKind::sandbox_created:  // adopted: the others have no folder there yet
        case EventKind::sandbox_started:
            if (freezer_ && sandbox != nullptr)
                if (auto watched = freezer_->watch(sandbox->id, sandbox->cgroup); !watched)
                    problems_.push_back("freezes of " + sandbox->cgroup + " are not seen: " + watched.error().message);
            break;
        case EventKind::cgroup_removed:
            if (freezer_)
                freezer_->unwatch(event.sandbox);
            lost_before_.erase(event.sandbox);
            policies_->forget(event.sandbox);
            break;
        default:
            break;
    }
}

std::vector<Event> KernelSide::freezer_changes(Nanoseconds now_ns)
{
    std::vector<Event> events;
    if (!freezer_)
        return events;
    for (const auto& change : freezer_->read_changes()) {
        Event event;
        event.kind = EventKind::cgroup_frozen;
        event.time_ns = now_ns;
        event.sandbox = change.sandbox_id;
        event.body = LifecycleBody{.cgroup_id = change.sandbox_id, .value = change.frozen ? 1U : 0U};
        events.push_back(std::move(event));
    }
    return events;
}

bool KernelSide::freezer_settling() const
{
    return freezer_ && freezer_->settling();
}

int KernelSide::freezer_fd() const
{
    return freezer_ ? freezer_->fd() : -1;
}

void KernelSide::set_wall_offset(std::int64_t offset_ns)
{
    for (Loaded& loaded : sensors_)
        if (loaded.sensor)
            loaded.sensor->set_wall_offset(offset_ns);
}

std::vector<Event> KernelSide::losses(Nanoseconds now_ns)
{
    std::vector<Event> events;
    std::uint64_t total = 0;
    for (int id = 0; id < FNS_SENSOR_COUNT; ++id) {
        const auto sensor = static_cast<fns_sensor>(id);
        const auto counters = maps_.total(sensor);
        if (!counters)
            continue;
        for (int stage = 0; stage < FNS_LOSS_STAGE_COUNT; ++stage) {
            total += counters->lost[stage];
            std::uint64_t& before = lost_by_stage_before_[{id, stage}];
            if (counters->lost[stage] > before)
                events.push_back(
                    loss_event(now_ns, kHost,
                               {.events = counters->lost[stage] - before,
                                .sensor = std::string(sensor_name(sensor)),
                                .stage = std::string(loss_stage_name(static_cast<fns_loss_stage>(stage)))}));
            before = counters->lost[stage];
        }
    }
    if (total == total_lost_before_)
        return events;  // the walk over all sandboxes is only for bad days
    total_lost_before_ = total;
    maps_.sandboxes().for_each([&](std::uint64_t id, const fns_sandbox& sandbox) {
        std::uint64_t& before = lost_before_[id];
        if (sandbox.lost_events <= before)
            return;
        events.push_back(loss_event(now_ns, id, {.events = sandbox.lost_events - before, .sensor = {}, .stage = {}}));
        before = sandbox.lost_events;
    });
    return events;
}

std::vector<Event> KernelSide::shortcomings(Nanoseconds now_ns) const
{
    std::vector<SensorOutcome> outcomes;
    for (const Loaded& loaded : sensors_) {
        SensorOutcome outcome{.sensor = loaded.id, .error = loaded.error, .backend = std::string(loaded.backend())};
        if (loaded.sensor)
            outcome.programs = loaded.sensor->programs();
        outcomes.push_back(std::move(outcome));
    }
    return sensor_events(outcomes, backend_, !parent_cgroups_.empty(), now_ns);
}

bool KernelSide::lost_events(SandboxId sandbox) const
{
    const auto entry = maps_.sandboxes().lookup(sandbox);
    return entry && entry->lost_events > 0;
}

std::size_t KernelSide::parents_at(std::string_view path) const
{
    const std::string below = std::string(path) + "/";
    return static_cast<std::size_t>(std::ranges::count_if(parent_cgroups_, [&](const auto& parent) {
        return parent.second == path || parent.second.starts_with(below);
    }));
}

}  // namespace fnshield
