// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/detect/detector_fixture.h"

namespace fnshield::test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class InitEgress : public DetectorTest {
protected:
    InitEgress() : DetectorTest(detect::make_coldstart_init_egress())
    {
        Policy policy;
        policy.egress.init = {{.cidr = cidr("10.20.0.0", 16), .ports = {443}},
                              {.dns = "*.models.example", .ports = {443}}};
        policy.egress.resolvers = {cidr("10.96.0.10", 32)};
        use_policy(policy);
        start_two();
    }

    std::vector<Detection> connect(const std::string& address, std::uint16_t port, Nanoseconds time_ns = 3 * kSecond)
    {
        return feed(connect_event(kBox, time_ns, process(100), endpoint(address, port)));
    }
};

TEST_F(InitEgress, ConnectToWhatIsNotListed)
{
    const auto found = connect("203.0.113.7", 443);
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_EQ(found[0].finding.summary,
              "resize/i-1 connected to 203.0.113.7:443 before it was ready; egress.init of "
              "policy default does not list it");
    EXPECT_EQ(found[0].finding.target.address, "203.0.113.7");
    EXPECT_EQ(found[0].finding.target.port, 443);
}

TEST_F(InitEgress, OtherRoads)
{
    EXPECT_THAT(feed(send_event(kBox, 3 * kSecond, process(100), endpoint("203.0.113.7", 5000))), SizeIs(1));
    EXPECT_THAT(connect("2001:db8::1", 443), SizeIs(1));
    Event packet = send_event(kBox, 3 * kSecond, {}, endpoint("203.0.113.7"), FNS_SOCKET_PACKET);
    packet.flags = FNS_FLAG_NO_TASK;
    EXPECT_THAT(feed(packet), SizeIs(1)) << "a packet without a task";
    Event refused = connect_event(kBox, 3 * kSecond, process(100), endpoint("203.0.113.7", 443));
    std::get<SocketBody>(refused.body).result = -111;
    EXPECT_THAT(feed(refused), SizeIs(1)) << "an attempt is one as well";
}

TEST_F(InitEgress, DnsToAStrangerIsNoExcuse)
{
    EXPECT_THAT(feed(send_event(kBox, 3 * kSecond, process(100), endpoint("203.0.113.7", 53))), SizeIs(1));
    EXPECT_THAT(feed(send_event(kBox, 3 * kSecond, process(100), endpoint("10.96.0.10", 5353))), SizeIs(1))
        << "the resolver, but not its port";
}

TEST_F(InitEgress, QuietForWhatIsListed)
{
    EXPECT_THAT(connect("10.20.3.4", 443), IsEmpty());
    EXPECT_THAT(connect("10.20.3.4", 80), SizeIs(1)) << "another port";
    EXPECT_THAT(connect("10.21.3.4", 443), SizeIs(1)) << "another network";
}

TEST_F(InitEgress, QuietForTheResolver)
{
    EXPECT_THAT(feed(send_event(kBox, 3 * kSecond, process(100), endpoint("10.96.0.10", 53))), IsEmpty());
    EXPECT_THAT(connect("10.96.0.10", 853), IsEmpty());
    EXPECT_THAT(feed(dns_event(kBox, 3 * kSecond, process(100), "evil.example")), IsEmpty());
}

TEST_F(InitEgress, QuietInsideOfTheSandbox)
{
    EXPECT_THAT(connect("127.0.0.1", 9000), IsEmpty());
    EXPECT_THAT(connect("::1", 9000), IsEmpty());
    EXPECT_THAT(connect("0.0.0.0", 9000), IsEmpty());
    EXPECT_THAT(connect("a unix socket", 0), IsEmpty());
    Event own = connect_event(kBox, 3 * kSecond, process(100), endpoint("10.62.0.2", 9000));
    std::get<SocketBody>(own.body).local = endpoint("10.62.0.2", 40000);
    EXPECT_THAT(feed(own), IsEmpty());
}

TEST_F(InitEgress, AnAddressThatAnAnswerNamed)
{
    Event event = connect_event(kBox, 4 * kSecond, process(100), endpoint("203.0.113.7", 443));
    std::get<SocketBody>(event.body).named = true;
    EXPECT_THAT(feed(event), IsEmpty());
}

// A payload that asks for a listed name and goes elsewhere.
TEST_F(InitEgress, AQuestionAloneIsNoExcuse)
{
    feed(dns_event(kBox, 3 * kSecond, process(100), "eu.models.example"));
    EXPECT_THAT(connect("203.0.113.7", 443, 4 * kSecond), SizeIs(1));
}

TEST_F(InitEgress, ANameThatIsNotListedIsTold)
{
    feed(dns_event(kBox, 3 * kSecond, process(100), "evil.example"));
    const auto found = connect("203.0.113.7", 443);
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_THAT(found[0].finding.summary, HasSubstr("the last name that it asked for: evil.example"));
    ASSERT_THAT(found[0].finding.earlier_evidence, SizeIs(1));
    EXPECT_EQ(found[0].finding.earlier_evidence[0].kind, EventKind::dns);
}

TEST_F(InitEgress, QuietOnceReadyAndFreesItsState)
{
    feed(dns_event(kBox, 3 * kSecond, process(100), "eu.models.example"));
    EXPECT_EQ(entries(), 1U);
    make_ready();
    EXPECT_EQ(entries(), 0U);
    EXPECT_THAT(connect("203.0.113.7", 443, 6 * kSecond), IsEmpty());
    EXPECT_THAT(feed(connect_event(kOther, 6 * kSecond, process(200), endpoint("203.0.113.7", 443))), IsEmpty());
}

TEST_F(InitEgress, QuietForTheEntrantAndTheHost)
{
    for (const auto flag : {FNS_FLAG_ENTRANT, FNS_FLAG_SETUP}) {
        Event event = connect_event(kBox, 3 * kSecond, process(50), endpoint("203.0.113.7", 443));
        event.flags = flag;
        EXPECT_THAT(feed(event), IsEmpty());
    }
    EXPECT_THAT(feed(connect_event(kHost, 3 * kSecond, process(50), endpoint("203.0.113.7", 443))), IsEmpty());
}

TEST_F(InitEgress, QuietWithoutAList)
{
    use_policy({});
    EXPECT_THAT(connect("203.0.113.7", 443), IsEmpty());
}

TEST_F(InitEgress, AnEmptyListAllowsNothing)
{
    Policy policy;
    policy.egress.init.emplace();
    use_policy(policy);
    EXPECT_THAT(connect("10.20.3.4", 443), SizeIs(1));
    EXPECT_THAT(connect("127.0.0.1", 443), IsEmpty());
}

TEST_F(InitEgress, TheTableIsBounded)
{
    for (SandboxId id = 10000; id < 14200; ++id)
        feed_all({made_event(id, 1 * kSecond, "/fn/acme/resize/i-" + std::to_string(id)),
                  dns_event(id, 3 * kSecond, process(static_cast<std::uint32_t>(id)), "a.models.example")});
    const auto tables = engine().tables();
    ASSERT_THAT(tables, SizeIs(1));
    EXPECT_EQ(tables[0].entries, tables[0].capacity);
    EXPECT_EQ(tables[0].evictions, 4200 - tables[0].capacity);
    feed(removed_event(14199, 4 * kSecond));
    EXPECT_EQ(entries(), tables[0].capacity - 1);
}

}  // namespace
}  // namespace fnshield::test
