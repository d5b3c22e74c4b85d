// SPDX-License-Identifier: Apache-2.0
//
// Freezing, the end, adoption, names, policies and the table's bounds.
#include "tests/unit/support/model_fixture.h"

namespace fnshield::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class SandboxLife : public ModelTest {};

TEST_F(SandboxLife, FreezeAndThawGiveTheStateBack)
{
    start_and_listen();
    apply(accept_event(kBox, 6 * kSecond, 8080));
    EXPECT_THAT(apply(frozen_event(kBox, 7 * kSecond, true)), ElementsAre(EventKind::sandbox_frozen));
    EXPECT_EQ(derived[0].as<LifecycleBody>()->path, "/fn/acme/resize/i-1");
    EXPECT_EQ(box().state, SandboxState::frozen);
    EXPECT_EQ(box().before_freeze, SandboxState::serving);
    EXPECT_EQ(box().frozen_ns, 7 * kSecond);
    EXPECT_TRUE(box().warm());
    EXPECT_THAT(apply(frozen_event(kBox, 8 * kSecond, true)), IsEmpty());
    EXPECT_EQ(box().frozen_ns, 7 * kSecond);

    EXPECT_THAT(apply(frozen_event(kBox, 9 * kSecond, false)), ElementsAre(EventKind::sandbox_thawed));
    EXPECT_EQ(box().state, SandboxState::serving);
    EXPECT_EQ(box().frozen_ns, std::nullopt);
    EXPECT_EQ(box().thawed_ns, 9 * kSecond);
    EXPECT_THAT(apply(frozen_event(kBox, 9 * kSecond, false)), IsEmpty());
}

TEST_F(SandboxLife, AThawIsWithoutRequestUntilTheNextOne)
{
    start_and_listen();
    apply(accept_event(kBox, 6 * kSecond, 8080));
    EXPECT_EQ(box().request_ns, 6 * kSecond);
    EXPECT_FALSE(box().thawed_without_request());
    apply(frozen_event(kBox, 7 * kSecond, true));
    apply(frozen_event(kBox, 9 * kSecond, false));
    EXPECT_TRUE(box().thawed_without_request());
    apply(accept_event(kBox, 9 * kSecond, 8080));
    EXPECT_FALSE(box().thawed_without_request());
}

TEST_F(SandboxLife, ThawWithoutFreeze)
{
    start();
    EXPECT_THAT(apply(frozen_event(kBox, 3 * kSecond, false)), IsEmpty());
    EXPECT_EQ(box().state, SandboxState::starting);
}

TEST_F(SandboxLife, FrozenBeforeReady)
{
    start();
    EXPECT_THAT(apply(frozen_event(kBox, 3 * kSecond, true)), ElementsAre(EventKind::sandbox_frozen));
    EXPECT_FALSE(box().warm());
    EXPECT_FALSE(box().in_init());
    apply(frozen_event(kBox, 4 * kSecond, false));
    EXPECT_TRUE(box().in_init());
    EXPECT_THAT(apply(listen_event(kBox, 5 * kSecond, process(100), 80)), ElementsAre(EventKind::sandbox_ready));
}

TEST_F(SandboxLife, TheKernelAcceptsForAFrozenSandbox)
{
    start_and_listen();
    apply(frozen_event(kBox, 6 * kSecond, true));
    EXPECT_THAT(apply(accept_event(kBox, 7 * kSecond, 8080)), ElementsAre(EventKind::sandbox_first_request));
    EXPECT_EQ(box().state, SandboxState::frozen);
    apply(frozen_event(kBox, 8 * kSecond, false));
    EXPECT_EQ(box().state, SandboxState::serving);
}

TEST_F(SandboxLife, EndsOnce)
{
    start_and_listen();
    EXPECT_THAT(apply(populated_event(kBox, 9 * kSecond, false)), ElementsAre(EventKind::sandbox_gone));
    EXPECT_EQ(box().state, SandboxState::gone);
    EXPECT_EQ(box().gone_ns, 9 * kSecond);
    EXPECT_EQ(phases().total_ns, 4 * kSecond);
    EXPECT_THAT(apply(removed_event(kBox, 10 * kSecond)), IsEmpty());
    EXPECT_THAT(apply(populated_event(kBox, 10 * kSecond, false)), IsEmpty());
    EXPECT_EQ(box().gone_ns, 9 * kSecond);
}

TEST_F(SandboxLife, RemovedWithoutAWordBefore)
{
    start_and_listen();
    EXPECT_THAT(apply(removed_event(kBox, 9 * kSecond)), ElementsAre(EventKind::sandbox_gone));
}

