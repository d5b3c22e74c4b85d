// SPDX-License-Identifier: Apache-2.0
//
// The rules about the CPU time that a sandbox takes: function.cpu_hijack, model.sponge.
#include "tests/unit/detect/detector_fixture.h"

namespace fnshield::test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr Nanoseconds kPeriod = 5 * kSecond;

Event usage_event(SandboxId id, Nanoseconds second, double cpus, std::optional<double> limit = {})
{
    const auto cpu_ns = static_cast<Nanoseconds>(cpus * static_cast<double>(kPeriod));
    return event_of(EventKind::usage, FNS_SENSOR_COUNT, id, second * kSecond, {},
                    UsageBody{.cpu_ns = cpu_ns, .period_ns = kPeriod, .cpu_limit = limit});
}

class CpuHijack : public DetectorTest {
protected:
    CpuHijack() : DetectorTest(detect::make_function_cpu_hijack()) {}

    // kBox is ready at 5 s and may be judged from 35 s on.
    void SetUp() override
    {
        start();
        make_ready();
    }

    std::vector<Detection> burn(Nanoseconds from, Nanoseconds to, double cpus = 1, std::optional<double> limit = {},
                                SandboxId id = kBox)
    {
        std::vector<Detection> found;
        for (Nanoseconds second = from; second <= to; second += 5)
            for (Detection& one : feed(usage_event(id, second, cpus, limit)))
                found.push_back(std::move(one));
        return found;
    }

    void connect_pool(std::uint32_t tgid = 100, const std::string& address = "203.0.113.7")
    {
        feed(connect_event(kBox, 6 * kSecond, process(tgid), endpoint(address, 3333)));
    }

    void run_child(const std::string& path, std::uint32_t flags = 0, Nanoseconds second = 6)
    {
        feed(fork_event(kBox, second * kSecond, process(100), process(101, 100)));
        feed(exec_event(kBox, second * kSecond, process(101, 100), path, flags));
    }
};

TEST_F(CpuHijack, WithAConnectionToAPool)
{
    connect_pool();
    EXPECT_THAT(burn(40, 50), IsEmpty()) << "15 s";
    const auto found = burn(55, 55);
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_EQ(found[0].finding.summary,
              "resize/i-1 used 1.00 CPUs for 20.00 s while it served no request: /usr/bin/python3 (pid 100) is "
              "connected to 203.0.113.7:3333");
    EXPECT_EQ(found[0].finding.target.port, 3333);
    ASSERT_THAT(found[0].finding.earlier_evidence, SizeIs(1));
    EXPECT_EQ(found[0].severity(), Severity::medium);
    EXPECT_THAT(burn(60, 200), IsEmpty()) << "once";
    burn(205, 205, 0.1);
    EXPECT_THAT(burn(210, 240), SizeIs(1)) << "and once when it begins anew";
}

TEST_F(CpuHijack, WithAProgramOfItsOwn)
{
    run_child("/tmp/.x/kdevtmpfsi", FNS_EXEC_SCRATCH);
    const auto found = burn(40, 60);
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_THAT(found[0].finding.summary, HasSubstr("/tmp/.x/kdevtmpfsi (pid 101) was put there by the function"));
    EXPECT_EQ(found[0].finding.target.file, "/tmp/.x/kdevtmpfsi");
}

TEST_F(CpuHijack, WithAProgramOfTheWritableLayerOrAMemfdOrWrittenByItself)
{
    for (const std::uint32_t flag : {FNS_EXEC_UPPER_LAYER, FNS_EXEC_MEMFD, FNS_EXEC_UNLINKED}) {
        run_child("/opt/x", flag);
        EXPECT_THAT(burn(40, 60), SizeIs(1)) << flag;
        burn(65, 65, 0);
    }
    Event exec = exec_event(kBox, 70 * kSecond, process(101, 100), "/mnt/x");
    std::get<ExecBody>(exec.body).writer = {.sandbox = kBox, .written_ns = 60 * kSecond};
    feed(exec);
    const auto found = burn(75, 95);
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_THAT(found[0].finding.summary, HasSubstr("put there by the function"));
}

TEST_F(CpuHijack, WithAProgramThatWasStartedWhileWarm)
{
    run_child("/usr/bin/xmrig");
    const auto found = burn(40, 60);
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_THAT(found[0].finding.summary, HasSubstr("/usr/bin/xmrig (pid 101) was started after it was ready"));
}

TEST_F(CpuHijack, NearALimitThatIsLessThanACpu)
{
    connect_pool();
    EXPECT_THAT(burn(40, 100, 0.2), IsEmpty());
    EXPECT_THAT(burn(105, 125, 0.2, 0.2), SizeIs(1));
}

