// SPDX-License-Identifier: Apache-2.0
//
// The life of an event after the ring: decode → model → detectors → alerts → outputs. One direction, one thread.
//
// Records are collected while the rings are drained and then processed in order of time: two rings and several CPUs
// deliver out of order. The batch is bounded by what the rings hold.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <vector>

#include "daemon/control/server.h"
#include "daemon/detect/engine.h"
#include "daemon/model/model.h"
#include "daemon/output/metrics.h"
#include "daemon/output/outputs.h"
#include "daemon/respond/alert_book.h"
#include "daemon/respond/responder.h"

namespace fnshield {

class Pipeline {
public:
    // All of them outlive the pipeline.
    struct Parts {
        const Clock& clock;
        Model& model;
        DetectorEngine& engine;
        AlertBook& book;
        Outputs& outputs;
        Metrics& metrics;
        ControlServer& control;
        std::string node;
        std::function<bool(SandboxId)> lost_events;  // did the kernel count losses of this sandbox?
        std::function<Response(const Alert&, const Event&)> respond;
    };
    // Called with every event after the model took it, derived ones included: where the app acts on what happened.
    using OnSeen = std::function<void(const Event&)>;

    Pipeline(Parts parts, OnSeen on_seen) : parts_(std::move(parts)), on_seen_(std::move(on_seen)) {}

    // The daemon's own number, as the kernel side has it. What it does to its own objects is nobody's act: programs
    // that an earlier daemon left attached do not know it.
    void set_own_tgid(std::uint32_t tgid) { own_tgid_ = tgid; }

    // Ring bytes; kept until process_batch().
    void collect(std::span<const std::byte> record);
    // An event that does not come from a ring.
    void add(Event event) { batch_.push_back(std::move(event)); }
    void process_batch();

    // Once a second.
    void tick();
    // At the end: nothing stays queued in memory.
    void flush();

    struct Totals {
        std::uint64_t received = 0;     // records out of the rings
        std::uint64_t undecodable = 0;  // of which these could not be understood
        std::uint64_t alerts = 0;
        std::uint64_t sandboxes_created = 0;
        std::uint64_t heartbeats = 0;
        Nanoseconds last_heartbeat_ns = 0;
    };
    [[nodiscard]] const Totals& totals() const { return totals_; }

private:
    void process(Event event);
    void observe(const Event& event);
    void measure(const Event& event);
    void publish(const Event& event);
    void count(const Alert& alert, SandboxId about);
    void act(const Alert& alert, const Event& event);
    void emit(const Alert& alert);

    Parts parts_;
    OnSeen on_seen_;
    std::vector<Event> batch_;
    Totals totals_;
    std::uint64_t next_seq_ = 1;
    std::int64_t wall_offset_ns_ = 0;  // of the batch at hand
    std::uint32_t own_tgid_ = 0;
};

}  // namespace fnshield