TEST_F(SandboxLife, DeathDuringStartShowsThatItWasNeverReady)
{
    start();
    apply(exit_event(kBox, 3 * kSecond, process(100), 1));
    EXPECT_THAT(apply(populated_event(kBox, 3 * kSecond, false)), ElementsAre(EventKind::sandbox_gone));
    EXPECT_EQ(phases().setup_ns, 1 * kSecond);
    EXPECT_EQ(phases().init_ns, std::nullopt);
    EXPECT_EQ(phases().total_ns, std::nullopt);
    EXPECT_FALSE(box().warm());
    ASSERT_TRUE(box().root_exit.has_value());
    EXPECT_EQ(box().root_exit->exit_code, 1);
}

TEST_F(SandboxLife, OnlyTheRootsExitIsKept)
{
    start();
    apply(exit_event(kBox, 3 * kSecond, process(101), 7));
    EXPECT_EQ(box().root_exit, std::nullopt);
    ProcessInfo same_pid = process(100);
    same_pid.start_ns += 5;
    apply(exit_event(kBox, 3 * kSecond, same_pid, 7));
    EXPECT_EQ(box().root_exit, std::nullopt);
}

TEST_F(SandboxLife, EmptyBeforeTheStartIsWaiting)
{
    apply_all(made_event(kBox, kSecond), populated_event(kBox, 2 * kSecond, true));
    EXPECT_THAT(apply(populated_event(kBox, 3 * kSecond, false)), IsEmpty());
    EXPECT_EQ(box().state, SandboxState::created);
    EXPECT_THAT(apply(removed_event(kBox, 4 * kSecond)), ElementsAre(EventKind::sandbox_gone));
    EXPECT_EQ(phases().setup_ns, std::nullopt);
}

TEST_F(SandboxLife, FrozenSandboxesEndToo)
{
    start_and_listen();
    apply(frozen_event(kBox, 6 * kSecond, true));
    EXPECT_THAT(apply(populated_event(kBox, 7 * kSecond, false)), ElementsAre(EventKind::sandbox_gone));
    EXPECT_EQ(box().frozen_ns, std::nullopt);
    EXPECT_THAT(apply(frozen_event(kBox, 8 * kSecond, false)), IsEmpty());
    EXPECT_EQ(box().state, SandboxState::gone);
}

TEST_F(SandboxLife, PopulatedAgainIsAnotherLifeInTheSameCgroup)
{
    start_and_listen();
    apply(accept_event(kBox, 6 * kSecond, 8080));
    apply(populated_event(kBox, 7 * kSecond, false));
    ASSERT_THAT(apply(populated_event(kBox, 8 * kSecond, true)), ElementsAre(EventKind::sandbox_created));
    EXPECT_TRUE(derived[0].as<LifecycleBody>()->adopted);
    EXPECT_EQ(box().state, SandboxState::ready);
    EXPECT_EQ(box().name.display(), "resize/i-1");
    EXPECT_EQ(box().cold_start.total_ns, std::nullopt);
    EXPECT_EQ(box().invocation, 0U);
    EXPECT_EQ(box().gone_ns, std::nullopt);
    // It may be empty from time to time now; its removal ends it.
    EXPECT_THAT(apply(populated_event(kBox, 9 * kSecond, false)), IsEmpty());
    EXPECT_THAT(apply(removed_event(kBox, 9 * kSecond)), ElementsAre(EventKind::sandbox_gone));
}

TEST_F(SandboxLife, GoneIsKeptForLateEventsThenForgotten)
{
    start_and_listen();
    apply(removed_event(kBox, 10 * kSecond));
    EXPECT_THAT(apply(accept_event(kBox, 9 * kSecond, 8080)), IsEmpty());
    EXPECT_THAT(apply(listen_event(kBox, 9 * kSecond, process(100), 8081)), IsEmpty());
    EXPECT_THAT(apply(exec_event(kBox, 9 * kSecond, process(100), "/late", FNS_EXEC_FIRST)), IsEmpty());
    EXPECT_EQ(box().state, SandboxState::gone);
    EXPECT_EQ(box().invocation, 0U);
    EXPECT_THAT(box().listening, ElementsAre(8080));
    EXPECT_NE(model->process(100, start_of(100)), nullptr);

    EXPECT_THAT(apply(tick_event(39 * kSecond)), IsEmpty());
    EXPECT_NE(model->sandbox(kBox), nullptr);
    EXPECT_THAT(apply(tick_event(40 * kSecond)), IsEmpty());
    EXPECT_EQ(model->sandbox(kBox), nullptr);
    EXPECT_EQ(model->process(100, start_of(100)), nullptr);
    for (const TableStats& table : model->tables())
        EXPECT_EQ(table.entries, 0U) << table.table;
}

