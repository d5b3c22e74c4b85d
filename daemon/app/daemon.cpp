// SPDX-License-Identifier: Apache-2.0
#include "daemon/app/daemon.h"

#include <malloc.h>
#include <sys/signalfd.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <thread>

#include "daemon/app/bundle_names.h"
#include "daemon/kernel/capabilities.h"
#include "daemon/policy/guards.h"

namespace fnshield {
namespace {

// Those that this version has; the policy folder's check warned of the others.
std::vector<OutputSpec> output_specs(const Config& config)
{
    std::vector<OutputSpec> specs;
    for (const OutputConfig& output : config.outputs) {
        const bool jsonl = output.type == OutputConfig::Type::jsonl;
        if (!jsonl && output.type != OutputConfig::Type::journald)
            continue;
        specs.push_back({.type = jsonl ? OutputSpec::Type::jsonl : OutputSpec::Type::journald,
                         .stream = output.stream == OutputConfig::Stream::alerts ? OutputSpec::Stream::alerts
                                                                                 : OutputSpec::Stream::events,
                         .path = output.path});
    }
    return specs;
}

std::optional<Backend> forced_backend(BackendChoice choice)
{
    switch (choice) {
        case BackendChoice::automatic:
            return std::nullopt;
        case BackendChoice::lsm:
            return Backend::lsm;
        case BackendChoice::fentry:
            return Backend::fentry;
        case BackendChoice::tracepoint:
            return Backend::tracepoint;
    }
    return std::nullopt;
}

std::vector<std::string> rule_names(const DetectorEngine& engine)
{
    std::vector<std::string> names;
    for (const RuleDescriptor* rule : engine.rules())
        names.emplace_back(rule->rule);
    return names;
}

// The cgroup under which a template's sandboxes appear: what comes before its first placeholder.
std::string parent_of_template(const std::string& text)
{
    const std::size_t placeholder = text.find('{');
    return text.substr(0, text.rfind('/', placeholder));
}

UniqueFd watch_signals()
{
    sigset_t wanted;
    sigemptyset(&wanted);
    for (const int number : {SIGTERM, SIGINT, SIGHUP})
        sigaddset(&wanted, number);
    sigprocmask(SIG_BLOCK, &wanted, nullptr);
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGURG, SIG_IGN);  // the heartbeat: its making is what counts
    return UniqueFd(signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK));
}

}  // namespace

KernelSide::InForce in_force(const Settings& settings)
{
    return {.policies = settings.policies,
            .mode = settings.config.mode,
            .recogniser = *settings.recognition.recogniser,
            .parents = settings.recognition.parents};
}

Daemon::Daemon(const Options& options, std::shared_ptr<const Settings> settings, std::shared_ptr<spdlog::logger> log,
               EventLoop loop, Host host)
    : options_(options),
      log_(std::move(log)),
      loop_(std::move(loop)),
      host_(std::move(host)),
      settings_(std::move(settings)),
      responder_(host_.cgroup2_mount()),
      cpu_usage_(host_.cgroup2_mount(), host_.cpu_mount()),
      started_ns_(clock_.boot_ns())
{
    const Config& config = settings_.get().config;
    engine_ = std::make_unique<DetectorEngine>(make_detectors(), settings_.policy_for({}));
    model_ = std::make_unique<Model>(
        settings_, settings_,
        Model::Limits{.sandboxes = config.limits.sandboxes, .processes = config.limits.processes});
    book_ = std::make_unique<AlertBook>(random_, AlertBook::Options{.cooldown_ns = config.alerts.cooldown_ns});
}

Daemon::~Daemon() = default;

