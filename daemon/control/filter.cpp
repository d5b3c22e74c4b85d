// SPDX-License-Identifier: Apache-2.0
#include "daemon/control/filter.h"

#include <algorithm>
#include <array>

#include "daemon/base/wildcard.h"

namespace fnshield::control {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::array<std::string_view, 4> kSeverities = {"low", "medium", "high", "critical"};

// Text or number of a member; "" where it is absent or something else.
std::string text_of(const Json& object, const char* key)
{
    const auto found = object.find(key);
    if (found == object.end())
        return {};
    if (found->is_string())
        return found->get<std::string>();
    return found->is_number_unsigned() ? std::to_string(found->get<std::uint64_t>()) : std::string();
}

const Json* object_of(const Json& object, const char* key)
{
    const auto found = object.find(key);
    return found != object.end() && found->is_object() ? &*found : nullptr;
}

void add_identity(const Json* sandbox, std::vector<MatchKeys::Identity>& identities)
{
    if (sandbox == nullptr)
        return;
    identities.push_back({.id = text_of(*sandbox, "id"),
                          .cgroup = text_of(*sandbox, "cgroup"),
                          .function = text_of(*sandbox, "function"),
                          .instance = text_of(*sandbox, "instance")});
}

bool names_sandbox(const std::string& pattern, const MatchKeys::Identity& identity)
{
    return (!identity.id.empty() && pattern == identity.id) || wildcard_match(pattern, identity.cgroup) ||
           wildcard_match(pattern, identity.instance) ||
           wildcard_match(pattern, identity.function + "/" + identity.instance);
}

std::size_t severity_rank(std::string_view severity)
{
    return static_cast<std::size_t>(std::ranges::find(kSeverities, severity) - kSeverities.begin());
}

}  // namespace

MatchKeys match_keys(const Json& event_or_alert)
{
    MatchKeys keys;
    if (!event_or_alert.is_object())
        return keys;
    add_identity(object_of(event_or_alert, "sandbox"), keys.sandboxes);
    if (const Json* target = object_of(event_or_alert, "target")) {
        add_identity(object_of(*target, "sandbox"), keys.sandboxes);
        if (std::string id = text_of(*target, "sandbox"); !id.empty())  // as events name it
            keys.sandboxes.push_back({.id = std::move(id), .cgroup = {}, .function = {}, .instance = {}});
    }
    keys.rule = text_of(event_or_alert, "rule");
    if (const auto steps = event_or_alert.find("steps"); steps != event_or_alert.end() && steps->is_array())
        for (const Json& step : *steps)
            keys.step_rules.push_back(text_of(step, "rule"));
    keys.severity = text_of(event_or_alert, "severity");
    if (std::string kind = text_of(event_or_alert, "kind"); !kind.empty())
        keys.kinds.push_back(std::move(kind));
    const auto evidence = event_or_alert.find("evidence");
    if (evidence != event_or_alert.end() && evidence->is_array())
        for (const Json& item : *evidence)
            if (item.is_object())
                keys.kinds.push_back(text_of(item, "kind"));
    return keys;
}

MatchKeys match_keys(const Sandbox& sandbox)
{
    MatchKeys keys;
    keys.sandboxes.push_back({.id = std::to_string(sandbox.id),
                              .cgroup = sandbox.cgroup,
                              .function = sandbox.name.function,
                              .instance = sandbox.name.instance});
    return keys;
}

bool kind_matches(std::string_view pattern, std::string_view kind)
{
    return pattern.empty() || wildcard_match(pattern, kind);
}

bool Filter::matches(const MatchKeys& keys) const
{
    const auto any_sandbox = [&](auto&& wanted) { return std::ranges::any_of(keys.sandboxes, wanted); };
    if (!sandbox.empty() && !any_sandbox([&](const auto& identity) { return names_sandbox(sandbox, identity); }))
        return false;
    if (!function.empty() &&
        !any_sandbox([&](const auto& identity) { return wildcard_match(function, identity.function); }))
        return false;
    if (!rule.empty() && !wildcard_match(rule, keys.rule) &&
        std::ranges::none_of(keys.step_rules, [&](const std::string& step) { return wildcard_match(rule, step); }))
        return false;
    if (!kind.empty() && !std::ranges::any_of(keys.kinds, [&](const auto& one) { return wildcard_match(kind, one); }))
        return false;
    return severity.empty() || severity_rank(keys.severity) >= severity_rank(severity);
}

Result<void> check_filter(const Filter& filter)
{
    if (!filter.severity.empty() && severity_rank(filter.severity) == kSeverities.size())
        return fail("unknown severity '" + filter.severity + "': one of low, medium, high, critical", ExitCode::usage);
    if (filter.kind.empty())
        return {};
    std::string known;
    for (int i = 0; i < static_cast<int>(kFirstInternalKind); ++i) {
        const std::string_view kind = event_kind_name(static_cast<EventKind>(i));
        if (kind_matches(filter.kind, kind))
            return {};
        known.append(known.empty() ? "" : ", ").append(kind);
    }
    return fail("no event is of kind '" + filter.kind + "': " + known, ExitCode::usage);
}

}  // namespace fnshield::control