TEST_F(SandboxLife, AdoptedIsWarmWithoutMeasuredPhases)
{
    EXPECT_THAT(apply(adopted_event(kBox, 5 * kSecond)), ElementsAre(EventKind::sandbox_created));
    EXPECT_TRUE(derived[0].as<LifecycleBody>()->adopted);
    apply(found_event(kBox, 5 * kSecond, process(100), "/usr/bin/python3"));
    EXPECT_TRUE(box().adopted);
    EXPECT_EQ(box().state, SandboxState::ready);
    EXPECT_TRUE(box().warm());
    // Its workload runs: no exec begins it now.
    EXPECT_THAT(apply(exec_event(kBox, 6 * kSecond, process(101, 100), "/bin/ls", FNS_EXEC_FIRST)), IsEmpty());
    EXPECT_EQ(box().state, SandboxState::ready);
    EXPECT_EQ(box().started_ns, std::nullopt);

    // Its listens were not seen: the accept names the port.
    EXPECT_THAT(apply(accept_event(kBox, 8 * kSecond, 8080)), ElementsAre(EventKind::sandbox_first_request));
    EXPECT_EQ(phases().first_request_ns, std::nullopt);
    EXPECT_EQ(box().state, SandboxState::serving);
    EXPECT_THAT(box().listening, ElementsAre(8080));
}

TEST_F(SandboxLife, AnAdoptedPodMayBeEmptyForAWhile)
{
    apply_all(adopted_event(kBox, kSecond), found_event(kBox, kSecond, process(100), "/app"));
    EXPECT_THAT(apply(populated_event(kBox, 2 * kSecond, false)), IsEmpty());
    EXPECT_THAT(apply(populated_event(kBox, 3 * kSecond, true)), IsEmpty());
    EXPECT_EQ(box().state, SandboxState::ready);
    EXPECT_THAT(apply(removed_event(kBox, 4 * kSecond)), ElementsAre(EventKind::sandbox_gone));
}

TEST_F(SandboxLife, AdoptedEmptyStartsLater)
{
    apply_all(adopted_event(kBox, kSecond), populated_event(kBox, 2 * kSecond, true));
    EXPECT_THAT(apply(exec_event(kBox, 3 * kSecond, process(100), "/app", FNS_EXEC_FIRST)),
                ElementsAre(EventKind::sandbox_started));
    EXPECT_TRUE(box().in_init());
    EXPECT_EQ(phases().setup_ns, std::nullopt);
    EXPECT_THAT(apply(listen_event(kBox, 5 * kSecond, process(100), 80)), ElementsAre(EventKind::sandbox_ready));
    EXPECT_EQ(phases().init_ns, 2 * kSecond);
    EXPECT_EQ(phases().total_ns, std::nullopt);
}

TEST_F(SandboxLife, ALostMkdirIsMadeUpForOnFirstSight)
{
    EXPECT_THAT(apply(connect_event(kBox, 2 * kSecond, process(100), endpoint("10.0.0.1", 443))),
                ElementsAre(EventKind::sandbox_created));
    EXPECT_TRUE(box().adopted);
    EXPECT_TRUE(box().warm());
    EXPECT_EQ(box().cgroup, "");
    EXPECT_NE(box().policy, nullptr);
    EXPECT_NE(model->process(100, start_of(100)), nullptr);
}

TEST_F(SandboxLife, AFirstExecThatComesLateDoesNotTakeAWarmSandboxBack)
{
    apply(listen_event(kBox, 3 * kSecond, process(100), 8080));
    EXPECT_TRUE(box().warm());
    EXPECT_THAT(apply(exec_event(kBox, 2 * kSecond, process(100), "/app", FNS_EXEC_FIRST)),
                ElementsAre(EventKind::sandbox_started));
    EXPECT_TRUE(box().warm());
    EXPECT_EQ(box().state, SandboxState::ready);
    EXPECT_THAT(apply(made_event(kBox, 1 * kSecond)), ElementsAre(EventKind::sandbox_created));
    EXPECT_EQ(box().cgroup, "/fn/acme/resize/i-1");
    EXPECT_TRUE(box().adopted);  // its phases were not followed
    EXPECT_EQ(box().cold_start.total_ns, std::nullopt);
}