Result<std::unique_ptr<Daemon>> Daemon::make(const Options& options, std::shared_ptr<const Settings> settings,
                                             std::shared_ptr<spdlog::logger> log)
{
    auto loop = EventLoop::make();
    if (!loop)
        return pass(std::move(loop));
    auto host = Host::probe();
    if (!host)
        return pass(std::move(host));
    std::unique_ptr<Daemon> daemon(
        new Daemon(options, std::move(settings), std::move(log), std::move(*loop), std::move(*host)));
    daemon->signals_ = watch_signals();
    for (const auto step : {&Daemon::open_outputs, &Daemon::open_kernel, &Daemon::watch_descriptors})
        if (auto done = (daemon.get()->*step)(); !done)
            return pass(std::move(done));
    return daemon;
}

Result<void> Daemon::open_outputs()
{
    const Config& config = settings_.get().config;
    auto control = ControlServer::make(loop_, config.run_dir, *this);
    if (!control)
        return pass(std::move(control));
    control_ = std::move(*control);
    if (!control_->warning().empty())
        log_->warn("{}", control_->warning());
    auto outputs = Outputs::make(output_specs(config));
    if (!outputs)
        return pass(std::move(outputs));
    outputs_ = std::make_unique<Outputs>(std::move(*outputs));

    MetricsOptions metrics;
    metrics.rules = rule_names(*engine_);
    for (const TableStats& table : tables())
        metrics.tables.emplace_back(table.table);
    metrics.templates = config.sandboxes.templates;
    metrics.function_labels = config.metrics.function_label;
    metrics.function_cap = config.metrics.function_label_max;
    metrics_ = std::make_unique<Metrics>(metrics);
    if (!config.listen)
        return {};
    return open_http(address_and_port(*config.listen));
}

// The server's thread reads what strangers send: it comes from one that holds no capability, so it holds none.
Result<void> Daemon::open_http(const std::string& address)
{
    Result<void> opened;
    std::thread([&] {
        opened = give_up_all();
        if (!opened)
            return;
        auto http = HttpServer::make(address, {.metrics = [this] { return metrics_->render(); },
                                               .ready = [this] { return health_.check(clock_.boot_ns()); }});
        if (http)
            http_ = std::make_unique<HttpServer>(std::move(*http));
        else
            opened = pass(std::move(http));
    }).join();
    return opened;
}

Result<void> Daemon::open_kernel()
{
    const Config& config = settings_.get().config;
    const Pipeline::Parts parts{
        .clock = clock_,
        .model = *model_,
        .engine = *engine_,
        .book = *book_,
        .outputs = *outputs_,
        .metrics = *metrics_,
        .control = *control_,
        .node = config.node,
        .lost_events = [this](SandboxId id) { return kernel_->lost_events(id); },
        .respond = [this](const Alert& alert, const Event& event) { return answer(alert, event); }};
    pipeline_ = std::make_unique<Pipeline>(parts, [this](const Event& event) { on_seen(event); });
    const KernelSide::Options kernel{
        .forced_backend = forced_backend(config.backend),
        .choice = {.full_profile = config.fallback.full_profile, .compat_entry = config.fallback.compat_entry},
        .sizes = {.sandboxes = config.limits.sandboxes},
        .bulk_budget = config.limits.bulk_events_per_second,
        .pin_dir = config.enforcement.persist ? std::optional(config.enforcement.pin_dir) : std::nullopt,
        .in_force = in_force(settings_.get())};
    auto made = KernelSide::make(
        host_, kernel, [this](std::span<const std::byte> record) { pipeline_->collect(record); }, clock_.boot_ns());
    if (!made)
        return pass(std::move(made));
    kernel_ = std::move(*made);
    pipeline_->set_own_tgid(kernel_->own_tgid());
    host_.forget_btf();
    return {};
}

Result<void> Daemon::watch_descriptors()
{
    if (auto added = loop_.add(signals_.get(), EPOLLIN, [this](std::uint32_t) { on_signal(); }); !added)
        return added;
    if (auto added = loop_.add(kernel_->rings().epoll_fd(), EPOLLIN, [this](std::uint32_t) { drain(); }); !added)
        return added;
    if (kernel_->freezer_fd() >= 0) {
        auto added = loop_.add(kernel_->freezer_fd(), EPOLLIN, [this](std::uint32_t) { on_freezer(); });
        if (!added)
            return added;
    }
    return loop_.add_timer(kSecond, [this] { on_tick(); });
}