TEST_F(CpuHijack, QuietWithoutASign)
{
    EXPECT_THAT(burn(40, 400, 2), IsEmpty()) << "nothing but CPU";
    connect_pool(100, "127.0.0.1");
    feed(connect_event(kBox, 6 * kSecond, process(100), endpoint("10.96.0.10", 53)));
    Event refused = connect_event(kBox, 6 * kSecond, process(100), endpoint("203.0.113.7", 3333));
    std::get<SocketBody>(refused.body).result = -ECONNREFUSED;
    feed(refused);
    Event denied = connect_event(kBox, 6 * kSecond, process(100), endpoint("203.0.113.7", 3333));
    denied.flags |= FNS_FLAG_DENIED;
    feed(denied);
    Event entrant = connect_event(kBox, 6 * kSecond, process(300), endpoint("203.0.113.7", 3333));
    entrant.flags |= FNS_FLAG_ENTRANT;
    feed(entrant);
    EXPECT_THAT(burn(405, 500), IsEmpty());
}

TEST_F(CpuHijack, QuietForWhatThePolicyLists)
{
    Policy policy;
    policy.egress.warm = {{.cidr = cidr("203.0.113.0", 24)}};
    policy.exec.warm = {"/usr/bin/ffmpeg"};
    use_policy(policy);
    connect_pool();
    run_child("/usr/bin/ffmpeg");
    EXPECT_THAT(burn(40, 100), IsEmpty());
    connect_pool(100, "198.51.100.1");
    EXPECT_THAT(burn(105, 200), SizeIs(1)) << "another address";
}

TEST_F(CpuHijack, QuietBetweenAcceptAndResponse)
{
    connect_pool();
    feed(accept_event(kBox, 38 * kSecond, 8080));
    EXPECT_THAT(burn(40, 340, 4), IsEmpty()) << "up to five minutes";
    EXPECT_THAT(burn(345, 370, 4), SizeIs(1)) << "and then no more";
}

TEST_F(CpuHijack, QuietUnderLoad)
{
    connect_pool();
    for (Nanoseconds second = 40; second < 1000; second += 5) {
        feed(accept_event(kBox, second * kSecond, 8080));
        EXPECT_THAT(feed(usage_event(kBox, second, 1)), IsEmpty());
    }
}

TEST_F(CpuHijack, QuietWhileItStarts)
{
    feed_all({made_event(kOther, kSecond, "/fn/acme/resnet/i-4"),
              exec_event(kOther, 2 * kSecond, process(200), "/usr/bin/node", FNS_EXEC_FIRST),
              connect_event(kOther, 3 * kSecond, process(200), endpoint("203.0.113.7", 443))});
    EXPECT_THAT(burn(5, 300, 1, {}, kOther), IsEmpty()) << "a long init";
    feed(listen_event(kOther, 301 * kSecond, process(200), 8080));
    feed(connect_event(kOther, 302 * kSecond, process(200), endpoint("203.0.113.7", 443)));
    EXPECT_THAT(burn(305, 330, 1, {}, kOther), IsEmpty()) << "a model that is loaded late";
}

TEST_F(CpuHijack, QuietWhenTheProcessIsGone)
{
    run_child("/usr/bin/xmrig");
    feed(connect_event(kBox, 7 * kSecond, process(101, 100), endpoint("203.0.113.7", 3333)));
    feed(exit_event(kBox, 39 * kSecond, process(101, 100)));
    EXPECT_THAT(burn(40, 100), IsEmpty());
}

TEST_F(CpuHijack, QuietWhereNobodyCanTellARequest)
{
    feed(adopted_event(kOther, kSecond, "/fn/acme/resnet/i-4"));
    feed(connect_event(kOther, 2 * kSecond, process(200), endpoint("203.0.113.7", 443)));
    EXPECT_THAT(burn(305, 400, 1, {}, kOther), IsEmpty()) << "it listens nowhere: it may fetch its work";
    feed(exec_event(kOther, 401 * kSecond, process(201, 200), "/dev/shm/x", FNS_EXEC_SCRATCH));
    EXPECT_THAT(burn(405, 430, 1, {}, kOther), SizeIs(1)) << "its own program tells all the same";
}

TEST_F(CpuHijack, ForgetsAndIsBounded)
{
    for (std::uint32_t tgid = 1000; tgid < 1100; ++tgid)
        connect_pool(tgid);
    EXPECT_EQ(entries(), 1U);
    feed(usage_event(9999, 50, 1));  // of a sandbox that nobody knows
    feed(event_of(EventKind::usage, FNS_SENSOR_COUNT, kBox, 50 * kSecond, {}, UsageBody{}));
    EXPECT_EQ(entries(), 1U);
    feed(removed_event(kBox, 60 * kSecond));
    EXPECT_EQ(entries(), 0U);
}

