// SPDX-License-Identifier: Apache-2.0
//
// The five rules about one process reaching into another: what each takes for its own, who is excused, and how it
// reads.
#include <cerrno>

#include "daemon/detect/reach.h"
#include "tests/unit/detect/detector_fixture.h"

namespace fnshield::test {
namespace {

using detect::Reach;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

// kBox is resize/i-1 and acts; kOther is resnet/i-4 and is the target, if nothing else is said.
class ReachTest : public DetectorTest {
protected:
    explicit ReachTest(std::unique_ptr<Detector> detector) : DetectorTest(std::move(detector))
    {
        start_two();
        make_ready();
    }

    static Event reach(fns_access access, fns_via via, const std::string& name = {}, SandboxId actor = kBox,
                       SandboxId target = kOther)
    {
        return memory_event(actor, 9 * kSecond, actor == kHost ? process(12, 1, "gdb") : process(100), target,
                            target == kHost ? process(1, 0, "systemd") : process(200), access, via, name);
    }

    static Event refused(Event event, int error = EPERM)
    {
        auto& body = std::get<MemoryBody>(event.body);
        body.attempted = true;
        body.result = -error;
        return event;
    }

    static Event by_program(Event event, const std::string& exe)
    {
        std::get<MemoryBody>(event.body).actor_exe = exe;
        return event;
    }

    void allow(std::vector<std::string> allow_from)
    {
        Policy policy;
        policy.memory.allow_from = std::move(allow_from);
        use_policy(policy, "resnet");
    }
};

class MemoryRead : public ReachTest {
protected:
    MemoryRead() : ReachTest(detect::make_isolation_memory_read()) {}

