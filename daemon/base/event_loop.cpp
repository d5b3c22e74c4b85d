// SPDX-License-Identifier: Apache-2.0
#include "daemon/base/event_loop.h"

#include <sys/timerfd.h>

#include <array>

namespace fnshield {

Result<EventLoop> EventLoop::make()
{
    UniqueFd epoll(epoll_create1(EPOLL_CLOEXEC));
    if (!epoll)
        return fail_errno("cannot make an epoll descriptor");
    return EventLoop(std::move(epoll));
}

Result<void> EventLoop::add(int fd, std::uint32_t epoll_events, OnReady on_ready)
{
    epoll_event wanted{.events = epoll_events, .data = {.fd = fd}};
    if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &wanted) != 0)
        return fail_errno("cannot watch a descriptor");
    handlers_[fd] = std::make_shared<OnReady>(std::move(on_ready));
    return {};
}

Result<void> EventLoop::modify(int fd, std::uint32_t epoll_events)
{
    epoll_event wanted{.events = epoll_events, .data = {.fd = fd}};
    if (epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &wanted) != 0)
        return fail_errno("cannot change what is watched of a descriptor");
    return {};
}

void EventLoop::remove(int fd)
{
    if (handlers_.erase(fd) > 0)
        epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
}

Result<void> EventLoop::add_timer(Nanoseconds period_ns, std::function<void()> on_tick)
{
    UniqueFd timer(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
    if (!timer)
        return fail_errno("cannot make a timer");
    const timespec period{.tv_sec = static_cast<time_t>(period_ns / kSecond),
                          .tv_nsec = static_cast<long>(period_ns % kSecond)};
    const itimerspec setting{.it_interval = period, .it_value = period};
    if (timerfd_settime(timer.get(), 0, &setting, nullptr) != 0)
        return fail_errno("cannot set a timer");
    const int fd = timer.get();
    auto added = add(fd, EPOLLIN, [fd, on_tick = std::move(on_tick)](std::uint32_t) {
        std::uint64_t expirations = 0;
        if (::read(fd, &expirations, sizeof expirations) == sizeof expirations)
            on_tick();
    });
    if (added)
        timers_.push_back(std::move(timer));
    return added;
}

Result<void> EventLoop::run()
{
    std::array<epoll_event, 32> ready{};
    while (!stopped_) {
        const int count = epoll_wait(epoll_.get(), ready.data(), static_cast<int>(ready.size()), -1);
        if (count < 0) {
            if (errno == EINTR)
                continue;
            return fail_errno("cannot wait for events");
        }
        for (int i = 0; i < count && !stopped_; ++i) {
            const auto found = handlers_.find(ready[static_cast<std::size_t>(i)].data.fd);
            if (found == handlers_.end())
                continue;                                            // removed by a callback before this one
            const std::shared_ptr<OnReady> handler = found->second;  // it may remove itself
            (*handler)(ready[static_cast<std::size_t>(i)].events);
        }
    }
    return {};
}

}  // namespace fnshield
