// SPDX-License-Identifier: Apache-2.0
//
// The process sensor against real processes: plain cgroup sandboxes, runc containers, and every way to exec a file.
#include "daemon/sensors/process_sensor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sched.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <map>
#include <stdexcept>

#include "daemon/sensors/lifecycle_sensor.h"
#include "tests/support/must.h"
#include "tests/support/runc.h"
#include "tests/support/sensor_harness.h"
#include "tests/support/slowness.h"

namespace fnshield::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class ProcessTest : public ::testing::Test {
protected:
    void start(SensorHarness::Options options = {})
    {
        options.sensors = {FNS_SENSOR_LIFECYCLE, FNS_SENSOR_PROCESS};
        auto made = SensorHarness::make(options);
        ASSERT_TRUE(made) << made.error().message;
        harness_ = std::move(*made);
        auto& lifecycle = dynamic_cast<LifecycleSensor&>(harness_->sensor(FNS_SENSOR_LIFECYCLE));
        const auto added = lifecycle.add_parent_path(test_cgroup_root(), {.depth = 1});
        ASSERT_TRUE(added) << added.error().message;
    }
    void TearDown() override
    {
        if (harness_) {
            EXPECT_THAT(harness_->decode_errors(), IsEmpty());
        }
    }

    CgroupSandbox sandbox(const std::string& name) { return must(CgroupSandbox::make_for_test(name)); }
    std::vector<Event> execs(SandboxId id) { return harness_->matching(is_event(EventKind::exec, id)); }
    std::vector<Event> execs_with(SandboxId id, fns_exec_flag flag)
    {
        auto all = execs(id);
        std::erase_if(all, [flag](const Event& event) { return !event.as<ExecBody>()->has(flag); });
        return all;
    }
    // The only exec of a file that ends in `name`.
    const ExecBody& exec_of(SandboxId id, std::string_view name)
    {
        found_ = execs(id);
        std::erase_if(found_, [name](const Event& event) { return !event.as<ExecBody>()->path.ends_with(name); });
        if (found_.size() != 1)
            throw std::runtime_error(std::to_string(found_.size()) + " execs of " + std::string(name));
        return *found_.front().as<ExecBody>();
    }

    std::unique_ptr<SensorHarness> harness_;
    std::vector<Event> found_;
};

RuncOptions container(std::vector<std::string> argv)
{
    return {.cgroup_path = test_cgroup_root() + "/i-1", .argv = std::move(argv)};
}

TEST_F(ProcessTest, TheWorkloadOfAContainerBeginsWithItsOwnProgram)
{
    start();
    auto made = RuncContainer::run(container({"/bin/sh", "-c", "ls / >/dev/null; echo done; read x"}));
    ASSERT_TRUE(made) << made.error().message;
    ASSERT_TRUE(made->io().read_until("done"));
    ASSERT_TRUE(harness_->settle());

    const auto first = execs_with(made->id(), FNS_EXEC_FIRST);
    ASSERT_EQ(first.size(), 1U);
    const auto& body = *first.front().as<ExecBody>();
    EXPECT_EQ(body.path, "/usr/bin/dash");
    EXPECT_EQ(body.filename, "/bin/sh");
    EXPECT_EQ(body.argv.size(), 3U);
    EXPECT_EQ(body.flags, FNS_EXEC_FIRST);
    EXPECT_FALSE(first.front().has(FNS_FLAG_ENTRANT));
    EXPECT_FALSE(first.front().has(FNS_FLAG_SETUP));
    EXPECT_EQ(first.front().process.tgid, static_cast<std::uint32_t>(made->pid()));
    // What went before it is the runtime's, what comes after it the function's.
    for (const Event& event : execs(made->id())) {
        const bool before = event.time_ns < first.front().time_ns;
        EXPECT_EQ(event.as<ExecBody>()->has(FNS_EXEC_RUNTIME), before) << event.as<ExecBody>()->path;
    }
    EXPECT_EQ(exec_of(made->id(), "/ls").flags, 0U);
    EXPECT_EQ(harness_->lost(), 0U);
}

