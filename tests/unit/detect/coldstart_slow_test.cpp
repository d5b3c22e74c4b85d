// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/detect/detector_fixture.h"

namespace fnshield::test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class ColdstartSlow : public DetectorTest {
protected:
    ColdstartSlow() : DetectorTest(detect::make_coldstart_slow()) {}

    void set_budget(Nanoseconds budget_ns)
    {
        Policy policy;
        policy.cold_start.budget_ns = budget_ns;
        use_policy(policy);
    }

    // One whole life of a sandbox of one function: made, started, ready after `init_ns`, removed.
    std::vector<Detection> live(Nanoseconds init_ns, const std::string& function = "resize")
    {
        const SandboxId id = ++next_id_;
        const auto tgid = static_cast<std::uint32_t>(id);
        now_ns_ += kSecond;
        auto found = feed_all({made_event(id, now_ns_, "/fn/acme/" + function + "/i-" + std::to_string(id)),
                               exec_event(id, now_ns_ + 1, process(tgid), "/usr/bin/python3", FNS_EXEC_FIRST),
                               listen_event(id, now_ns_ + 1 + init_ns, process(tgid), 8080)});
        now_ns_ += init_ns + kSecond;
        feed(removed_event(id, now_ns_));
        return found;
    }

    SandboxId next_id_ = 10000;
    Nanoseconds now_ns_ = 0;
};

TEST_F(ColdstartSlow, ReadyBeyondTheBudget)
{
    set_budget(2 * kSecond);
    const auto found = live(4210 * kMillisecond);
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_EQ(found[0].sandbox, 10001U);
    EXPECT_EQ(found[0].finding.summary,
              "resize/i-10001 took 4.21 s to become ready; its budget is 2.00 s (policy default)");
}

TEST_F(ColdstartSlow, QuietWithinTheBudget)
{
    set_budget(2 * kSecond);
    EXPECT_THAT(live(2 * kSecond), IsEmpty());
}

TEST_F(ColdstartSlow, QuietWithoutBudgetAndHistory)
{
    for (int i = 0; i < 19; ++i)
        EXPECT_THAT(live(300 * kMillisecond), IsEmpty());
    EXPECT_THAT(live(30 * kSecond), IsEmpty()) << "19 starts are not enough to know the function";
}

TEST_F(ColdstartSlow, FarBeyondTheFunctionsOwnStarts)
{
    for (int i = 0; i < 20; ++i)
        EXPECT_THAT(live(300 * kMillisecond), IsEmpty());
    EXPECT_THAT(live(900 * kMillisecond), IsEmpty()) << "three times, but not more";
    const auto found = live(2800 * kMillisecond);
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_THAT(found[0].finding.summary, HasSubstr("99 of 100 of its starts take less than 0.90 s"));
    EXPECT_THAT(live(30 * kSecond, "resnet"), IsEmpty()) << "another function's starts say nothing";
}

TEST_F(ColdstartSlow, VeryShortStartsNeedAMargin)
{
    for (int i = 0; i < 20; ++i)
        EXPECT_THAT(live(10 * kMillisecond), IsEmpty());
    EXPECT_THAT(live(400 * kMillisecond), IsEmpty()) << "40 times, but nobody waits for that";
}

TEST_F(ColdstartSlow, SlowStartsAreNotLearntUntilTheyAreTheNewNormal)
{
    for (int i = 0; i < 20; ++i)
        EXPECT_THAT(live(300 * kMillisecond), IsEmpty());
    for (int i = 0; i < 5; ++i)
        EXPECT_THAT(live(5 * kSecond), SizeIs(1)) << i;
    EXPECT_THAT(live(5 * kSecond), IsEmpty()) << "a new revision: learnt anew";
}

TEST_F(ColdstartSlow, StillStartingIsToldOnATickAndOnce)
{
    set_budget(2 * kSecond);
    start();
    EXPECT_THAT(feed(tick_event(4 * kSecond)), IsEmpty()) << "exactly at the budget";
    const auto found = feed(tick_event(5 * kSecond));
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_EQ(found[0].sandbox, kBox);
    EXPECT_THAT(found[0].finding.summary, HasSubstr("resize/i-1 is still not ready after 3.00 s"));
    EXPECT_THAT(feed(tick_event(6 * kSecond)), IsEmpty());
    EXPECT_THAT(feed(listen_event(kBox, 7 * kSecond, process(100), 8080)), IsEmpty());
}

TEST_F(ColdstartSlow, ManyLateSandboxesAreToldOnOneTick)
{
    set_budget(2 * kSecond);
    for (SandboxId id = 1; id <= 10; ++id)
        feed_all({made_event(id, kSecond, "/fn/acme/resize/i-" + std::to_string(id)),
                  exec_event(id, kSecond + 1, process(static_cast<std::uint32_t>(1000 + id)), "/a", FNS_EXEC_FIRST)});
    EXPECT_THAT(feed(tick_event(5 * kSecond)), SizeIs(10));
}

TEST_F(ColdstartSlow, TimeFrozenDoesNotCount)
{
    set_budget(2 * kSecond);
    start();
    feed(frozen_event(kBox, 3 * kSecond, true));
    EXPECT_THAT(feed(tick_event(600 * kSecond)), IsEmpty());
    feed(frozen_event(kBox, 601 * kSecond, false));
    EXPECT_THAT(feed(tick_event(602 * kSecond)), IsEmpty());
    EXPECT_THAT(feed(listen_event(kBox, 602 * kSecond, process(100), 8080)), IsEmpty());
}

TEST_F(ColdstartSlow, TimeAfterAThawCounts)
{
    set_budget(2 * kSecond);
    start();
    feed_all({frozen_event(kBox, 3 * kSecond, true), frozen_event(kBox, 601 * kSecond, false)});
    EXPECT_THAT(feed(tick_event(603 * kSecond)), SizeIs(1));
}

TEST_F(ColdstartSlow, QuietForASandboxThatRanBefore)
{
    set_budget(2 * kSecond);
    feed_all({adopted_event(kBox, kSecond), found_event(kBox, kSecond, process(100), "/usr/bin/python3")});
    EXPECT_THAT(feed(tick_event(60 * kSecond)), IsEmpty());
    EXPECT_THAT(feed(listen_event(kBox, 61 * kSecond, process(100), 8080)), IsEmpty());
}

TEST_F(ColdstartSlow, ASandboxThatDiesDuringItsStartIsForgotten)
{
    set_budget(2 * kSecond);
    start();
    EXPECT_EQ(entries(), 1U);
    feed(removed_event(kBox, 3 * kSecond));
    EXPECT_EQ(entries(), 0U);
    EXPECT_THAT(feed(tick_event(10 * kSecond)), IsEmpty());
}

TEST_F(ColdstartSlow, TablesAreBounded)
{
    for (int i = 0; i < 1100; ++i)
        live(kMillisecond, "f" + std::to_string(i));
    for (SandboxId id = 1; id <= 4200; ++id)
        feed_all({made_event(id, now_ns_, "/fn/acme/resize/i-" + std::to_string(id)),
                  exec_event(id, now_ns_, process(static_cast<std::uint32_t>(100000 + id)), "/a", FNS_EXEC_FIRST)});
    for (const TableStats& table : engine().tables()) {
        EXPECT_EQ(table.entries, table.capacity) << table.table;
        EXPECT_GT(table.evictions, 0U) << table.table;
    }
}

}  // namespace
}  // namespace fnshield::test
