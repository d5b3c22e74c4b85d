// SPDX-License-Identifier: Apache-2.0
//
// Which of an object's programs to load and attach: an ordered table in data, one row a program, and what became of it.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/base/result.h"
#include "daemon/kernel/host.h"
#include "daemon/kernel/libbpf.h"

namespace fnshield {

enum class Backend : std::uint8_t { lsm, fentry, tracepoint, cgroup };

[[nodiscard]] std::string_view backend_name(Backend backend);

// What has to be asked for before a program is attached.
enum class Tier : std::uint8_t {
    always,        // costs a syscall nothing
    full,          // a per-syscall tracepoint: on the fallback backend only, and not in its lean profile
    compat_entry,  // a raw entry program for 32-bit system calls: on the fallback only, by its key
    fallback,      // costs a syscall nothing either, but the preferred backends see the same in a better place
    stand_in,      // fexit on a security_* function: only where LSM programs are not used
};

struct ProgramSpec {
    std::string_view program;  // its name in the object
    Backend backend;
    Tier tier;
    // What must exist for it: "raw:mmap_lock_start_locking", "syscall:sys_exit_openat", "func:do_filp_open" (a kernel
    // function), "lsm:file_open"; "" = tried without asking. A hook that came before what it must hand over names a
    // member that came with it: "raw:io_uring_complete with io_kiocb.cqe".
    std::string_view hook;
    // What is no longer seen without it, for `doctor` and the log; "" where another row sees the same.
    std::string_view loses;
    // The program in the object, where several rows share one: it is verified once and attached to each row's hook,
    // which is then a "syscall:" one. Empty = `program` itself.
    std::string_view shares = {};
    // A hook of the same form; where that exists this row is not needed, and is left out.
    std::string_view unless = {};
};

// What a program that was left out lacks.
enum class Lack : std::uint8_t {
    nothing,     // it was not left out
    wish,        // nobody asked for it: the configuration leaves it out
    hook,        // the kernel has not what it attaches to
    permission,  // this process may not look for it
};

struct ProgramStatus {
    std::string program;
    Backend backend;
    bool attached = false;
    bool failed = false;  // it was wanted and should have worked; otherwise what is not attached was not wanted here
    std::string reason;   // why not, and what is not seen then
    std::string code;     // the program in the object
    std::string syscall_tracepoint;  // "sys_exit_openat"; empty = attached as its section says
    Lack lack = Lack::nothing;
    std::string loses;  // as in ProgramSpec
};

struct ProgramChoice {
    // lsm: LSM programs, and fexit programs for what no LSM hook sees. fentry: fexit programs. tracepoint: neither.
    Backend backend = Backend::tracepoint;
    bool full_profile = true;
    bool compat_entry = false;
    std::string_view absent_hook = {};  // taken as missing whatever the host has, so that its replacement can be tried
};

// `hook` as in ProgramSpec.
[[nodiscard]] bool hook_exists(std::string_view hook, const Host& host);

// Marks what is wanted and possible to be loaded; the others are skipped, with a reason. Rows of another backend than
// the chosen one are left out.
[[nodiscard]] std::vector<ProgramStatus> choose_programs(bpf_object* object, std::span<const ProgramSpec> specs,
                                                         const Host& host, const ProgramChoice& choice);

// Attaches every chosen program that attaches to the whole node (not the cgroup ones) and fills in `statuses`. A
// program that cannot be attached costs only itself; the reason says so.
[[nodiscard]] std::vector<BpfLink> attach_programs(bpf_object* object, std::vector<ProgramStatus>& statuses);

}  // namespace fnshield
