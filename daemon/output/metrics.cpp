// SPDX-License-Identifier: Apache-2.0
#include "daemon/output/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <optional>
#include <sstream>
#include <unordered_map>

#include "daemon/output/metric_helpers.h"
#include "daemon/output/process_metrics.h"

namespace fnshield {
namespace {

using prometheus::Counter;
using prometheus::Family;
using prometheus::Gauge;
using prometheus::Histogram;
using prometheus::Registry;

// Cold starts: a warm page cache and a tiny runtime to a large model from a slow disk.
const Histogram::BucketBoundaries kColdStartBuckets{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25,
                                                    0.5,   1,      2.5,   5,    10,    30,   60};
const Histogram::BucketBoundaries kDeliveryBuckets{0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025,
                                                   0.005,   0.01,     0.025,   0.05,   0.1,     0.25,   0.5,   1};

constexpr auto kPhases = std::to_array<const char*>({"setup", "init", "first_request", "total"});
enum Phase : std::size_t { kSetup, kInit, kFirstRequest, kTotal };

constexpr auto kBackends = std::to_array<const char*>({"lsm", "fentry", "tracepoint", "cgroup"});
constexpr auto kSeverities = std::to_array({Severity::low, Severity::medium, Severity::high, Severity::critical});
constexpr auto kActions = std::to_array({Action::alert, Action::deny, Action::kill, Action::freeze});
constexpr auto kResults = std::to_array<const char*>({"taken", "none", "failed"});
static_assert(kResults.size() == static_cast<std::size_t>(ActionResult::count_));

constexpr const char* kDecodeStage = "decode";
constexpr std::size_t kSensors = FNS_SENSOR_COUNT;
constexpr const char* kOtherFunctions = "_other";

Family<Counter>& counters(Registry& registry, const char* name, const char* help)
{
    return prometheus::BuildCounter().Name(name).Help(help).Register(registry);
}

Family<Gauge>& gauges(Registry& registry, const char* name, const char* help)
{
    return prometheus::BuildGauge().Name(name).Help(help).Register(registry);
}

Family<Histogram>& histograms(Registry& registry, const char* name, const char* help)
{
    return prometheus::BuildHistogram().Name(name).Help(help).Register(registry);
}

std::string text(std::string_view name)
{
    return std::string(name);
}

// What is counted for one sensor.
struct SensorCounters {
    Counter* events;
    MirroredCounter suppressed;
    std::vector<MirroredCounter> lost;  // by stage
    Counter* undecoded;
};

struct FunctionMetrics {
    Histogram* cold_start;
    Counter* alerts;
};

}  // namespace

struct Metrics::State {
    Registry registry;

    Family<Counter>& events = counters(registry, "fnshield_events_total", "Events that reached the detectors.");
    Family<Counter>& suppressed =
        counters(registry, "fnshield_events_suppressed_total", "Repeats of an act that the kernel only counted.");
    Family<Counter>& lost = counters(registry, "fnshield_events_lost_total", "Events lost, by where.");
    Family<Counter>& alerts = counters(registry, "fnshield_alerts_total",
                                       "Alerts and steps of one, by their own rules; updates not counted.");
    Family<Counter>& actions = counters(registry, "fnshield_actions_total",
                                        "Actions that a policy asked for with an alert, by what became of them.");
    Family<Gauge>& sandboxes = gauges(registry, "fnshield_sandboxes", "Sandboxes known now, by state.");
    Counter& created =
        counters(registry, "fnshield_sandboxes_created_total", "Sandboxes that were made since the daemon runs.")
            .Add({});
    Family<Histogram>& cold_starts =
        histograms(registry, "fnshield_cold_start_seconds", "Cold starts of sandboxes, by phase.");
    Histogram& delivery = histograms(registry, "fnshield_event_delivery_seconds",
                                     "Time of an event from its hook in the kernel to the detectors.")
                              .Add({}, kDeliveryBuckets);
    Family<Gauge>& attached =
        gauges(registry, "fnshield_sensor_attached", "Whether a sensor has programs of this backend attached.");
    Gauge& policies = gauges(registry, "fnshield_policies_loaded", "Policies in force.").Add({});
    Gauge& reload_ok = gauges(registry, "fnshield_config_last_reload_successful",
                              "Whether the last load of configuration and policies worked.")
                           .Add({});
    Gauge& reload_time = gauges(registry, "fnshield_config_last_reload_success_timestamp_seconds",
                                "When configuration and policies were last loaded with success.")
                             .Add({});
    Family<Gauge>& table_entries = gauges(registry, "fnshield_table_entries", "Entries of a bounded table.");
    Family<Gauge>& table_capacity = gauges(registry, "fnshield_table_capacity", "Most entries that a table can hold.");
    MirroredCounters table_evictions{
        counters(registry, "fnshield_table_evictions_total", "Entries that had to make room in a full table."),
        "table"};
    Gauge& heartbeat =
        gauges(registry, "fnshield_heartbeat_timestamp_seconds", "When a heartbeat last came back through the kernel.")
            .Add({});
    MirroredCounters output_written{
        counters(registry, "fnshield_outputs_written_total", "Lines that an output has taken."), "output"};
    MirroredCounters output_dropped{
        counters(registry, "fnshield_outputs_dropped_total", "Lines that an output could not take, lost."), "output"};
    Family<Gauge>& output_queued =
        gauges(registry, "fnshield_outputs_queued", "Lines that wait for an output to work again.");
    Family<Gauge>& template_parents =
        gauges(registry, "fnshield_template_parents", "Cgroups under which a template looks for sandboxes now.");
    Gauge& functions_capped = gauges(registry, "fnshield_function_labels_capped",
                                     "Whether there were more functions than get a label of their own.")
                                  .Add({});

