// SPDX-License-Identifier: Apache-2.0
//
// The daemon: puts the parts together, runs the loop, answers the control socket. Logs what its parts return.
#pragma once

#include <spdlog/logger.h>

#include <memory>

#include "daemon/app/cpu_usage.h"
#include "daemon/app/kernel_side.h"
#include "daemon/app/pipeline.h"
#include "daemon/app/settings.h"
#include "daemon/app/system_clock.h"
#include "daemon/app/system_random.h"
#include "daemon/app/system_responder.h"
#include "daemon/base/event_loop.h"
#include "daemon/control/backend.h"
#include "daemon/output/health.h"
#include "daemon/output/http.h"

namespace fnshield {

// The policies and the recogniser in force; a reload replaces both at once, between two events.
class CurrentSettings final : public PolicySource, public Recogniser {
public:
    explicit CurrentSettings(std::shared_ptr<const Settings> settings) : settings_(std::move(settings)) {}
    [[nodiscard]] std::shared_ptr<const Policy> policy_for(const SandboxName& name) const override
    {
        return settings_->policies->policy_for(name);
    }
    [[nodiscard]] SandboxName recognise(std::string_view cgroup_path) const override
    {
        return settings_->recognition.recogniser->recognise(cgroup_path);
    }
    [[nodiscard]] const Settings& get() const { return *settings_; }
    void replace(std::shared_ptr<const Settings> settings) { settings_ = std::move(settings); }

private:
    std::shared_ptr<const Settings> settings_;
};

// What of the settings the kernel side has to know; valid as long as they are.
[[nodiscard]] KernelSide::InForce in_force(const Settings& settings);

class Daemon final : public ControlBackend {
public:
    // Everything but attaching: a second daemon, a port in use, a kernel that cannot do it fail here.
    [[nodiscard]] static Result<std::unique_ptr<Daemon>> make(const Options& options,
                                                              std::shared_ptr<const Settings> settings,
                                                              std::shared_ptr<spdlog::logger> log);
    ~Daemon() override;

    // Arms, tells systemd, and runs until SIGTERM or SIGINT. Nothing queued is lost when it returns.
    [[nodiscard]] Result<void> run();

    [[nodiscard]] StatusReport status() const override;
    void for_each_sandbox(const std::function<void(const Sandbox&)>& visit) const override;
    [[nodiscard]] std::optional<RuleText> rule_text(std::string_view rule) const override;
    [[nodiscard]] Result<std::string> reload() override;
    [[nodiscard]] const Clock& clock() const override { return clock_; }

private:
    Daemon(const Options& options, std::shared_ptr<const Settings> settings, std::shared_ptr<spdlog::logger> log,
           EventLoop loop, Host host);
    [[nodiscard]] Result<void> open_outputs();
    [[nodiscard]] Result<void> open_http(const std::string& address);
    [[nodiscard]] Result<void> open_kernel();
    [[nodiscard]] Result<void> watch_descriptors();
    [[nodiscard]] Result<void> arm();
    void on_signal();
    void on_tick();
    void on_freezer();
    void on_seen(const Event& event);
    [[nodiscard]] Response answer(const Alert& alert, const Event& event);
    void warn_of_kills(const PolicySet& policies);
    void drain();
    void report_health();
    void report_metrics();
    void log_problems();
    [[nodiscard]] std::string listen_address() const;
    [[nodiscard]] std::vector<TableStats> tables() const;  // every bounded table of the daemon

    const Options options_;
    std::shared_ptr<spdlog::logger> log_;
    SystemClock clock_;
    SystemRandom random_;
    EventLoop loop_;
    Host host_;
    CurrentSettings settings_;
    SystemResponder responder_;
    CpuUsage cpu_usage_;
    Nanoseconds started_ns_;
    std::string reload_error_;
    bool armed_ = false;

    Health health_;
    std::unique_ptr<Metrics> metrics_;
    std::unique_ptr<Model> model_;
    std::unique_ptr<DetectorEngine> engine_;
    std::unique_ptr<AlertBook> book_;
    std::unique_ptr<Outputs> outputs_;
    std::unique_ptr<ControlServer> control_;
    std::unique_ptr<Pipeline> pipeline_;
    std::unique_ptr<KernelSide> kernel_;
    std::unique_ptr<HttpServer> http_;
    UniqueFd signals_;
};

}  // namespace fnshield
