// SPDX-License-Identifier: Apache-2.0
//
// A real container by runc: an OCI bundle made from nothing (the host's /usr, read-only), a cgroup of choice in every
// hierarchy, no terminal. Everything of it, cgroups included, is gone when the object goes.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "daemon/base/result.h"
#include "tests/support/child.h"

namespace fnshield::testing {

struct RuncMount {
    std::string source;
    std::string destination;
    bool read_only = true;
};

struct RuncOptions {
    std::string cgroup_path;  // "/fn/acme/resize/i-1"
    std::vector<std::string> argv;
    std::vector<std::string> environment;
    std::vector<RuncMount> mounts;  // beside /usr, /proc, /dev and a tmpfs at /tmp
    bool private_network = true;    // its own network namespace (with only a loopback that is down)
    std::string network_namespace;  // a path to join instead, /proc/PID/ns/net
    bool private_pids = true;
    std::uint32_t uid = 0;
    std::vector<std::string> extra_capabilities;  // beside docker's default set: "CAP_SYS_PTRACE"
    std::uint64_t memory_limit_bytes = 0;         // 0 = none
    // A host program to run as createContainer hook (before the root is pivoted); empty = none.
    std::vector<std::string> create_hook;
};

class RuncContainer {
public:
    // `runc create`: all is set up, the workload waits for start().
    [[nodiscard]] static Result<RuncContainer> create(const RuncOptions& options);
    // create and start
    [[nodiscard]] static Result<RuncContainer> run(const RuncOptions& options);
    RuncContainer(RuncContainer&&) noexcept;
    RuncContainer& operator=(RuncContainer&&) = delete;
    ~RuncContainer();

    [[nodiscard]] Result<void> start();
    // `runc exec`: a process put in from outside; waits for its end.
    [[nodiscard]] Result<Finished> exec(const std::vector<std::string>& argv);
    [[nodiscard]] Result<void> pause();  // hybrid hosts: the v1 freezer
    [[nodiscard]] Result<void> resume();
    [[nodiscard]] Result<void> kill(const std::string& signal = "KILL");
    // Waits until no process is left in it.
    [[nodiscard]] Result<void> wait_stopped();
    // `runc delete --force`, and removes the cgroups that were made for it. The destructor does so as well.
    [[nodiscard]] Result<void> remove();

    // The workload's standard input and output.
    [[nodiscard]] Child& io();
    [[nodiscard]] pid_t pid() const;         // of the workload, in the test's pid namespace
    [[nodiscard]] std::uint64_t id() const;  // of its cgroup v2
    [[nodiscard]] std::string cgroup_directory() const;

private:
    struct State;
    explicit RuncContainer(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace fnshield::testing
