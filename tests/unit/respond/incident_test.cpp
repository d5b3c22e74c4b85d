// SPDX-License-Identifier: Apache-2.0
//
// What becomes a step of an alert, and what stays an alert of its own.
#include "daemon/respond/incident.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "daemon/respond/alert_book.h"
#include "tests/unit/support/events.h"

namespace fnshield {
namespace {

using namespace test;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Outcome = AlertBook::Outcome;

constexpr SandboxId kBox = 4711;
constexpr SandboxId kOther = 4712;
constexpr std::string_view kTechniques[] = {"T1"};
constexpr EventKind kKinds[] = {EventKind::exec};

constexpr RuleDescriptor rule(std::string_view name, Severity severity, Category category = Category::function)
{
    return {.rule = name, .category = category, .severity = severity, .techniques = kTechniques, .kinds = kKinds};
}

constexpr RuleDescriptor kShell = rule("function.shell_spawned", Severity::high);
constexpr RuleDescriptor kSearch = rule("identity.credential_search", Severity::medium);
constexpr RuleDescriptor kCli = rule("identity.cloud_cli", Severity::medium);
constexpr RuleDescriptor kFileless = rule("function.fileless_exec", Severity::critical);
constexpr RuleDescriptor kLoss = rule("health.loss", Severity::low, Category::health);

class FixedRandom final : public RandomSource {
public:
    void fill(std::span<std::uint8_t> bytes) override { std::ranges::fill(bytes, std::uint8_t{0}); }
};

// The server (100) starts a shell (101), which starts tools (102, 103); 104 is the server's, too.
class IncidentTest : public ::testing::Test {
protected:
    IncidentTest()
    {
        apply(made_event(kBox, kSecond, "/fn/acme/resize/i-1"));
        apply(made_event(kOther, kSecond, "/fn/acme/resnet/i-4"));
        apply(exec_event(kBox, 2 * kSecond, process(100), "/usr/bin/node", FNS_EXEC_FIRST));
        apply(exec_event(kOther, 2 * kSecond, process(200), "/usr/bin/node", FNS_EXEC_FIRST));
        for (const auto& [parent, child] : {std::pair{100U, 101U}, {101U, 102U}, {101U, 103U}, {100U, 104U}})
            apply(fork_event(kBox, 3 * kSecond, process(parent), process(child)));
    }

    void apply(const Event& event) { (void)model.apply(event); }

    AlertBook::Recorded find(const RuleDescriptor& what, std::uint32_t tgid, Nanoseconds now = 10 * kSecond,
                             std::string key = "k", SandboxId sandbox = kBox, Action action = Action::alert)
    {
        auto policy = std::make_shared<Policy>();
        policy->rules[std::string(what.rule)].action = action;
        Detection detection{.rule = &what, .sandbox = sandbox, .policy = policy};
        detection.finding.summary = std::string(what.rule) + " by " + std::to_string(tgid);
        detection.finding.key = std::move(key);
        detection.finding.on_behalf_of_target = on_behalf_of_target;
        return book.record(detection, exec_event(sandbox, now, process(tgid), "/bin/x"), model, {});
    }