    static Event read(SandboxId actor = kBox, SandboxId target = kOther)
    {
        return reach(FNS_ACCESS_READ, FNS_VIA_PROCESS_VM_READV, {}, actor, target);
    }
};

TEST_F(MemoryRead, AnotherSandboxes)
{
    const auto found = feed(read());
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_EQ(found[0].finding.summary, "resize/i-1 read memory of warm sandbox resnet/i-4 (process_vm_readv)");
    EXPECT_EQ(found[0].sandbox, kBox);
    EXPECT_EQ(found[0].severity(), Severity::critical);
}

TEST_F(MemoryRead, AttemptsThatFail)
{
    const auto found = feed(refused(read()));
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_EQ(found[0].finding.summary,
              "resize/i-1 tried to read memory of warm sandbox resnet/i-4 "
              "(process_vm_readv): Operation not permitted");
    EXPECT_NE(found[0].finding.key, feed(read())[0].finding.key) << "the one that succeeds is told anew";
}

TEST_F(MemoryRead, EveryRoad)
{
    const auto mem = feed(reach(FNS_ACCESS_READ, FNS_VIA_PROC_MEM, "mem"));
    ASSERT_THAT(mem, SizeIs(1));
    EXPECT_THAT(mem[0].finding.summary, HasSubstr("(/proc/200/mem)"));
    EXPECT_THAT(feed(reach(FNS_ACCESS_PEEK, FNS_VIA_PROC_MEM, "mem")), SizeIs(1)) << "only opened";
    EXPECT_THAT(feed(reach(FNS_ACCESS_READ, FNS_VIA_PROC_FILE, "task/201/mem")), SizeIs(1));
    EXPECT_THAT(feed(reach(FNS_ACCESS_READ, FNS_VIA_PTRACE_PEEK)), SizeIs(1));
    EXPECT_THAT(feed(reach(FNS_ACCESS_UNKNOWN, FNS_VIA_UNKNOWN))[0].finding.summary,
                HasSubstr("reached into memory of warm sandbox resnet/i-4 (by an unnamed way)"));
}

TEST_F(MemoryRead, TheHostsMemory)
{
    const auto found = feed(read(kBox, kHost));
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_EQ(found[0].finding.summary, "resize/i-1 read memory of host process systemd (pid 1) (process_vm_readv)");
}

TEST_F(MemoryRead, AFrozenSandboxes)
{
    feed(frozen_event(kOther, 8 * kSecond, true));
    EXPECT_THAT(feed(read())[0].finding.summary, HasSubstr("of frozen sandbox resnet/i-4"));
}

TEST_F(MemoryRead, QuietInOneSandboxAndWithinTheHost)
{
    EXPECT_THAT(feed(read(kBox, kBox)), IsEmpty());
    EXPECT_THAT(feed(read(kHost, kHost)), IsEmpty());
}

TEST_F(MemoryRead, QuietWhereNobodyIsThere)
{
    Event event = refused(read(), ESRCH);
    std::get<MemoryBody>(event.body).target = {};
    std::get<MemoryBody>(event.body).target_sandbox = kHost;
    EXPECT_THAT(feed(event), IsEmpty());
}

TEST_F(MemoryRead, WhoWasReachedNeedNotBeKnown)
{
    Event event = reach(FNS_ACCESS_READ, FNS_VIA_PROC_MEM);
    std::get<MemoryBody>(event.body).target = {};
    std::get<MemoryBody>(event.body).target_sandbox = kHost;
    EXPECT_EQ(feed(event).at(0).finding.summary,
              "resize/i-1 read memory of a process that cannot be told (/proc/…/mem)");
}

TEST_F(MemoryRead, ATargetThatOnlyTheCallersTextNamesIsSaidSo)
{
    Event event = refused(reach(FNS_ACCESS_READ, FNS_VIA_PROC_MEM), EACCES);
    std::get<MemoryBody>(event.body).hint = true;
    EXPECT_THAT(feed(event).at(0).finding.summary,
                HasSubstr("resnet/i-4 (/proc/200/mem, as the caller wrote it): Permission denied"));
}

TEST_F(MemoryRead, QuietForTheEntrant)
{
    for (const auto flag : {FNS_FLAG_ENTRANT, FNS_FLAG_SETUP}) {
        Event event = read(kBox, kHost);
        event.flags = flag;
        EXPECT_THAT(feed(event), IsEmpty());
    }
}

TEST_F(MemoryRead, QuietForTheOtherRulesReaches)
{
    EXPECT_THAT(feed(reach(FNS_ACCESS_WRITE, FNS_VIA_PROCESS_VM_WRITEV)), IsEmpty());
    EXPECT_THAT(feed(reach(FNS_ACCESS_ATTACH, FNS_VIA_PTRACE_SEIZE)), IsEmpty());
    EXPECT_THAT(feed(reach(FNS_ACCESS_PEEK, FNS_VIA_PROC_FILE, "environ")), IsEmpty());
    EXPECT_THAT(feed(reach(FNS_ACCESS_READ, FNS_VIA_PROC_FILE, "cmdline")), IsEmpty()) << "ps";
}

TEST_F(MemoryRead, TheHostIsTheOperatorUntilAPolicySaysWhoMay)
{
    EXPECT_THAT(feed(read(kHost)), IsEmpty());
    allow({});
    const auto found = feed(by_program(read(kHost), "/usr/bin/gdb"));
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_EQ(found[0].sandbox, kOther) << "about the target: the host is no sandbox";
    EXPECT_THAT(found[0].finding.summary, HasSubstr("host process /usr/bin/gdb (pid 12) read memory of"));
    allow({"/usr/bin/gdb"});
    EXPECT_THAT(feed(by_program(read(kHost), "/usr/bin/gdb")), IsEmpty());
    EXPECT_THAT(feed(by_program(read(kHost), "/tmp/gdb")), SizeIs(1));
    EXPECT_THAT(feed(read(kHost)), SizeIs(1)) << "comm says gdb, but nobody knows the program";
}

TEST_F(MemoryRead, AFunctionThatMay)
{
    allow({"resize"});
    EXPECT_THAT(feed(read()), IsEmpty());
    allow({"res*e"});
    EXPECT_THAT(feed(read()), IsEmpty());
    allow({"acme/resize"});
    EXPECT_THAT(feed(read()), IsEmpty());
    allow({"rename"});
    EXPECT_THAT(feed(read()), SizeIs(1));
    allow({"/usr/bin/python3"});
    EXPECT_THAT(feed(read()), SizeIs(1)) << "a path names host programs, not what is in a sandbox's own file system";
}

TEST_F(MemoryRead, AFunctionOfTheSameNameFromAnotherTenantMayNot)
{
    feed_all({made_event(88, 1 * kSecond, "/fn/evil/resize/i-9"),
              exec_event(88, 2 * kSecond, process(300), "/usr/bin/python3", FNS_EXEC_FIRST)});
    Event event = read();
    event.sandbox = 88;
    event.process = process(300);
    allow({"resize"});
    EXPECT_THAT(feed(event), SizeIs(1));
    allow({"evil/resize"});
    EXPECT_THAT(feed(event), IsEmpty());
}

TEST_F(MemoryRead, TheActorsPolicyCannotExcuseIt)
{
    Policy policy;
    policy.memory.allow_from = {{"*"}};
    policy.rules["isolation.memory_read"].action = Action::off;
    use_policy(policy, "resize");
    const auto found = feed(read());
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_EQ(found[0].action(), Action::alert) << "the target's policy decides";
}

TEST_F(MemoryRead, AStrangerSandboxIsNamedByItsId)
{
    Event event = read();
    std::get<MemoryBody>(event.body).target_sandbox = 999;
    EXPECT_THAT(feed(event)[0].finding.summary, HasSubstr("memory of warm sandbox 999 (process_vm_readv)"));
}

class MemoryWrite : public ReachTest {
protected:
    MemoryWrite() : ReachTest(detect::make_isolation_memory_write()) {}
};

TEST_F(MemoryWrite, EveryRoad)
{
    const auto found = feed(reach(FNS_ACCESS_WRITE, FNS_VIA_PROCESS_VM_WRITEV));
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_EQ(found[0].finding.summary, "resize/i-1 wrote memory of warm sandbox resnet/i-4 (process_vm_writev)");
    EXPECT_THAT(feed(reach(FNS_ACCESS_WRITE, FNS_VIA_PROC_MEM, "mem")), SizeIs(1));
    EXPECT_THAT(feed(reach(FNS_ACCESS_WRITE, FNS_VIA_PROC_FILE, "mem")), SizeIs(1));
    EXPECT_THAT(feed(reach(FNS_ACCESS_WRITE, FNS_VIA_PTRACE_POKE)), SizeIs(1));
    EXPECT_THAT(feed(refused(reach(FNS_ACCESS_WRITE, FNS_VIA_PROCESS_VM_WRITEV)))[0].finding.summary,
                HasSubstr("tried to write memory of"));
}

TEST_F(MemoryWrite, QuietForReadsOneSandboxAndTheHost)
{
    EXPECT_THAT(feed(reach(FNS_ACCESS_READ, FNS_VIA_PROCESS_VM_READV)), IsEmpty());
    EXPECT_THAT(feed(reach(FNS_ACCESS_WRITE, FNS_VIA_PROCESS_VM_WRITEV, {}, kBox, kBox)), IsEmpty());
    EXPECT_THAT(feed(reach(FNS_ACCESS_WRITE, FNS_VIA_PROCESS_VM_WRITEV, {}, kHost)), IsEmpty());
    allow({});
    EXPECT_THAT(feed(reach(FNS_ACCESS_WRITE, FNS_VIA_PROCESS_VM_WRITEV, {}, kHost)), SizeIs(1));
}

class Ptrace : public ReachTest {
protected:
    Ptrace() : ReachTest(detect::make_isolation_ptrace()) {}
};

TEST_F(Ptrace, AttachAndSeize)
{
    const auto found = feed(reach(FNS_ACCESS_ATTACH, FNS_VIA_PTRACE_SEIZE));
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_EQ(found[0].finding.summary, "resize/i-1 attached to a process of warm sandbox resnet/i-4 (ptrace_seize)");
    EXPECT_THAT(feed(reach(FNS_ACCESS_ATTACH, FNS_VIA_PTRACE_ATTACH)), SizeIs(1));
    EXPECT_THAT(feed(reach(FNS_ACCESS_READ, FNS_VIA_PTRACE_OTHER)).at(0).finding.summary,
                HasSubstr("traced a process"));
    EXPECT_THAT(feed(refused(reach(FNS_ACCESS_ATTACH, FNS_VIA_PTRACE_ATTACH)))[0].finding.summary,
                HasSubstr("tried to attach to a process of"));
}

TEST_F(Ptrace, QuietForOnesOwnAndForTheHostsDebugger)
{
    EXPECT_THAT(feed(reach(FNS_ACCESS_ATTACH, FNS_VIA_PTRACE_ATTACH, {}, kBox, kBox)), IsEmpty());
    EXPECT_THAT(feed(reach(FNS_ACCESS_ATTACH, FNS_VIA_PTRACE_ATTACH, {}, kHost)), IsEmpty());
    EXPECT_THAT(feed(reach(FNS_ACCESS_READ, FNS_VIA_PTRACE_PEEK)), IsEmpty()) << "isolation.memory_read's";
}

class HostPath : public ReachTest {
protected:
    HostPath() : ReachTest(detect::make_isolation_host_path()) {}