class Sponge : public DetectorTest {
protected:
    Sponge() : DetectorTest(detect::make_model_sponge()) {}

    void SetUp() override
    {
        start();
        make_ready();
        feed(accept_event(kBox, 10 * kSecond, 8080));
        now_ = 15;
        feed(usage_event(kBox, now_, 1));  // the first request, which loads the model
        feed(usage_event(kBox, now_ += 5, 0));
    }

    // A window in which `requests` come and the CPU is used for `busy` s; at its end it rests.
    std::vector<Detection> window(std::uint32_t requests, Nanoseconds busy)
    {
        std::vector<Detection> found;
        for (std::uint32_t i = 0; i < requests; ++i)
            feed(accept_event(kBox, now_ * kSecond + i, 8080));
        const Nanoseconds end = now_ + std::max<Nanoseconds>(busy, 25);
        for (const Nanoseconds idle_from = now_ + busy; now_ < end;) {
            now_ += 5;
            for (Detection& one : feed(usage_event(kBox, now_, now_ <= idle_from ? 1 : 0)))
                found.push_back(std::move(one));
        }
        for (Detection& one : feed(usage_event(kBox, now_ += 5, 0)))
            found.push_back(std::move(one));
        return found;
    }

    void learn(int windows = 20)
    {
        for (int i = 0; i < windows; ++i)
            EXPECT_THAT(window(10, 5), IsEmpty());  // half a second each
    }

    Nanoseconds now_ = 0;
};

TEST_F(Sponge, RequestsThatCostFarMore)
{
    learn();
    const auto found = window(10, 50);
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_THAT(found[0].finding.summary, HasSubstr("of CPU time for each of 10 connections within "));
    EXPECT_THAT(found[0].finding.summary, HasSubstr("; the p99 of its function is 0.50 s"));
    EXPECT_EQ(found[0].severity(), Severity::medium);
    EXPECT_THAT(window(10, 50), IsEmpty()) << "once";
    learn(1);
    EXPECT_THAT(window(10, 50), SizeIs(1)) << "and again after a usual one";
}

TEST_F(Sponge, OneRequestThatDoesNotEndIsToldWhileItRuns)
{
    learn();
    feed(accept_event(kBox, now_ * kSecond, 8080));
    std::size_t found = 0;
    for (int i = 0; i < 6; ++i)
        found += feed(usage_event(kBox, now_ += 5, 1)).size();
    EXPECT_EQ(found, 1U);
}

TEST_F(Sponge, QuietForTheFirstRequestAndUntilEnoughIsKnown)
{
    EXPECT_THAT(window(1, 100), IsEmpty());
    learn(18);
    EXPECT_THAT(window(1, 100), IsEmpty()) << "nineteen windows are known";
}

TEST_F(Sponge, QuietForMoreRequestsAndALittleMoreCost)
{
    learn();
    EXPECT_THAT(window(100, 50), IsEmpty()) << "ten times the load";
    EXPECT_THAT(window(10, 30), IsEmpty()) << "six times, but not a second more than five times";
}

TEST_F(Sponge, QuietForWorkOfItsOwn)
{
    learn();
    for (int i = 0; i < 100; ++i)
        EXPECT_THAT(feed(usage_event(kBox, now_ += 5, 1)), IsEmpty());
}

TEST_F(Sponge, ANewRevisionBecomesNormal)
{
    learn();
    std::size_t found = 0;
    for (int i = 0; i < 25; ++i)
        found += window(10, 50).size();
    EXPECT_EQ(found, 1U);
    for (int i = 0; i < 15; ++i)
        window(10, 50);
    EXPECT_THAT(window(10, 50), IsEmpty());
    EXPECT_THAT(window(10, 280), SizeIs(1)) << "five times the new level, and more";
}

TEST_F(Sponge, ForgetsItsSandboxesAndIgnoresOthers)
{
    learn(2);
    EXPECT_EQ(entries(), 2U) << "the sandbox and its function";
    feed(usage_event(9999, now_, 1));
    feed(event_of(EventKind::usage, FNS_SENSOR_COUNT, kBox, now_ * kSecond, {}, LossBody{}));
    EXPECT_EQ(entries(), 2U);
    feed(removed_event(kBox, now_ * kSecond));
    EXPECT_EQ(entries(), 1U);
}

}  // namespace
}  // namespace fnshield::test