    // Only where function labels are wanted.
    bool function_labels = false;
    std::size_t function_cap = 0;
    Family<Histogram>* function_cold_starts = nullptr;
    Family<Counter>* function_alerts = nullptr;
    std::unordered_map<std::string, FunctionMetrics> functions;

    std::vector<SensorCounters> by_sensor;
    std::array<Histogram*, kPhases.size()> by_phase{};

    SensorCounters make_sensor(fns_sensor sensor)
    {
        const std::string name = text(sensor_name(sensor));
        SensorCounters made{.events = &events.Add({{"sensor", name}}),
                            .suppressed = MirroredCounter(suppressed.Add({{"sensor", name}})),
                            .lost = {},
                            .undecoded = &lost.Add({{"sensor", name}, {"stage", kDecodeStage}})};
        for (std::size_t stage = 0; stage < FNS_LOSS_STAGE_COUNT; ++stage)
            made.lost.emplace_back(
                lost.Add({{"sensor", name}, {"stage", text(loss_stage_name(static_cast<fns_loss_stage>(stage)))}}));
        for (const char* backend : kBackends)
            attached.Add({{"sensor", name}, {"backend", backend}});
        return made;
    }

    SensorCounters* sensor(fns_sensor id)
    {
        const auto index = static_cast<std::size_t>(id);
        return index < by_sensor.size() ? &by_sensor[index] : nullptr;
    }

    void add_table(const std::string& name)
    {
        table_entries.Add({{"table", name}});
        table_capacity.Add({{"table", name}});
        table_evictions.of(name);
    }