    static Event link(const std::string& name, SandboxId actor = kBox, SandboxId target = kHost)
    {
        return reach(FNS_ACCESS_PEEK, FNS_VIA_PROC_LINK, name, actor, target);
    }
    static Event act(fns_privilege act, std::int64_t result = 0)
    {
        return privilege_event(EventKind::mount, kBox, 9 * kSecond, process(100), {.act = act, .result = result});
    }
};

TEST_F(HostPath, RootAndWorkingFolderOfAHostProcess)
{
    const auto found = feed(link("root"));
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_EQ(found[0].finding.summary, "resize/i-1 reached the files of host process systemd (pid 1) (/proc/1/root)");
    EXPECT_EQ(found[0].severity(), Severity::critical);
    for (const char* name : {"cwd", "task/2/root"})
        EXPECT_THAT(feed(link(name)), SizeIs(1)) << name;
}

TEST_F(HostPath, QuietForOtherLinksForSandboxesAndForTheHost)
{
    for (const char* name : {"exe", "ns/net", "map_files/1-2", "", "fd/3"})
        EXPECT_THAT(feed(link(name)), IsEmpty()) << name;
    EXPECT_THAT(feed(link("root", kBox, kOther)), IsEmpty()) << "isolation.proc_peek's";
    EXPECT_THAT(feed(link("root", kBox, kBox)), IsEmpty());
    EXPECT_THAT(feed(link("root", kHost, kHost)), IsEmpty());
    EXPECT_THAT(feed(refused(link("root"))), IsEmpty()) << "isolation.proc_peek's";
    Event entrant = link("root");
    entrant.flags |= FNS_FLAG_ENTRANT;
    EXPECT_THAT(feed(entrant), IsEmpty());
}

TEST_F(HostPath, AFileHandle)
{
    const auto found = feed(act(FNS_PRIVILEGE_OPEN_BY_HANDLE));
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_THAT(found[0].finding.summary, HasSubstr("called open_by_handle_at"));
    EXPECT_EQ(found[0].severity(), Severity::critical);
    const auto tried = feed(act(FNS_PRIVILEGE_OPEN_BY_HANDLE, -EPERM));
    ASSERT_THAT(tried, SizeIs(1));
    EXPECT_EQ(tried[0].severity(), Severity::high);
    EXPECT_THAT(feed(act(FNS_PRIVILEGE_MOUNT)), IsEmpty());
    Event set_up = act(FNS_PRIVILEGE_OPEN_BY_HANDLE);
    set_up.flags |= FNS_FLAG_SETUP;
    EXPECT_THAT(feed(set_up), IsEmpty());
}

class ProcPeek : public ReachTest {
protected:
    ProcPeek() : ReachTest(detect::make_isolation_proc_peek()) {}

