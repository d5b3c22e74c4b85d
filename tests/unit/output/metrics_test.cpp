// SPDX-License-Identifier: Apache-2.0
//
// The exposition as Prometheus reads it: names, types, labels, zeros from the start, and promtool's own opinion.
#include "daemon/output/metrics.h"

#include <gmock/gmock.h>

#include <cstdlib>
#include <ctime>
#include <fstream>
#include <limits>

#include "daemon/output/metric_helpers.h"
#include "tests/unit/output/support.h"
#include "tests/unit/support/events.h"

namespace fnshield {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

MetricsOptions sample_options()
{
    return {.version = "1.2.3",
            .rules = {"isolation.memory_read", "coldstart.slow"},
            .tables = {"sandboxes", "alerts"},
            .templates = {"/fn/{tenant}/{function}/{instance}"}};
}

// The value after "name{labels} "; NAN where the series is not there.
double value_of(const Metrics& metrics, const std::string& series)
{
    const std::string text = "\n" + metrics.render();
    const auto at = text.find("\n" + series + " ");
    return at == std::string::npos ? std::numeric_limits<double>::quiet_NaN()
                                   : std::strtod(text.c_str() + at + series.size() + 2, nullptr);
}

TEST(Metrics, KnownSeriesAreThereFromTheStart)
{
    const Metrics metrics(sample_options());
    for (const char* series : {"fnshield_events_total{sensor=\"memory\"}",
                               "fnshield_events_suppressed_total{sensor=\"egress\"}",
                               "fnshield_events_lost_total{sensor=\"process\",stage=\"ring_bulk\"}",
                               "fnshield_events_lost_total{sensor=\"process\",stage=\"decode\"}",
                               "fnshield_alerts_total{rule=\"isolation.memory_read\",severity=\"critical\"}",
                               "fnshield_alerts_total{rule=\"coldstart.slow\",severity=\"low\"}",
                               "fnshield_actions_total{action=\"kill\",result=\"none\"}",
                               "fnshield_sandboxes{state=\"frozen\"}",
                               "fnshield_sandboxes_created_total",
                               "fnshield_cold_start_seconds_count{phase=\"setup\"}",
                               "fnshield_cold_start_seconds_count{phase=\"init\"}",
                               "fnshield_cold_start_seconds_count{phase=\"first_request\"}",
                               "fnshield_cold_start_seconds_count{phase=\"total\"}",
                               "fnshield_event_delivery_seconds_count",
                               "fnshield_sensor_attached{backend=\"lsm\",sensor=\"memory\"}",
                               "fnshield_policies_loaded",
                               "fnshield_config_last_reload_successful",
                               "fnshield_config_last_reload_success_timestamp_seconds",
                               "fnshield_table_entries{table=\"sandboxes\"}",
                               "fnshield_table_capacity{table=\"alerts\"}",
                               "fnshield_table_evictions_total{table=\"alerts\"}",
                               "fnshield_heartbeat_timestamp_seconds",
                               "fnshield_template_parents{template=\"/fn/{tenant}/{function}/{instance}\"}",
                               "fnshield_function_labels_capped"})
        EXPECT_EQ(value_of(metrics, series), 0) << series;
    EXPECT_EQ(value_of(metrics, "fnshield_build_info{version=\"1.2.3\"}"), 1);
}

TEST(Metrics, CountWhatHappened)
{
    Metrics metrics(sample_options());
    metrics.count_event(FNS_SENSOR_MEMORY);
    metrics.count_event(FNS_SENSOR_MEMORY);
    metrics.count_event(FNS_SENSOR_COUNT);  // not from a sensor
    metrics.count_undecoded(FNS_SENSOR_EGRESS);
    metrics.count_alert("isolation.memory_read", Severity::critical, "resize");
    metrics.count_action(Action::deny, ActionResult::none);
    metrics.count_sandbox_created();
    metrics.set_sandboxes({1, 2, 3, 4, 5, 6});
    metrics.set_sensor_attached(FNS_SENSOR_MEMORY, "tracepoint", true);
    metrics.set_policies_loaded(3);
    metrics.set_heartbeat(1'700'000'000'500'000'000);
    metrics.observe_delivery(300'000);
    EXPECT_EQ(value_of(metrics, "fnshield_events_total{sensor=\"memory\"}"), 2);
    EXPECT_EQ(value_of(metrics, "fnshield_events_lost_total{sensor=\"egress\",stage=\"decode\"}"), 1);
    EXPECT_EQ(value_of(metrics, "fnshield_alerts_total{rule=\"isolation.memory_read\",severity=\"critical\"}"), 1);
    EXPECT_EQ(value_of(metrics, "fnshield_actions_total{action=\"deny\",result=\"none\"}"), 1);
    EXPECT_EQ(value_of(metrics, "fnshield_sandboxes_created_total"), 1);
    EXPECT_EQ(value_of(metrics, "fnshield_sandboxes{state=\"created\"}"), 1);
    EXPECT_EQ(value_of(metrics, "fnshield_sandboxes{state=\"gone\"}"), 6);
    EXPECT_EQ(value_of(metrics, "fnshield_sensor_attached{backend=\"tracepoint\",sensor=\"memory\"}"), 1);
    EXPECT_EQ(value_of(metrics, "fnshield_policies_loaded"), 3);
    EXPECT_EQ(value_of(metrics, "fnshield_heartbeat_timestamp_seconds"), 1'700'000'000.5);
    EXPECT_EQ(value_of(metrics, "fnshield_event_delivery_seconds_bucket{le=\"0.00025\"}"), 0);
    EXPECT_EQ(value_of(metrics, "fnshield_event_delivery_seconds_bucket{le=\"0.0005\"}"), 1);
    EXPECT_THAT(metrics.render(), Not(HasSubstr("fnshield_function_alerts_total")));
}

TEST(Metrics, AColdStartGivesEachPhaseOnce)
{
    Metrics metrics(sample_options());
    const PhaseBody all{.setup_ns = 20 * kMillisecond,
                        .init_ns = kSecond,
                        .first_request_ns = 2 * kSecond,
                        .total_ns = kSecond + 20 * kMillisecond};
    for (const EventKind kind : {EventKind::sandbox_created, EventKind::sandbox_started, EventKind::sandbox_ready,
                                 EventKind::sandbox_first_request, EventKind::sandbox_frozen}) {
        Event event;
        event.kind = kind;
        event.body = all;
        metrics.observe_cold_start(event, "resize");
    }
    for (const char* phase : {"setup", "init", "first_request", "total"})
        EXPECT_EQ(value_of(metrics, "fnshield_cold_start_seconds_count{phase=\"" + std::string(phase) + "\"}"), 1)
            << phase;
    EXPECT_DOUBLE_EQ(value_of(metrics, "fnshield_cold_start_seconds_sum{phase=\"setup\"}"), 0.02);
    EXPECT_DOUBLE_EQ(value_of(metrics, "fnshield_cold_start_seconds_sum{phase=\"total\"}"), 1.02);
}

TEST(Metrics, PhasesThatAreNotKnownAreNotObserved)
{
    Metrics metrics(sample_options());
    Event event;
    event.kind = EventKind::sandbox_ready;
    event.body = PhaseBody{.init_ns = kSecond};  // adopted: its beginning was not seen
    metrics.observe_cold_start(event, "");
    EXPECT_EQ(value_of(metrics, "fnshield_cold_start_seconds_count{phase=\"init\"}"), 1);
    EXPECT_EQ(value_of(metrics, "fnshield_cold_start_seconds_count{phase=\"total\"}"), 0);
}

TEST(Metrics, FollowTheKernelsCountersAndNeverGoDown)
{
    Metrics metrics(sample_options());
    const std::string lost = "fnshield_events_lost_total{sensor=\"egress\",stage=\"ring_bulk\"}";
    const std::string suppressed = "fnshield_events_suppressed_total{sensor=\"egress\"}";
    metrics.set_kernel_counters(FNS_SENSOR_EGRESS, 10, {0, 5});
    metrics.set_kernel_counters(FNS_SENSOR_EGRESS, 12, {0, 5});
    EXPECT_EQ(value_of(metrics, suppressed), 12);
    EXPECT_EQ(value_of(metrics, lost), 5);
    metrics.set_kernel_counters(FNS_SENSOR_EGRESS, 3, {0, 1});  // the sensor was loaded anew
    EXPECT_EQ(value_of(metrics, suppressed), 15);
    EXPECT_EQ(value_of(metrics, lost), 6);
}

TEST(Metrics, TablesAndOutputs)
{
    Metrics metrics(sample_options());
    metrics.set_table({.table = "sandboxes", .entries = 7, .capacity = 100, .evictions = 3});
    metrics.set_table({.table = "sandboxes", .entries = 6, .capacity = 100, .evictions = 4});
    metrics.set_output(
        {.label = "jsonl_alerts", .name = "jsonl /x", .stats = {.written = 9, .dropped = 1, .queued = 2}});
    EXPECT_EQ(value_of(metrics, "fnshield_table_entries{table=\"sandboxes\"}"), 6);
    EXPECT_EQ(value_of(metrics, "fnshield_table_capacity{table=\"sandboxes\"}"), 100);
    EXPECT_EQ(value_of(metrics, "fnshield_table_evictions_total{table=\"sandboxes\"}"), 4);
    EXPECT_EQ(value_of(metrics, "fnshield_outputs_written_total{output=\"jsonl_alerts\"}"), 9);
    EXPECT_EQ(value_of(metrics, "fnshield_outputs_dropped_total{output=\"jsonl_alerts\"}"), 1);
    EXPECT_EQ(value_of(metrics, "fnshield_outputs_queued{output=\"jsonl_alerts\"}"), 2);
    EXPECT_THAT(metrics.render(), Not(HasSubstr("/x")));
}

TEST(Metrics, AFailedReloadKeepsTheTimeOfTheLastGoodOne)
{
    Metrics metrics(sample_options());
    metrics.set_reload(true, 1000 * static_cast<std::int64_t>(kSecond));
    metrics.set_reload(false, 2000 * static_cast<std::int64_t>(kSecond));
    EXPECT_EQ(value_of(metrics, "fnshield_config_last_reload_successful"), 0);
    EXPECT_EQ(value_of(metrics, "fnshield_config_last_reload_success_timestamp_seconds"), 1000);
}

TEST(Metrics, FunctionLabelsAreCappedAndSaySo)
{
    MetricsOptions options = sample_options();
    options.function_labels = true;
    options.function_cap = 2;
    Metrics metrics(options);
    for (const char* function : {"a", "b", "a"})
        metrics.count_alert("coldstart.slow", Severity::low, function);
    EXPECT_EQ(value_of(metrics, "fnshield_function_labels_capped"), 0);
    for (const char* function : {"c", "d", "a", ""})
        metrics.count_alert("coldstart.slow", Severity::low, function);
    EXPECT_EQ(value_of(metrics, "fnshield_function_labels_capped"), 1);
    EXPECT_EQ(value_of(metrics, "fnshield_function_alerts_total{function=\"a\"}"), 3);
    EXPECT_EQ(value_of(metrics, "fnshield_function_alerts_total{function=\"_other\"}"), 2);
    EXPECT_THAT(metrics.render(), Not(HasSubstr("function=\"c\"")));
}

TEST(Metrics, AreThoseOfThisProcess)
{
    const Metrics metrics(sample_options());
    EXPECT_GT(value_of(metrics, "process_resident_memory_bytes"), 1e6);
    EXPECT_GT(value_of(metrics, "process_virtual_memory_bytes"), 1e6);
    EXPECT_GE(value_of(metrics, "process_open_fds"), 3);
    EXPECT_GE(value_of(metrics, "process_max_fds"), 3);
    EXPECT_GE(value_of(metrics, "process_threads"), 1);
    EXPECT_GT(value_of(metrics, "process_start_time_seconds"), 1e9);
    EXPECT_LE(value_of(metrics, "process_start_time_seconds"), static_cast<double>(time(nullptr)) + 1);
    EXPECT_GE(value_of(metrics, "process_cpu_seconds_total"), 0);
}

TEST(Metrics, ArePleasingToPromtool)
{
    if (std::system("command -v promtool >/dev/null 2>&1") != 0)
        GTEST_SKIP() << "promtool is not installed (package prometheus)";
    MetricsOptions options = sample_options();
    options.function_labels = true;
    Metrics metrics(options);
    metrics.count_alert("coldstart.slow", Severity::low, "sp\"ace\\\n\xff");
    metrics.set_output({.label = "jsonl_alerts", .name = "", .stats = {}});
    test::TempFolder folder;
    const auto exposition = folder.path() / "metrics";
    const auto verdict = folder.path() / "verdict";
    std::ofstream(exposition) << metrics.render();
    const std::string command = "promtool check metrics <" + exposition.string() + " >" + verdict.string() + " 2>&1";
    EXPECT_EQ(std::system(command.c_str()), 0) << test::read_all(verdict);
    EXPECT_EQ(test::read_all(verdict), "");
}

TEST(LabelValue, IsAlwaysShortUtf8)
{
    EXPECT_EQ(label_value("resize"), "resize");
    EXPECT_EQ(label_value("größe"), "größe");
    EXPECT_EQ(label_value("a\xff\xc0\x80z"), "a???z");
    EXPECT_EQ(label_value("\xed\xa0\x80"), "???");
    EXPECT_EQ(label_value("\xf0\x9f\x98\x80"), "\xf0\x9f\x98\x80");
    EXPECT_EQ(label_value(std::string(127, 'x') + "ä"), std::string(127, 'x'));
}

}  // namespace
}  // namespace fnshield
