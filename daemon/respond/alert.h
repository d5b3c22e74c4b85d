// SPDX-License-Identifier: Apache-2.0
//
// An alert: what leaves the daemon when a detector found something. Plain data that owns all it says: it outlives the
// event, the sandbox and the process that it is about. The alert book makes it; daemon/output knows how it is written.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "daemon/base/time.h"
#include "daemon/detect/detector.h"
#include "daemon/model/event.h"
#include "daemon/model/sandbox.h"
#include "daemon/policy/policy.h"

namespace fnshield {

// A sandbox as it was when the alert was made.
struct AlertSandbox {
    SandboxId id = kHost;
    std::string cgroup;
    SandboxName name;
    SandboxState state = SandboxState::created;
    std::uint64_t invocation = 0;
};

struct AlertProcess {
    struct Ancestor {
        std::uint32_t pid = 0;
        std::string exe;
    };

    std::uint32_t pid = 0;
    Nanoseconds start_ns = 0;
    std::string exe;                // empty where the model does not know the process
    std::vector<std::string> argv;  // masked and cut (respond/mask.h)
    std::uint32_t uid = 0;
    std::vector<Ancestor> ancestors;  // nearest first
};

// What the act was aimed at; any of these may be missing.
struct AlertTarget {
    std::optional<AlertSandbox> sandbox;
    std::optional<AlertProcess> process;  // pid and exe only
    TargetDetail detail;

    [[nodiscard]] bool empty() const
    {
        return !sandbox && !process && detail.file.empty() && detail.address.empty() && detail.port == 0 &&
               detail.name.empty();
    }
};

// A finding of another rule that belongs to the same incident (respond/incident.h).
struct AlertStep {
    Nanoseconds time_ns = 0;  // of the first act
    std::string rule;
    Severity severity = Severity::low;
    std::vector<std::string> techniques;
    std::string summary;      // masked
    std::uint64_t count = 1;  // acts
};

struct Alert {
    std::string id;                   // ULID: sorts by time
    Nanoseconds time_ns = 0;          // of the event that made it; does not change when the finding comes again
    std::int64_t wall_offset_ns = 0;  // at that time, so that its times print the same for ever
    std::string node;
    std::string rule;
    Category category = Category::function;
    Severity severity = Severity::low;
    std::vector<std::string> techniques;
    std::string summary;                  // masked
    std::optional<AlertSandbox> sandbox;  // absent = the host
    std::optional<AlertProcess> process;  // absent where no task acted
    AlertTarget target;
    std::vector<Event> evidence;   // oldest first, argv masked; the first ones when there are too many
    std::vector<AlertStep> steps;  // what followed in the same incident, in that order
    std::uint64_t count = 1;       // acts, those that the kernel only counted included; those of steps are theirs
    Nanoseconds first_seen_ns = 0;
    Nanoseconds last_seen_ns = 0;  // steps included
    bool degraded = false;         // events of the sandbox were lost: there may be more to it
    Action requested = Action::alert;
    std::optional<Action> taken;  // absent = none
    std::string policy;           // that decided severity and action
};

}  // namespace fnshield
