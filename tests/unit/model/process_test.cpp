// SPDX-License-Identifier: Apache-2.0
//
// Processes: what a fork hands down, what an exec changes, ancestry through exited parents, pid reuse, bounds.
#include "tests/unit/support/model_fixture.h"

namespace fnshield::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class Processes : public ModelTest {
protected:
    const Process& known(std::uint32_t tgid)
    {
        static const Process kNone;
        const Process* const found = model->process(tgid, start_of(tgid));
        EXPECT_NE(found, nullptr) << "process " << tgid;
        return found != nullptr ? *found : kNone;
    }

    bool is_known(std::uint32_t tgid) { return model->process(tgid, start_of(tgid)) != nullptr; }

    std::vector<std::uint32_t> line_of(std::uint32_t tgid, std::size_t depth = 16)
    {
        std::vector<std::uint32_t> tgids;
        for (const Process* one : model->ancestors(known(tgid), depth))
            tgids.push_back(one->info.tgid);
        return tgids;
    }

    std::size_t entries() { return model->tables()[1].entries; }
};

TEST_F(Processes, AnExecThatWasRefusedChangesNothing)
{
    start();
    Event event = exec_event(kBox, 3 * kSecond, process(100), "/usr/bin/curl");
    event.flags |= FNS_FLAG_DENIED;
    apply(event);
    EXPECT_EQ(known(100).exe, "/usr/bin/python3");
}

TEST_F(Processes, AForkHandsDownProgramAndSandbox)
{
    start();
    apply(fork_event(kBox, 3 * kSecond, process(100), process(101)));
    EXPECT_EQ(known(101).exe, "/usr/bin/python3");
    EXPECT_THAT(known(101).argv, ElementsAre("/usr/bin/python3"));
    EXPECT_EQ(known(101).sandbox, kBox);
    EXPECT_EQ(known(101).info.parent_tgid, 100U);
    EXPECT_EQ(known(101).parent_start_ns, start_of(100));
    EXPECT_FALSE(known(101).entrant);
    EXPECT_FALSE(known(101).from_outside);
}

TEST_F(Processes, AnExecChangesTheProgramNotTheParent)
{
    start();
    apply(fork_event(kBox, 3 * kSecond, process(100), process(101)));
    ProcessInfo after = process(101, 1, "sh");
    after.uid = 0;
    apply(exec_event(kBox, 4 * kSecond, after, "/bin/sh", FNS_EXEC_MEMFD, {"sh", "-c", "id"}));
    EXPECT_EQ(known(101).exe, "/bin/sh");
    EXPECT_THAT(known(101).argv, ElementsAre("sh", "-c", "id"));
    EXPECT_EQ(known(101).exec_flags, FNS_EXEC_MEMFD);
    EXPECT_EQ(known(101).info.comm, "sh");
    EXPECT_EQ(known(101).info.uid, 0U);
    EXPECT_EQ(known(101).info.parent_tgid, 100U);
    EXPECT_EQ(known(100).exe, "/usr/bin/python3");
}

TEST_F(Processes, AThreadIsNoProcess)
{
    start();
    ProcessInfo thread = process(100);
    thread.tid = 105;
    apply(fork_event(kBox, 3 * kSecond, process(100), thread));
    EXPECT_EQ(entries(), 1U);
}

TEST_F(Processes, MovedInFromOutsideIsAnEntrantUntilItRunsItsOwn)
{
    start();
    apply(move_event(kBox, 3 * kSecond, process(200, 1, "runc")));
    EXPECT_TRUE(known(200).entrant);
    apply(fork_event(kBox, 3 * kSecond, process(200), process(201)));
    EXPECT_TRUE(known(201).entrant);
    apply(exec_event(kBox, 3 * kSecond, process(201), "/proc/self/exe", FNS_EXEC_RUNTIME));
    EXPECT_TRUE(known(201).entrant);
    EXPECT_FALSE(known(201).from_outside);
    apply(exec_event(kBox, 3 * kSecond, process(201), "/bin/ls", FNS_EXEC_FROM_OUTSIDE));
    EXPECT_FALSE(known(201).entrant);
    EXPECT_TRUE(known(201).from_outside);
    apply_all(fork_event(kBox, 3 * kSecond, process(201), process(202)),
              exec_event(kBox, 3 * kSecond, process(202), "/bin/cat"));
    EXPECT_TRUE(known(202).from_outside);
}