TEST_F(ProcessTest, AHookOfTheRuntimeIsNotTheWorkload)
{
    start();
    auto options = container({"/bin/cat"});
    options.create_hook = {"/bin/ls", "/"};
    auto made = RuncContainer::run(options);
    ASSERT_TRUE(made) << made.error().message;
    ASSERT_NE(harness_->wait_for([](const Event& event) {
        return event.kind == EventKind::exec && event.as<ExecBody>()->has(FNS_EXEC_FIRST);
    }),
              nullptr);
    ASSERT_TRUE(harness_->settle());
    EXPECT_EQ(exec_of(made->id(), "/ls").flags, FNS_EXEC_RUNTIME | FNS_EXEC_HOST_ROOT);
    EXPECT_EQ(exec_of(made->id(), "/cat").flags, FNS_EXEC_FIRST);
}

// What runc does on some hosts after it was put into the cgroup: it runs itself from a sealed copy.
TEST_F(ProcessTest, TheRuntimesReExecIsNotTheWorkload)
{
    start();
    const auto box = sandbox("re-exec");
    ASSERT_TRUE(run({trigger(), "join-cgroup", box.directory(), "memfd"}));
    ASSERT_TRUE(run({trigger(), "join-cgroup", box.directory()}));
    EXPECT_EQ(harness_->maps().sandboxes().lookup(box.id())->started_ns, 0U);
    ASSERT_TRUE(box.run({"/bin/true"}));
    EXPECT_NE(harness_->maps().sandboxes().lookup(box.id())->started_ns, 0U);
    ASSERT_TRUE(harness_->settle());
    const auto runtime = execs_with(box.id(), FNS_EXEC_RUNTIME);
    ASSERT_EQ(runtime.size(), 2U);
    for (const Event& event : runtime) {
        EXPECT_TRUE(event.has(FNS_FLAG_ENTRANT));
        EXPECT_TRUE(event.has(FNS_FLAG_SETUP));
    }
    EXPECT_EQ(exec_of(box.id(), "/true").flags, FNS_EXEC_FIRST | FNS_EXEC_HOST_ROOT);
}

// cgroup_attach_task fires after the move: on another CPU, runc's child can be in the sandbox and exec before it. As
// here, where the sandbox becomes one only when the process is in it.
TEST_F(ProcessTest, AnExecThatIsFasterThanTheTraceOfItsMove)
{
    const auto box = sandbox("faster");
    auto child = box.spawn({"/bin/sh", "-c", "read a; exec /proc/self/exe -c 'echo again; read b; exec /bin/true'"});
    ASSERT_TRUE(child) << child.error().message;
    start();
    ASSERT_TRUE(harness_->add_sandbox(box, false));
    ASSERT_TRUE(child->write("\n"));
    ASSERT_TRUE(child->read_until("again"));
    EXPECT_EQ(harness_->maps().sandboxes().lookup(box.id())->started_ns, 0U);
    // The trace that was late: it fires also where the process is in the cgroup already. The second is of a move
    // within.
    const std::string procs = box.directory() + "/cgroup.procs";
    for (int i = 0; i < 2; ++i)
        ASSERT_TRUE(std::ofstream(procs) << child->pid() << std::flush);
    ASSERT_TRUE(child->write("\n"));
    const auto code = child->wait();
    ASSERT_TRUE(code) << code.error().message;
    EXPECT_EQ(*code, 0);
    ASSERT_TRUE(harness_->settle());

    EXPECT_EQ(exec_of(box.id(), "/dash").flags, FNS_EXEC_RUNTIME | FNS_EXEC_HOST_ROOT);
    EXPECT_EQ(exec_of(box.id(), "/true").flags, FNS_EXEC_FIRST | FNS_EXEC_HOST_ROOT);
    const auto moves = harness_->matching(is_event(EventKind::cgroup_move, box.id()));
    ASSERT_EQ(moves.size(), 2U);
    EXPECT_EQ(moves[0].as<LifecycleBody>()->from_sandbox, kHost);
    EXPECT_EQ(moves[1].as<LifecycleBody>()->from_sandbox, box.id());
    for (const Event& move : moves)
        EXPECT_TRUE(move.has(FNS_FLAG_ENTRANT));
}

