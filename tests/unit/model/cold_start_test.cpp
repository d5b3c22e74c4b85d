// SPDX-License-Identifier: Apache-2.0
//
// From the cgroup to the first request: states, derived events, phases; and what must not count.
#include <cerrno>

#include "tests/unit/support/model_fixture.h"

namespace fnshield::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class ColdStart : public ModelTest {};

TEST_F(ColdStart, ThroughAllPhases)
{
    EXPECT_THAT(apply(made_event(kBox, 1 * kSecond)), ElementsAre(EventKind::sandbox_created));
    EXPECT_EQ(derived[0].as<LifecycleBody>()->path, "/fn/acme/resize/i-1");
    EXPECT_EQ(box().state, SandboxState::created);
    EXPECT_EQ(box().name, (SandboxName{"template", "acme", "resize", "i-1"}));
    EXPECT_FALSE(box().adopted);

    EXPECT_THAT(apply(exec_event(kBox, 2 * kSecond, process(100), "/usr/bin/python3", FNS_EXEC_FIRST)),
                ElementsAre(EventKind::sandbox_started));
    EXPECT_EQ(phases().setup_ns, 1 * kSecond);
    EXPECT_EQ(phases().init_ns, std::nullopt);
    EXPECT_EQ(box().state, SandboxState::starting);
    EXPECT_TRUE(box().in_init());
    EXPECT_FALSE(box().warm());
    EXPECT_EQ(box().root_tgid, 100U);

    EXPECT_THAT(apply(listen_event(kBox, 5 * kSecond, process(100), 8080)), ElementsAre(EventKind::sandbox_ready));
    EXPECT_EQ(phases().setup_ns, 1 * kSecond);
    EXPECT_EQ(phases().init_ns, 3 * kSecond);
    EXPECT_EQ(phases().total_ns, 4 * kSecond);
    EXPECT_EQ(phases().first_request_ns, std::nullopt);
    EXPECT_EQ(phases().port, 8080);
    EXPECT_EQ(box().state, SandboxState::ready);
    EXPECT_TRUE(box().warm());
    EXPECT_FALSE(box().in_init());

    EXPECT_THAT(apply(accept_event(kBox, 7 * kSecond, 8080)), ElementsAre(EventKind::sandbox_first_request));
    EXPECT_EQ(phases().first_request_ns, 2 * kSecond);
    EXPECT_EQ(phases().total_ns, std::nullopt);
    EXPECT_EQ(box().state, SandboxState::serving);
    EXPECT_EQ(box().invocation, 1U);

    Event later = accept_event(kBox, 8 * kSecond, 8080);
    later.repeats = 3;
    EXPECT_THAT(apply(later), IsEmpty());
    EXPECT_EQ(box().invocation, 5U);
    EXPECT_EQ(box().cold_start.first_request_ns, 2 * kSecond);
}

TEST_F(ColdStart, DerivedEventsAreOfTheCausesTimeAndProcess)
{
    start();
    apply(listen_event(kBox, 5 * kSecond, process(107, 100, "gunicorn"), 8080));
    ASSERT_EQ(derived.size(), 1U);
    EXPECT_EQ(derived[0].time_ns, 5 * kSecond);
    EXPECT_EQ(derived[0].sandbox, kBox);
    EXPECT_EQ(derived[0].process.tgid, 107U);
    EXPECT_EQ(derived[0].process.comm, "gunicorn");
    EXPECT_EQ(derived[0].sensor, FNS_SENSOR_COUNT);
    EXPECT_EQ(derived[0].seq, 0U);
}

