// SPDX-License-Identifier: Apache-2.0
//
// The v1 freezer fires no cgroup tracepoint, and runc pauses through it on hybrid hosts. What it does tell is inotify:
// freezer.state of the cgroup is written to. One watch a sandbox; the state is read from the file, since a freeze takes
// its time (FREEZING). Blind spot: a parent in the v1 hierarchy that is frozen freezes what is below without a word.
// Not thread-safe.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "daemon/base/result.h"
#include "daemon/base/unique_fd.h"
#include "daemon/model/event.h"

namespace fnshield {

class V1Freezer {
public:
    struct Change {
        SandboxId sandbox_id = kHost;
        bool frozen = false;
        bool operator==(const Change&) const = default;
    };

    // `mount`: of the v1 freezer hierarchy. At most `capacity` sandboxes are watched.
    [[nodiscard]] static Result<V1Freezer> make(const std::string& mount, std::size_t capacity = 16384);

    // Readable when a watched state may have changed.
    [[nodiscard]] int fd() const { return inotify_.get(); }
    // A sandbox without a folder in the v1 hierarchy is no error, and is not watched (the runtime may not have made it
    // yet: ask again when the workload starts); one watched already stays so. One that is frozen already comes with
    // the next read_changes(); settling() is true until then.
    [[nodiscard]] Result<void> watch(SandboxId sandbox, const std::string& cgroup_path);
    void unwatch(SandboxId sandbox);
    // Sandboxes whose state is another than it was. Reads the states of those only that were written to since the last
    // call or are settling.
    [[nodiscard]] std::vector<Change> read_changes();
    // True while the state of some sandbox is not known for good: call read_changes() again soon, no inotify event
    // may come.
    [[nodiscard]] bool settling() const { return !unsettled_.empty(); }

    [[nodiscard]] std::size_t watched() const { return by_sandbox_.size(); }
    // States that could not be read, and overflows of the kernel's queue (all states are read again then).
    [[nodiscard]] std::uint64_t failures() const { return failures_; }

private:
    struct Watched {
        SandboxId sandbox = kHost;
        std::string state_file;
        bool frozen = false;
    };
    V1Freezer(std::string mount, UniqueFd inotify, std::size_t capacity)
        : mount_(std::move(mount)), inotify_(std::move(inotify)), capacity_(capacity)
    {
    }
    void read_notifications();
    void forget(int watch);

    std::string mount_;
    UniqueFd inotify_;
    std::size_t capacity_;
    std::unordered_map<int, Watched> by_watch_;  // by inotify's watch descriptor
    std::unordered_map<SandboxId, int> by_sandbox_;
    std::set<int> unsettled_;  // watches whose state has to be read
    std::uint64_t failures_ = 0;
};

}  // namespace fnshield