TEST_F(SandboxLife, AFirstExecAfterTheFirstSightLetsTheStartBeFollowed)
{
    apply(connect_event(kBox, 3 * kSecond, process(100), endpoint("10.0.0.1", 443)));
    EXPECT_TRUE(box().warm());
    apply(exec_event(kBox, 2 * kSecond, process(100), "/app", FNS_EXEC_FIRST));
    EXPECT_TRUE(box().in_init());
    EXPECT_FALSE(box().warm());
    EXPECT_THAT(apply(listen_event(kBox, 6 * kSecond, process(100), 80)), ElementsAre(EventKind::sandbox_ready));
    EXPECT_EQ(phases().init_ns, 4 * kSecond);
}

TEST_F(SandboxLife, FirstSightDuringSetupStillMeasuresTheInit)
{
    Event setup = fork_event(kBox, kSecond, process(90), process(91));
    setup.flags = FNS_FLAG_SETUP;
    EXPECT_THAT(apply(setup), ElementsAre(EventKind::sandbox_created));
    EXPECT_EQ(box().state, SandboxState::created);
    EXPECT_FALSE(box().warm());
    apply(exec_event(kBox, 2 * kSecond, process(91), "/app", FNS_EXEC_FIRST));
    apply(listen_event(kBox, 3 * kSecond, process(91), 80));
    EXPECT_EQ(phases().init_ns, kSecond);
    EXPECT_EQ(phases().setup_ns, std::nullopt);
    EXPECT_EQ(phases().total_ns, std::nullopt);
}

TEST_F(SandboxLife, TheTargetOfAMemoryAccessIsSeenToo)
{
    EXPECT_THAT(apply(memory_event(kHost, kSecond, process(10), kOther, process(20))),
                ElementsAre(EventKind::sandbox_created));
    EXPECT_EQ(derived[0].sandbox, kOther);
    EXPECT_NE(model->sandbox(kOther), nullptr);
    EXPECT_EQ(model->process(10, start_of(10)), nullptr);
}

TEST_F(SandboxLife, WhatTellsOfAnEndOrOfTheHostEntersNothing)
{
    EXPECT_THAT(apply(exit_event(kBox, kSecond, process(100))), IsEmpty());
    EXPECT_THAT(apply(removed_event(kBox, kSecond)), IsEmpty());
    EXPECT_THAT(apply(populated_event(kBox, kSecond, false)), IsEmpty());
    EXPECT_THAT(apply(loss_event(kBox, kSecond, 5)), IsEmpty());
    EXPECT_THAT(apply(connect_event(kHost, kSecond, process(5), endpoint("10.0.0.1", 80))), IsEmpty());
    EXPECT_THAT(apply(event_of(EventKind::heartbeat, FNS_SENSOR_HEARTBEAT, kHost, kSecond, process(5), {})), IsEmpty());
    EXPECT_EQ(model->sandbox(kBox), nullptr);
    EXPECT_EQ(model->sandbox(kHost), nullptr);
    for (const TableStats& table : model->tables())
        EXPECT_EQ(table.entries, 0U) << table.table;
}

TEST_F(SandboxLife, DerivedEventsAppliedAgainChangeNothing)
{
    start();
    const std::uint64_t before = box().events;
    Event again = event_of(EventKind::sandbox_ready, FNS_SENSOR_COUNT, kBox, 9 * kSecond, {}, PhaseBody{});
    EXPECT_THAT(apply(again), IsEmpty());
    EXPECT_TRUE(box().in_init());
    EXPECT_EQ(box().events, before);
}

TEST_F(SandboxLife, BodiesThatDoNotFitTheKindAreIgnored)
{
    start();
    for (int kind = 0; kind < static_cast<int>(EventKind::count_); ++kind) {
        Event odd = event_of(static_cast<EventKind>(kind), FNS_SENSOR_EGRESS, kBox, 3 * kSecond, process(100), {});
        EXPECT_THAT(apply(odd), IsEmpty()) << kind;
    }
    EXPECT_TRUE(box().in_init());
    EXPECT_EQ(model->process(100, start_of(100))->exe, "/usr/bin/python3");
}

TEST_F(SandboxLife, LossesAlertsAndEventsAreCounted)
{
    start();
    apply_all(loss_event(kBox, 3 * kSecond, 5), loss_event(kBox, 4 * kSecond, 2));
    model->count_alert(kBox);
    model->count_alert(kOther);
    EXPECT_EQ(box().lost_events, 7U);
    EXPECT_EQ(box().alerts, 1U);
    EXPECT_EQ(box().events, 2U);
}

