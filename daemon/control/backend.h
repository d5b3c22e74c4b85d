// SPDX-License-Identifier: Apache-2.0
//
// What the control server asks of the daemon. The app implements it; tests have their own. Plain structs, so that what
// `fnshield status` shows is checked by the compiler; report.h turns them into JSON.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/base/result.h"
#include "daemon/base/time.h"
#include "daemon/model/model.h"

namespace fnshield {

struct ProgramReport {
    std::string program;
    std::string backend;  // lsm, fentry, tracepoint, cgroup
    bool attached = false;
    std::string reason;  // why not, and what is not seen then
};

struct SensorReport {
    std::string name;
    std::string backend;  // in use; empty where the sensor sees nothing
    std::string error;    // why it sees nothing
    std::uint64_t events = 0;
    std::uint64_t suppressed = 0;
    std::map<std::string, std::uint64_t> lost;  // by stage; stages that lost nothing may be left out
    std::vector<ProgramReport> programs;
};

struct PolicyReport {
    std::string name;
    std::string file;  // empty = built in
};

struct MissingCapability {
    std::string name;    // "CAP_KILL"
    std::string serves;  // what is not possible without it
};

struct StatusReport {
    std::string node;
    std::string mode;         // monitor, enforce
    std::string backend;      // the configured one: auto, lsm, fentry, tracepoint
    std::string kernel;       // release
    std::string config_file;  // empty = built-in defaults
    std::string policy_dir;
    std::string state_dir;
    std::string listen;  // "127.0.0.1:9938"; empty = off
    std::uint32_t pid = 0;
    Nanoseconds started_ns = 0;
    std::string not_ready;                    // empty = ready: sensors attached, a policy applied, the heartbeat fresh
    std::optional<Nanoseconds> heartbeat_ns;  // when the last one came back
    std::uint64_t heartbeats = 0;             // that came back since the start
    std::string reload_error;                 // of the last reload; empty = it worked, or there was none
    std::uint64_t sandboxes_created = 0;
    std::uint64_t alerts = 0;
    std::vector<MissingCapability> missing_capabilities;  // of the daemon, that it runs without
    std::vector<SensorReport> sensors;
    std::vector<PolicyReport> policies;
    std::vector<TableStats> tables;
};

struct RuleText {
    std::string short_text;
    std::string long_text;
};

class ControlBackend {
public:
    virtual ~ControlBackend() = default;
    [[nodiscard]] virtual StatusReport status() const = 0;
    virtual void for_each_sandbox(const std::function<void(const Sandbox&)>& visit) const = 0;
    [[nodiscard]] virtual std::optional<RuleText> rule_text(std::string_view rule) const = 0;
    // What SIGHUP does. One line that says what came of it, or why nothing was changed.
    [[nodiscard]] virtual Result<std::string> reload() = 0;
    [[nodiscard]] virtual const Clock& clock() const = 0;
};

}  // namespace fnshield
