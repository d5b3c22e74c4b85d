// SPDX-License-Identifier: Apache-2.0
//
// What makes an alert, what raises one, when it is written again, and that nothing grows without bound or gets lost.
#include "daemon/respond/alert_book.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "tests/unit/support/events.h"

namespace fnshield {
namespace {

using namespace test;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Outcome = AlertBook::Outcome;

constexpr SandboxId kResize = 4711;
constexpr SandboxId kResnet = 4712;
constexpr std::string_view kTechniques[] = {"T1055", "T1003.007"};
constexpr EventKind kKinds[] = {EventKind::memory_access};
constexpr RuleDescriptor kRule{.rule = "isolation.memory_read",
                               .category = Category::infrastructure,
                               .severity = Severity::critical,
                               .techniques = kTechniques,
                               .short_text = "",
                               .long_text = "",
                               .kinds = kKinds};

class FixedRandom final : public RandomSource {
public:
    void fill(std::span<std::uint8_t> bytes) override { std::ranges::fill(bytes, std::uint8_t{0}); }
};

// Two sandboxes with a process each; resize's reads resnet's memory.
class AlertBookTest : public ::testing::Test {
protected:
    AlertBookTest()
    {
        apply(made_event(kResize, kSecond, "/fn/acme/resize/i-1"));
        apply(made_event(kResnet, kSecond, "/fn/acme/resnet/i-4"));
        apply(exec_event(kResize, 2 * kSecond, process(801, 50), "/usr/bin/watchdog", FNS_EXEC_FIRST));
        apply(fork_event(kResize, 2 * kSecond, process(801, 50), process(812, 801)));
        apply(exec_event(kResize, 3 * kSecond, process(812, 801), "/usr/bin/python3.11", 0,
                         {"python3", "x.py", "--token", "hunter2"}));
        apply(exec_event(kResnet, 3 * kSecond, process(633, 51), "/usr/bin/python3.11", FNS_EXEC_FIRST));
    }

    void apply(const Event& event) { (void)model.apply(event); }

    static Event read_at(Nanoseconds time_ns)
    {
        return memory_event(kResize, time_ns, process(812, 801), kResnet, process(633, 51));
    }

    Detection detection(std::string key = "633")
    {
        Detection made{.rule = &kRule, .sandbox = kResize, .policy = policy};
        made.finding.summary = "resize/i-1 read memory of resnet/i-4 (process_vm_readv)";
        made.finding.key = std::move(key);
        return made;
    }

    AlertBook::Recorded record(AlertBook& book, Nanoseconds time_ns, std::string key = "633")
    {
        return book.record(detection(std::move(key)), read_at(time_ns), model, context);
    }