TEST_F(ProcessTest, RuncExecComesFromOutside)
{
    start();
    auto made = RuncContainer::run(container({"/bin/sh", "-c", "echo up; read x"}));
    ASSERT_TRUE(made) << made.error().message;
    ASSERT_TRUE(made->io().read_until("up"));
    const auto done = made->exec({"/bin/sh", "-c", "ls / >/dev/null; echo probed"});
    ASSERT_TRUE(done) << done.error().message;
    EXPECT_EQ(done->output, "probed\n");
    ASSERT_TRUE(harness_->settle());

    const auto outside = execs_with(made->id(), FNS_EXEC_FROM_OUTSIDE);
    ASSERT_EQ(outside.size(), 1U);
    EXPECT_EQ(outside.front().as<ExecBody>()->path, "/usr/bin/dash");
    // Its own program runs now: what that starts is not the operator's any more.
    EXPECT_EQ(exec_of(made->id(), "/ls").flags, 0U);
    EXPECT_EQ(execs_with(made->id(), FNS_EXEC_FIRST).size(), 1U);
}

TEST_F(ProcessTest, TheWorkloadOfAPlainCgroupBeginsWithItsFirstProgram)
{
    start();
    const auto box = sandbox("plain");
    ASSERT_TRUE(box.run({"/bin/sh", "-c", "/bin/true; exit 3"}));
    ASSERT_TRUE(harness_->settle());
    EXPECT_EQ(exec_of(box.id(), "/dash").flags, FNS_EXEC_FIRST | FNS_EXEC_HOST_ROOT);
    EXPECT_EQ(exec_of(box.id(), "/true").flags, FNS_EXEC_HOST_ROOT);
}

// Every fork has its exit, with the code that wait() gives.
TEST_F(ProcessTest, ForksAndExitsPair)
{
    start();
    const auto box = sandbox("pairs");
    ASSERT_TRUE(box.run({"/bin/sh", "-c", "(exit 3); sh -c 'kill -SEGV $$'; exit 5"}));
    ASSERT_TRUE(harness_->settle());
    std::map<std::uint32_t, ExitBody> ended;
    for (const Event& event : harness_->matching(is_event(EventKind::exit, box.id())))
        EXPECT_TRUE(ended.emplace(event.process.tgid, *event.as<ExitBody>()).second) << event.process.tgid;
    const auto forks = harness_->matching(is_event(EventKind::fork, box.id()));
    EXPECT_GE(forks.size(), 2U);
    for (const Event& event : forks)
        EXPECT_TRUE(ended.contains(event.as<ForkBody>()->child.tgid));
    EXPECT_EQ(std::ranges::count_if(ended, [](const auto& entry) { return entry.second.exit_code == 3; }), 1);
    EXPECT_EQ(std::ranges::count_if(ended, [](const auto& entry) { return entry.second.exit_code == 5; }), 1);
    EXPECT_EQ(std::ranges::count_if(ended, [](const auto& entry) { return entry.second.signal == SIGSEGV; }), 1);
    EXPECT_EQ(harness_->lost(), 0U);
}

// --- how a file is run ---

class ExecTest : public ProcessTest {
protected:
    void SetUp() override { start(); }
    // Runs the trigger's act in a sandbox of its own; what its exec of itself was told as (the second of the two).
    Event second_exec(const CgroupSandbox& box, std::vector<std::string> act)
    {
        act.insert(act.begin(), trigger());
        const auto done = box.run(act);
        if (!done || !done->output.contains("done"))
            throw std::runtime_error(done ? done->output : done.error().message);
        must(harness_->settle());
        auto all = execs(box.id());
        if (all.size() != 2)
            throw std::runtime_error(std::to_string(all.size()) + " execs");
        std::ranges::sort(all, {}, &Event::time_ns);
        EXPECT_TRUE(all[0].as<ExecBody>()->has(FNS_EXEC_FIRST));
        return all[1];
    }
};

