// SPDX-License-Identifier: Apache-2.0
#include "daemon/app/pipeline.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "daemon/app/host_program.h"
#include "daemon/output/json.h"
#include "daemon/sensors/sensor.h"

namespace fnshield {
namespace {

// As far as a record that could not be decoded tells.
fns_sensor sensor_of(std::span<const std::byte> record)
{
    fns_event_header header{};
    if (record.size() < sizeof header)
        return FNS_SENSOR_COUNT;
    std::memcpy(&header, record.data(), sizeof header);
    return header.sensor < FNS_SENSOR_COUNT ? static_cast<fns_sensor>(header.sensor) : FNS_SENSOR_COUNT;
}

}  // namespace

void Pipeline::collect(std::span<const std::byte> record)
{
    ++totals_.received;
    auto event = decode_event(record);
    if (event) {
        if (own_tgid_ != 0 && event->process.tgid == own_tgid_ && event->kind != EventKind::heartbeat)
            return;
        name_host_actor(*event);  // now: the process may be gone soon
        batch_.push_back(std::move(*event));
        return;
    }
    ++totals_.undecodable;
    parts_.metrics.count_undecoded(sensor_of(record));
}

void Pipeline::process_batch()
{
    std::vector<Event> batch = std::exchange(batch_, {});
    std::ranges::stable_sort(batch, {}, &Event::time_ns);
    wall_offset_ns_ = parts_.clock.wall_offset_ns();
    for (Event& event : batch)
        process(std::move(event));
    batch.clear();
    if (batch_.empty())
        batch_ = std::move(batch);  // keeps its memory
}

void Pipeline::process(Event event)
{
    event.seq = next_seq_++;
    event.wall_offset_ns = wall_offset_ns_;
    std::vector<Event> derived = parts_.model.apply(event);
    observe(event);
    for (Event& follows : derived) {
        follows.seq = next_seq_++;
        follows.wall_offset_ns = wall_offset_ns_;
        observe(follows);
    }
}

void Pipeline::observe(const Event& event)
{
    measure(event);
    publish(event);
    for (const Detection& detection : parts_.engine.on_event(event, parts_.model)) {
        const AlertContext context{.node = parts_.node,
                                   .wall_offset_ns = parts_.clock.wall_offset_ns(),
                                   .lost_events = parts_.lost_events(detection.sandbox)};
        const auto recorded = parts_.book.record(detection, event, parts_.model, context);
        if (recorded.outcome == AlertBook::Outcome::made)
            count(*recorded.alert, detection.sandbox);
        else if (recorded.outcome == AlertBook::Outcome::joined)
            parts_.metrics.count_alert(detection.rule->rule, detection.severity(),
                                       recorded.alert->sandbox->name.function);
        if (recorded.alert)
            act(*recorded.alert, event);
        for (const auto& alert : recorded.emit)
            emit(*alert);
    }
    on_seen_(event);
}

void Pipeline::count(const Alert& alert, SandboxId about)
{
    ++totals_.alerts;
    parts_.model.count_alert(about);
    parts_.metrics.count_alert(alert.rule, alert.severity, alert.sandbox ? alert.sandbox->name.function : "");
}

// Every act is answered, also one that only raises an alert; the alert says what was done last.
void Pipeline::act(const Alert& alert, const Event& event)
{
    const Response response = parts_.respond(alert, event);
    if (response.taken)
        parts_.book.set_taken(alert, *response.taken);
    parts_.metrics.count_action(alert.requested, !response.failure.empty() ? ActionResult::failed
                                                 : response.taken          ? ActionResult::taken
                                                                           : ActionResult::none);
}

void Pipeline::measure(const Event& event)
{
    if (event.sensor != FNS_SENSOR_COUNT) {
        const Nanoseconds now = parts_.clock.boot_ns();
        parts_.metrics.count_event(event.sensor);
        parts_.metrics.observe_delivery(now > event.time_ns ? now - event.time_ns : 0);
    }
    if (event.kind == EventKind::heartbeat) {
        ++totals_.heartbeats;
        totals_.last_heartbeat_ns = event.time_ns;
    } else if (const auto* made = event.as<LifecycleBody>();
               event.kind == EventKind::sandbox_created && !(made != nullptr && made->adopted)) {
        ++totals_.sandboxes_created;
        parts_.metrics.count_sandbox_created();
    }
    if (event.as<PhaseBody>() != nullptr) {
        const Sandbox* sandbox = parts_.model.sandbox(event.sandbox);
        parts_.metrics.observe_cold_start(event, sandbox != nullptr ? sandbox->name.function : "");
    }
}

void Pipeline::publish(const Event& event)
{
    if (!is_public(event.kind))
        return;
    const bool wanted_by_control = parts_.control.wants_event(event);
    if (!wanted_by_control && !parts_.outputs.wants_events())
        return;
    const auto rendered = event_json(event, parts_.model, parts_.clock.wall_offset_ns());
    if (wanted_by_control)
        parts_.control.publish_event(event, rendered);
    if (parts_.outputs.wants_events())
        parts_.outputs.write_event(to_line(rendered));
}

void Pipeline::emit(const Alert& alert)
{
    const auto rendered = alert_json(alert);
    parts_.outputs.write_alert(alert, to_line(rendered));
    parts_.control.publish_alert(alert.time_ns, rendered);
}

void Pipeline::tick()
{
    Event tick;
    tick.kind = EventKind::tick;
    tick.time_ns = parts_.clock.boot_ns();
    add(std::move(tick));
    process_batch();
    for (const auto& alert : parts_.book.tick(parts_.clock.boot_ns()))
        emit(*alert);
    parts_.outputs.tick();
}

void Pipeline::flush()
{
    process_batch();
    for (const auto& alert : parts_.book.flush())
        emit(*alert);
    parts_.outputs.tick();
}

}  // namespace fnshield