    PathRecogniser recogniser;
    FixedPolicies policies;
    Model model{recogniser, policies};
    FixedRandom random;
    AlertContext context{.node = "worker-7", .wall_offset_ns = 1'700'000'000 * static_cast<std::int64_t>(kSecond)};
    std::shared_ptr<Policy> policy = std::make_shared<Policy>();
};

TEST_F(AlertBookTest, AnAlertOwnsAllItSays)
{
    AlertBook book(random);
    const auto recorded = record(book, 10 * kSecond);
    ASSERT_EQ(recorded.outcome, Outcome::made);
    ASSERT_THAT(recorded.emit, SizeIs(1));
    const Alert& alert = *recorded.alert;
    EXPECT_THAT(alert.id, SizeIs(26));
    EXPECT_EQ(alert.node, "worker-7");
    EXPECT_EQ(alert.rule, "isolation.memory_read");
    EXPECT_EQ(alert.severity, Severity::critical);
    EXPECT_THAT(alert.techniques, ElementsAre("T1055", "T1003.007"));
    ASSERT_TRUE(alert.sandbox);
    EXPECT_EQ(alert.sandbox->cgroup, "/fn/acme/resize/i-1");
    EXPECT_EQ(alert.sandbox->name.function, "resize");
    ASSERT_TRUE(alert.process);
    EXPECT_EQ(alert.process->pid, 812U);
    EXPECT_EQ(alert.process->exe, "/usr/bin/python3.11");
    EXPECT_THAT(alert.process->argv, ElementsAre("python3", "x.py", "--token", "***"));
    ASSERT_THAT(alert.process->ancestors, SizeIs(1));
    EXPECT_EQ(alert.process->ancestors[0].exe, "/usr/bin/watchdog");
    ASSERT_TRUE(alert.target.sandbox);
    EXPECT_EQ(alert.target.sandbox->name.function, "resnet");
    ASSERT_TRUE(alert.target.process);
    EXPECT_EQ(alert.target.process->pid, 633U);
    EXPECT_EQ(alert.target.process->exe, "/usr/bin/python3.11");
    ASSERT_THAT(alert.evidence, SizeIs(1));
    EXPECT_EQ(alert.count, 1U);
    EXPECT_FALSE(alert.degraded);
    EXPECT_EQ(alert.requested, Action::alert);
    EXPECT_EQ(alert.taken, Action::alert);
    EXPECT_EQ(alert.policy, "default");
}

TEST_F(AlertBookTest, TheSameFindingWithinTheCooldownRaisesTheCount)
{
    AlertBook book(random);
    const auto first = record(book, 10 * kSecond);
    const auto second = record(book, 70 * kSecond);  // 60 s later: still within
    EXPECT_EQ(second.outcome, Outcome::updated);
    EXPECT_EQ(second.alert, first.alert);
    EXPECT_EQ(second.alert->count, 2U);
    EXPECT_EQ(second.alert->time_ns, 10 * kSecond);
    EXPECT_EQ(second.alert->first_seen_ns, 10 * kSecond);
    EXPECT_EQ(second.alert->last_seen_ns, 70 * kSecond);
    EXPECT_THAT(second.alert->evidence, SizeIs(2));
    EXPECT_THAT(book.recent(), SizeIs(1));
}

TEST_F(AlertBookTest, AfterTheCooldownItIsANewAlert)
{
    AlertBook book(random);
    const auto first = record(book, 10 * kSecond);
    const auto second = record(book, 70 * kSecond + 1);
    EXPECT_EQ(second.outcome, Outcome::made);
    EXPECT_EQ(second.alert->count, 1U);
    EXPECT_LT(first.alert->id, second.alert->id);
}

TEST_F(AlertBookTest, AnotherKeySandboxOrRuleIsAnotherAlert)
{
    AlertBook book(random);
    (void)record(book, 10 * kSecond, "633");
    EXPECT_EQ(record(book, 10 * kSecond, "634").outcome, Outcome::made);
    Detection elsewhere = detection();
    elsewhere.sandbox = kResnet;
    EXPECT_EQ(book.record(elsewhere, read_at(10 * kSecond), model, context).outcome, Outcome::made);
    RuleDescriptor other_rule = kRule;
    other_rule.rule = "isolation.memory_write";
    Detection other = detection();
    other.rule = &other_rule;
    EXPECT_EQ(book.record(other, read_at(10 * kSecond), model, context).outcome, Outcome::made);
    EXPECT_EQ(record(book, 11 * kSecond).outcome, Outcome::updated);
    EXPECT_EQ(book.table().entries, 4U);
}

TEST_F(AlertBookTest, WhatTheKernelOnlyCountedCounts)
{
    AlertBook book(random);
    Event event = read_at(10 * kSecond);
    event.repeats = 4;
    EXPECT_EQ(book.record(detection(), event, model, context).alert->count, 5U);
    EXPECT_EQ(book.record(detection(), event, model, context).alert->count, 10U);
}

TEST_F(AlertBookTest, EventsOutOfOrderKeepTheTimesInOrder)
{
    AlertBook book(random);
    (void)record(book, 20 * kSecond);
    const auto late = record(book, 19 * kSecond);
    EXPECT_EQ(late.outcome, Outcome::updated);
    EXPECT_EQ(late.alert->first_seen_ns, 19 * kSecond);
    EXPECT_EQ(late.alert->last_seen_ns, 20 * kSecond);
}

TEST_F(AlertBookTest, UpdatesAreWrittenOnceInAnInterval)
{
    AlertBook book(random);
    (void)record(book, 10 * kSecond);
    std::size_t written = 0;
    for (int i = 1; i <= 100; ++i)
        written += record(book, 10 * kSecond + static_cast<Nanoseconds>(i) * 100 * kMillisecond).emit.size();
    EXPECT_EQ(written, 2U);  // at 15 s and at 20 s
    EXPECT_THAT(book.flush(), IsEmpty());
}

TEST_F(AlertBookTest, APendingUpdateComesWithTheTick)
{
    AlertBook book(random);
    (void)record(book, 10 * kSecond);
    EXPECT_THAT(record(book, 11 * kSecond).emit, IsEmpty());
    EXPECT_THAT(book.tick(14 * kSecond), IsEmpty());
    const auto due = book.tick(15 * kSecond);
    ASSERT_THAT(due, SizeIs(1));
    EXPECT_EQ(due[0]->count, 2U);
    EXPECT_THAT(book.tick(16 * kSecond), IsEmpty()) << "it is out already";
}

TEST_F(AlertBookTest, TheLastCountIsNeverLost)
{
    AlertBook book(random, {.cooldown_ns = kSecond, .update_interval_ns = 3600 * kSecond, .active = 1});
    (void)record(book, 10 * kSecond, "a");
    (void)record(book, 10 * kSecond, "a");
    const auto crowded_out = record(book, 10 * kSecond, "b");
    ASSERT_THAT(crowded_out.emit, SizeIs(2));
    EXPECT_EQ(crowded_out.emit[0]->count, 2U);
    EXPECT_EQ(crowded_out.emit[1], crowded_out.alert);

    (void)record(book, 10 * kSecond, "b");
    const auto over = book.tick(12 * kSecond);
    ASSERT_THAT(over, SizeIs(1));
    EXPECT_EQ(over[0]->count, 2U);
    EXPECT_EQ(book.table().entries, 0U);

    (void)record(book, 20 * kSecond, "c");
    (void)record(book, 20 * kSecond, "c");
    const auto next = record(book, 30 * kSecond, "c");
    ASSERT_THAT(next.emit, SizeIs(2)) << "the finding comes again after its cooldown, before a tick";
    EXPECT_EQ(next.emit[0]->count, 2U);

    (void)record(book, 30 * kSecond, "c");
    EXPECT_THAT(book.flush(), SizeIs(1));
    EXPECT_THAT(book.flush(), IsEmpty());
}

TEST_F(AlertBookTest, IsBoundedAndCountsWhatMadeRoom)
{
    AlertBook book(random, {.active = 10, .recent = 5});
    for (int i = 0; i < 100; ++i)
        (void)record(book, 10 * kSecond + static_cast<Nanoseconds>(i), std::to_string(i));
    EXPECT_EQ(book.table().entries, 10U);
    EXPECT_EQ(book.table().capacity, 10U);
    EXPECT_EQ(book.table().evictions, 90U);
    EXPECT_THAT(book.recent(), SizeIs(5));
    EXPECT_EQ(record(book, 11 * kSecond, "99").outcome, Outcome::updated);
    EXPECT_EQ(record(book, 11 * kSecond, "0").outcome, Outcome::made) << "the oldest made room";
}

TEST_F(AlertBookTest, TheOneNotSeenForLongestMakesRoom)
{
    AlertBook book(random, {.active = 2});
    (void)record(book, 1 * kSecond, "a");
    (void)record(book, 2 * kSecond, "b");
    (void)record(book, 3 * kSecond, "a");
    (void)record(book, 4 * kSecond, "c");
    EXPECT_EQ(record(book, 5 * kSecond, "a").outcome, Outcome::updated);
    EXPECT_EQ(record(book, 5 * kSecond, "b").outcome, Outcome::made);
}

TEST_F(AlertBookTest, ThePolicyDecidesSeverityAndAction)
{
    AlertBook book(random);
    policy->name = "resnet";
    policy->rules["isolation.memory_read"] = {.action = Action::kill, .severity = Severity::low};
    const auto recorded = record(book, 10 * kSecond);
    EXPECT_EQ(recorded.alert->severity, Severity::low);
    EXPECT_EQ(recorded.alert->requested, Action::kill);
    EXPECT_EQ(recorded.alert->taken, std::nullopt) << "monitor mode";
    EXPECT_EQ(recorded.alert->policy, "resnet");
    book.set_taken(*recorded.alert, Action::kill);
    EXPECT_EQ(recorded.alert->taken, Action::kill);
}

TEST_F(AlertBookTest, OffIsCountedAndNoAlert)
{
    AlertBook book(random);
    policy->rules["isolation.memory_read"] = {.action = Action::off};
    const auto recorded = record(book, 10 * kSecond);
    EXPECT_EQ(recorded.outcome, Outcome::off);
    EXPECT_EQ(recorded.alert, nullptr);
    EXPECT_THAT(recorded.emit, IsEmpty());
    EXPECT_EQ(book.turned_off(), 1U);
    EXPECT_THAT(book.recent(), IsEmpty());
}

// The model hears of losses once a second; an alert does not wait for it.
TEST_F(AlertBookTest, LossesThatTheModelHasNotHeardOfMakeItDegraded)
{
    AlertBook book(random);
    context.lost_events = true;
    EXPECT_TRUE(record(book, 10 * kSecond).alert->degraded);
}

TEST_F(AlertBookTest, ASandboxThatLostEventsMakesItDegraded)
{
    AlertBook book(random);
    EXPECT_FALSE(record(book, 10 * kSecond).alert->degraded);
    apply(loss_event(kResize, 11 * kSecond, 3));
    EXPECT_TRUE(record(book, 12 * kSecond).alert->degraded);
    EXPECT_TRUE(record(book, 12 * kSecond, "new").alert->degraded);
}

TEST_F(AlertBookTest, AnUnknownSandboxOrProcessIsNoReasonToLoseTheAlert)
{
    AlertBook book(random);
    Detection lost = detection();
    lost.sandbox = 99;
    const Event event = memory_event(99, 10 * kSecond, process(7777), 98, process(8888));
    const auto recorded = book.record(lost, event, model, context);
    ASSERT_TRUE(recorded.alert->sandbox);
    EXPECT_EQ(recorded.alert->sandbox->id, 99U);
    EXPECT_EQ(recorded.alert->process->pid, 7777U);
    EXPECT_EQ(recorded.alert->process->exe, "");
    EXPECT_EQ(recorded.alert->target.process->pid, 8888U);
}

TEST_F(AlertBookTest, AnActorOnTheHostIsNamedByItsProgramWhereThatIsKnown)
{
    AlertBook book(random);
    Event event = memory_event(kHost, 9 * kSecond, process(12, 1, "gdb"), kResnet, process(633, 51));
    std::get<MemoryBody>(event.body).actor_exe = "/usr/bin/gdb";
    const auto alert = book.record(detection(), event, model, context).alert;
    ASSERT_TRUE(alert->process);
    EXPECT_EQ(alert->process->pid, 12U);
    EXPECT_EQ(alert->process->exe, "/usr/bin/gdb");
}

TEST_F(AlertBookTest, WithoutATaskThereIsNoProcess)
{
    AlertBook book(random);
    const auto recorded = book.record(detection(), accept_event(kResize, 10 * kSecond, 8080), model, context);
    EXPECT_FALSE(recorded.alert->process);
    EXPECT_TRUE(recorded.alert->target.empty());
}

TEST_F(AlertBookTest, EvidenceIsBoundedMaskedAndEndsWithTheEvent)
{
    AlertBook book(random);
    Detection found = detection();
    for (std::uint64_t i = 0; i < 20; ++i) {
        Event earlier =
            exec_event(kResize, i, process(812), "/bin/sh", 0, {"sh", "--password=x", std::string(3000, 'x')});
        earlier.seq = i;
        found.finding.earlier_evidence.push_back(earlier);
    }
    Event event = read_at(10 * kSecond);
    event.seq = 1000;
    const auto recorded = book.record(found, event, model, context);
    const auto& evidence = recorded.alert->evidence;
    ASSERT_THAT(evidence, SizeIs(kMaxEvidence));
    EXPECT_EQ(evidence.front().seq, 13U);
    EXPECT_EQ(evidence.back().seq, 1000U);
    EXPECT_EQ(evidence.front().as<ExecBody>()->argv[1], "--password=***");
    EXPECT_LT(evidence.front().as<ExecBody>()->argv[2].size(), kMaxEvidenceArgvBytes);
    (void)record(book, 11 * kSecond);
    EXPECT_THAT(recorded.alert->evidence, SizeIs(kMaxEvidence));
}

TEST_F(AlertBookTest, ASecretInTheSummaryIsMasked)
{
    AlertBook book(random);
    Detection found = detection();
    found.finding.summary = "resize/i-1 ran curl https://me:pw@host";
    EXPECT_EQ(book.record(found, read_at(kSecond), model, context).alert->summary,
              "resize/i-1 ran curl https://me:***@host");
}

TEST_F(AlertBookTest, IsFoundByTheBeginningOfItsId)
{
    AlertBook book(random);
    const auto first = record(book, 10 * kSecond, "a").alert;
    const auto second = record(book, 900 * kSecond, "b").alert;
    EXPECT_EQ(book.find(first->id), first);
    std::string lower = second->id;
    std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return std::tolower(c); });
    EXPECT_EQ(book.find(lower), second);
    EXPECT_EQ(book.find(first->id.substr(0, 10)), first);
    EXPECT_EQ(book.find(first->id.substr(0, 2)), nullptr) << "ambiguous";
    EXPECT_EQ(book.find(""), nullptr);
    EXPECT_EQ(book.find("ZZZ"), nullptr);
}

}  // namespace
}  // namespace fnshield
