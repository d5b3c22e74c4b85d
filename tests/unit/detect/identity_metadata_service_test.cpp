// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/detect/detector_fixture.h"

namespace fnshield::test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class MetadataService : public DetectorTest {
protected:
    MetadataService() : DetectorTest(detect::make_identity_metadata_service()) { start_two(); }

    std::vector<Detection> connect(const std::string& address, std::uint16_t port = 80)
    {
        return feed(connect_event(kOther, 9 * kSecond, process(200), endpoint(address, port)));
    }

    std::vector<Detection> ask(const std::string& name)
    {
        return feed(dns_event(kOther, 9 * kSecond, process(200), name));
    }
};

TEST_F(MetadataService, EveryAddress)
{
    const auto found = connect("169.254.169.254");
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_EQ(found[0].finding.summary,
              "resnet/i-4 contacted the metadata service at 169.254.169.254:80 (/usr/bin/node)");
    EXPECT_EQ(found[0].finding.target.address, "169.254.169.254");
    for (const char* address : {"169.254.170.2", "169.254.170.23", "168.63.129.16", "100.100.100.200", "192.0.0.192",
                                "fd00:ec2::254", "fd00:ec2::23", "fd20:ce::254", "fe80::a9fe:a9fe"})
        EXPECT_THAT(connect(address), SizeIs(1)) << address;
}

TEST_F(MetadataService, Ipv4InIpv6)
{
    EXPECT_THAT(connect("::ffff:169.254.169.254"), SizeIs(1));
    EXPECT_THAT(connect("64:ff9b::a9fe:a9fe"), SizeIs(1));
    EXPECT_THAT(connect("64:ff9b:1::a9fe:a9fe"), SizeIs(1));
    EXPECT_THAT(connect("64:ff9b::a9fe:a9fd"), IsEmpty());
    EXPECT_THAT(connect("2001:db8::a9fe:a9fe"), IsEmpty());
}

TEST_F(MetadataService, AnyPacketOnAnyPortInAnyPhase)
{
    EXPECT_THAT(connect("169.254.169.254", 53), SizeIs(1));
    EXPECT_THAT(feed(send_event(kOther, 9 * kSecond, process(200), endpoint("169.254.169.254", 9))), SizeIs(1));
    EXPECT_THAT(feed(connect_event(kBox, 3 * kSecond, process(100), endpoint("169.254.169.254", 80))), SizeIs(1));
    Event packet = send_event(kOther, 9 * kSecond, {}, endpoint("169.254.169.254"), FNS_SOCKET_PACKET);
    packet.flags = FNS_FLAG_NO_TASK;
    const auto found = feed(packet);
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_EQ(found[0].finding.summary, "resnet/i-4 sent a packet to the metadata service at 169.254.169.254");
}

TEST_F(MetadataService, ItsName)
{
    const auto found = ask("metadata.google.internal");
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_EQ(found[0].finding.summary,
              "resnet/i-4 asked for the address of the metadata service "
              "(metadata.google.internal, /usr/bin/node)");
    EXPECT_EQ(found[0].finding.target.name, "metadata.google.internal");
    EXPECT_THAT(ask("metadata.google.internal.default.svc.cluster.local"), SizeIs(1)) << "by a search list";
    EXPECT_THAT(ask("instance-data"), SizeIs(1));
    EXPECT_NE(found[0].finding.key, connect("169.254.169.254")[0].finding.key) << "the contact is told as well";
}

TEST_F(MetadataService, QuietForOtherAddressesAndNames)
{
    EXPECT_THAT(connect("169.254.169.253"), IsEmpty()) << "Amazon's resolver";
    EXPECT_THAT(connect("169.254.1.1"), IsEmpty());
    EXPECT_THAT(connect("10.0.0.1"), IsEmpty());
    EXPECT_THAT(connect("fd00:ec2::253"), IsEmpty());
    EXPECT_THAT(ask("metadata.google.internals.example"), IsEmpty());
    EXPECT_THAT(ask("instance-data-api.example"), IsEmpty());
    EXPECT_THAT(ask("storage.googleapis.com"), IsEmpty());
}

TEST_F(MetadataService, QuietForAResolverOnThatAddress)
{
    Policy policy;
    policy.egress.resolvers = {cidr("169.254.169.254", 32)};
    use_policy(policy);
    EXPECT_THAT(connect("169.254.169.254", 53), IsEmpty()) << "Google's resolver has the same address";
    EXPECT_THAT(connect("169.254.169.254", 80), SizeIs(1));
    EXPECT_THAT(connect("169.254.170.2", 53), SizeIs(1));
}

TEST_F(MetadataService, QuietWhereThePolicyAllowsIt)
{
    Policy policy;
    policy.egress.metadata_service_allowed = true;
    use_policy(policy, "resnet");
    EXPECT_THAT(connect("169.254.169.254"), IsEmpty());
    EXPECT_THAT(ask("metadata.google.internal"), IsEmpty());
    EXPECT_THAT(feed(connect_event(kBox, 9 * kSecond, process(100), endpoint("169.254.169.254", 80))), SizeIs(1));
}

TEST_F(MetadataService, QuietForTheHostAndTheEntrant)
{
    EXPECT_THAT(feed(connect_event(kHost, 9 * kSecond, process(50), endpoint("169.254.169.254", 80))), IsEmpty());
    Event event = connect_event(kOther, 9 * kSecond, process(50), endpoint("169.254.169.254", 80));
    event.flags = FNS_FLAG_SETUP;
    EXPECT_THAT(feed(event), IsEmpty());
}

}  // namespace
}  // namespace fnshield::test
