// SPDX-License-Identifier: Apache-2.0
//
// The cheapest sandbox there is: a directory in the cgroup v2 hierarchy. Everything in it is killed and the directory
// removed when the object goes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "daemon/base/result.h"
#include "tests/support/child.h"

namespace fnshield::testing {

// The mount point of cgroup v2 on this host.
[[nodiscard]] std::string cgroup2_mount();
// "/fnshield-test-PID": what this test process makes is under it.
[[nodiscard]] std::string test_cgroup_root();
// The id of an existing cgroup directory (absolute path), as BPF sees it.
[[nodiscard]] Result<std::uint64_t> cgroup_id(const std::string& directory);

class CgroupSandbox {
public:
    // `path` in the v2 hierarchy, "/fn/acme/resize/i-1"; missing parents are made and removed again.
    [[nodiscard]] static Result<CgroupSandbox> make(const std::string& path);
    // test_cgroup_root()/name
    [[nodiscard]] static Result<CgroupSandbox> make_for_test(const std::string& name);
    CgroupSandbox(CgroupSandbox&&) noexcept = default;
    CgroupSandbox& operator=(CgroupSandbox&&) = delete;
    ~CgroupSandbox();

    [[nodiscard]] const std::string& path() const { return path_; }
    [[nodiscard]] std::string directory() const { return cgroup2_mount() + path_; }
    [[nodiscard]] std::uint64_t id() const { return id_; }

    // Starts argv inside.
    [[nodiscard]] Result<Child> spawn(const std::vector<std::string>& argv, SpawnOptions options = {}) const;
    [[nodiscard]] Result<Finished> run(const std::vector<std::string>& argv, SpawnOptions options = {}) const;
    // Waits until cgroup.events says so.
    [[nodiscard]] Result<void> freeze(bool frozen) const;
    // Kills what is inside and waits until it is empty.
    void kill_all() const;
    // The pids inside, in the test's pid namespace.
    [[nodiscard]] std::vector<pid_t> pids() const;

private:
    CgroupSandbox(std::string path, std::vector<std::string> made, std::uint64_t id)
        : path_(std::move(path)), made_(std::move(made)), id_(id)
    {
    }
    std::string path_;
    std::vector<std::string> made_;  // directories that did not exist before, outermost first
    std::uint64_t id_ = 0;
};

}  // namespace fnshield::testing
