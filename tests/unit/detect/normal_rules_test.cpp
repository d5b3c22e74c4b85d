// SPDX-License-Identifier: Apache-2.0
//
// The rules that compare a sandbox with what its function did before: supply.extra_process, supply.time_bomb,
// model.query_flood.
#include "tests/unit/detect/detector_fixture.h"

namespace fnshield::test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class ExtraProcess : public DetectorTest {
protected:
    ExtraProcess() : DetectorTest(detect::make_supply_extra_process()) {}

    // A sandbox of the function with a server and, if named, another program; looked at when it is old enough.
    std::vector<Detection> start_one(const std::string& beside = {}, const std::string& function = "resize")
    {
        const SandboxId id = next_++;
        const auto server = static_cast<std::uint32_t>(10'000 + 10 * id);
        const Nanoseconds now = id * 1000 * kSecond;
        feed(made_event(id, now, "/fn/acme/" + function + "/i-" + std::to_string(id)));
        feed(exec_event(id, now, process(server), "/usr/bin/node", FNS_EXEC_FIRST));
        if (!beside.empty()) {
            feed(fork_event(id, now, process(server), process(server + 1)));
            feed(exec_event(id, now, process(server + 1, server), beside));
        }
        feed(listen_event(id, now + kSecond, process(server), 8080));
        return feed(tick_event(now + 12 * kSecond));
    }

    SandboxId next_ = 500;
};

TEST_F(ExtraProcess, AProgramThatNoOtherHad)
{
    for (int i = 0; i < 5; ++i)
        EXPECT_THAT(start_one(), IsEmpty());
    const auto found = start_one("/tmp/miner");
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_THAT(found[0].finding.summary, HasSubstr("runs /tmp/miner beside its server; none of 5 other sandboxes"));
}

TEST_F(ExtraProcess, QuietForWhatAllHaveOthersFunctionsAndARollOut)
{
    for (int i = 0; i < 8; ++i)
        EXPECT_THAT(start_one("/usr/bin/tini"), IsEmpty());
    EXPECT_THAT(start_one("/tmp/x", "another"), IsEmpty()) << "nothing is known of it";
    for (int i = 0; i < 3; ++i)
        EXPECT_THAT(start_one("/usr/bin/worker"), SizeIs(1));
    EXPECT_THAT(start_one("/usr/bin/worker"), IsEmpty()) << "a roll-out";
}

TEST_F(ExtraProcess, ItsTablesAreFreed)
{
    start_one("/usr/bin/tini");
    EXPECT_EQ(entries(), 2U) << "the sandbox and its function";
    feed(removed_event(500, 600'000 * kSecond));
    EXPECT_EQ(entries(), 1U);
}

class TimeBomb : public DetectorTest {
protected:
    TimeBomb() : DetectorTest(detect::make_supply_time_bomb())
    {
        for (SandboxId id = 501; id < 505; ++id) {
            const auto server = static_cast<std::uint32_t>(id);
            feed(made_event(id, kSecond, "/fn/acme/resize/i-" + std::to_string(id)));
            feed(exec_event(id, 2 * kSecond, process(server), "/usr/bin/node", FNS_EXEC_FIRST));
            feed(listen_event(id, 3 * kSecond, process(server), 8080));
            feed(connect_event(id, 4 * kSecond, process(server), endpoint("10.0.0.9", 5432)));
        }
    }

    std::vector<Detection> connect(Nanoseconds now, const std::string& address)
    {
        return feed(connect_event(501, now, process(501), endpoint(address, 443)));
    }
};

TEST_F(TimeBomb, SomethingNewLongAfter)
{
    const auto found = connect(4000 * kSecond, "203.0.113.9");
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_THAT(found[0].finding.summary,
                HasSubstr("contacted 203.0.113.9 for the first time, 3997.00 s after it was ready"));
    EXPECT_THAT(connect(4001 * kSecond, "203.0.113.9"), IsEmpty()) << "told once";
    feed(fork_event(501, 4000 * kSecond, process(501), process(601)));
    EXPECT_THAT(feed(exec_event(501, 4000 * kSecond, process(601, 501), "/tmp/x")), SizeIs(1));
}

TEST_F(TimeBomb, QuietForWhatIsKnownEarlyOrListed)
{
    EXPECT_THAT(connect(4000 * kSecond, "10.0.0.9"), IsEmpty()) << "known";
    EXPECT_THAT(connect(100 * kSecond, "203.0.113.1"), IsEmpty()) << "within the hour";
    EXPECT_THAT(connect(4000 * kSecond, "127.0.0.1"), IsEmpty());
    Policy policy;
    policy.egress.warm = {EgressRule{.cidr = cidr("203.0.113.0", 24)}};
    use_policy(policy);
    EXPECT_THAT(connect(4000 * kSecond, "203.0.113.77"), IsEmpty()) << "listed";
}

class QueryFlood : public DetectorTest {
protected:
    QueryFlood() : DetectorTest(detect::make_model_query_flood())
    {
        start_two();
        for (int window = 0; window < 31; ++window)
            for (int i = 0; i < 20; ++i)
                accept("10.62.0.1");
    }

    std::size_t accept(const std::string& peer, std::uint32_t repeats = 0)
    {
        Event event = accept_event(kOther, now_ += 500 * kMillisecond, 8080, endpoint(peer, 40000));
        event.repeats = repeats;
        return feed(event).size();
    }

    Nanoseconds now_ = 10 * kSecond;
};

TEST_F(QueryFlood, OnePeerFarBeyondWhatWas)
{
    std::size_t found = 0;
    for (int i = 0; i < 15; ++i)
        found += accept("10.62.0.7", 99);
    EXPECT_EQ(found, 1U);
}

TEST_F(QueryFlood, QuietForManyPeersAndForUsualLoad)
{
    std::size_t found = 0;
    for (int i = 0; i < 15; ++i)
        found += accept("10.62.0." + std::to_string(i + 10), 99);
    EXPECT_EQ(found, 0U) << "a success";
    for (int i = 0; i < 40; ++i)
        found += accept("10.62.0.7", 5);
    EXPECT_EQ(found, 0U) << "six times as much";
}

TEST_F(QueryFlood, QuietUntilItHasLearnt)
{
    make_ready();
    std::size_t found = 0;
    for (int i = 0; i < 15; ++i) {
        Event event = accept_event(kBox, 20 * kSecond + static_cast<Nanoseconds>(i) * kMillisecond, 8080);
        event.repeats = 99;
        found += feed(event).size();
    }
    EXPECT_EQ(found, 0U);
}

}  // namespace
}  // namespace fnshield::test
