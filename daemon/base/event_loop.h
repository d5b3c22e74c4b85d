// SPDX-License-Identifier: Apache-2.0
//
// The daemon's one thread: an epoll loop over descriptors with callbacks. Everything but the metrics endpoint runs in
// it. Callbacks may add and remove descriptors, their own included. Not thread-safe.
#pragma once

#include <sys/epoll.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <unordered_map>
#include <vector>

#include "daemon/base/result.h"
#include "daemon/base/time.h"
#include "daemon/base/unique_fd.h"

namespace fnshield {

class EventLoop {
public:
    using OnReady = std::function<void(std::uint32_t epoll_events)>;

    [[nodiscard]] static Result<EventLoop> make();

    // Watches fd, which stays the caller's; remove() it before closing it.
    [[nodiscard]] Result<void> add(int fd, std::uint32_t epoll_events, OnReady on_ready);
    [[nodiscard]] Result<void> modify(int fd, std::uint32_t epoll_events);
    void remove(int fd);

    // A periodic timer that belongs to the loop.
    [[nodiscard]] Result<void> add_timer(Nanoseconds period_ns, std::function<void()> on_tick);

    // Until stop(); an error of epoll itself ends it.
    [[nodiscard]] Result<void> run();
    void stop() { stopped_ = true; }

private:
    explicit EventLoop(UniqueFd epoll) : epoll_(std::move(epoll)) {}

    UniqueFd epoll_;
    std::unordered_map<int, std::shared_ptr<OnReady>> handlers_;
    std::vector<UniqueFd> timers_;
    bool stopped_ = false;
};

}  // namespace fnshield