TEST_F(ExecTest, AMemfd)
{
    const auto box = sandbox("memfd");
    const Event event = second_exec(box, {"exec-memfd", "payload"});
    const auto& body = *event.as<ExecBody>();
    EXPECT_EQ(body.path, "memfd:payload");
    EXPECT_EQ(body.flags, FNS_EXEC_MEMFD | FNS_EXEC_PROC_FD | FNS_EXEC_HOST_ROOT);
    EXPECT_TRUE(body.filename.starts_with("/dev/fd/")) << body.filename;
    EXPECT_THAT(body.argv, ElementsAre("memfd", "nothing"));
}

TEST_F(ExecTest, AFileWithoutAName)
{
    const auto box = sandbox("unlinked");
    const std::string file = ::testing::TempDir() + "fnshield-unlinked-" + std::to_string(getpid());
    const Event event = second_exec(box, {"exec-unlinked", file});
    EXPECT_EQ(event.as<ExecBody>()->flags, FNS_EXEC_UNLINKED | FNS_EXEC_PROC_FD | FNS_EXEC_HOST_ROOT);
    EXPECT_EQ(event.as<ExecBody>()->path, file);
}

// The look-alikes: an ordinary file by its descriptor is named so, but neither a memfd nor without a name.
TEST_F(ExecTest, AnOrdinaryFileByItsDescriptor)
{
    for (const std::string act : {"exec-descriptor", "exec-proc-fd"}) {
        const auto box = sandbox(act);
        const Event event = second_exec(box, {act});
        EXPECT_EQ(event.as<ExecBody>()->flags, FNS_EXEC_PROC_FD | FNS_EXEC_HOST_ROOT) << act;
        EXPECT_EQ(event.as<ExecBody>()->path, trigger()) << act;
    }
}

TEST_F(ExecTest, AConnectionAsInputAndError)
{
    const auto box = sandbox("on-socket");
    const Event event = second_exec(box, {"exec-on-socket", "tcp"});
    const auto& body = *event.as<ExecBody>();
    EXPECT_TRUE(body.has(FNS_EXEC_STDIO_SOCKET));
    EXPECT_EQ(body.stdio_remote.address_text(), "127.0.0.1");
    EXPECT_EQ(body.stdio_local.address_text(), "127.0.0.1");
    EXPECT_NE(body.stdio_remote.port, 0);
    EXPECT_NE(body.stdio_local.port, body.stdio_remote.port);
    const auto other = sandbox("on-pair");
    EXPECT_FALSE(second_exec(other, {"exec-on-socket", "unix"}).as<ExecBody>()->has(FNS_EXEC_STDIO_SOCKET))
        << "a pair of UNIX sockets, as Node.js gives its children";
}

TEST_F(ExecTest, AScriptAndItsInterpreter)
{
    const auto box = sandbox("script");
    const std::string script = ::testing::TempDir() + "fnshield-script-" + std::to_string(getpid());
    std::ofstream(script) << "#!/bin/sh\nexit 0\n";
    ASSERT_EQ(::chmod(script.c_str(), 0755), 0);
    ASSERT_TRUE(box.run({script, "word"}));
    ::unlink(script.c_str());
    ASSERT_TRUE(harness_->settle());
    const ExecBody body = exec_of(box.id(), "/dash");
    EXPECT_EQ(body.filename, script);
    EXPECT_TRUE(body.has(FNS_EXEC_SCRIPT));
    EXPECT_THAT(body.argv, ElementsAre("/bin/sh", script, "word"));
}

