// SPDX-License-Identifier: Apache-2.0
#include "tests/support/sensor_harness.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>

#include "daemon/app/system_clock.h"
#include "daemon/kernel/backend_probe.h"
#include "tests/support/slowness.h"

namespace fnshield::testing {
namespace {

using std::chrono::steady_clock;

Result<std::unique_ptr<Sensor>> make_attached(const SensorRow& row, const SensorContext& context)
{
    auto sensor = row.make(context);
    if (!sensor)
        return pass(std::move(sensor), take_libbpf_output());
    (*sensor)->set_wall_offset(SystemClock().wall_offset_ns());
    if (auto attached = (*sensor)->attach(); !attached)
        return pass(std::move(attached));
    for (const ProgramStatus& program : (*sensor)->programs())
        if (program.failed)
            return fail(program.program + ": " + program.reason);
    return sensor;
}

}  // namespace

Result<std::unique_ptr<SensorHarness>> SensorHarness::make(const Options& options)
{
    std::unique_ptr<SensorHarness> harness(new SensorHarness);
    capture_libbpf_output();
    std::signal(SIGURG, SIG_IGN);
    if (auto mounted = mount_private_tracefs(); !mounted)
        return pass(std::move(mounted));
    auto host = Host::probe();
    if (!host)
        return pass(std::move(host));
    harness->host_ = std::make_unique<Host>(std::move(*host));
    auto maps = SharedMaps::make(options.sizes);
    if (!maps)
        return pass(std::move(maps));
    harness->maps_ = std::make_unique<SharedMaps>(std::move(*maps));
    auto* self = harness.get();
    auto rings = Rings::make(*harness->maps_, [self](std::span<const std::byte> record) { self->collect(record); });
    if (!rings)
        return pass(std::move(rings));
    harness->rings_ = std::make_unique<Rings>(std::move(*rings));

    ProgramChoice choice = options.choice;
    auto backend = test_backend();
    if (!backend)
        return pass(std::move(backend));
    choice.backend = *backend;
    const SensorContext context{.host = *harness->host_,
                                .maps = *harness->maps_,
                                .choice = choice,
                                .daemon_tgid = static_cast<std::uint32_t>(::getpid()),
                                .bulk_budget = options.bulk_budget,
                                .repeat_after_ns = options.repeat_after_ns * slowness()};
    for (const SensorRow& row : sensor_rows()) {
        if (row.id != FNS_SENSOR_HEARTBEAT && std::ranges::find(options.sensors, row.id) == options.sensors.end())
            continue;
        auto sensor = make_attached(row, context);
        if (!sensor)
            return pass(std::move(sensor));
        harness->sensors_.push_back(std::move(*sensor));
    }
    return harness;
}

Result<void> SensorHarness::add_sandbox(const CgroupSandbox& sandbox, bool started)
{
    timespec now{};
    clock_gettime(CLOCK_BOOTTIME, &now);
    const Nanoseconds now_ns = static_cast<Nanoseconds>(now.tv_sec) * kSecond + static_cast<Nanoseconds>(now.tv_nsec);
    fns_sandbox entry{};
    entry.sandbox_id = sandbox.id();
    entry.created_ns = now_ns;
    entry.started_ns = started ? now_ns : 0;
    entry.flags = FNS_SANDBOX_ADOPTED | FNS_SANDBOX_POPULATED;
    if (auto added = maps_->sandboxes().update(sandbox.id(), entry); !added)
        return added;
    for (const auto& sensor : sensors_)
        if (auto attached = sensor->attach_to_parent(sandbox.id(), sandbox.directory()); !attached)
            return attached;
    return {};
}

void SensorHarness::remove_sandbox(const CgroupSandbox& sandbox)
{
    for (const auto& sensor : sensors_)
        sensor->detach_from_parent(sandbox.id());
    (void)maps_->sandboxes().erase(sandbox.id());  // a sensor may have done so when the cgroup went
}

void SensorHarness::collect(std::span<const std::byte> record)
{
    auto event = decode_event(record);
    if (event)
        events_.push_back(std::move(*event));
    else
        decode_errors_.push_back(event.error().message);
}

bool SensorHarness::drain_until(steady_clock::time_point deadline)
{
    if (auto drained = rings_->drain(); !drained || *drained > 0)
        return drained.has_value();
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - steady_clock::now());
    pollfd ready{.fd = rings_->epoll_fd(), .events = POLLIN, .revents = 0};
    if (left.count() <= 0 || ::poll(&ready, 1, static_cast<int>(left.count())) <= 0)
        return false;
    return rings_->drain().has_value();
}

const Event* SensorHarness::wait_for(const Matches& matches, std::chrono::milliseconds limit)
{
    const auto deadline = steady_clock::now() + patient(limit);
    for (;;) {
        if (const auto found = std::ranges::find_if(events_, matches); found != events_.end())
            return &*found;
        if (!drain_until(deadline))
            return nullptr;
    }
}

Result<void> SensorHarness::settle()
{
    std::erase_if(events_, [](const Event& event) { return event.kind == EventKind::heartbeat; });
    if (::kill(::getpid(), SIGURG) != 0)
        return fail_errno("cannot send the heartbeat signal");
    if (wait_for([](const Event& event) { return event.kind == EventKind::heartbeat; }) == nullptr)
        return fail("the heartbeat did not come back");
    if (auto drained = rings_->drain(); !drained)  // the bulk ring comes after the critical one
        return pass(std::move(drained));
    return {};
}

std::vector<Event> SensorHarness::matching(const Matches& matches) const
{
    std::vector<Event> found;
    std::ranges::copy_if(events_, std::back_inserter(found), matches);
    return found;
}

Sensor& SensorHarness::sensor(fns_sensor id)
{
    return **std::ranges::find_if(sensors_, [id](const auto& sensor) { return sensor->id() == id; });
}

std::uint64_t SensorHarness::lost() const
{
    std::uint64_t sum = 0;
    for (int sensor = 0; sensor < FNS_SENSOR_COUNT; ++sensor)
        if (auto counters = maps_->total(static_cast<fns_sensor>(sensor)))
            for (const auto lost : counters->lost)
                sum += lost;
    return sum;
}

Result<Backend> test_backend()
{
    const char* const wanted = std::getenv("FNSHIELD_TEST_BACKEND");
    if (wanted == nullptr)
        return Backend::tracepoint;
    for (const Backend backend : {Backend::lsm, Backend::fentry, Backend::tracepoint})
        if (backend_name(backend) == wanted) {
            static const Result<Backend> kProbed = choose_backend(backend);  // the environment does not change
            return kProbed;
        }
    return fail("FNSHIELD_TEST_BACKEND is none of lsm, fentry, tracepoint: " + std::string(wanted));
}

bool on_fallback()
{
    const auto backend = test_backend();
    return !backend || *backend == Backend::tracepoint;
}

SensorHarness::Matches is_event(EventKind kind, SandboxId sandbox)
{
    return [kind, sandbox](const Event& event) { return event.kind == kind && event.sandbox == sandbox; };
}

std::string trigger()
{
    return FNSHIELD_TRIGGER;
}

}  // namespace fnshield::testing
