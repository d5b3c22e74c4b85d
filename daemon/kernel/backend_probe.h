// SPDX-License-Identifier: Apache-2.0
//
// Which backends this kernel really gives us: a tiny program of each kind (bpf/probes/) is loaded, attached, made to
// fire and seen to have fired. Never by a version number: kernels take LSM programs that they never call, and
// hypervisors refuse what the kernel's own configuration offers.
//
// Each probe takes some milliseconds and leaves nothing behind. Needs CAP_BPF and CAP_PERFMON (or root).
#pragma once

#include <optional>
#include <string>

#include "daemon/base/result.h"
#include "daemon/kernel/programs.h"

namespace fnshield {

struct BackendSupport {
    bool usable = false;
    std::string reason;  // why not, and what would change it; empty where it is usable
};

[[nodiscard]] BackendSupport probe_lsm();
[[nodiscard]] BackendSupport probe_fentry();      // fentry and fexit
[[nodiscard]] BackendSupport probe_tracepoint();  // BTF-typed raw tracepoints

// The backend to use: the one that is forced, or the first of lsm, fentry and tracepoint that works. An error
// (ExitCode::unsupported) where the forced one does not work here, with the reason.
[[nodiscard]] Result<Backend> choose_backend(std::optional<Backend> forced);

// What tracing cannot be asked about, tried for real: whether the 32-bit system call entry (int 0x80) answers, in a
// child that may die of it, and whether io_uring may be used.
[[nodiscard]] bool compat_entry_works();
[[nodiscard]] bool io_uring_works();

// The kernel's list of security modules, "lockdown,yama,apparmor"; empty where securityfs is not mounted.
[[nodiscard]] std::string active_lsms();

}  // namespace fnshield