TEST_F(ColdStart, OnlyTheWorkloadsFirstExecStarts)
{
    apply(made_event(kBox, kSecond));
    EXPECT_THAT(apply(exec_event(kBox, 2 * kSecond, process(90), "/proc/self/exe", FNS_EXEC_RUNTIME)), IsEmpty());
    Event entrant = exec_event(kBox, 2 * kSecond, process(91), "/usr/bin/runc", FNS_EXEC_FIRST);
    entrant.flags = FNS_FLAG_ENTRANT;
    EXPECT_THAT(apply(entrant), IsEmpty());
    EXPECT_THAT(apply(exec_event(kBox, 2 * kSecond, process(92), "/x", FNS_EXEC_FIRST | FNS_EXEC_RUNTIME)), IsEmpty());
    Event setup = exec_event(kBox, 2 * kSecond, process(93), "/usr/bin/sh");
    setup.flags = FNS_FLAG_SETUP;
    EXPECT_THAT(apply(setup), IsEmpty());
    EXPECT_EQ(box().state, SandboxState::created);

    EXPECT_THAT(apply(exec_event(kBox, 3 * kSecond, process(94), "/app", FNS_EXEC_FIRST)),
                ElementsAre(EventKind::sandbox_started));
    EXPECT_THAT(apply(exec_event(kBox, 4 * kSecond, process(95), "/app", FNS_EXEC_FIRST)), IsEmpty());
    EXPECT_EQ(box().root_tgid, 94U);
    EXPECT_EQ(box().cold_start.setup_ns, 2 * kSecond);
}

TEST_F(ColdStart, ListenOfTheRuntimeDoesNotCount)
{
    apply(made_event(kBox, kSecond));
    Event early = listen_event(kBox, 2 * kSecond, process(90), 8080);
    early.flags = FNS_FLAG_SETUP;
    EXPECT_THAT(apply(early), IsEmpty());
    EXPECT_EQ(box().state, SandboxState::created);
    EXPECT_THAT(box().listening, IsEmpty());

    apply(exec_event(kBox, 2 * kSecond, process(100), "/app", FNS_EXEC_FIRST));
    Event entrant = listen_event(kBox, 3 * kSecond, process(91), 8080);
    entrant.flags = FNS_FLAG_ENTRANT;
    EXPECT_THAT(apply(entrant), IsEmpty());
    EXPECT_EQ(box().state, SandboxState::starting);
}

TEST_F(ColdStart, ListenOfAProcessPutInFromOutsideDoesNotCount)
{
    start();
    apply_all(move_event(kBox, 3 * kSecond, process(200)));
    EXPECT_THAT(apply(listen_event(kBox, 3 * kSecond, process(200), 9000)), IsEmpty());
    apply(exec_event(kBox, 3 * kSecond, process(200), "/bin/nc", FNS_EXEC_FROM_OUTSIDE));
    EXPECT_THAT(apply(listen_event(kBox, 4 * kSecond, process(200), 9000)), IsEmpty());
    apply(fork_event(kBox, 4 * kSecond, process(200), process(201)));
    EXPECT_THAT(apply(listen_event(kBox, 4 * kSecond, process(201), 9000)), IsEmpty());
    EXPECT_EQ(box().state, SandboxState::starting);
    EXPECT_THAT(apply(accept_event(kBox, 5 * kSecond, 9000)), IsEmpty());
    EXPECT_EQ(box().invocation, 0U);

    EXPECT_THAT(apply(listen_event(kBox, 6 * kSecond, process(100), 8080)), ElementsAre(EventKind::sandbox_ready));
}

TEST_F(ColdStart, ListenOnThePolicysPortOnly)
{
    set_ready({.kind = ReadyRule::Kind::listen, .port = 8080});
    start();
    EXPECT_THAT(apply(listen_event(kBox, 3 * kSecond, process(100), 9001)), IsEmpty());
    EXPECT_EQ(box().state, SandboxState::starting);
    // The other port serves all the same, but it is no first request before the sandbox is ready.
    EXPECT_THAT(apply(accept_event(kBox, 3 * kSecond, 9001)), IsEmpty());
    EXPECT_EQ(box().invocation, 1U);
    EXPECT_EQ(box().state, SandboxState::starting);

    EXPECT_THAT(apply(listen_event(kBox, 4 * kSecond, process(100), 8080)), ElementsAre(EventKind::sandbox_ready));
    EXPECT_EQ(phases().init_ns, 2 * kSecond);
    EXPECT_THAT(box().listening, ElementsAre(8080, 9001));
}

TEST_F(ColdStart, ReadyOnce)
{
    start_and_listen();
    EXPECT_THAT(apply(listen_event(kBox, 9 * kSecond, process(100), 8081)), IsEmpty());
    EXPECT_EQ(box().cold_start.init_ns, 3 * kSecond);
    EXPECT_EQ(box().cold_start.port, 8080);
}

