// SPDX-License-Identifier: Apache-2.0
#include <cerrno>

#include "tests/unit/detect/detector_fixture.h"

namespace fnshield::test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class RawSocket : public DetectorTest {
protected:
    RawSocket() : DetectorTest(detect::make_isolation_raw_socket()) { start_two(); }

    std::vector<Detection> make(int domain, int type, int protocol = 0, std::uint32_t tgid = 200)
    {
        return feed(raw_socket_event(kOther, 9 * kSecond, process(tgid), static_cast<std::uint16_t>(domain),
                                     static_cast<std::uint16_t>(type), static_cast<std::uint16_t>(protocol)));
    }

    // Process 201 of the warm sandbox runs `exe`.
    void run(const std::string& exe)
    {
        feed_all({fork_event(kOther, 6 * kSecond, process(200), process(201)),
                  exec_event(kOther, 7 * kSecond, process(201, 200), exe)});
    }

    void list_warm(std::vector<std::string> globs)
    {
        Policy policy;
        policy.exec.warm = std::move(globs);
        use_policy(policy);
    }
};

TEST_F(RawSocket, EachKind)
{
    const auto found = make(AF_PACKET, SOCK_DGRAM, 3);
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_EQ(found[0].finding.summary, "resnet/i-4 made a packet socket (/usr/bin/node, protocol 3)");
    EXPECT_THAT(make(AF_INET, SOCK_RAW, IPPROTO_TCP)[0].finding.summary, HasSubstr("a raw IP socket"));
    EXPECT_THAT(make(AF_INET6, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_ICMPV6), SizeIs(1));
    EXPECT_THAT(make(AF_INET, SOCK_PACKET), SizeIs(1)) << "the old way to a packet socket";
    EXPECT_THAT(make(AF_XDP, SOCK_RAW), SizeIs(1));
}

TEST_F(RawSocket, TheCapabilityAlone)
{
    Event event = raw_socket_event(kOther, 9 * kSecond, process(200), AF_UNSPEC, 0, 0);
    EXPECT_THAT(feed(event), IsEmpty()) << "a socket of an unknown kind";
    std::get<SocketBody>(event.body).via = FNS_SOCKET_CAPABLE;
    EXPECT_THAT(feed(event)[0].finding.summary, HasSubstr("a socket that needs CAP_NET_RAW"));
}

TEST_F(RawSocket, AttemptsThatFail)
{
    const auto found = feed(raw_socket_event(kOther, 9 * kSecond, process(200), AF_PACKET, SOCK_RAW, 0x300, -EPERM));
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_EQ(found[0].finding.summary,
              "resnet/i-4 tried to make a packet socket (/usr/bin/node, protocol 768): Operation not permitted");
}

TEST_F(RawSocket, QuietForOtherSockets)
{
    EXPECT_THAT(make(AF_INET, SOCK_DGRAM, IPPROTO_ICMP), IsEmpty()) << "an unprivileged ping";
    EXPECT_THAT(make(AF_INET, SOCK_STREAM, IPPROTO_TCP), IsEmpty());
    EXPECT_THAT(make(AF_NETLINK, SOCK_RAW), IsEmpty());
    EXPECT_THAT(make(AF_CAN, SOCK_RAW), IsEmpty());
}

TEST_F(RawSocket, QuietForADeclaredPing)
{
    run("/usr/bin/ping");
    EXPECT_THAT(make(AF_INET, SOCK_RAW, IPPROTO_ICMP, 201), SizeIs(1)) << "not declared";
    list_warm({"/bin/ping"});
    EXPECT_THAT(make(AF_INET, SOCK_RAW, IPPROTO_ICMP, 201), IsEmpty());
    EXPECT_THAT(make(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6, 201), IsEmpty());
    EXPECT_THAT(make(AF_INET, SOCK_RAW, IPPROTO_TCP, 201), SizeIs(1)) << "ping sends no TCP";
    EXPECT_THAT(make(AF_PACKET, SOCK_RAW, IPPROTO_ICMP, 201), SizeIs(1));
}

TEST_F(RawSocket, ADeclaredProgramOfAnotherNameIsNoPing)
{
    run("/usr/bin/handler");
    list_warm({"/usr/bin/**"});
    EXPECT_THAT(make(AF_INET, SOCK_RAW, IPPROTO_ICMP, 201), SizeIs(1));
}

TEST_F(RawSocket, AnotherPhasesListDoesNotDeclareIt)
{
    run("/usr/bin/ping");
    Policy policy;
    policy.exec.init = {{"/usr/bin/ping"}};
    use_policy(policy);
    EXPECT_THAT(make(AF_INET, SOCK_RAW, IPPROTO_ICMP, 201), SizeIs(1));
}

TEST_F(RawSocket, QuietForTheEntrantAndTheHost)
{
    Event event = raw_socket_event(kOther, 9 * kSecond, process(50), AF_PACKET, SOCK_RAW, 0);
    event.flags = FNS_FLAG_ENTRANT;
    EXPECT_THAT(feed(event), IsEmpty());
    EXPECT_THAT(feed(raw_socket_event(kHost, 9 * kSecond, process(50), AF_PACKET, SOCK_RAW, 0)), IsEmpty());
}

}  // namespace
}  // namespace fnshield::test