    std::vector<Detection> peek(const std::string& name, fns_via via = FNS_VIA_PROC_FILE)
    {
        return feed(reach(FNS_ACCESS_PEEK, via, name));
    }
};

TEST_F(ProcPeek, WhatIsPrivate)
{
    const auto found = peek("environ");
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_EQ(found[0].finding.summary,
              "resize/i-1 looked at what is private to warm sandbox resnet/i-4 (/proc/200/environ)");
    EXPECT_EQ(found[0].finding.target.file, "/proc/200/environ");
    for (const char* name : {"maps", "smaps", "smaps_rollup", "auxv", "stack", "syscall", "io", "mountinfo", "fd",
                             "task/201/environ", "fdinfo/3", "a_name_of_the_future"})
        EXPECT_THAT(peek(name), SizeIs(1)) << name;
    for (const char* name : {"root", "cwd", "exe", "map_files/400000-401000", "ns/net"})
        EXPECT_THAT(peek(name, FNS_VIA_PROC_LINK), SizeIs(1)) << name;
    EXPECT_THAT(feed(reach(FNS_ACCESS_UNKNOWN, FNS_VIA_PROC_FILE, "environ")), SizeIs(1));
}

TEST_F(ProcPeek, WhatIsWrittenAndLinksWithoutAName)
{
    EXPECT_EQ(feed(reach(FNS_ACCESS_WRITE, FNS_VIA_PROC_FILE, "oom_score_adj")).at(0).finding.summary,
              "resize/i-1 opened for writing what is of warm sandbox resnet/i-4 (/proc/200/oom_score_adj)");
    EXPECT_THAT(peek("", FNS_VIA_PROC_LINK).at(0).finding.summary, HasSubstr("(a link of /proc/200)"));
    EXPECT_THAT(feed(reach(FNS_ACCESS_PEEK, FNS_VIA_OTHER_SYSCALL)), SizeIs(1)) << "kcmp";
}

TEST_F(ProcPeek, OnePathMoreIsNotOneAlertMore)
{
    EXPECT_EQ(peek("map_files/1-2", FNS_VIA_PROC_LINK).at(0).finding.key,
              peek("map_files/2-3", FNS_VIA_PROC_LINK).at(0).finding.key);
    EXPECT_NE(peek("environ").at(0).finding.key, peek("maps").at(0).finding.key);
}

TEST_F(ProcPeek, QuietForWhatPsAndExportersRead)
{
    for (const char* name : {"stat", "status", "statm", "cmdline", "cgroup", "comm", "oom_score", "oom_score_adj",
                             "loginuid", "", "200", "task", "task/201", "task/201/stat"})
        EXPECT_THAT(peek(name), IsEmpty()) << name;
}

TEST_F(ProcPeek, QuietForTheOtherRules)
{
    EXPECT_THAT(peek("mem", FNS_VIA_PROC_MEM), IsEmpty());
    EXPECT_THAT(peek("fd/3", FNS_VIA_PROC_LINK), IsEmpty());
}

TEST_F(ProcPeek, QuietForOnesOwnSandboxTheHostAndWhoMayReadMemory)
{
    EXPECT_THAT(feed(reach(FNS_ACCESS_PEEK, FNS_VIA_PROC_FILE, "environ", kBox, kBox)), IsEmpty());
    allow({});
    EXPECT_THAT(feed(reach(FNS_ACCESS_PEEK, FNS_VIA_PROC_FILE, "mountinfo", kHost)), IsEmpty()) << "runtimes do";
    allow({"resize"});
    EXPECT_THAT(peek("maps"), IsEmpty());
}

class FdTheft : public ReachTest {
protected:
    FdTheft() : ReachTest(detect::make_isolation_fd_theft()) {}

