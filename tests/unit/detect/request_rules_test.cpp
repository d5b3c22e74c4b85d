// SPDX-License-Identifier: Apache-2.0
//
// The rules about what lasts from one request to the next, and about how often: function.residual_exec,
// function.download_exec, function.undead_process, function.runtime_swap, function.fork_storm, model.crash_probe,
// coldstart.prewarm_activity.
#include <csignal>

#include "tests/unit/detect/detector_fixture.h"

namespace fnshield::test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr std::int64_t kWallOffset = 1'700'000'000LL * static_cast<std::int64_t>(kSecond);

// An exec of a file whose status changed at `changed`, as the other times are.
Event exec_of(Nanoseconds now, ProcessInfo actor, Nanoseconds changed, std::uint32_t flags = 0,
              const std::string& path = "/tmp/tool")
{
    Event event = exec_event(kOther, now, std::move(actor), path, flags);
    event.wall_offset_ns = kWallOffset;
    std::get<ExecBody>(event.body).file_ctime_ns = changed + static_cast<Nanoseconds>(kWallOffset);
    return event;
}

class RequestTest : public DetectorTest {
protected:
    explicit RequestTest(std::unique_ptr<Detector> detector) : DetectorTest(std::move(detector))
    {
        start_two();
        feed(accept_event(kOther, 10 * kSecond, 8080));
        feed(fork_event(kOther, 11 * kSecond, process(200), process(201)));
    }
};

class ResidualExec : public RequestTest {
protected:
    ResidualExec() : RequestTest(detect::make_function_residual_exec()) {}
};

TEST_F(ResidualExec, WrittenInOneInvocationAndRunInTheNext)
{
    feed(accept_event(kOther, 20 * kSecond, 8080));
    const auto found = feed(exec_of(21 * kSecond, process(201, 200), 12 * kSecond));
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_EQ(found[0].finding.summary,
              "resnet/i-4 ran /tmp/tool, which an earlier invocation wrote 9.00 s before, from /usr/bin/node");
}

TEST_F(ResidualExec, QuietForWhatIsOlderOrOfThisInvocation)
{
    feed(accept_event(kOther, 20 * kSecond, 8080));
    EXPECT_THAT(feed(exec_of(21 * kSecond, process(201, 200), 4 * kSecond)), IsEmpty()) << "unpacked in init";
    EXPECT_THAT(feed(exec_of(21 * kSecond, process(201, 200), 20 * kSecond + 1)), IsEmpty()) << "of this invocation";
    EXPECT_THAT(feed(exec_of(21 * kSecond, process(201, 200), 20 * kSecond - 4 * kMillisecond)), IsEmpty())
        << "of this one, too, by the clock of files";
    EXPECT_THAT(feed(exec_of(21 * kSecond, process(201, 200), 12 * kSecond, FNS_EXEC_FROM_OUTSIDE)), IsEmpty());
    EXPECT_THAT(feed(exec_of(21 * kSecond, process(201, 200), 12 * kSecond, FNS_EXEC_MEMFD)), IsEmpty());
    Policy policy;
    policy.exec.warm = {{"/tmp/tool"}};
    use_policy(policy);
    EXPECT_THAT(feed(exec_of(21 * kSecond, process(201, 200), 12 * kSecond)), IsEmpty()) << "listed";
}

class DownloadExec : public RequestTest {
protected:
    DownloadExec() : RequestTest(detect::make_function_download_exec()) {}

    // 202, a sibling of 201, fetches.
    void fetch(Nanoseconds now = 12 * kSecond, const std::string& address = "203.0.113.9")
    {
        feed(fork_event(kOther, now, process(200), process(202)));
        feed(connect_event(kOther, now, process(202, 200), endpoint(address, 443)));
    }
};

TEST_F(DownloadExec, ByASiblingOfWhoFetched)
{
    fetch();
    const auto found = feed(exec_of(14 * kSecond, process(201, 200), 13 * kSecond));
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_EQ(found[0].finding.summary,
              "resnet/i-4 ran /tmp/tool, which was written after a contact to 203.0.113.9:443, from /usr/bin/node");
    EXPECT_EQ(found[0].finding.target.port, 443);
}

TEST_F(DownloadExec, WhereTheClockOfFilesIsBehind)
{
    fetch();
    EXPECT_THAT(feed(exec_of(14 * kSecond, process(201, 200), 12 * kSecond - 4 * kMillisecond)), SizeIs(1));
}

TEST_F(DownloadExec, ByTheServingProcessItself)
{
    feed(connect_event(kOther, 12 * kSecond, process(200), endpoint("203.0.113.9", 443)));
    EXPECT_THAT(feed(exec_of(14 * kSecond, process(201, 200), 13 * kSecond)), SizeIs(1));
}

TEST_F(DownloadExec, QuietForOlderFilesLoopbackAndLate)
{
    fetch(12 * kSecond, "127.0.0.1");
    EXPECT_THAT(feed(exec_of(14 * kSecond, process(201, 200), 13 * kSecond)), IsEmpty()) << "loopback";
    fetch();
    EXPECT_THAT(feed(exec_of(14 * kSecond, process(201, 200), 11 * kSecond)), IsEmpty()) << "older than the contact";
    EXPECT_THAT(feed(exec_of(700 * kSecond, process(201, 200), 13 * kSecond)), IsEmpty()) << "long ago";
}