TEST_F(ColdStart, ReadyByConnect)
{
    set_ready({.kind = ReadyRule::Kind::connect, .address = endpoint("127.0.0.1", 9001)});
    start();
    const ProcessInfo actor = process(100);
    EXPECT_THAT(apply(listen_event(kBox, 3 * kSecond, actor, 8080)), IsEmpty());
    EXPECT_THAT(apply(connect_event(kBox, 3 * kSecond, actor, endpoint("127.0.0.1", 9002))), IsEmpty());
    EXPECT_THAT(apply(connect_event(kBox, 3 * kSecond, actor, endpoint("127.0.0.2", 9001))), IsEmpty());
    EXPECT_THAT(apply(connect_event(kBox, 3 * kSecond, actor, endpoint("::1", 9001))), IsEmpty());
    Event refused = connect_event(kBox, 3 * kSecond, actor, endpoint("127.0.0.1", 9001));
    std::get<SocketBody>(refused.body).result = -ECONNREFUSED;
    EXPECT_THAT(apply(refused), IsEmpty());
    Event entrant = connect_event(kBox, 3 * kSecond, process(300), endpoint("127.0.0.1", 9001));
    entrant.flags = FNS_FLAG_ENTRANT;
    EXPECT_THAT(apply(entrant), IsEmpty());
    EXPECT_EQ(box().state, SandboxState::starting);

    Event begun = connect_event(kBox, 4 * kSecond, actor, endpoint("127.0.0.1", 9001));
    std::get<SocketBody>(begun.body).result = -EINPROGRESS;
    EXPECT_THAT(apply(begun), ElementsAre(EventKind::sandbox_ready));
    EXPECT_EQ(phases().init_ns, 2 * kSecond);
    EXPECT_EQ(phases().port, 9001);
}

TEST_F(ColdStart, ReadyByFirstResponseIsTheFirstAccept)
{
    set_ready({.kind = ReadyRule::Kind::first_response});
    start();
    EXPECT_THAT(apply(listen_event(kBox, 3 * kSecond, process(100), 8080)), IsEmpty());
    EXPECT_EQ(box().state, SandboxState::starting);
    EXPECT_THAT(apply(accept_event(kBox, 6 * kSecond, 8080)),
                ElementsAre(EventKind::sandbox_ready, EventKind::sandbox_first_request));
    EXPECT_EQ(phases(0).init_ns, 4 * kSecond);
    EXPECT_EQ(phases(1).first_request_ns, 0U);
    EXPECT_EQ(box().state, SandboxState::serving);
}

TEST_F(ColdStart, AcceptOnAPortThatDoesNotListenIsNoInvocation)
{
    start_and_listen();
    EXPECT_THAT(apply(accept_event(kBox, 6 * kSecond, 9999)), IsEmpty());
    EXPECT_EQ(box().invocation, 0U);
    EXPECT_EQ(box().state, SandboxState::ready);
}

TEST_F(ColdStart, AcceptFromLoopbackCounts)
{
    start_and_listen();
    EXPECT_THAT(apply(accept_event(kBox, 6 * kSecond, 8080, endpoint("127.0.0.1", 5000))),
                ElementsAre(EventKind::sandbox_first_request));
}

TEST_F(ColdStart, ListenWithoutBindLearnsItsPortByTheAccept)
{
    start();
    EXPECT_THAT(apply(listen_event(kBox, 3 * kSecond, process(100), 0)), ElementsAre(EventKind::sandbox_ready));
    EXPECT_THAT(apply(accept_event(kBox, 4 * kSecond, 40123)), ElementsAre(EventKind::sandbox_first_request));
    EXPECT_THAT(box().listening, ElementsAre(40123));
}

TEST_F(ColdStart, ALostFirstExecDoesNotHideThatItRuns)
{
    apply(made_event(kBox, 1 * kSecond));
    // The kernel says that the workload has begun: no FNS_FLAG_SETUP.
    EXPECT_THAT(apply(connect_event(kBox, 2 * kSecond, process(100), endpoint("10.0.0.1", 443))), IsEmpty());
    EXPECT_TRUE(box().in_init());
    EXPECT_THAT(apply(listen_event(kBox, 3 * kSecond, process(100), 8080)), ElementsAre(EventKind::sandbox_ready));
    EXPECT_EQ(phases().setup_ns, std::nullopt);
    EXPECT_EQ(phases().init_ns, std::nullopt);
    EXPECT_EQ(phases().total_ns, 2 * kSecond);

    // It was only late: the phases are completed, the state stays.
    EXPECT_THAT(apply(exec_event(kBox, 2 * kSecond, process(100), "/app", FNS_EXEC_FIRST)),
                ElementsAre(EventKind::sandbox_started));
    EXPECT_EQ(box().state, SandboxState::ready);
    EXPECT_EQ(box().cold_start.setup_ns, 1 * kSecond);
    EXPECT_EQ(box().cold_start.init_ns, 1 * kSecond);
}

