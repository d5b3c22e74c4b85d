// SPDX-License-Identifier: Apache-2.0
//
// What this host has, found out by looking and never by a version number: kernel BTF, cgroup mounts, tracefs, the raw
// tracepoints and per-syscall tracepoints that exist. Probed once at start; doctor prints it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "daemon/base/result.h"

struct btf;

namespace fnshield {

class Host {
public:
    // Fails with ExitCode::unsupported and what would help where the daemon cannot work at all: no BTF, no cgroup v2.
    // `proc_mounts` and `btf_path` are parameters so that tests can show hosts that lack them.
    [[nodiscard]] static Result<Host> probe(const std::string& proc_mounts = "/proc/self/mounts",
                                            const std::string& btf_path = "/sys/kernel/btf/vmlinux");
    Host(Host&&) noexcept;
    Host& operator=(Host&&) noexcept;
    ~Host();

    [[nodiscard]] const std::string& cgroup2_mount() const { return cgroup2_mount_; }
    // The v1 freezer hierarchy on hybrid hosts: runc pauses through it.
    [[nodiscard]] const std::optional<std::string>& freezer_mount() const { return freezer_mount_; }
    // The v1 cpu hierarchy on hybrid hosts: quotas are set there.
    [[nodiscard]] const std::optional<std::string>& cpu_mount() const { return cpu_mount_; }
    [[nodiscard]] bool has_raw_tracepoint(std::string_view name) const;  // "mmap_lock_start_locking"
    // "sys_exit_openat"; always false where tracefs is not mounted.
    [[nodiscard]] bool has_syscall_tracepoint(std::string_view name) const;
    // "io_kiocb", "cqe": that kernel type, with a member of that name.
    [[nodiscard]] bool has_member(std::string_view type, std::string_view member) const;
    [[nodiscard]] bool has_function(std::string_view name) const;  // a kernel function or kfunc in BTF
    [[nodiscard]] const std::optional<std::string>& tracefs_mount() const { return tracefs_mount_; }
    // It is mounted, but its files are root's and this process may not read them: no syscall tracepoint is found.
    [[nodiscard]] bool tracefs_is_closed() const;
    // The parsed BTF takes some MiB; it is read again when asked for after this.
    void forget_btf();

private:
    Host() = default;
    [[nodiscard]] const btf* kernel_btf() const;

    struct BtfDeleter {
        void operator()(btf* b) const;
    };
    std::string btf_path_;
    mutable std::unique_ptr<btf, BtfDeleter> btf_;
    std::string cgroup2_mount_;
    std::optional<std::string> freezer_mount_;
    std::optional<std::string> cpu_mount_;
    std::optional<std::string> tracefs_mount_;
};

// Mounts tracefs for this process alone (a mount namespace of its own, changes of the host still arrive), where the
// host has not mounted it: per-syscall tracepoints need its ids. Call before any thread is started. No-op where it is
// mounted already; an error where that is not permitted.
[[nodiscard]] Result<void> mount_private_tracefs();

}  // namespace fnshield