Result<void> Daemon::arm()
{
    kernel_->set_wall_offset(clock_.wall_offset_ns());
    auto running = kernel_->arm(clock_.boot_ns());
    if (!running)
        return pass(std::move(running));
    const auto adopted = std::ranges::count(*running, EventKind::cgroup_made, &Event::kind);
    for (Event& event : *running)
        pipeline_->add(std::move(event));
    pipeline_->process_batch();
    kernel_->replace_inherited(settings_.get().config.enforcement.pin_dir);
    health_.set_policy_applied(true);
    metrics_->set_reload(true, static_cast<std::int64_t>(clock_.boot_ns()) + clock_.wall_offset_ns());
    for (const std::string& text : settings_.get().config.sandboxes.templates)
        if (kernel_->parents_at(parent_of_template(text)) == 0)
            log_->warn("template {} matches nothing on this host yet: there is no cgroup {}", text,
                       parent_of_template(text));
    log_->info("backend {}", backend_name(kernel_->backend()));
    warn_of_kills(*settings_.get().policies);
    for (const auto& loaded : kernel_->sensors()) {
        log_->info("sensor {}: {}", sensor_name(loaded.id),
                   loaded.attached() ? std::string(loaded.backend()) : "FAILED: " + loaded.why_not());
        if (!loaded.detail.empty())
            log_->debug("sensor {}: libbpf: {}", sensor_name(loaded.id), loaded.detail);
    }
    for (Event& event : kernel_->shortcomings(clock_.boot_ns()))
        pipeline_->add(std::move(event));
    pipeline_->process_batch();
    log_->info("armed {} ms after the start; {} sandboxes were running",
               (clock_.boot_ns() - started_ns_) / kMillisecond, adopted);
    malloc_trim(0);  // what loading took
    return keep_serving();
}

Result<void> Daemon::run()
{
    if (auto armed = arm(); !armed)
        return armed;
    on_tick();
    auto ended = loop_.run();
    health_.stop();
    sd_notify(0, "STOPPING=1");
    drain();
    pipeline_->flush();
    log_problems();
    log_->info("stopped after {} events and {} alerts", pipeline_->totals().received, pipeline_->totals().alerts);
    return ended;
}

Response Daemon::answer(const Alert& alert, const Event& event)
{
    Response response = respond(alert, event, settings_.get().config.mode, responder_);
    if (!response.failure.empty())
        log_->warn("alert {}: {}", alert.id, response.failure);
    return response;
}

// Where nothing but LSM programs could refuse an act, it is answered by killing.
void Daemon::warn_of_kills(const PolicySet& policies)
{
    if (kernel_->backend() == Backend::lsm)
        return;
    for (const auto& policy : policies.policies()) {
        std::string acts;
        for (const std::string_view what : denied_by_kill(*policy))
            acts.append(acts.empty() ? "" : ", ").append(what);
        if (!acts.empty())
            log_->warn("policy {}: deny of {} is done by kill here: backend {} cannot refuse it", policy->name, acts,
                       backend_name(kernel_->backend()));
    }
}

void Daemon::on_signal()
{
    signalfd_siginfo info{};
    while (::read(signals_.get(), &info, sizeof info) == sizeof info) {
        if (info.ssi_signo != SIGHUP) {
            loop_.stop();
            continue;
        }
        outputs_->reopen();
        if (auto reloaded = reload(); reloaded)
            log_->info("{}", *reloaded);
        else
            log_->error("not reloaded, the old state stays: {}", reloaded.error().message);
    }
}