TEST_F(ExecTest, AThreadThatIsNotTheFirst)
{
    const auto box = sandbox("thread");
    const Event event = second_exec(box, {"exec-thread"});
    EXPECT_EQ(event.process.tid, event.process.tgid);  // it is the first one now
    const auto first = execs_with(box.id(), FNS_EXEC_FIRST);
    ASSERT_EQ(first.size(), 1U);
    EXPECT_EQ(first[0].process.tgid, event.process.tgid);
    EXPECT_EQ(first[0].process.start_ns, event.process.start_ns);
    EXPECT_EQ(event.as<ExecBody>()->path, trigger());
    EXPECT_EQ(harness_->count(is_event(EventKind::exit, box.id())), 1U);
}

TEST_F(ExecTest, ArgumentsBeyondTheLimitAreCutAndSaidSo)
{
    const auto box = sandbox("long");
    const Event event = second_exec(box, {"exec-long", "5000"});
    EXPECT_TRUE(event.has(FNS_FLAG_TRUNCATED));
    const auto& argv = event.as<ExecBody>()->argv;
    ASSERT_EQ(argv.size(), 3U);
    EXPECT_EQ(argv[0].size() + argv[1].size() + argv[2].size() + 2, static_cast<std::size_t>(FNS_ARGV_BYTES));
    EXPECT_EQ(argv[2], std::string(argv[2].size(), 'a'));
    const auto fits = sandbox("fits");
    EXPECT_FALSE(second_exec(fits, {"exec-long", "4000"}).has(FNS_FLAG_TRUNCATED));
}

// Deeper than the path buffer: the end of the path is what is kept.
TEST_F(ExecTest, ALongPathKeepsItsEnd)
{
    const auto box = sandbox("deep");
    const std::string top = ::testing::TempDir() + "fnshield-deep-" + std::to_string(getpid());
    std::string directory = top;
    for (int i = 0; i < 4; ++i)
        directory += "/" + std::string(200, static_cast<char>('a' + i));
    std::filesystem::create_directories(directory);
    std::filesystem::copy_file("/bin/true", directory + "/program");
    const auto done = box.run({directory + "/program"});
    std::filesystem::remove_all(top);
    ASSERT_TRUE(done);
    ASSERT_TRUE(harness_->settle());
    const ExecBody body = exec_of(box.id(), "/program");
    EXPECT_TRUE(found_.front().has(FNS_FLAG_TRUNCATED));
    EXPECT_FALSE(body.path.starts_with('/')) << body.path;
    EXPECT_TRUE((directory + "/program").ends_with(body.path)) << body.path;
    EXPECT_GT(body.path.size(), 200U);
}

// The path goes through the mounts of the process's own namespace; a file of the writable layer is told.
TEST_F(ExecTest, AnOverlayAndItsLayers)
{
    const auto box = sandbox("overlay");
    const std::string top = ::testing::TempDir() + "fnshield-overlay-" + std::to_string(getpid());
    std::filesystem::create_directories(top);
    const auto done = box.run(
        {"/bin/sh", "-ec",
         "mount --make-rprivate /; mount -t tmpfs none " + top + "; cd " + top +
             "; mkdir l u w m; cp /bin/true l/lower; mount -t overlay none -o lowerdir=l,upperdir=u,workdir=w m; "
             "cp /bin/true m/upper; m/lower; m/upper; echo done"},
        {.unshare_flags = CLONE_NEWNS});
    std::filesystem::remove(top);
    ASSERT_TRUE(done) << done.error().message;
    if (done->output.contains("unknown filesystem"))
        GTEST_SKIP() << "this kernel has no overlayfs";
    ASSERT_THAT(done->output, ::testing::HasSubstr("done"));
    ASSERT_TRUE(harness_->settle());
    const ExecBody lower = exec_of(box.id(), "/lower");
    EXPECT_EQ(lower.path, top + "/m/lower");
    EXPECT_FALSE(lower.has(FNS_EXEC_UPPER_LAYER));
    const ExecBody upper = exec_of(box.id(), "/upper");
    EXPECT_EQ(upper.path, top + "/m/upper");
    EXPECT_TRUE(upper.has(FNS_EXEC_UPPER_LAYER));
    EXPECT_FALSE(upper.has(FNS_EXEC_UNREACHABLE));
}