TEST_F(Processes, TheWorkloadsFirstProgramIsNotFromOutside)
{
    apply_all(made_event(kBox, kSecond), move_event(kBox, kSecond, process(100)));
    EXPECT_TRUE(known(100).entrant);
    apply(exec_event(kBox, 2 * kSecond, process(100), "/app", FNS_EXEC_FIRST));
    EXPECT_FALSE(known(100).entrant);
    EXPECT_FALSE(known(100).from_outside);
}

TEST_F(Processes, MovedOutOfAnotherSandboxIsNoOperatorsDoing)
{
    start();
    apply(made_event(kOther, kSecond));
    apply(move_event(kOther, 4 * kSecond, process(100), kBox));
    EXPECT_EQ(known(100).sandbox, kOther);
    EXPECT_FALSE(known(100).entrant);
    // It lives on when the sandbox that it came from is forgotten.
    apply_all(removed_event(kBox, 5 * kSecond), tick_event(60 * kSecond));
    EXPECT_EQ(model->sandbox(kBox), nullptr);
    EXPECT_TRUE(is_known(100));
}

TEST_F(Processes, PutInBySomebodyInASandboxIsNoEntrant)
{
    start();
    Event pulled = move_event(kBox, 4 * kSecond, process(300));
    pulled.flags = 0;
    apply(pulled);
    EXPECT_FALSE(known(300).entrant);
    EXPECT_EQ(known(300).sandbox, kBox);
}

TEST_F(Processes, MovedBetweenNestedCgroupsStaysWhatItWas)
{
    start();
    apply(move_event(kBox, 4 * kSecond, process(100), kBox));
    EXPECT_FALSE(known(100).entrant);
    EXPECT_EQ(known(100).sandbox, kBox);
}

TEST_F(Processes, MovedOutIsNobodysAnyMore)
{
    start();
    apply(leave_event(kBox, 4 * kSecond, process(100)));
    EXPECT_FALSE(is_known(100));
}

TEST_F(Processes, AChildInAnotherSandboxThanItsParentIsAnEntrant)
{
    start();
    apply(made_event(kOther, kSecond));
    apply(fork_event(kOther, 3 * kSecond, process(100), process(101)));
    EXPECT_EQ(known(101).sandbox, kOther);
    EXPECT_TRUE(known(101).entrant);
}

TEST_F(Processes, AncestryThroughExitedParents)
{
    start();
    apply_all(fork_event(kBox, 3 * kSecond, process(100), process(101)),
              fork_event(kBox, 3 * kSecond, process(101), process(102)),
              fork_event(kBox, 3 * kSecond, process(102), process(103)));
    apply_all(exit_event(kBox, 4 * kSecond, process(101)), exit_event(kBox, 4 * kSecond, process(102)));
    apply(tick_event(60 * kSecond));
    EXPECT_THAT(line_of(103), ElementsAre(103, 102, 101, 100));
    EXPECT_THAT(line_of(103, 2), ElementsAre(103, 102));
    EXPECT_THAT(line_of(103, 0), IsEmpty());
    EXPECT_TRUE(known(102).exited);
    EXPECT_FALSE(known(103).exited);

    // With the last child the ancestors that were kept for it go as well.
    apply_all(exit_event(kBox, 61 * kSecond, process(103)), tick_event(70 * kSecond));
    EXPECT_FALSE(is_known(103));
    EXPECT_FALSE(is_known(102));
    EXPECT_FALSE(is_known(101));
    EXPECT_TRUE(is_known(100));
    EXPECT_EQ(entries(), 1U);
}

