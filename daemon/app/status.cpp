// SPDX-License-Identifier: Apache-2.0
//
// What the daemon answers over the control socket (daemon.h, ControlBackend).
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>

#include "daemon/app/daemon.h"
#include "daemon/kernel/capabilities.h"

namespace fnshield {
namespace {

std::string kernel_release()
{
    utsname names{};
    uname(&names);
    return names.release;
}

std::vector<ProgramReport> program_reports(const Sensor& sensor)
{
    std::vector<ProgramReport> reports;
    for (const ProgramStatus& program : sensor.programs())
        reports.push_back({.program = program.program,
                           .backend = std::string(backend_name(program.backend)),
                           .attached = program.attached,
                           .reason = program.reason});
    return reports;
}

SensorReport sensor_report(const KernelSide::Loaded& loaded, const SharedMaps& maps)
{
    SensorReport report{
        .name = std::string(sensor_name(loaded.id)), .backend = std::string(loaded.backend()), .error = loaded.error};
    if (loaded.sensor)
        report.programs = program_reports(*loaded.sensor);
    if (const auto counters = maps.total(loaded.id)) {
        report.events = counters->forwarded;
        report.suppressed = counters->suppressed;
        for (int stage = 0; stage < FNS_LOSS_STAGE_COUNT; ++stage)
            if (counters->lost[stage] > 0)
                report.lost[std::string(loss_stage_name(static_cast<fns_loss_stage>(stage)))] = counters->lost[stage];
    }
    return report;
}

std::string joined(const std::vector<std::string>& reasons)
{
    std::string text;
    for (const std::string& reason : reasons)
        text += (text.empty() ? "" : "; ") + reason;
    return text;
}

}  // namespace

StatusReport Daemon::status() const
{
    const Config& config = settings_.get().config;
    StatusReport report{.node = config.node,
                        .mode = std::string(mode_name(config.mode)),
                        .backend = std::string(backend_choice_name(config.backend)),
                        .kernel = kernel_release(),
                        .config_file = config.file,
                        .policy_dir = config.policy_dir,
                        .state_dir = config.state_dir,
                        .listen = listen_address(),
                        .pid = static_cast<std::uint32_t>(::getpid()),
                        .started_ns = started_ns_,
                        .reload_error = reload_error_};
    if (const auto verdict = health_.check(clock_.boot_ns()); !verdict.ready)
        report.not_ready = joined(verdict.reasons);
    const auto& totals = pipeline_->totals();
    if (totals.heartbeats > 0)
        report.heartbeat_ns = totals.last_heartbeat_ns;
    report.heartbeats = totals.heartbeats;
    report.sandboxes_created = totals.sandboxes_created;
    report.alerts = totals.alerts;
    for (const Capability& missing : missing_serving(HeldCapabilities::read()))
        report.missing_capabilities.push_back({.name = missing.name, .serves = missing.serves});
    for (const auto& loaded : kernel_->sensors())
        report.sensors.push_back(sensor_report(loaded, kernel_->maps()));
    for (const auto& policy : settings_.get().policies->policies())
        report.policies.push_back({.name = policy->name, .file = policy->file});
    report.tables = tables();
    return report;
}

std::vector<TableStats> Daemon::tables() const
{
    std::vector<TableStats> all = model_->tables();
    std::ranges::move(engine_->tables(), std::back_inserter(all));
    all.push_back(book_->table());
    return all;
}

void Daemon::for_each_sandbox(const std::function<void(const Sandbox&)>& visit) const
{
    model_->for_each_sandbox(visit);
}

std::optional<RuleText> Daemon::rule_text(std::string_view rule) const
{
    for (const RuleDescriptor* descriptor : engine_->rules())
        if (descriptor->rule == rule)
            return RuleText{std::string(descriptor->short_text), std::string(descriptor->long_text)};
    return std::nullopt;
}

std::string Daemon::listen_address() const
{
    if (!http_)
        return {};
    Endpoint listen = *settings_.get().config.listen;
    listen.port = http_->bound_port();  // port 0 took a free one
    return address_and_port(listen);
}

Result<std::string> Daemon::reload()
{
    const std::int64_t now_ns = static_cast<std::int64_t>(clock_.boot_ns()) + clock_.wall_offset_ns();
    SettingsLoad load = load_settings(options_);
    for (const Diagnostic& diagnostic : load.diagnostics)
        log_->log(diagnostic.level == DiagnosticLevel::error ? spdlog::level::err : spdlog::level::warn, "{}",
                  diagnostic.text());
    if (!load.settings) {
        reload_error_ = load.diagnostics.empty() ? "unknown" : load.diagnostics.front().text();
        metrics_->set_reload(false, now_ns);
        return fail(reload_error_);
    }
    if (auto replaced = kernel_->put_in_force(in_force(*load.settings)); !replaced) {
        reload_error_ = replaced.error().message;
        metrics_->set_reload(false, now_ns);
        return fail(reload_error_);
    }
    const std::string restart = needs_restart(settings_.get().config, load.settings->config);
    settings_.replace(std::move(load.settings));
    warn_of_kills(*settings_.get().policies);
    model_->refresh_policies();
    engine_->set_host_policy(settings_.policy_for({}));
    reload_error_.clear();
    metrics_->set_reload(true, now_ns);
    return "reloaded: " + std::to_string(settings_.get().policies->policies().size()) + " policies" +
           (restart.empty() ? "" : "; a restart is needed for " + restart);
}

}  // namespace fnshield
