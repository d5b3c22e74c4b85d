// SPDX-License-Identifier: Apache-2.0
//
// Everything of the daemon that is in the kernel: the shared maps, the rings, the sensors, the cgroups under which
// sandboxes appear. Made and armed once, in the order that loses nothing: hooks first, then what already runs is read
// back, then events are trusted.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "daemon/kernel/adoption.h"
#include "daemon/kernel/kernel_policies.h"
#include "daemon/kernel/pins.h"
#include "daemon/kernel/rings.h"
#include "daemon/kernel/v1_freezer.h"
#include "daemon/model/recognise.h"
#include "daemon/sensors/sensor.h"

namespace fnshield {

class LifecycleSensor;
class ProcessSensor;

class KernelSide {
public:
    // What a reload changes together.
    struct InForce {
        std::shared_ptr<const PolicySet> policies;
        Mode mode = Mode::monitor;
        const Recogniser& recogniser;  // used during the call
        const std::vector<ParentSpec>& parents;
    };

    struct Options {
        std::optional<Backend> forced_backend;  // nothing = the best that works
        ProgramChoice choice;                   // but for its backend, which is found out
        SharedMapSizes sizes;
        std::uint32_t bulk_budget = 4000;
        std::optional<std::string> pin_dir;  // enforcement.persist: where; nothing = it ends with the daemon
        InForce in_force;
    };

    // A sensor as it came out of loading: either it is there, or why it is not.
    struct Loaded {
        fns_sensor id = FNS_SENSOR_COUNT;
        std::unique_ptr<Sensor> sensor;
        std::string error;
        std::string detail;  // what libbpf said about it, for debugging

        // True while it sees all that it was asked to see.
        [[nodiscard]] bool attached() const;
        // The first reason; empty where it is attached.
        [[nodiscard]] std::string why_not() const;
        // The backend of its first attached program; empty where it has none.
        [[nodiscard]] std::string_view backend() const;
    };

    // Loads everything; attaches nothing. `host` outlives it. One failing sensor costs that sensor, but for lifecycle
    // and process: without them there is nothing to watch (ExitCode::unsupported).
    [[nodiscard]] static Result<std::unique_ptr<KernelSide>> make(const Host& host, const Options& options,
                                                                  Rings::OnRecord on_record, Nanoseconds now_ns);
    ~KernelSide();

    // Attaches all sensors and reads back what runs already; the events that tell of it, oldest first.
    [[nodiscard]] Result<std::vector<Event>> arm(Nanoseconds now_ns);

    // After the events of arm() have been processed: what an earlier daemon left pinned goes, for all of it has been
    // replaced. `pin_dir`: where that may be, also where this daemon pins nothing itself.
    void replace_inherited(const std::string& pin_dir);

    // To be called with every event that the model took: a parent that was made gets its cgroup programs, a sandbox
    // is watched by the v1 freezer.
    void follow(const Event& event, const Sandbox* sandbox);

    // Policies and the paths that are parents from now on, in place of those before; on an error those stay. Parents
    // that are no longer named stay until the next start.
    [[nodiscard]] Result<void> put_in_force(const InForce& wanted);

    // A sandbox got its name, another one, or became ready: which policy holds for it.
    void assign_policy(const Sandbox& sandbox, const Recogniser& recogniser);

    // Frozen and thawed sandboxes of the v1 freezer, as events of `now_ns`.
    [[nodiscard]] std::vector<Event> freezer_changes(Nanoseconds now_ns);
    [[nodiscard]] int freezer_fd() const;  // −1 where the host has no v1 freezer
    // Some sandbox is half frozen: ask for changes again at the next tick.
    [[nodiscard]] bool freezer_settling() const;

    // CLOCK_REALTIME − CLOCK_BOOTTIME, before arm() and whenever it may have changed.
    void set_wall_offset(std::int64_t offset_ns);

    // What was lost since the last call, as loss events of `now_ns`: of the node by sensor and stage, and of each
    // sandbox that lost some.
    [[nodiscard]] std::vector<Event> losses(Nanoseconds now_ns);

    // True where events of this sandbox were lost, reported by losses() or not yet.
    [[nodiscard]] bool lost_events(SandboxId sandbox) const;

    [[nodiscard]] Rings& rings() { return *rings_; }
    [[nodiscard]] const SharedMaps& maps() const { return maps_; }
    [[nodiscard]] const std::vector<Loaded>& sensors() const { return sensors_; }
    // What became of them, as sensor events of `now_ns` (sensor_health.h); to be asked once armed.
    [[nodiscard]] std::vector<Event> shortcomings(Nanoseconds now_ns) const;
    [[nodiscard]] Backend backend() const { return backend_; }
    [[nodiscard]] std::uint32_t own_tgid() const { return own_tgid_; }
    // How many cgroups under which sandboxes appear there are at or below this path: 0 = it matches nothing yet.
    [[nodiscard]] std::size_t parents_at(std::string_view path) const;
    // What went wrong since the last call, one line each, for the log.
    [[nodiscard]] std::vector<std::string> problems() { return std::exchange(problems_, {}); }

private:
    KernelSide(const Host& host, std::optional<Pins> pins, SharedMaps maps)
        : host_(host), pins_(std::move(pins)), maps_(std::move(maps))
    {
    }
    [[nodiscard]] Result<void> load(const Options& options);
    [[nodiscard]] Sensor* find(fns_sensor id);
    void attach_parent(std::uint64_t cgroup_id, const std::string& path);
    void keep_pinned();
    void inherit();

    const Host& host_;
    Backend backend_ = Backend::tracepoint;
    std::uint32_t own_tgid_ = 0;
    std::optional<Pins> pins_;
    SharedMaps maps_;
    InheritedSandboxes inherited_;  // what was in the maps before anything was attached
    std::unique_ptr<Rings> rings_;
    std::vector<Loaded> sensors_;
    ParentRules rules_;
    std::unique_ptr<KernelPolicies> policies_;
    std::unordered_map<std::uint64_t, std::string> parent_cgroups_;      // id → path
    std::unordered_map<std::uint64_t, std::uint64_t> lost_before_;       // sandbox → events
    std::map<std::pair<int, int>, std::uint64_t> lost_by_stage_before_;  // (sensor, stage)
    std::uint64_t total_lost_before_ = 0;
    std::optional<V1Freezer> freezer_;
    std::vector<std::string> problems_;
};

}  // namespace fnshield
