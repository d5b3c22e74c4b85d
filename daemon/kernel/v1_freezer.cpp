// SPDX-License-Identifier: Apache-2.0
#include "daemon/kernel/v1_freezer.h"

#include <sys/inotify.h>

#include <array>
#include <cstring>
#include <fstream>

namespace fnshield {
namespace {

// "FROZEN", "FREEZING", "THAWED", or empty where it cannot be read.
std::string read_state(const std::string& file)
{
    std::ifstream stream(file);
    std::string state;
    stream >> state;
    return state;
}

}  // namespace

Result<V1Freezer> V1Freezer::make(const std::string& mount, std::size_t capacity)
{
    UniqueFd inotify(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
    if (!inotify)
        return fail_errno("cannot make an inotify descriptor");
    return V1Freezer(mount, std::move(inotify), capacity);
}

Result<void> V1Freezer::watch(SandboxId sandbox, const std::string& cgroup_path)
{
    if (by_sandbox_.contains(sandbox))
        return {};
    if (by_sandbox_.size() >= capacity_)
        return fail("more than " + std::to_string(capacity_) + " sandboxes: the v1 freezer of " + cgroup_path +
                    " is not watched");
    const std::string file = mount_ + cgroup_path + "/freezer.state";
    const int watch = inotify_add_watch(inotify_.get(), file.c_str(), IN_MODIFY);
    if (watch < 0) {
        if (errno == ENOENT)
            return {};
        return fail_errno("cannot watch " + file);
    }
    by_watch_[watch] = {.sandbox = sandbox, .state_file = file};
    by_sandbox_[sandbox] = watch;
    if (read_state(file) != "THAWED")
        unsettled_.insert(watch);
    return {};
}

void V1Freezer::unwatch(SandboxId sandbox)
{
    const auto found = by_sandbox_.find(sandbox);
    if (found == by_sandbox_.end())
        return;
    const int watch = found->second;
    inotify_rm_watch(inotify_.get(), watch);  // fails where the file has gone: the kernel removed it by itself
    forget(watch);
}

void V1Freezer::forget(int watch)
{
    const auto found = by_watch_.find(watch);
    if (found == by_watch_.end())
        return;
    by_sandbox_.erase(found->second.sandbox);
    by_watch_.erase(found);
    unsettled_.erase(watch);
}

void V1Freezer::read_notifications()
{
    alignas(inotify_event) std::array<char, 4096> buffer;
    ssize_t got = 0;
    while ((got = ::read(inotify_.get(), buffer.data(), buffer.size())) > 0) {
        for (std::size_t at = 0; at + sizeof(inotify_event) <= static_cast<std::size_t>(got);) {
            inotify_event event;
            std::memcpy(&event, buffer.data() + at, sizeof event);
            at += sizeof event + event.len;
            if ((event.mask & IN_Q_OVERFLOW) != 0) {
                ++failures_;
                for (const auto& [watch, watched] : by_watch_)
                    unsettled_.insert(watch);
            } else if ((event.mask & IN_IGNORED) != 0) {
                forget(event.wd);  // the folder was removed
            } else if (by_watch_.contains(event.wd)) {
                unsettled_.insert(event.wd);
            }
        }
    }
}

std::vector<V1Freezer::Change> V1Freezer::read_changes()
{
    read_notifications();
    std::vector<Change> changes;
    for (auto watch = unsettled_.begin(); watch != unsettled_.end();) {
        Watched& watched = by_watch_.at(*watch);
        const std::string state = read_state(watched.state_file);
        if (state == "FREEZING") {
            ++watch;
            continue;
        }
        if (state.empty()) {
            if (::access(watched.state_file.c_str(), F_OK) == 0)
                ++failures_;  // else the cgroup has gone: unwatch() is to come
        } else if (watched.frozen != (state == "FROZEN")) {
            watched.frozen = state == "FROZEN";
            changes.push_back({watched.sandbox, watched.frozen});
        }
        watch = unsettled_.erase(watch);
    }
    return changes;
}

}  // namespace fnshield