TEST_F(SandboxLife, RenameLooksThePolicyUp)
{
    auto own = std::make_shared<Policy>();
    own->name = "resnet";
    policies.by_function.emplace("resnet", own);
    start();
    EXPECT_EQ(box().policy->name, "default");
    model->rename(kBox, {.platform = "containerd", .tenant = "acme", .function = "resnet", .instance = "r-1"});
    EXPECT_EQ(box().name.display(), "resnet/r-1");
    EXPECT_EQ(box().policy, own);
    model->rename(kOther, {});
    EXPECT_EQ(model->sandbox(kOther), nullptr);
}

TEST_F(SandboxLife, RefreshLooksEveryPolicyUp)
{
    start();
    apply(made_event(kOther, kSecond, "/fn/acme/resnet/i-4"));
    auto own = std::make_shared<Policy>();
    policies.by_function.emplace("resnet", own);
    EXPECT_NE(box(kOther).policy, own);
    model->refresh_policies();
    EXPECT_EQ(box(kOther).policy, own);
    EXPECT_EQ(box().policy, policies.otherwise);
}

TEST_F(SandboxLife, VisitsEachSandbox)
{
    start();
    apply(made_event(kOther, kSecond));
    std::set<SandboxId> seen;
    model->for_each_sandbox([&seen](const Sandbox& visited) { seen.insert(visited.id); });
    EXPECT_THAT(seen, ElementsAre(kBox, kOther));
}

TEST_F(SandboxLife, WhenFullTheGoneLeaveFirst)
{
    set_limits({.sandboxes = 3});
    for (SandboxId id = 1; id <= 3; ++id)
        apply(made_event(id, id * kSecond));
    apply(removed_event(2, 4 * kSecond));
    EXPECT_THAT(apply(made_event(4, 5 * kSecond)), ElementsAre(EventKind::sandbox_created));
    EXPECT_EQ(model->sandbox(2), nullptr);

    // None is gone now: the one longest without an event leaves, and that is said.
    apply(populated_event(1, 6 * kSecond, true));
    EXPECT_THAT(apply(made_event(5, 7 * kSecond)), ElementsAre(EventKind::sandbox_gone, EventKind::sandbox_created));
    EXPECT_EQ(derived[0].sandbox, 3U);
    EXPECT_EQ(model->sandbox(3), nullptr);
    EXPECT_NE(model->sandbox(1), nullptr);
    EXPECT_EQ(model->tables()[0].evictions, 2U);
    EXPECT_EQ(model->tables()[0].entries, 3U);
    EXPECT_EQ(model->tables()[0].capacity, 3U);
}

TEST_F(SandboxLife, ShortLivedSandboxesLeaveNothingBehind)
{
    Nanoseconds now = kSecond;
    std::size_t most = 0;
    for (SandboxId id = 1; id <= 10'000; ++id) {
        const auto tgid = static_cast<std::uint32_t>(id + 100);
        apply(made_event(id, now));
        apply(exec_event(id, now + 1, process(tgid), "/app", FNS_EXEC_FIRST));
        apply(listen_event(id, now + 2, process(tgid), 80));
        apply(exit_event(id, now + 3, process(tgid)));
        apply(removed_event(id, now + 4));
        now += 100 * kMillisecond;
        apply(tick_event(now));
        most = std::max(most, model->tables()[0].entries);
    }
    EXPECT_LE(most, 301U);  // 30 s of them
    EXPECT_LE(model->tables()[1].entries, 301U);
    EXPECT_EQ(model->tables()[0].evictions, 0U);
    apply(tick_event(now + 31 * kSecond));
    EXPECT_EQ(model->tables()[0].entries, 0U);
    EXPECT_EQ(model->tables()[1].entries, 0U);
}

TEST_F(SandboxLife, AFloodOfSandboxesStaysWithinItsTable)
{
    set_limits({.sandboxes = 100, .processes = 200});
    for (SandboxId id = 1; id <= 10'000; ++id)
        apply_all(made_event(id, id),
                  exec_event(id, id, process(static_cast<std::uint32_t>(id)), "/app", FNS_EXEC_FIRST));
    EXPECT_EQ(model->tables()[0].entries, 100U);
    EXPECT_EQ(model->tables()[0].evictions, 9'900U);
    EXPECT_EQ(model->tables()[1].entries, 100U);  // those of the evicted went with them
}

}  // namespace
}  // namespace fnshield::test