TEST_F(Processes, AnExitedProcessIsKeptForLateEvents)
{
    start();
    apply_all(fork_event(kBox, 3 * kSecond, process(100), process(101)), exit_event(kBox, 4 * kSecond, process(101)));
    EXPECT_TRUE(known(101).exited);
    apply(tick_event(9 * kSecond - 1));
    EXPECT_TRUE(is_known(101));
    apply(tick_event(9 * kSecond));
    EXPECT_FALSE(is_known(101));
}

TEST_F(Processes, APidThatIsUsedAgainIsAnotherProcess)
{
    start();
    apply_all(fork_event(kBox, 3 * kSecond, process(100), process(101)),
              exec_event(kBox, 3 * kSecond, process(101), "/bin/old"), exit_event(kBox, 4 * kSecond, process(101)));
    ProcessInfo again = process(101);
    again.start_ns = 4 * kSecond;
    apply(fork_event(kBox, 4 * kSecond, process(100), again));
    apply(exec_event(kBox, 4 * kSecond, again, "/bin/new"));
    EXPECT_EQ(known(101).exe, "/bin/old");
    ASSERT_NE(model->process(101, 4 * kSecond), nullptr);
    EXPECT_EQ(model->process(101, 4 * kSecond)->exe, "/bin/new");
    apply(tick_event(60 * kSecond));
    EXPECT_FALSE(is_known(101));
    EXPECT_NE(model->process(101, 4 * kSecond), nullptr);
}

TEST_F(Processes, AParentsPidThatIsUsedAgainIsNotTheParent)
{
    start();
    // 150 is only known by an event of its own; its parent's pid belongs to a younger process by now.
    ProcessInfo younger = process(140);
    younger.start_ns = start_of(150) + 1;
    apply(exec_event(kBox, 3 * kSecond, younger, "/bin/younger"));
    apply(connect_event(kBox, 4 * kSecond, process(150, 140), endpoint("10.0.0.1", 80)));
    EXPECT_THAT(line_of(150), ElementsAre(150));
}

TEST_F(Processes, AParentIsFoundByPidWhereTheForkWasNotSeen)
{
    start();
    apply(connect_event(kBox, 4 * kSecond, process(150, 100), endpoint("10.0.0.1", 80)));
    EXPECT_THAT(line_of(150), ElementsAre(150, 100));
    EXPECT_EQ(known(150).parent_start_ns, start_of(100));
}

TEST_F(Processes, FoundInAnyOrder)
{
    apply_all(adopted_event(kBox, kSecond), found_event(kBox, kSecond, process(12, 11), "/bin/child"),
              found_event(kBox, kSecond, process(11, 10), "/bin/parent"));
    EXPECT_THAT(line_of(12), ElementsAre(12, 11));
    EXPECT_EQ(known(12).exe, "/bin/child");
    // A later exec stands against what the iterator read before it.
    apply(exec_event(kBox, 2 * kSecond, process(12, 11), "/bin/now"));
    apply(found_event(kBox, kSecond, process(12, 11), "/bin/child"));
    EXPECT_EQ(known(12).exe, "/bin/now");
}

TEST_F(Processes, ExitBeforeItsForkWasSeen)
{
    start();
    apply(exit_event(kBox, 4 * kSecond, process(101)));
    apply(fork_event(kBox, 3 * kSecond, process(100), process(101)));
    EXPECT_TRUE(known(101).exited);
    EXPECT_EQ(known(101).exe, "/usr/bin/python3");
    EXPECT_THAT(line_of(101), ElementsAre(101, 100));
    apply(tick_event(10 * kSecond));
    EXPECT_FALSE(is_known(101));
}