    FunctionMetrics& function(std::string_view name)
    {
        std::string label = label_value(name);
        const auto known = functions.find(label);
        if (known != functions.end())
            return known->second;
        if (functions.size() >= function_cap) {
            functions_capped.Set(1);
            label = kOtherFunctions;
            if (const auto others = functions.find(label); others != functions.end())
                return others->second;
        }
        const FunctionMetrics made{.cold_start = &function_cold_starts->Add({{"function", label}}, kColdStartBuckets),
                                   .alerts = &function_alerts->Add({{"function", label}})};
        return functions.emplace(std::move(label), made).first->second;
    }
};

Metrics::Metrics(const MetricsOptions& options) : state_(std::make_unique<State>())
{
    State& state = *state_;
    gauges(state.registry, "fnshield_build_info", "Always 1; the labels say what runs.")
        .Add({{"version", options.version}})
        .Set(1);
    for (std::size_t sensor = 0; sensor < kSensors; ++sensor)
        state.by_sensor.push_back(state.make_sensor(static_cast<fns_sensor>(sensor)));
    for (const std::string& rule : options.rules)
        for (const Severity severity : kSeverities)
            state.alerts.Add({{"rule", rule}, {"severity", text(severity_name(severity))}});
    for (const Action action : kActions)
        for (const char* result : kResults)
            state.actions.Add({{"action", text(action_name(action))}, {"result", result}});
    for (std::size_t i = 0; i < static_cast<std::size_t>(SandboxState::count_); ++i)
        state.sandboxes.Add({{"state", text(sandbox_state_name(static_cast<SandboxState>(i)))}});
    for (std::size_t i = 0; i < kPhases.size(); ++i)
        state.by_phase[i] = &state.cold_starts.Add({{"phase", kPhases[i]}}, kColdStartBuckets);
    for (const std::string& table : options.tables)
        state.add_table(table);
    for (const std::string& name : options.templates)
        set_template_parents(name, 0);
    if (options.function_labels) {
        state.function_labels = true;
        state.function_cap = options.function_cap;
        state.function_cold_starts = &histograms(state.registry, "fnshield_function_cold_start_seconds",
                                                 "Cold starts (phase total), by function.");
        state.function_alerts = &counters(state.registry, "fnshield_function_alerts_total", "Alerts, by function.");
    }
}

Metrics::~Metrics() = default;

void Metrics::count_event(fns_sensor sensor)
{
    if (SensorCounters* counted = state_->sensor(sensor))
        counted->events->Increment();
}

void Metrics::observe_delivery(Nanoseconds duration_ns)
{
    state_->delivery.Observe(to_seconds(duration_ns));
}

void Metrics::count_undecoded(fns_sensor sensor)
{
    if (SensorCounters* counted = state_->sensor(sensor))
        counted->undecoded->Increment();
}

void Metrics::set_kernel_counters(fns_sensor sensor, std::uint64_t suppressed, const StageCounts& lost)
{
    SensorCounters* counted = state_->sensor(sensor);
    if (!counted)
        return;
    counted->suppressed.set(suppressed);
    for (std::size_t stage = 0; stage < lost.size(); ++stage)
        counted->lost[stage].set(lost[stage]);
}

void Metrics::count_alert(std::string_view rule, Severity severity, std::string_view function)
{
    state_->alerts.Add({{"rule", text(rule)}, {"severity", text(severity_name(severity))}}).Increment();
    if (state_->function_labels && !function.empty())
        state_->function(function).alerts->Increment();
}

void Metrics::count_action(Action requested, ActionResult result)
{
    state_->actions
        .Add({{"action", text(action_name(requested))}, {"result", kResults[static_cast<std::size_t>(result)]}})
        .Increment();
}

void Metrics::set_sandboxes(const StateCounts& by_state)
{
    for (std::size_t i = 0; i < by_state.size(); ++i)
        state_->sandboxes.Add({{"state", text(sandbox_state_name(static_cast<SandboxState>(i)))}})
            .Set(static_cast<double>(by_state[i]));
}

void Metrics::count_sandbox_created()
{
    state_->created.Increment();
}

void Metrics::observe_cold_start(const Event& event, std::string_view function)
{
    const auto* phases = event.as<PhaseBody>();
    if (!phases)
        return;
    const auto observe = [&](Phase phase, const std::optional<Nanoseconds>& duration_ns) {
        if (duration_ns)
            state_->by_phase[phase]->Observe(to_seconds(*duration_ns));
    };
    if (event.kind == EventKind::sandbox_started)
        observe(kSetup, phases->setup_ns);
    if (event.kind == EventKind::sandbox_first_request)
        observe(kFirstRequest, phases->first_request_ns);
    if (event.kind != EventKind::sandbox_ready)
        return;
    observe(kInit, phases->init_ns);
    observe(kTotal, phases->total_ns);
    if (state_->function_labels && !function.empty() && phases->total_ns)
        state_->function(function).cold_start->Observe(to_seconds(*phases->total_ns));
}

void Metrics::set_sensor_attached(fns_sensor sensor, std::string_view backend, bool attached)
{
    if (state_->sensor(sensor) && !backend.empty())
        state_->attached.Add({{"sensor", text(sensor_name(sensor))}, {"backend", text(backend)}}).Set(attached ? 1 : 0);
}

void Metrics::set_policies_loaded(std::size_t policies)
{
    state_->policies.Set(static_cast<double>(policies));
}

void Metrics::set_reload(bool successful, std::int64_t unix_ns)
{
    state_->reload_ok.Set(successful ? 1 : 0);
    if (successful)
        state_->reload_time.Set(static_cast<double>(unix_ns) / 1e9);
}

void Metrics::set_heartbeat(std::int64_t unix_ns)
{
    state_->heartbeat.Set(static_cast<double>(unix_ns) / 1e9);
}

void Metrics::set_table(const TableStats& table)
{
    const std::string name = text(table.table);
    state_->table_entries.Add({{"table", name}}).Set(static_cast<double>(table.entries));
    state_->table_capacity.Add({{"table", name}}).Set(static_cast<double>(table.capacity));
    state_->table_evictions.of(name).set(table.evictions);
}

void Metrics::set_output(const OutputStatus& output)
{
    state_->output_written.of(output.label).set(output.stats.written);
    state_->output_dropped.of(output.label).set(output.stats.dropped);
    state_->output_queued.Add({{"output", output.label}}).Set(static_cast<double>(output.stats.queued));
}

void Metrics::set_template_parents(std::string_view name, std::size_t parents)
{
    state_->template_parents.Add({{"template", label_value(name)}}).Set(static_cast<double>(parents));
}

std::string Metrics::render() const
{
    auto families = state_->registry.Collect();
    for (auto& family : process_metrics())
        families.push_back(std::move(family));
    std::ostringstream out;
    prometheus::TextSerializer().Serialize(out, families);
    return std::move(out).str();
}

}  // namespace fnshield
