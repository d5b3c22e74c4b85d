// SPDX-License-Identifier: Apache-2.0
//
// Which sandboxes, events and alerts a client wants: globs over what identifies them. Works on values that are rendered
// already, so a filter means the same for a line that is pushed and for one out of the history.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/base/result.h"
#include "daemon/model/event.h"
#include "daemon/model/sandbox.h"

namespace fnshield::control {

// What a filter can ask about one line; taken out of it once, when it is published.
struct MatchKeys {
    struct Identity {
        std::string id;
        std::string cgroup;
        std::string function;
        std::string instance;
    };
    std::vector<Identity> sandboxes;  // the actor's, then the target's
    std::string rule;
    std::vector<std::string> step_rules;  // of an alert's steps
    std::string severity;
    std::vector<std::string> kinds;  // the event's own, or those of an alert's evidence
};

[[nodiscard]] MatchKeys match_keys(const nlohmann::ordered_json& event_or_alert);
[[nodiscard]] MatchKeys match_keys(const Sandbox& sandbox);

// Globs: * is any text, '/' included, ? is one byte. Empty = any.
struct Filter {
    std::string sandbox;  // id, cgroup path, instance or function/instance
    std::string function;
    std::string rule;                     // alerts
    std::string kind;                     // an event's kind; for alerts, that of their evidence
    std::string severity;                 // alerts: at least this one
    std::optional<Nanoseconds> since_ns;  // how long ago at most

    [[nodiscard]] bool matches(const MatchKeys& keys) const;
    bool operator==(const Filter&) const = default;
};

// Refuses a kind that no event has and a severity that no alert has.
[[nodiscard]] Result<void> check_filter(const Filter& filter);

[[nodiscard]] bool kind_matches(std::string_view pattern, std::string_view kind);

// Kinds below this one are printed; the others are the daemon's own business.
inline constexpr EventKind kFirstInternalKind = EventKind::cgroup_made;

}  // namespace fnshield::control
