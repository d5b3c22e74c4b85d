// SPDX-License-Identifier: Apache-2.0
//
// The examination behind `fnshield doctor`: one finding an item, each with what was found and, where it is not as it
// could be, what to change. Works without a daemon. What is asked of the kernel is tried, not guessed from its version.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "daemon/kernel/capabilities.h"
#include "daemon/kernel/host.h"

namespace fnshield::cli {

enum class Verdict {
    ok,
    less,     // it runs without, and sees less or costs more
    missing,  // it cannot run without
};

struct Finding {
    std::string area;  // "kernel", "backends", …
    std::string item;
    Verdict verdict = Verdict::ok;
    std::string text;  // what was found, and what to change
};

// What is looked at instead of the real host's files, in tests.
struct HostFiles {
    std::string mounts = "/proc/self/mounts";
    std::string btf = "/sys/kernel/btf/vmlinux";
    std::string status = "/proc/self/status";
    std::string perf_event_paranoid = kPerfEventParanoid;
};

struct Examination {
    std::vector<Finding> findings;
    nlohmann::ordered_json sensors = nlohmann::ordered_json::array();  // as in `status`

    [[nodiscard]] bool can_run() const;
    [[nodiscard]] std::string backend() const;  // the best that works: "tracepoint"; empty = none
};

// The parts, each appends what it found.
void examine_kernel(const HostFiles& files, Examination& examination);
void examine_tracepoints(const Host& host, Examination& examination);
void examine_backends(Examination& examination);
// After the backends: what `deny` does for each act that the kernel side guards.
void examine_enforcement(Examination& examination);
void examine_privileges(const HostFiles& files, Examination& examination);
void examine_blind_spots(Examination& examination);
void examine_sensors(const Host& host, Examination& examination);

// All of it, on this host.
[[nodiscard]] Examination examine_host(const HostFiles& files = {});

}  // namespace fnshield::cli
