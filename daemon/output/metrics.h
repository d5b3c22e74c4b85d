// SPDX-License-Identifier: Apache-2.0
//
// Every metric of the daemon, behind methods that say what happened; nobody else sees prometheus-cpp. The loop calls
// these; render() may be called from any thread at the same time.
//
// Labels that can be known are there from the start with 0, so that a rate over a first alert is not lost. No pid,
// path, sandbox or address is ever a label's value. `function` is one only where it is asked for, and only for the
// first `function_cap` functions: the others are counted under "_other", and fnshield_function_labels_capped says 1.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/model/event.h"
#include "daemon/model/model.h"
#include "daemon/model/sandbox.h"
#include "daemon/output/outputs.h"
#include "daemon/policy/policy.h"

namespace fnshield {

struct MetricsOptions {
    std::string version = FNSHIELD_VERSION;
    std::vector<std::string> rules;      // of the registered detectors
    std::vector<std::string> tables;     // that will be told by set_table()
    std::vector<std::string> templates;  // under which sandboxes are looked for
    bool function_labels = false;
    std::size_t function_cap = 100;
};

enum class ActionResult : std::uint8_t {
    taken,
    none,    // monitor mode, or nothing here can do it
    failed,  // it was tried
    count_
};

class Metrics {
public:
    using StateCounts = std::array<std::size_t, static_cast<std::size_t>(SandboxState::count_)>;
    using StageCounts = std::array<std::uint64_t, FNS_LOSS_STAGE_COUNT>;

    explicit Metrics(const MetricsOptions& options);
    ~Metrics();

    // --- events ---
    // One event that reached the detectors.
    void count_event(fns_sensor sensor);
    // From the hook to the detectors.
    void observe_delivery(Nanoseconds duration_ns);
    // One record of the ring that could not be decoded: lost at stage "decode".
    void count_undecoded(fns_sensor sensor);
    // What the kernel counted since the sensor was loaded. A count that went down began anew.
    void set_kernel_counters(fns_sensor sensor, std::uint64_t suppressed, const StageCounts& lost);

    // --- alerts ---
    // A new alert; not the updates of it. `function` may be empty.
    void count_alert(std::string_view rule, Severity severity, std::string_view function);
    void count_action(Action requested, ActionResult result);

    // --- sandboxes ---
    void set_sandboxes(const StateCounts& by_state);
    void count_sandbox_created();
    // The phases that a derived event completes: setup (sandbox_started), init and total (sandbox_ready), first_request
    // (sandbox_first_request). Other events, and phases that are not known, are left alone.
    void observe_cold_start(const Event& event, std::string_view function);

    // --- the daemon ---
    // backend: as backend_name() has it; empty = attached to none.
    void set_sensor_attached(fns_sensor sensor, std::string_view backend, bool attached);
    void set_policies_loaded(std::size_t policies);
    void set_reload(bool successful, std::int64_t unix_ns);  // unix_ns: now; kept only where successful
    void set_heartbeat(std::int64_t unix_ns);
    void set_table(const TableStats& table);
    void set_output(const OutputStatus& output);
    // Cgroups that a template found to look under now; 0 = it matches nothing.
    void set_template_parents(std::string_view name, std::size_t parents);

    // Text exposition format 0.0.4. Thread-safe.
    [[nodiscard]] std::string render() const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace fnshield