    static Event take(SandboxId actor, SandboxId target, fns_via via = FNS_VIA_PIDFD_GETFD, std::string name = {})
    {
        return fd_event(actor, 9 * kSecond, process(100), target, process(200), via, std::move(name));
    }
};

TEST_F(FdTheft, ByPidfdAndByProc)
{
    const auto found = feed(take(kBox, kOther));
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_EQ(found[0].finding.summary, "resize/i-1 took a descriptor of warm sandbox resnet/i-4 (pidfd_getfd)");
    EXPECT_THAT(feed(take(kBox, kOther, FNS_VIA_PROC_LINK, "fd/3"))[0].finding.summary, HasSubstr("(/proc/200/fd/3)"));
    EXPECT_THAT(feed(reach(FNS_ACCESS_PEEK, FNS_VIA_PROC_LINK, "task/201/fd/12")), SizeIs(1));
    EXPECT_THAT(feed(refused(take(kBox, kOther)))[0].finding.summary, HasSubstr("tried to take a descriptor of"));
}

TEST_F(FdTheft, QuietForOnesOwnSandboxAndTheHost)
{
    EXPECT_THAT(feed(take(kBox, kBox)), IsEmpty());
    allow({});
    EXPECT_THAT(feed(take(kHost, kOther)), IsEmpty()) << "seccomp supervisors";
    EXPECT_THAT(feed(reach(FNS_ACCESS_PEEK, FNS_VIA_PROC_FILE, "fd")), IsEmpty()) << "isolation.proc_peek's";
}

TEST(ReachOf, AnEventOfAnotherKindIsNone)
{
    EXPECT_EQ(detect::reach_of(tick_event(kSecond)), Reach::none);
}

}  // namespace
}  // namespace fnshield::test