TEST_F(ExecTest, TheFileItself)
{
    const auto box = sandbox("file");
    const Event event = second_exec(box, {"exec-descriptor"});
    struct stat status{};
    ASSERT_EQ(::stat(trigger().c_str(), &status), 0);
    const auto& body = *event.as<ExecBody>();
    EXPECT_EQ(body.inode, status.st_ino);
    EXPECT_EQ(body.file_ctime_ns, static_cast<Nanoseconds>(status.st_ctim.tv_sec) * kSecond +
                                      static_cast<Nanoseconds>(status.st_ctim.tv_nsec));
    EXPECT_EQ(body.device >> 20, major(status.st_dev));
    EXPECT_EQ(body.device & 0xfffff, minor(status.st_dev));
}

// --- who is the function ---

TEST_F(ExecTest, AChildBornIntoTheSandboxFromOutside)
{
    const auto box = sandbox("born");
    ASSERT_TRUE(box.run({trigger(), "nothing"}));  // the workload has begun
    const auto done = run({trigger(), "clone-into", box.directory()});
    ASSERT_TRUE(done);
    ASSERT_THAT(done->output, ::testing::HasSubstr("status=0"));
    ASSERT_TRUE(harness_->settle());
    const auto outside = execs_with(box.id(), FNS_EXEC_FROM_OUTSIDE);
    ASSERT_EQ(outside.size(), 1U);
    EXPECT_THAT(outside[0].as<ExecBody>()->argv, ElementsAre("born", "nothing"));
    const auto forks = harness_->matching(is_event(EventKind::fork, box.id()));
    ASSERT_EQ(forks.size(), 1U);
    EXPECT_TRUE(forks[0].has(FNS_FLAG_ENTRANT));
    EXPECT_EQ(forks[0].as<ForkBody>()->child.tgid, outside[0].process.tgid);
}

// Nothing of what happens outside of sandboxes is told.
TEST_F(ExecTest, TheHostIsNotWatched)
{
    const auto box = sandbox("quiet");
    ASSERT_TRUE(run({"/bin/sh", "-c", "/bin/true; (exit 3)"}));
    ASSERT_TRUE(harness_->settle());
    EXPECT_EQ(harness_->count([](const Event& event) { return event.sensor == FNS_SENSOR_PROCESS; }), 0U);
}

TEST_F(ProcessTest, AProcessWhoseFirstThreadEndsFirstExitsOnce)
{
    start();
    const auto box = sandbox("leader");
    const auto done = box.run({trigger(), "exit-leader-first"});
    ASSERT_TRUE(done);
    EXPECT_EQ(done->exit_code, 7);
    ASSERT_TRUE(harness_->settle());
    const auto exits = harness_->matching(is_event(EventKind::exit, box.id()));
    ASSERT_EQ(exits.size(), 1U);
    EXPECT_EQ(exits[0].as<ExitBody>()->exit_code, 7);
}

TEST_F(ProcessTest, AnOutOfMemoryKillIsToldAsOne)
{
    start();
    auto options = container({"/bin/tail", "/dev/zero"});  // keeps a line without an end
    options.memory_limit_bytes = 32U << 20;
    auto made = RuncContainer::run(options);
    ASSERT_TRUE(made) << made.error().message;
    ASSERT_TRUE(made->wait_stopped());
    ASSERT_TRUE(harness_->settle());
    auto exits = harness_->matching(is_event(EventKind::exit, made->id()));
    std::erase_if(exits, [](const Event& event) { return !event.as<ExitBody>()->oom_killed; });
    ASSERT_EQ(exits.size(), 1U);
    EXPECT_EQ(exits[0].process.comm, "tail");
    EXPECT_EQ(exits[0].as<ExitBody>()->signal, SIGKILL);
}

// --- before the daemon ---

