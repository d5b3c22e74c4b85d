// SPDX-License-Identifier: Apache-2.0
//
// The capabilities that the daemon works with, which of them a process holds, and how it gives up the others.
//
//   from exec to keep_used()   what it was started with: tracefs may have to be mounted, RLIMIT_MEMLOCK to be raised
//   until armed                the six of the table, as far as they were given; CAP_SYS_ADMIN where perf events take it
//   from keep_serving() on     without CAP_PERFMON: all programs are loaded, their perf events open
//   the thread of /metrics     none (give_up_all)
//
// The other five are needed as long as the daemon runs. CAP_BPF: up to Linux 5.18 every bpf() call takes it where
// kernel.unprivileged_bpf_disabled is set, as it is in distributions, so also reading a counter from a map.
// CAP_NET_ADMIN (and CAP_BPF): a parent of sandboxes that is made later gets its cgroup programs then. CAP_SYS_PTRACE
// and CAP_DAC_READ_SEARCH: each new process and bundle is looked at, and a reload reads the files of root. CAP_KILL: an
// answer to what happens later.
//
// Capabilities are a thread's: what is given up here is given up by the calling thread and those that it starts later.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "daemon/base/result.h"

namespace fnshield {

inline constexpr const char* kPerfEventParanoid = "/proc/sys/kernel/perf_event_paranoid";

struct Capability {
    int bit;  // capabilities(7)
    const char* name;
    bool needed;         // without it nothing works; the others only serve names and responses
    bool only_to_load;   // of no use once everything is attached
    const char* serves;  // what is not possible without it
};

[[nodiscard]] std::span<const Capability> used_capabilities();

enum class Held : unsigned char { no, yes, by_sys_admin };

class HeldCapabilities {
public:
    // From the CapEff line of a /proc/PID/status; one that cannot be read holds nothing.
    [[nodiscard]] static HeldCapabilities read(const std::string& status_file = "/proc/thread-self/status");
    // CAP_SYS_ADMIN stands for CAP_BPF and CAP_PERFMON, as it does until Linux 5.8 and in old container runtimes.
    [[nodiscard]] Held has(const Capability& capability) const;
    // The bits, of those held, that the used capabilities take: CAP_SYS_ADMIN only where it stands for one of them.
    [[nodiscard]] std::uint64_t used(bool to_load) const;
    [[nodiscard]] std::uint64_t all() const { return bits_; }

private:
    std::uint64_t bits_ = 0;
};

// Fails with ExitCode::unsupported and the names of what is missing of the needed ones.
[[nodiscard]] Result<void> check_capabilities(const HeldCapabilities& held);

// Those of the others that are not held.
[[nodiscard]] std::vector<Capability> missing_serving(const HeldCapabilities& held);

// Raises RLIMIT_MEMLOCK where that is permitted, and gives up for good what is not in the table: effective, permitted,
// inheritable and ambient set, the bounding set where CAP_SETPCAP permits, and, by no_new_privs, whatever an exec would
// give. Root keeps what its uid owns: it still writes root's files and folders, but no other user's.
[[nodiscard]] Result<void> keep_used();

// Once armed: gives up what was only needed to load and attach.
[[nodiscard]] Result<void> keep_serving();

// True where only CAP_SYS_ADMIN may attach to a system call's tracepoint: kernel.perf_event_paranoid is above 2, which
// kernels of Debian and its kin know and start with. CAP_PERFMON does not help there.
[[nodiscard]] bool perf_events_take_sys_admin(const std::string& sysctl_file = kPerfEventParanoid);

// For a thread that needs none of them.
[[nodiscard]] Result<void> give_up_all();

}  // namespace fnshield