TEST_F(Processes, ExecBeforeItsForkWasSeen)
{
    start();
    apply(exec_event(kBox, 4 * kSecond, process(101, 100), "/bin/ls"));
    apply(fork_event(kBox, 3 * kSecond, process(100), process(101)));
    EXPECT_EQ(known(101).exe, "/bin/ls");
    EXPECT_THAT(line_of(101), ElementsAre(101, 100));
    EXPECT_EQ(entries(), 2U);
}

TEST_F(Processes, TheHostsProcessesAreNotKept)
{
    start();
    apply(memory_event(kHost, 3 * kSecond, process(20, 1, "gdb"), kBox, process(100)));
    EXPECT_FALSE(is_known(20));
    // The runtime forks from the host into the sandbox.
    apply(fork_event(kBox, 3 * kSecond, process(20), process(21)));
    EXPECT_FALSE(is_known(20));
    EXPECT_TRUE(is_known(21));
    EXPECT_THAT(line_of(21), ElementsAre(21));
}

TEST_F(Processes, InterruptContextHasNoActor)
{
    start_and_listen();
    Event accept = accept_event(kBox, 6 * kSecond, 8080);
    accept.process = process(777);  // whoever was interrupted
    apply(accept);
    EXPECT_FALSE(is_known(777));
}

TEST_F(Processes, AMillionForksStayWithinTheTable)
{
    set_limits({.processes = 1000});
    start();
    for (std::uint32_t i = 0; i < 1'000'000; ++i) {
        const Nanoseconds now = 3 * kSecond + i;
        const ProcessInfo child = process(1000 + i);
        apply(fork_event(kBox, now, process(100), child));
        apply(exit_event(kBox, now, child));
    }
    EXPECT_EQ(entries(), 1000U);
    EXPECT_EQ(model->tables()[1].evictions, 1'000'001U - 1000U);
    EXPECT_TRUE(is_known(100));
    apply(tick_event(60 * kSecond));
    EXPECT_EQ(entries(), 1U);
}

TEST_F(Processes, AForkStormCostsTheSandboxThatMakesIt)
{
    set_limits({.processes = 100});
    apply(made_event(kOther, kSecond));
    for (std::uint32_t tgid = 10; tgid < 20; ++tgid)
        apply(exec_event(kOther, kSecond, process(tgid), "/server"));
    start();
    for (std::uint32_t tgid = 1000; tgid < 2000; ++tgid)
        apply(fork_event(kBox, 3 * kSecond, process(100), process(tgid)));
    EXPECT_EQ(entries(), 100U);
    for (std::uint32_t tgid = 10; tgid < 20; ++tgid)
        EXPECT_TRUE(is_known(tgid)) << tgid;
}

TEST_F(Processes, ForkAndExitForEverKeepsNoEndlessLine)
{
    start();
    for (std::uint32_t tgid = 100; tgid < 2100; ++tgid) {
        const Nanoseconds now = tgid * kSecond;
        apply_all(fork_event(kBox, now, process(tgid), process(tgid + 1)), exit_event(kBox, now, process(tgid)),
                  tick_event(now));
    }
    EXPECT_LE(entries(), 50U);
    EXPECT_EQ(line_of(2100).size(), 16U);
    EXPECT_EQ(line_of(2100)[1], 2099U);
    EXPECT_EQ(model->tables()[1].evictions, 0U);
}

TEST_F(Processes, CommandLinesAreShared)
{
    start();
    apply(exec_event(kBox, 3 * kSecond, process(100), "/app", 0, {std::string(4000, 'x')}));
    apply(fork_event(kBox, 4 * kSecond, process(100), process(101)));
    EXPECT_EQ(&known(100).argv.words(), &known(101).argv.words());
    EXPECT_TRUE(Argv{}.empty());
    EXPECT_EQ((Argv{"a", "b"}), (Argv(std::vector<std::string>{"a", "b"})));
    EXPECT_EQ((Argv{"a", "b"}[1]), "b");
    EXPECT_EQ((Argv{"a", "b"}.size()), 2U);
}

}  // namespace
}  // namespace fnshield::test