    PathRecogniser recogniser;
    FixedPolicies policies;
    Model model{recogniser, policies};
    FixedRandom random;
    AlertBook book{random};
    bool on_behalf_of_target = false;
};

TEST_F(IncidentTest, AChainIsOneAlertWithItsSteps)
{
    const auto first = find(kShell, 101);
    ASSERT_EQ(first.outcome, Outcome::made);
    const auto second = find(kSearch, 102, 12 * kSecond);
    EXPECT_EQ(second.outcome, Outcome::joined);
    EXPECT_EQ(second.alert, first.alert);
    EXPECT_THAT(second.emit, SizeIs(1)) << "a new step is written at once";
    EXPECT_EQ(find(kCli, 103, 13 * kSecond).outcome, Outcome::joined) << "a sibling of the search";
    ASSERT_THAT(first.alert->steps, SizeIs(2));
    EXPECT_EQ(first.alert->steps[0].rule, "identity.credential_search");
    EXPECT_EQ(first.alert->steps[0].summary, "identity.credential_search by 102");
    EXPECT_EQ(first.alert->steps[0].time_ns, 12 * kSecond);
    EXPECT_THAT(first.alert->steps[0].techniques, ElementsAre("T1"));
    EXPECT_EQ(first.alert->last_seen_ns, 13 * kSecond);
    EXPECT_EQ(first.alert->count, 1U);
    EXPECT_THAT(first.alert->evidence, SizeIs(3));
    EXPECT_THAT(book.recent(), SizeIs(1));
}

TEST_F(IncidentTest, AStepThatComesAgainIsCounted)
{
    const auto first = find(kShell, 101);
    find(kSearch, 102);
    EXPECT_EQ(find(kSearch, 103, 11 * kSecond).outcome, Outcome::updated);
    EXPECT_THAT(first.alert->steps, SizeIs(1));
    EXPECT_EQ(first.alert->steps[0].count, 2U);
    EXPECT_EQ(find(kShell, 101, 11 * kSecond).outcome, Outcome::updated);
    EXPECT_EQ(first.alert->count, 2U);
}

TEST_F(IncidentTest, WhatWouldHideOrIsAnothersStaysApart)
{
    find(kSearch, 101);
    EXPECT_EQ(find(kSearch, 102, 10 * kSecond, "another").outcome, Outcome::made) << "the same rule";
    EXPECT_EQ(find(kShell, 102).outcome, Outcome::made) << "graver than the alert";
    EXPECT_EQ(find(kFileless, 102).outcome, Outcome::made) << "critical";
    EXPECT_EQ(find(kLoss, 102).outcome, Outcome::made) << "health";
    EXPECT_EQ(find(kCli, 200, 10 * kSecond, "k", kOther).outcome, Outcome::made) << "another sandbox";
}

TEST_F(IncidentTest, AnotherActionOrTheTargetsPolicyStaysApart)
{
    find(kShell, 101);
    EXPECT_EQ(find(kSearch, 102, 10 * kSecond, "k", kBox, Action::kill).outcome, Outcome::made);
    on_behalf_of_target = true;
    EXPECT_EQ(find(kCli, 102).outcome, Outcome::made);
}

TEST_F(IncidentTest, AnotherLineageStaysApart)
{
    find(kShell, 101);
    EXPECT_EQ(find(kSearch, 104).outcome, Outcome::made) << "both descend from the server, and from nobody else";
    EXPECT_EQ(find(kCli, 100).outcome, Outcome::made) << "the server itself";
}

TEST_F(IncidentTest, LaterIsAnotherIncident)
{
    find(kShell, 101);
    EXPECT_EQ(find(kSearch, 102, 10 * kSecond + kJoinWithin + 1).outcome, Outcome::made);
}

TEST_F(IncidentTest, StepsAreBoundedAndForgottenWithTheAlert)
{
    const auto first = find(kShell, 101);
    std::vector<RuleDescriptor> rules;
    std::vector<std::string> names;
    for (std::size_t i = 0; i < kMaxSteps + 4; ++i)
        names.push_back("test.rule_" + std::to_string(i));
    rules.reserve(names.size());
    std::size_t joined = 0;
    for (const std::string& name : names) {
        rules.push_back(rule(name, Severity::low));
        joined += find(rules.back(), 102).outcome == Outcome::joined ? 1 : 0;
    }
    EXPECT_EQ(first.alert->steps.size(), kMaxSteps);
    EXPECT_EQ(joined, kMaxSteps + 3) << "what does not fit makes an alert, which the others join";
    (void)book.tick(1000 * kSecond);
    EXPECT_EQ(book.table().entries, 0U);
    EXPECT_EQ(find(rules[0], 102, 1001 * kSecond).outcome, Outcome::made);
}

}  // namespace
}  // namespace fnshield
