// SPDX-License-Identifier: Apache-2.0
//
// The control socket: RUN_DIR/control.sock, served from the daemon's loop (protocol.h says what is spoken). It never
// blocks the daemon: slow readers lose lines and are told how many, requests and clients are limited.
//
// Who may: whoever the socket's mode lets connect (root, and group `fnshield` where that exists) may read, checked
// again against the peer's credentials; what changes the daemon's state is for root (and the daemon's own user).
//
// Make it first thing at start: it takes the run directory's lock, so that a second daemon fails before it loads
// anything. Not thread-safe; destroy it before the loop.
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "daemon/base/event_loop.h"
#include "daemon/base/result.h"
#include "daemon/control/backend.h"
#include "daemon/model/event.h"

namespace fnshield {

class ControlServer {
public:
    struct Limits {
        std::size_t clients = 64;
        std::size_t output_bytes = 1U << 20;         // pushed lines that wait for one client
        std::size_t total_output_bytes = 32U << 20;  // answers included, of all clients
        std::size_t history_events = 2048;
        std::size_t history_event_bytes = 1U << 20;
        std::size_t history_alerts = 1024;
        std::size_t history_alert_bytes = 2U << 20;
        double history_events_per_second = 200;  // while nobody follows
        double history_burst = 1000;
    };

    // Locks the run directory (made where absent) and listens in it. The loop and the backend outlive the server.
    [[nodiscard]] static Result<std::unique_ptr<ControlServer>> make(EventLoop& loop, const std::string& run_dir,
                                                                     ControlBackend& backend, const Limits& limits,
                                                                     const std::string& group = "fnshield");
    [[nodiscard]] static Result<std::unique_ptr<ControlServer>> make(EventLoop& loop, const std::string& run_dir,
                                                                     ControlBackend& backend)
    {
        return make(loop, run_dir, backend, Limits{});
    }
    ~ControlServer();

    // For the log: what is not as asked, but no reason not to run; empty = nothing.
    [[nodiscard]] const std::string& warning() const;

    // True where the event, once rendered, would reach a follower or the history. Ask once for each event, before
    // rendering it; costs a bit test while nobody listens and the history has its share.
    [[nodiscard]] bool wants_event(const Event& event);
    // True while somebody follows events.
    [[nodiscard]] bool wants_events() const;
    // An event that was wanted, as json.h renders it.
    void publish_event(const Event& event, const nlohmann::ordered_json& rendered);
    // Every alert, new or updated: `rendered` has its "id"; `time_ns` is boot time.
    void publish_alert(Nanoseconds time_ns, const nlohmann::ordered_json& rendered);

    struct Stats {
        std::size_t clients = 0;
        std::uint64_t dropped_lines = 0;  // of slow readers, since the start
        std::uint64_t refused_clients = 0;
    };
    [[nodiscard]] Stats stats() const;

private:
    struct State;
    explicit ControlServer(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace fnshield