TEST_F(DownloadExec, ItsTableIsBoundedAndFreed)
{
    fetch();
    EXPECT_EQ(entries(), 1U);
    feed(removed_event(kOther, 20 * kSecond));
    EXPECT_EQ(entries(), 0U);
}

class UndeadProcess : public RequestTest {
protected:
    UndeadProcess() : RequestTest(detect::make_function_undead_process())
    {
        ProcessInfo child = undead();
        feed(fork_event(kOther, 11 * kSecond, process(200), child));
        feed(exec_event(kOther, 11 * kSecond, child, "/tmp/lurker"));
        feed(frozen_event(kOther, 20 * kSecond, true));
        feed(frozen_event(kOther, 30 * kSecond, false));
    }

    static ProcessInfo undead()
    {
        ProcessInfo child = process(300, 200);
        child.start_ns = 11 * kSecond;
        return child;
    }

    std::vector<Detection> connect(ProcessInfo actor, const std::string& address = "203.0.113.9")
    {
        return feed(connect_event(kOther, 31 * kSecond, std::move(actor), endpoint(address, 443)));
    }
};

TEST_F(UndeadProcess, ConnectsAfterAThawWithoutARequest)
{
    const auto found = connect(undead());
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_EQ(
        found[0].finding.summary,
        "resnet/i-4: /tmp/lurker (pid 300), left by an earlier request, connected to 203.0.113.9:443 1.00 s after a "
        "thaw, before any request");
    EXPECT_THAT(feed(exec_event(kOther, 31 * kSecond, undead(), "/usr/bin/curl")), SizeIs(1));
}

TEST_F(UndeadProcess, AndWhatItForks)
{
    ProcessInfo grandchild = process(301, 300);
    grandchild.start_ns = 31 * kSecond;
    feed(fork_event(kOther, 31 * kSecond, undead(), grandchild));
    EXPECT_THAT(connect(grandchild), SizeIs(1));
}

TEST_F(UndeadProcess, QuietForTheServerLoopbackAndOnceARequestCame)
{
    EXPECT_THAT(connect(process(200)), IsEmpty()) << "the serving process";
    EXPECT_THAT(connect(undead(), "127.0.0.1"), IsEmpty());
    Policy policy;
    policy.exec.warm = {{"/tmp/lurker"}};
    use_policy(policy);
    EXPECT_THAT(connect(undead()), IsEmpty()) << "a declared worker";
    use_policy({});
    feed(accept_event(kOther, 31 * kSecond, 8080));
    EXPECT_THAT(connect(undead()), IsEmpty()) << "a request came";
}

class RuntimeSwap : public RequestTest {
protected:
    RuntimeSwap() : RequestTest(detect::make_function_runtime_swap()) {}

    static ProcessInfo late()
    {
        ProcessInfo child = process(201, 200);
        child.start_ns = 11 * kSecond;
        return child;
    }
};

TEST_F(RuntimeSwap, AnotherProcessListens)
{
    feed(fork_event(kOther, 11 * kSecond, process(200), late()));
    feed(exec_event(kOther, 12 * kSecond, late(), "/tmp/proxy"));
    const auto found = feed(listen_event(kOther, 13 * kSecond, late(), 8080));
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_EQ(found[0].finding.summary, "resnet/i-4: /tmp/proxy listens on port 8080, on which /usr/bin/node served");
}

TEST_F(RuntimeSwap, TheServingProcessBecomesAnother)
{
    const auto found = feed(exec_event(kOther, 12 * kSecond, process(200), "/tmp/proxy"));
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_EQ(found[0].finding.summary, "resnet/i-4: the serving process /usr/bin/node became /tmp/proxy (pid 200)");
}

TEST_F(RuntimeSwap, QuietForARestartWorkersAndOtherPorts)
{
    feed(fork_event(kOther, 11 * kSecond, process(200), late()));
    EXPECT_THAT(feed(listen_event(kOther, 13 * kSecond, late(), 8080)), IsEmpty()) << "the same program and arguments";
    feed(exec_event(kOther, 12 * kSecond, late(), "/tmp/proxy"));
    EXPECT_THAT(feed(listen_event(kOther, 13 * kSecond, late(), 9090)), IsEmpty()) << "another port";
    EXPECT_THAT(feed(exec_event(kOther, 12 * kSecond, process(200), "/usr/bin/node")), IsEmpty()) << "re-exec";
    EXPECT_THAT(feed(exec_event(kBox, 3 * kSecond, process(100), "/usr/bin/gunicorn")), IsEmpty()) << "before ready";
    EXPECT_EQ(entries(), 1U);
    feed(removed_event(kOther, 20 * kSecond));
    EXPECT_EQ(entries(), 0U);
}

class ForkStorm : public RequestTest {
protected:
    ForkStorm() : RequestTest(detect::make_function_fork_storm()) {}