TEST_F(ProcessTest, WhatRanBeforeIsFoundByTheIterator)
{
    const auto box = sandbox("before");
    auto child = box.spawn({trigger(), "hold"});
    ASSERT_TRUE(child);
    ASSERT_TRUE(child->read_until("ready"));
    start();
    ASSERT_TRUE(harness_->add_sandbox(box));
    auto& process = dynamic_cast<ProcessSensor&>(harness_->sensor(FNS_SENSOR_PROCESS));
    const auto found = process.running_processes(4711);
    ASSERT_TRUE(found) << found.error().message;
    ASSERT_EQ(found->size(), 1U);
    const Event& event = found->front();
    EXPECT_EQ(event.kind, EventKind::process_found);
    EXPECT_EQ(event.sandbox, box.id());
    EXPECT_EQ(event.time_ns, 4711U);
    EXPECT_EQ(event.process.tgid, static_cast<std::uint32_t>(child->pid()));
    EXPECT_EQ(event.process.parent_tgid, static_cast<std::uint32_t>(getpid()));
    EXPECT_EQ(event.as<ExecBody>()->path, trigger());
    EXPECT_THAT(event.as<ExecBody>()->argv, ElementsAre(trigger(), "hold"));
    // Its end is told as that of the same process.
    child->signal(SIGTERM);
    ASSERT_TRUE(child->wait());
    ASSERT_TRUE(harness_->settle());
    const auto exits = harness_->matching(is_event(EventKind::exit, box.id()));
    ASSERT_EQ(exits.size(), 1U);
    EXPECT_EQ(exits[0].process.start_ns, event.process.start_ns);
    EXPECT_EQ(exits[0].as<ExitBody>()->signal, SIGTERM);
}

// --- loss ---

TEST_F(ProcessTest, ABurstWithinTheBudgetLosesNothing)
{
    start();
    const auto box = sandbox("burst");
    ASSERT_TRUE(box.run({trigger(), "fork-burst", "1000"}));
    ASSERT_TRUE(harness_->settle());
    EXPECT_EQ(harness_->count(is_event(EventKind::fork, box.id())), 1000U);
    EXPECT_EQ(harness_->count(is_event(EventKind::exit, box.id())), 1001U);
    EXPECT_EQ(harness_->lost(), 0U);
}

TEST_F(ProcessTest, ABurstBeyondTheBudgetIsCountedAndHurtsNobodyElse)
{
    start({.bulk_budget = 100 / slowness()});  // more a second than that, on any machine
    const auto noisy = sandbox("noisy");
    const auto quiet = sandbox("quiet");
    ASSERT_TRUE(noisy.run({trigger(), "fork-burst", "2000"}));
    ASSERT_TRUE(quiet.run({"/bin/sh", "-c", "/bin/true; exit 3"}));
    ASSERT_TRUE(harness_->settle());

    const auto told = harness_->count(is_event(EventKind::fork, noisy.id())) +
                      harness_->count(is_event(EventKind::exit, noisy.id())) +
                      harness_->count(is_event(EventKind::exec, noisy.id())) +
                      harness_->count(is_event(EventKind::cgroup_move, noisy.id()));
    const auto counters = harness_->maps().total(FNS_SENSOR_PROCESS);
    ASSERT_TRUE(counters);
    EXPECT_GT(counters->lost[FNS_LOSS_BUDGET], 0U);
    EXPECT_EQ(counters->lost[FNS_LOSS_RING_BULK] + counters->lost[FNS_LOSS_RING_CRITICAL], 0U);
    // 2000 forks, 2001 exits, one exec, one move: each was told or counted.
    EXPECT_EQ(told + counters->lost[FNS_LOSS_BUDGET], 4003U);
    EXPECT_EQ(harness_->maps().sandboxes().lookup(noisy.id())->lost_events, counters->lost[FNS_LOSS_BUDGET]);
    EXPECT_EQ(execs_with(noisy.id(), FNS_EXEC_FIRST).size(), 1U);  // by the critical ring

    EXPECT_EQ(harness_->maps().sandboxes().lookup(quiet.id())->lost_events, 0U);
    EXPECT_EQ(execs(quiet.id()).size(), 2U);
    EXPECT_EQ(harness_->count(is_event(EventKind::exit, quiet.id())), 2U);
}

}  // namespace
}  // namespace fnshield::testing
