// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/detect/detector_fixture.h"

namespace fnshield::test {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

class UnexpectedEgress : public DetectorTest {
protected:
    UnexpectedEgress() : DetectorTest(detect::make_function_unexpected_egress())
    {
        Policy policy;
        policy.egress.warm = {{.cidr = cidr("10.20.0.0", 16), .ports = {5432}},
                              {.dns = "*.models.example", .ports = {443}}};
        policy.egress.resolvers = {cidr("10.96.0.10", 32)};
        use_policy(policy);
        start_two();  // kOther is warm
    }

    static Event contact(const std::string& address, std::uint16_t port, SandboxId box = kOther)
    {
        return connect_event(box, 6 * kSecond, process(box == kBox ? 100 : 200), endpoint(address, port));
    }
};

TEST_F(UnexpectedEgress, WhatIsNotListed)
{
    const auto found = feed(contact("203.0.113.7", 443));
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_EQ(found[0].finding.summary,
              "resnet/i-4 connected to 203.0.113.7:443 while warm; egress.warm of policy default does not list it");
    EXPECT_EQ(found[0].finding.target.address, "203.0.113.7");
    EXPECT_EQ(found[0].finding.target.port, 443);
    EXPECT_THAT(feed(send_event(kOther, 6 * kSecond, process(200), endpoint("203.0.113.7", 53))), SizeIs(1));
    EXPECT_THAT(feed(contact("10.20.3.4", 443)), SizeIs(1)) << "another port";
    EXPECT_THAT(feed(contact("10.21.3.4", 5432)), SizeIs(1)) << "another network";
}

TEST_F(UnexpectedEgress, QuietForWhatIsListed)
{
    EXPECT_THAT(feed(contact("10.20.3.4", 5432)), IsEmpty());
    EXPECT_THAT(feed(contact("10.96.0.10", 53)), IsEmpty());
    EXPECT_THAT(feed(contact("127.0.0.1", 9000)), IsEmpty());
    Event named = contact("203.0.113.7", 443);
    std::get<SocketBody>(named.body).named = true;
    EXPECT_THAT(feed(named), IsEmpty());
    Event own = contact("10.62.0.2", 9000);
    std::get<SocketBody>(own.body).local = endpoint("10.62.0.2", 0);
    EXPECT_THAT(feed(own), IsEmpty());
}

TEST_F(UnexpectedEgress, QuietBeforeItIsReady)
{
    EXPECT_THAT(feed(contact("203.0.113.7", 443, kBox)), IsEmpty());
    make_ready();
    EXPECT_THAT(feed(contact("203.0.113.7", 443, kBox)), SizeIs(1));
}

TEST_F(UnexpectedEgress, QuietForTheEntrantAndTheHost)
{
    Event probe = contact("203.0.113.7", 443);
    probe.flags = FNS_FLAG_ENTRANT;
    EXPECT_THAT(feed(probe), IsEmpty());
    EXPECT_THAT(feed(connect_event(kHost, 6 * kSecond, process(50), endpoint("203.0.113.7", 443))), IsEmpty());
}

TEST_F(UnexpectedEgress, QuietWithoutAList)
{
    use_policy({});
    EXPECT_THAT(feed(contact("203.0.113.7", 443)), IsEmpty());
}

TEST_F(UnexpectedEgress, AnEmptyListAllowsNothing)
{
    Policy policy;
    policy.egress.warm.emplace();
    use_policy(policy);
    EXPECT_THAT(feed(contact("10.20.3.4", 5432)), SizeIs(1));
}

}  // namespace
}  // namespace fnshield::test