TEST_F(ColdStart, ExecBeforeItsCgroupWasMade)
{
    EXPECT_THAT(apply(exec_event(kBox, 2 * kSecond, process(100), "/app", FNS_EXEC_FIRST)),
                ElementsAre(EventKind::sandbox_created, EventKind::sandbox_started));
    EXPECT_TRUE(derived[0].as<LifecycleBody>()->adopted);
    EXPECT_EQ(phases(1).setup_ns, std::nullopt);
    EXPECT_EQ(box().state, SandboxState::starting);
    EXPECT_EQ(box().cgroup, "");

    EXPECT_THAT(apply(made_event(kBox, 1 * kSecond)), ElementsAre(EventKind::sandbox_created));
    EXPECT_FALSE(derived[0].as<LifecycleBody>()->adopted);
    EXPECT_EQ(box().name.display(), "resize/i-1");
    EXPECT_FALSE(box().adopted);

    EXPECT_THAT(apply(listen_event(kBox, 5 * kSecond, process(100), 8080)), ElementsAre(EventKind::sandbox_ready));
    EXPECT_EQ(phases().setup_ns, 1 * kSecond);
    EXPECT_EQ(phases().init_ns, 3 * kSecond);
    EXPECT_EQ(phases().total_ns, 4 * kSecond);
}

TEST_F(ColdStart, PhasesAreNeverNegative)
{
    apply(made_event(kBox, 3 * kSecond));
    apply(exec_event(kBox, 2 * kSecond, process(100), "/app", FNS_EXEC_FIRST));
    EXPECT_EQ(phases().setup_ns, 0U);
    apply(listen_event(kBox, 1 * kSecond, process(100), 80));
    EXPECT_EQ(phases().init_ns, 0U);
    EXPECT_EQ(phases().total_ns, 0U);
}

TEST_F(ColdStart, MadeTwiceIsSaidOnce)
{
    start();
    EXPECT_THAT(apply(made_event(kBox, 1 * kSecond)), IsEmpty());
    EXPECT_EQ(box().state, SandboxState::starting);
}

TEST_F(ColdStart, NestedCgroupsAreNoSandboxes)
{
    start();
    Event nested = made_event(kBox, 2 * kSecond, "/fn/acme/resize/i-1/init.scope");
    std::get<LifecycleBody>(nested.body).cgroup_id = 999;
    EXPECT_THAT(apply(nested), IsEmpty());
    EXPECT_EQ(model->sandbox(999), nullptr);
    EXPECT_EQ(box().cgroup, "/fn/acme/resize/i-1");
    for (const auto kind : {EventKind::cgroup_removed, EventKind::cgroup_populated, EventKind::cgroup_frozen}) {
        nested.kind = kind;
        std::get<LifecycleBody>(nested.body).value = kind == EventKind::cgroup_frozen ? 1 : 0;
        EXPECT_THAT(apply(nested), IsEmpty()) << event_kind_name(kind);
    }
    EXPECT_EQ(box().state, SandboxState::starting);
}

TEST_F(ColdStart, PortsAreBounded)
{
    set_limits({.ports_per_sandbox = 3});
    start();
    for (std::uint16_t port = 1; port <= 100; ++port)
        apply(listen_event(kBox, 3 * kSecond, process(100), port));
    EXPECT_THAT(box().listening, ElementsAre(1, 2, 3));
    // What did not fit is an invocation all the same.
    apply(accept_event(kBox, 4 * kSecond, 77));
    EXPECT_EQ(box().invocation, 1U);
    EXPECT_EQ(box().listening.size(), 3U);
}

}  // namespace
}  // namespace fnshield::test
