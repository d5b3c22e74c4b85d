// SPDX-License-Identifier: Apache-2.0
#include "daemon/control/filter.h"

#include <gtest/gtest.h>

#include <chrono>

namespace fnshield::control {
namespace {

MatchKeys memory_read()
{
    return match_keys(nlohmann::ordered_json::parse(R"({
        "id":"01J","rule":"isolation.memory_read","severity":"high",
        "sandbox":{"id":"11","cgroup":"/fn/acme/resize/i-1","function":"resize","instance":"i-1"},
        "target":{"sandbox":{"cgroup":"/fn/acme/resnet/i-4","function":"resnet","instance":"i-4"}},
        "evidence":[{"kind":"memory_access"},{"kind":"exec"}]})"));
}

TEST(ControlFilter, LetsAllThroughWhereNothingIsAsked)
{
    EXPECT_TRUE(Filter{}.matches(memory_read()));
}

TEST(ControlFilter, NamesASandboxInAnyOfItsWays)
{
    for (const char* name : {"11", "/fn/acme/resize/i-1", "i-1", "resize/i-1", "/fn/acme/*", "resi?e/*", "i-4"})
        EXPECT_TRUE(Filter{.sandbox = name}.matches(memory_read())) << name;
    for (const char* name : {"1", "i-2", "resize", "/fn/acme", "resize/i-4"})
        EXPECT_FALSE(Filter{.sandbox = name}.matches(memory_read())) << name;
}

TEST(ControlFilter, AnAlertIsFoundByTheRulesOfItsSteps)
{
    const MatchKeys keys = match_keys(nlohmann::ordered_json::parse(
        R"({"rule":"function.shell_spawned","steps":[{"rule":"identity.cloud_cli"},{"rule":7},{}]})"));
    EXPECT_TRUE(Filter{.rule = "identity.*"}.matches(keys));
    EXPECT_TRUE(Filter{.rule = "function.*"}.matches(keys));
    EXPECT_FALSE(Filter{.rule = "isolation.*"}.matches(keys));
}

TEST(ControlFilter, AnEventNamesItsTargetById)
{
    const MatchKeys keys = match_keys(nlohmann::ordered_json::parse(R"({"kind":"memory_access","sandbox":null,
        "target":{"sandbox":"4711","process":{"pid":1}}})"));
    EXPECT_TRUE(Filter{.sandbox = "4711"}.matches(keys));
    EXPECT_FALSE(Filter{.sandbox = "11"}.matches(keys));
}

TEST(ControlFilter, AFunctionIsTheActorsOrTheTargets)
{
    EXPECT_TRUE(Filter{.function = "resize"}.matches(memory_read()));
    EXPECT_TRUE(Filter{.function = "resn*"}.matches(memory_read()));
    EXPECT_FALSE(Filter{.function = "res"}.matches(memory_read()));
    EXPECT_FALSE(Filter{.function = "*"}.matches(match_keys(nlohmann::ordered_json{{"kind", "exec"}})))
        << "what happens on the host is in no function";
}

TEST(ControlFilter, RuleKindAndSeverity)
{
    EXPECT_TRUE(Filter{.rule = "isolation.*"}.matches(memory_read()));
    EXPECT_FALSE(Filter{.rule = "coldstart.*"}.matches(memory_read()));
    EXPECT_TRUE(Filter{.kind = "exec"}.matches(memory_read()));
    EXPECT_FALSE(Filter{.kind = "connect"}.matches(memory_read()));
    EXPECT_TRUE(Filter{.severity = "medium"}.matches(memory_read()));
    EXPECT_TRUE(Filter{.severity = "high"}.matches(memory_read()));
    EXPECT_FALSE(Filter{.severity = "critical"}.matches(memory_read()));
}

TEST(ControlFilter, AllConditionsMustHold)
{
    EXPECT_FALSE((Filter{.function = "resize", .rule = "coldstart.slow"}.matches(memory_read())));
    EXPECT_TRUE((Filter{.function = "resize", .rule = "isolation.memory_read"}.matches(memory_read())));
}

TEST(ControlFilter, KeysOfWhatIsNoAlertAreEmpty)
{
    EXPECT_TRUE(match_keys(nlohmann::ordered_json(7)).sandboxes.empty());
    EXPECT_TRUE(match_keys(nlohmann::ordered_json{{"sandbox", 1}, {"evidence", "x"}, {"rule", {1}}}).rule.empty());
}

TEST(ControlFilter, AHostilePatternIsCheap)
{
    std::string stars;
    for (int i = 0; i < 200; ++i)
        stars += "*a";
    MatchKeys keys;
    keys.rule = std::string(2000, 'a') + "b";
    const auto start = std::chrono::steady_clock::now();
    EXPECT_FALSE(Filter{.rule = stars + "c"}.matches(keys));
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(1));
}

TEST(ControlFilter, ChecksKindsAndSeverities)
{
    EXPECT_TRUE(check_filter({.kind = "sandbox_*", .severity = "low"}));
    EXPECT_FALSE(check_filter({.kind = "heartbeat"})) << "the daemon's own business";
    EXPECT_FALSE(check_filter({.severity = "High"}));
}

}  // namespace
}  // namespace fnshield::control