void Daemon::on_freezer()
{
    for (Event& event : kernel_->freezer_changes(clock_.boot_ns()))
        pipeline_->add(std::move(event));
    pipeline_->process_batch();
}

void Daemon::drain()
{
    if (auto drained = kernel_->rings().drain(); !drained)
        log_->error("{}", drained.error().message);
    pipeline_->process_batch();
}

// What the app itself does about an event, after the model took it.
void Daemon::on_seen(const Event& event)
{
    const Sandbox* sandbox = model_->sandbox(event.sandbox);
    kernel_->follow(event, sandbox);
    const bool is_made = event.kind == EventKind::sandbox_started || event.kind == EventKind::sandbox_created;
    if (sandbox != nullptr && (is_made || event.kind == EventKind::sandbox_ready)) {
        // The bundle is there by the time that the workload starts.
        if (is_made)
            if (auto name = name_from_bundle(*sandbox))
                model_->rename(sandbox->id, std::move(*name));
        kernel_->assign_policy(*model_->sandbox(event.sandbox), settings_);
    }
    if (event.kind == EventKind::sandbox_gone)
        cpu_usage_.forget(event.sandbox);
    if (event.kind != EventKind::heartbeat)
        return;
    health_.heartbeat(event.time_ns);
    metrics_->set_heartbeat(static_cast<std::int64_t>(event.time_ns) + clock_.wall_offset_ns());
    if (!std::exchange(armed_, true)) {
        log_->info("ready: the first heartbeat came back through the kernel");
        sd_notify(0, "READY=1\nSTATUS=watching");
    }
}

void Daemon::on_tick()
{
    ::kill(::getpid(), SIGURG);
    kernel_->set_wall_offset(clock_.wall_offset_ns());
    drain();
    if (kernel_->freezer_settling())
        on_freezer();
    for (Event& event : kernel_->losses(clock_.boot_ns()))
        pipeline_->add(std::move(event));
    for (Event& event : cpu_usage_.read(*model_, clock_.boot_ns()))
        pipeline_->add(std::move(event));
    pipeline_->tick();
    report_health();
    report_metrics();
    log_problems();
    sd_notify(0, "WATCHDOG=1");
}

void Daemon::report_health()
{
    std::size_t attached = 0;
    std::vector<std::string> missing;
    for (const auto& loaded : kernel_->sensors()) {
        metrics_->set_sensor_attached(loaded.id, loaded.backend(), loaded.attached());
        if (loaded.attached())
            ++attached;
        else
            missing.push_back(std::string(sensor_name(loaded.id)) + ": " + loaded.why_not());
    }
    health_.set_sensors(attached, std::move(missing));
}

void Daemon::report_metrics()
{
    for (int sensor = 0; sensor < FNS_SENSOR_COUNT; ++sensor) {
        const auto id = static_cast<fns_sensor>(sensor);
        if (auto counters = kernel_->maps().total(id)) {
            Metrics::StageCounts lost{};
            std::ranges::copy(counters->lost, lost.begin());
            metrics_->set_kernel_counters(id, counters->suppressed, lost);
        }
    }
    Metrics::StateCounts states{};
    model_->for_each_sandbox([&](const Sandbox& sandbox) { ++states[static_cast<std::size_t>(sandbox.state)]; });
    metrics_->set_sandboxes(states);
    for (const TableStats& table : tables())
        metrics_->set_table(table);
    for (const OutputStatus& output : outputs_->status())
        metrics_->set_output(output);
    metrics_->set_policies_loaded(settings_.get().policies->policies().size());
    for (const std::string& text : settings_.get().config.sandboxes.templates)
        metrics_->set_template_parents(text, kernel_->parents_at(parent_of_template(text)));
}

void Daemon::log_problems()
{
    for (const auto& problems : {kernel_->problems(), cpu_usage_.problems(), outputs_->problems()})
        for (const std::string& problem : problems)
            log_->warn("{}", problem);
}

}  // namespace fnshield
