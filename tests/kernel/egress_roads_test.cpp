// SPDX-License-Identifier: Apache-2.0
//
// The egress sensor against those who go round: raw and packet sockets, io_uring, the 32-bit entry, DNS questions cut
// up.
#include <netinet/in.h>

#include "tests/kernel/egress_fixture.h"
#include "tests/support/needs.h"

namespace fnshield::testing {
namespace {

using ::testing::SizeIs;

// Where the kernel asks for CAP_NET_RAW and tells of it; the preferred backends else see the end of the making.
fns_socket_via by_check()
{
    return has_hook("raw:cap_capable") ? FNS_SOCKET_CAPABLE : FNS_SOCKET_MADE;
}

// Where it does not tell.
fns_socket_via by_call()
{
    return on_fallback() ? FNS_SOCKET_SYSCALL : FNS_SOCKET_MADE;
}

TEST_F(Egress, RawIcmpIsASocketAndASend)
{
    act({"egress-raw-icmp", "169.254.169.254"});
    const auto sockets = of(EventKind::socket);
    ASSERT_THAT(sockets, SizeIs(1));
    const auto* made = sockets[0].as<SocketBody>();
    EXPECT_EQ(made->via, FNS_SOCKET_CREATE);
    EXPECT_EQ(made->domain, AF_INET);
    EXPECT_EQ(made->type, SOCK_RAW);
    EXPECT_EQ(made->protocol, IPPROTO_ICMP);
    EXPECT_EQ(made->result, 0);
    EXPECT_EQ(sockets[0].process.tgid, actor_);

    const auto sends = of(EventKind::send);
    ASSERT_THAT(sends, SizeIs(1));
    const auto* sent = sends[0].as<SocketBody>();
    EXPECT_EQ(sent->via, FNS_SOCKET_PACKET);
    EXPECT_EQ(sent->remote.address_text(), "169.254.169.254");
    EXPECT_EQ(sent->protocol, IPPROTO_ICMP);
    EXPECT_EQ(sends[0].process.tgid, actor_);
    EXPECT_EQ(reported(), 2U);
}

TEST_F(Egress, APingSocketSendsButIsNoRawSocket)
{
    act({"egress-ping", "10.1.2.3"});
    const SocketBody* body = only(EventKind::send, FNS_SOCKET_PACKET);
    ASSERT_NE(body, nullptr);
    EXPECT_EQ(body->remote.address_text(), "10.1.2.3");
    EXPECT_EQ(body->type, SOCK_DGRAM);
    EXPECT_EQ(body->protocol, IPPROTO_ICMP);
}

TEST_F(Egress, AHeaderOfOnesOwnHidesNothing)
{
    act({"egress-own-header", "10.1.2.3", "443", "syn"});
    const auto connects = of(EventKind::connect);
    ASSERT_THAT(connects, SizeIs(1));
    EXPECT_EQ(connects[0].as<SocketBody>()->via, FNS_SOCKET_PACKET);
    EXPECT_EQ(connects[0].as<SocketBody>()->remote.address_text(), "10.1.2.3");
    EXPECT_EQ(connects[0].as<SocketBody>()->remote.port, 443);
    EXPECT_EQ(connects[0].as<SocketBody>()->protocol, IPPROTO_TCP);
    EXPECT_EQ(connects[0].as<SocketBody>()->type, SOCK_RAW);
    EXPECT_THAT(of(EventKind::socket), SizeIs(1));

    act({"egress-own-header", "10.1.2.3", "514", "udp"});
    const auto sends = of(EventKind::send);
    ASSERT_THAT(sends, SizeIs(1));
    EXPECT_EQ(sends[0].as<SocketBody>()->remote.port, 514);
    EXPECT_EQ(sends[0].as<SocketBody>()->protocol, IPPROTO_UDP);
    EXPECT_EQ(reported(), 4U);
}

TEST_F(Egress, APacketSocketIsSeenByThe32BitEntry)
{
    SKIP_WITHOUT_HOOK("raw:cap_capable");
    SKIP_WITHOUT_ENTRY_OF("egress-compat-packet-socket");
    act({"egress-compat-packet-socket"});
    const SocketBody* body = only(EventKind::socket, by_check());
    ASSERT_NE(body, nullptr);
    EXPECT_EQ(body->domain, AF_PACKET);
    EXPECT_TRUE(found_[0].has(FNS_FLAG_COMPAT));
}

TEST_F(Egress, APacketSocketIsSeenByAnyEntry)
{
    SKIP_WITHOUT_HOOK("raw:cap_capable");
    act({"egress-packet-socket"});
    const SocketBody* body = only(EventKind::socket, by_check());
    ASSERT_NE(body, nullptr);
    EXPECT_EQ(body->domain, AF_PACKET);
    EXPECT_EQ(body->type, SOCK_RAW);
    EXPECT_EQ(body->result, 0);
    harness_->clear();

    act({"egress-uring-socket", "packet"});
    body = only(EventKind::socket, by_check());
    ASSERT_NE(body, nullptr);
    EXPECT_EQ(body->domain, by_check() == FNS_SOCKET_CAPABLE ? 0 : AF_PACKET);
    harness_->clear();

    // Two hooks see this one.
    act({"egress-uring-socket", "raw"});
    EXPECT_THAT(of(EventKind::socket), SizeIs(1));
    EXPECT_EQ(reported(), 1U);
}

TEST_F(Egress, ARefusedSocketIsSeenWithItsResult)
{
    SKIP_WITHOUT_HOOK("raw:cap_capable");
    act({"egress-refused-socket", "packet"});
    const SocketBody* body = only(EventKind::socket, by_check());
    ASSERT_NE(body, nullptr);
    EXPECT_EQ(body->domain, AF_PACKET);
    EXPECT_EQ(body->result, -EPERM);
    harness_->clear();

    act({"egress-refused-socket", "raw"});
    body = only(EventKind::socket, by_check());
    ASSERT_NE(body, nullptr);
    EXPECT_EQ(body->domain, AF_INET);
    EXPECT_EQ(body->protocol, IPPROTO_ICMP);
    EXPECT_EQ(body->result, -EPERM);
}

// As on a kernel before 6.14.
TEST_F(Egress, WithoutTheCapabilityTracepointTheSystemCallTells)
{
    begin({.sensors = {FNS_SENSOR_EGRESS}, .choice = {.absent_hook = "raw:cap_capable"}, .sizes = {}});
    ASSERT_FALSE(HasFatalFailure());
    act({"egress-packet-socket"});
    const SocketBody* body = only(EventKind::socket, by_call());
    ASSERT_NE(body, nullptr);
    EXPECT_EQ(body->domain, AF_PACKET);
    EXPECT_EQ(body->type, SOCK_RAW);
    EXPECT_EQ(body->result, 0);
    harness_->clear();

    act({"egress-refused-socket", "packet"});
    body = only(EventKind::socket, by_call());
    ASSERT_NE(body, nullptr);
    EXPECT_EQ(body->result, -EPERM);
    harness_->clear();

    act({"egress-raw-icmp", "10.1.2.3"});
    EXPECT_EQ(of(EventKind::socket).size(), 1U);
}

// A scan spends the sandbox's budget; the metadata service is not paid from it.
TEST_F(Egress, NoBudgetHidesTheMetadataService)
{
    begin({.sensors = {FNS_SENSOR_EGRESS}, .choice = {}, .bulk_budget = 10, .sizes = {}});
    ASSERT_FALSE(HasFatalFailure());
    act({"egress-scan", "10.1.2.3", "500"});
    EXPECT_LT(of(EventKind::send).size(), 100U);
    losses_ = harness_->lost();
    EXPECT_GT(losses_, 300U);
    const auto connects = of(EventKind::connect);
    ASSERT_THAT(connects, SizeIs(1));
    EXPECT_EQ(connects[0].as<SocketBody>()->remote.address_text(), "169.254.169.254");
    // The one to port 53 is a send and a question.
    EXPECT_EQ(of(EventKind::send).size() + of(EventKind::dns).size() + losses_, 501U);
}

// Nor can it be hidden by acts that spend the sandbox's share of the critical ring without an alert.
TEST_F(Egress, NoShareOfListensHidesTheMetadataService)
{
    begin({.sensors = {FNS_SENSOR_EGRESS}, .choice = {}, .bulk_budget = 10, .sizes = {}});
    ASSERT_FALSE(HasFatalFailure());
    act({"egress-listen-scan", "10.1.2.3", "500"});
    losses_ = harness_->lost();
    EXPECT_GT(losses_, 300U);
    EXPECT_LT(of(EventKind::listen).size(), 300U);
    const auto connects = of(EventKind::connect);
    ASSERT_THAT(connects, SizeIs(1));
    EXPECT_EQ(connects[0].as<SocketBody>()->remote.address_text(), "169.254.169.254");
}

TEST_F(Egress, AnOptionThatNeedsTheSameCapabilityIsNoSocket)
{
    act({"egress-mark-option"});
    EXPECT_EQ(reported(), 0U);
}

TEST_F(Egress, IoUringIsNoWayRound)
{
    act({"egress-uring-connect", "169.254.169.254", "80"});
    const SocketBody* body = only(EventKind::connect, FNS_SOCKET_CONNECT);
    ASSERT_NE(body, nullptr);
    EXPECT_EQ(body->remote.address_text(), "169.254.169.254");
    EXPECT_EQ(body->remote.port, 80);
    harness_->clear();

    act({"egress-uring-sendmsg", "10.1.2.3", "123"});
    body = only(EventKind::send, FNS_SOCKET_PACKET);
    ASSERT_NE(body, nullptr);
    EXPECT_EQ(body->remote.address_text(), "10.1.2.3");
}

TEST_F(Egress, The32BitEntryIsNoWayRound)
{
    SKIP_WITHOUT_ENTRY_OF("egress-compat-connect");
    act({"egress-compat-connect", "169.254.169.254", "80"});
    const SocketBody* body = only(EventKind::connect, FNS_SOCKET_CONNECT);
    ASSERT_NE(body, nullptr);
    EXPECT_EQ(body->remote.address_text(), "169.254.169.254");
    EXPECT_TRUE(found_[0].has(FNS_FLAG_COMPAT));
}

// The socket was made outside, so that no cgroup hook of the sandbox runs for it.
TEST_F(Egress, ASocketThatWasHandedInIsSeenByItsState)
{
    const std::string procs = sandbox_->directory() + "/cgroup.procs";
    auto outside = Child::spawn({trigger(), "egress-late-tcp", "169.254.169.254", "80", procs});
    ASSERT_TRUE(outside);
    actor_ = static_cast<std::uint32_t>(outside->pid());
    auto code = outside->wait();
    ASSERT_TRUE(code);
    ASSERT_EQ(*code, 0) << outside->rest();
    ASSERT_TRUE(harness_->settle());
    const SocketBody* body = only(EventKind::connect, FNS_SOCKET_STATE);
    ASSERT_NE(body, nullptr);
    EXPECT_EQ(body->remote.address_text(), "169.254.169.254");
    EXPECT_EQ(body->remote.port, 80);
}

struct Question {
    const char* name;
    std::vector<std::string> act;
    std::vector<std::string> names;
    int protocol;
};

std::ostream& operator<<(std::ostream& out, const Question& question)
{
    return out << question.name;
}

class EgressDns : public Egress, public ::testing::WithParamInterface<Question> {};

TEST_P(EgressDns, TheNameIsSeen)
{
    const Question& question = GetParam();
    act(question.act);
    const auto asked = of(EventKind::dns);
    ASSERT_THAT(asked, SizeIs(question.names.size())) << said_;
    for (std::size_t i = 0; i < asked.size(); ++i) {
        const auto* body = asked[i].as<DnsBody>();
        EXPECT_EQ(body->name, question.names[i]);
        EXPECT_EQ(body->type, 1);
        EXPECT_FALSE(body->malformed);
        EXPECT_EQ(body->protocol, question.protocol);
        EXPECT_EQ(body->resolver.address_text(), question.act[1]);
        EXPECT_EQ(body->resolver.port, 53);
        EXPECT_EQ(asked[i].process.tgid, actor_);
        EXPECT_FALSE(asked[i].has(FNS_FLAG_NO_TASK));
    }
}

const Question kQuestions[] = {
    {"UdpSendto", {"egress-dns-udp", "10.0.0.10", "53", "Models.Example", "sendto"}, {"models.example"}, IPPROTO_UDP},
    {"UdpConnected", {"egress-dns-udp", "10.0.0.10", "53", "a.example", "connected"}, {"a.example"}, IPPROTO_UDP},
    {"UdpV6", {"egress-dns-udp", "fd00::53", "53", "a.example", "sendto"}, {"a.example"}, IPPROTO_UDP},
    {"UdpV6Connected", {"egress-dns-udp", "fd00::53", "53", "a.example", "connected"}, {"a.example"}, IPPROTO_UDP},
    {"UdpBehindAnOption", {"egress-dns-udp", "fd00::53", "53", "a.example", "hop"}, {"a.example"}, IPPROTO_UDP},
    {"UdpSegmented",
     {"egress-dns-udp", "10.0.0.10", "53", "a.example", "segmented"},
     {"a.example", "z.example"},
     IPPROTO_UDP},
    {"TcpWhole", {"egress-dns-tcp", "10.0.0.10", "53", "a.example", "whole"}, {"a.example"}, IPPROTO_TCP},
    {"TcpPrefix", {"egress-dns-tcp", "10.0.0.10", "53", "a.example", "prefix"}, {"a.example"}, IPPROTO_TCP},
    {"TcpBytes", {"egress-dns-tcp", "10.0.0.10", "53", "a.example", "bytes"}, {"a.example"}, IPPROTO_TCP},
    {"TcpV6", {"egress-dns-tcp", "fd00::53", "53", "a.example", "whole"}, {"a.example"}, IPPROTO_TCP},
    {"TcpPipelined",
     {"egress-dns-tcp", "10.0.0.10", "53", "a.example", "pipelined"},
     {"a.example", "second.a.example"},
     IPPROTO_TCP},
};

INSTANTIATE_TEST_SUITE_P(Questions, EgressDns, ::testing::ValuesIn(kQuestions),
                         [](const auto& row) { return std::string(row.param.name); });

TEST_F(Egress, DatagramsToOtherPortsAreNoQuestions)
{
    act({"egress-dns-udp", "10.0.0.10", "5353", "a.example", "sendto"});
    EXPECT_EQ(of(EventKind::dns).size(), 0U);
    EXPECT_EQ(of(EventKind::send).size(), 1U);
}

}  // namespace
}  // namespace fnshield::testing