    std::size_t fork(std::uint32_t count, Nanoseconds from, Nanoseconds step)
    {
        std::size_t found = 0;
        for (std::uint32_t i = 0; i < count; ++i, ++next_)
            found += feed(fork_event(kOther, from + i * step, process(200), process(next_, 200))).size();
        return found;
    }

    std::uint32_t next_ = 1000;
};

TEST_F(ForkStorm, HundredsAtOnceAreOneFinding)
{
    EXPECT_EQ(fork(1000, 20 * kSecond, kMillisecond), 1U);
}

TEST_F(ForkStorm, QuietForWorkersAndForWhatItDidBefore)
{
    EXPECT_EQ(fork(64, 20 * kSecond, kMillisecond), 0U) << "a pool of workers";
    EXPECT_EQ(fork(1000, 40 * kSecond, 20 * kMillisecond), 0U) << "a watchdog: 50 a second";
    EXPECT_EQ(fork(1000, 80 * kSecond, kMillisecond), 0U) << "four times as many";
}

class CrashProbe : public RequestTest {
protected:
    CrashProbe() : RequestTest(detect::make_model_crash_probe()) {}

    std::size_t crash(std::uint32_t count, std::int32_t signal, Nanoseconds step = kSecond)
    {
        std::size_t found = 0;
        for (std::uint32_t i = 0; i < count; ++i, ++next_) {
            feed(fork_event(kOther, 20 * kSecond, process(200), process(next_, 200)));
            found += feed(exit_event(kOther, 20 * kSecond + i * step, process(next_, 200), 0, signal)).size();
        }
        return found;
    }

    std::uint32_t next_ = 1000;
};

TEST_F(CrashProbe, FiveCrashes)
{
    EXPECT_EQ(crash(4, SIGSEGV), 0U);
    EXPECT_EQ(crash(1, SIGABRT), 1U);
}

TEST_F(CrashProbe, QuietForOtherEndsAndForRareOnes)
{
    EXPECT_EQ(crash(20, SIGKILL), 0U);
    EXPECT_EQ(crash(20, SIGTERM), 0U);
    EXPECT_EQ(crash(20, SIGPIPE), 0U);
    EXPECT_EQ(crash(20, 0), 0U);
    EXPECT_EQ(crash(8, SIGSEGV, 200 * kSecond), 0U);
}

TEST_F(CrashProbe, SandboxesOfOneFunctionCountTogether)
{
    std::size_t found = 0;
    for (SandboxId id = 100; id < 105; ++id) {
        const auto tgid = static_cast<std::uint32_t>(1000 + id);
        feed(made_event(id, 20 * kSecond, "/fn/acme/decoder/i-" + std::to_string(id)));
        feed(exec_event(id, 21 * kSecond, process(tgid), "/usr/bin/python3", FNS_EXEC_FIRST));
        found += feed(exit_event(id, 22 * kSecond, process(tgid), 0, SIGSEGV)).size();
    }
    EXPECT_EQ(found, 1U);
}

class PrewarmActivity : public DetectorTest {
protected:
    PrewarmActivity() : DetectorTest(detect::make_coldstart_prewarm_activity())
    {
        Policy policy;
        policy.ready.kind = ReadyRule::Kind::first_response;
        use_policy(policy);
        start();
    }

    std::vector<Detection> act()
    {
        feed(fork_event(kBox, 6 * kSecond, process(100), process(101)));
        auto found = feed(exec_event(kBox, 6 * kSecond, process(101, 100), "/usr/bin/curl"));
        for (Detection& detection :
             feed(connect_event(kBox, 6 * kSecond, process(101, 100), endpoint("203.0.113.9", 443))))
            found.push_back(std::move(detection));
        return found;
    }
};

TEST_F(PrewarmActivity, BetweenListenAndFirstRequest)
{
    feed(listen_event(kBox, 5 * kSecond, process(100), 8080));
    const auto found = act();
    ASSERT_THAT(found, SizeIs(2));
    EXPECT_EQ(found[0].finding.summary,
              "resize/i-1 ran /usr/bin/curl in its pool, before it had a function, from /usr/bin/python3");
    EXPECT_THAT(found[1].finding.summary, HasSubstr("203.0.113.9:443 in its pool"));
}

TEST_F(PrewarmActivity, QuietBeforeTheListenAfterTheRequestAndWithoutAPool)
{
    EXPECT_THAT(act(), IsEmpty()) << "its proxy starts";
    feed(listen_event(kBox, 5 * kSecond, process(100), 8080));
    EXPECT_THAT(feed(connect_event(kBox, 6 * kSecond, process(100), endpoint("127.0.0.1", 80))), IsEmpty());
    EXPECT_THAT(feed(exec_event(kBox, 6 * kSecond, process(102), "/bin/true", FNS_EXEC_FROM_OUTSIDE)), IsEmpty());
    feed(accept_event(kBox, 7 * kSecond, 8080));
    EXPECT_THAT(act(), IsEmpty()) << "it has its function";
}

}  // namespace
}  // namespace fnshield::test
