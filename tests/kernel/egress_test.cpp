// SPDX-License-Identifier: Apache-2.0
//
// The egress sensor: each road to a peer is one event with the peer's address, however the socket was made to go there;
// servers listen and are called; what leads nowhere outside is silent.
#include <netinet/in.h>

#include <charconv>
#include <string>

#include "tests/kernel/egress_fixture.h"

namespace fnshield::testing {
namespace {

using ::testing::SizeIs;

int port_of(const std::string& line)
{
    int port = 0;
    const auto from = line.find("port=");
    if (from != std::string::npos)
        std::from_chars(line.data() + from + 5, line.data() + line.size(), port);
    return port;
}

struct Road {
    const char* name;
    std::vector<std::string> act;
    EventKind kind;
    fns_socket_via via;
    const char* address;
    int port;
    int domain;
    int type;
    int protocol;
    bool mapped;
};

std::ostream& operator<<(std::ostream& out, const Road& road)
{
    return out << road.name;
}

class EgressRoad : public Egress, public ::testing::WithParamInterface<Road> {};

TEST_P(EgressRoad, IsOneEventWithThePeer)
{
    const Road& road = GetParam();
    act(road.act);
    const SocketBody* body = only(road.kind, road.via);
    ASSERT_NE(body, nullptr);
    EXPECT_EQ(body->remote.address_text(), road.address);
    EXPECT_EQ(body->remote.port, road.port);
    EXPECT_EQ(body->domain, road.domain);
    EXPECT_EQ(body->type, road.type);
    EXPECT_EQ(body->protocol, road.protocol);
    EXPECT_EQ(body->mapped, road.mapped);
}

const Road kRoads[] = {
    {"TcpV4",
     {"egress-tcp", "169.254.169.254", "80"},
     EventKind::connect,
     FNS_SOCKET_CONNECT,
     "169.254.169.254",
     80,
     AF_INET,
     SOCK_STREAM,
     IPPROTO_TCP,
     false},
    {"TcpV6",
     {"egress-tcp", "fd00:ec2::254", "80"},
     EventKind::connect,
     FNS_SOCKET_CONNECT,
     "fd00:ec2::254",
     80,
     AF_INET6,
     SOCK_STREAM,
     IPPROTO_TCP,
     false},
    {"TcpMapped",
     {"egress-tcp", "::ffff:169.254.169.254", "80"},
     EventKind::connect,
     FNS_SOCKET_CONNECT,
     "169.254.169.254",
     80,
     AF_INET6,
     SOCK_STREAM,
     IPPROTO_TCP,
     true},
    {"FastOpen",
     {"egress-fastopen", "169.254.169.254", "80"},
     EventKind::connect,
     FNS_SOCKET_CONNECT,
     "169.254.169.254",
     80,
     AF_INET,
     SOCK_STREAM,
     IPPROTO_TCP,
     false},
    {"UdpSendtoV4",
     {"egress-udp-sendto", "10.1.2.3", "123"},
     EventKind::send,
     FNS_SOCKET_PACKET,
     "10.1.2.3",
     123,
     AF_INET,
     SOCK_DGRAM,
     IPPROTO_UDP,
     false},
    {"UdpSendtoV6",
     {"egress-udp-sendto", "fd00::7", "123"},
     EventKind::send,
     FNS_SOCKET_PACKET,
     "fd00::7",
     123,
     AF_INET6,
     SOCK_DGRAM,
     IPPROTO_UDP,
     false},
    {"UdpSendtoMapped",
     {"egress-udp-sendto", "::ffff:10.1.2.3", "123"},
     EventKind::send,
     FNS_SOCKET_PACKET,
     "10.1.2.3",
     123,
     AF_INET6,
     SOCK_DGRAM,
     IPPROTO_UDP,
     true},
    {"UdpSendmsgV4",
     {"egress-udp-sendmsg", "10.1.2.3", "9999"},
     EventKind::send,
     FNS_SOCKET_PACKET,
     "10.1.2.3",
     9999,
     AF_INET,
     SOCK_DGRAM,
     IPPROTO_UDP,
     false},
    {"UdpUnspecifiedFamily",
     {"egress-udp-unspec", "10.1.2.3", "123"},
     EventKind::send,
     FNS_SOCKET_PACKET,
     "10.1.2.3",
     123,
     AF_INET,
     SOCK_DGRAM,
     IPPROTO_UDP,
     false},
    {"UdpConnectV4",
     {"egress-udp-connect", "10.1.2.3", "123", "5"},
     EventKind::connect,
     FNS_SOCKET_CONNECT,
     "10.1.2.3",
     123,
     AF_INET,
     SOCK_DGRAM,
     IPPROTO_UDP,
     false},
    {"UdpConnectV6",
     {"egress-udp-connect", "fd00::7", "123", "5"},
     EventKind::connect,
     FNS_SOCKET_CONNECT,
     "fd00::7",
     123,
     AF_INET6,
     SOCK_DGRAM,
     IPPROTO_UDP,
     false},
};

INSTANTIATE_TEST_SUITE_P(Roads, EgressRoad, ::testing::ValuesIn(kRoads),
                         [](const auto& row) { return std::string(row.param.name); });

TEST_F(Egress, ServerListensAndIsCalled)
{
    auto server = sandbox_->spawn({trigger(), "egress-server", "0", "1"});
    ASSERT_TRUE(server);
    auto said = server->read_until("port=");
    ASSERT_TRUE(said) << said.error().message;
    const int port = port_of(*said);
    ASSERT_TRUE(server->read_until("ready"));
    // The client is outside: what is seen of it is the connection that arrives.
    auto client = run({trigger(), "egress-client", std::to_string(port), "1"});
    ASSERT_TRUE(client);
    ASSERT_EQ(client->exit_code, 0) << client->output;
    ASSERT_TRUE(server->read_until("served"));
    ASSERT_TRUE(harness_->settle());

    const auto binds = of(EventKind::bind);
    ASSERT_THAT(binds, SizeIs(1));
    EXPECT_EQ(binds[0].as<SocketBody>()->local.address_text(), "127.0.0.1");
    EXPECT_EQ(binds[0].as<SocketBody>()->local.port, port);

    const auto listens = of(EventKind::listen);
    ASSERT_THAT(listens, SizeIs(1));
    EXPECT_EQ(listens[0].as<SocketBody>()->local.address_text(), "127.0.0.1");
    EXPECT_EQ(listens[0].as<SocketBody>()->local.port, port);
    EXPECT_EQ(listens[0].process.tgid, static_cast<std::uint32_t>(server->pid()));

    const auto accepts = of(EventKind::accept);
    ASSERT_THAT(accepts, SizeIs(1));
    EXPECT_EQ(accepts[0].as<SocketBody>()->local.port, port);
    EXPECT_EQ(accepts[0].as<SocketBody>()->remote.address_text(), "127.0.0.1");
    EXPECT_NE(accepts[0].as<SocketBody>()->remote.port, 0);
    EXPECT_TRUE(accepts[0].has(FNS_FLAG_NO_TASK));
    EXPECT_EQ(accepts[0].process.tgid, 0U);

    // Neither its answers nor its client are its own doing.
    EXPECT_EQ(reported(), 3U);
}

TEST_F(Egress, EveryConnectionIsCountedHoweverFastTheyCome)
{
    constexpr int kConnections = 200;
    auto server = sandbox_->spawn({trigger(), "egress-server", "0", "1000"});
    ASSERT_TRUE(server);
    auto said = server->read_until("port=");
    ASSERT_TRUE(said);
    const std::string port = std::to_string(port_of(*said));
    ASSERT_TRUE(server->read_until("ready"));
    auto burst = run({trigger(), "egress-client", port, std::to_string(kConnections)});
    ASSERT_TRUE(burst);
    ASSERT_EQ(burst->exit_code, 0) << burst->output;

    const auto counted = [&] {
        std::uint64_t sum = 0;
        for (const Event& event : of(EventKind::accept))
            sum += 1 + event.repeats;
        return sum;
    };
    // What was only counted so far comes with the next connection that is forwarded, at most 10 ms later.
    std::uint64_t made = kConnections;
    for (int tries = 0; tries < 50 && (tries == 0 || counted() != made); ++tries) {
        auto one = run({trigger(), "egress-client", port, "1"});
        ASSERT_TRUE(one);
        ASSERT_EQ(one->exit_code, 0) << one->output;
        ++made;
        ASSERT_TRUE(harness_->settle());
    }
    EXPECT_EQ(counted(), made);
    EXPECT_LT(of(EventKind::accept).size(), kConnections / 2U);
}

TEST_F(Egress, ARepeatIsCountedNotSaid)
{
    act({"egress-udp-sendto", "10.1.2.3", "123", "500"});
    EXPECT_EQ(of(EventKind::send).size(), 1U);
    EXPECT_EQ(reported(), 1U);
    EXPECT_EQ(suppressed(), 499U);
}

// The state tracepoint sees the same connect as the hook: it must not count it again.
TEST_F(Egress, TheSecondWitnessDoesNotCountAgain)
{
    act({"egress-tcp", "10.1.2.3", "80", "50"});
    EXPECT_EQ(of(EventKind::connect).size(), 1U);
    EXPECT_LE(suppressed(), 51U);  // 49; a task that is moved to another CPU in between counts once more
    EXPECT_GE(suppressed(), 49U);
}

TEST_F(Egress, AUdpServerIsNotAFloodOfSends)
{
    constexpr const char* kCount = "300";
    auto server = sandbox_->spawn({trigger(), "egress-udp-server", "20053", kCount});
    ASSERT_TRUE(server);
    ASSERT_TRUE(server->read_until("ready"));
    auto client = run({trigger(), "egress-udp-client", "20053", kCount});
    ASSERT_TRUE(client);
    ASSERT_EQ(client->exit_code, 0) << client->output;
    ASSERT_TRUE(server->wait());
    ASSERT_TRUE(harness_->settle());
    EXPECT_LE(of(EventKind::send).size(), 3U);
}

TEST_F(Egress, SocketsThatLeadNowhereAreSilent)
{
    act({"egress-local-only"});
    EXPECT_EQ(reported(), 0U);
}

TEST_F(Egress, ABystanderIsSilent)
{
    for (const auto* act : {"egress-tcp", "egress-udp-sendto", "egress-udp-connect", "egress-fastopen"}) {
        auto outside = run({trigger(), act, "169.254.169.254", "80"});
        ASSERT_TRUE(outside);
        ASSERT_EQ(outside->exit_code, 0) << outside->output;
    }
    ASSERT_TRUE(harness_->settle());
    EXPECT_EQ(reported(), 0U);
}

TEST_F(Egress, EachSandboxAnswersForItself)
{
    auto other = CgroupSandbox::make_for_test("egress-b");
    ASSERT_TRUE(other);
    ASSERT_TRUE(harness_->add_sandbox(*other));
    act({"egress-tcp", "10.1.2.3", "80"});
    auto second = other->run({trigger(), "egress-tcp", "10.4.5.6", "81"});
    ASSERT_TRUE(second);
    ASSERT_TRUE(harness_->settle());

    const auto first_seen = of(EventKind::connect);
    const auto second_seen = harness_->matching(is_event(EventKind::connect, other->id()));
    ASSERT_THAT(first_seen, SizeIs(1));
    ASSERT_THAT(second_seen, SizeIs(1));
    EXPECT_EQ(first_seen[0].as<SocketBody>()->remote.address_text(), "10.1.2.3");
    EXPECT_EQ(second_seen[0].as<SocketBody>()->remote.address_text(), "10.4.5.6");
    harness_->remove_sandbox(*other);
}

// A parent inside a parent: the programs must not run twice for one socket.
TEST_F(Egress, NestedParentsSeeAnActOnce)
{
    auto inner = CgroupSandbox::make(sandbox_->path() + "/inner");
    ASSERT_TRUE(inner);
    Sensor& sensor = harness_->sensor(FNS_SENSOR_EGRESS);
    ASSERT_TRUE(sensor.attach_to_parent(inner->id(), inner->directory()));
    const std::string outer = cgroup2_mount() + test_cgroup_root();
    auto outer_id = cgroup_id(outer);
    ASSERT_TRUE(outer_id);
    ASSERT_TRUE(sensor.attach_to_parent(*outer_id, outer));  // takes over from both inside it
    fns_sandbox nested{};
    nested.sandbox_id = sandbox_->id();
    nested.flags = FNS_SANDBOX_NESTED;
    ASSERT_TRUE(harness_->maps().sandboxes().update(inner->id(), nested));

    auto done = inner->run({trigger(), "egress-udp-sendto", "10.1.2.3", "123", "10"});
    ASSERT_TRUE(done);
    ASSERT_TRUE(harness_->settle());
    EXPECT_THAT(of(EventKind::send), SizeIs(1));
    EXPECT_EQ(suppressed(), 9U);

    // Without the outer one the inner ones see for themselves again.
    sensor.detach_from_parent(*outer_id);
    harness_->clear();
    auto again = inner->run({trigger(), "egress-udp-sendto", "10.1.2.3", "124", "10"});
    ASSERT_TRUE(again);
    ASSERT_TRUE(harness_->settle());
    EXPECT_THAT(of(EventKind::send), SizeIs(1));
    EXPECT_EQ(suppressed(), 18U);
    sensor.detach_from_parent(inner->id());
}

// What is quiet as a repeat must be the same act: nobody may make another one look like it.
TEST_F(Egress, AContactIsNotHiddenByOneToAnotherAddressAndProtocol)
{
    act({"egress-shadowed-tcp", "169.254.169.254", "80"});
    std::vector<std::string> peers;
    for (const Event& event : of(EventKind::connect))
        peers.push_back(event.as<SocketBody>()->remote.address_text());
    EXPECT_THAT(peers, ::testing::UnorderedElementsAre("190.254.169.254", "169.254.169.254"));
}

}  // namespace
}  // namespace fnshield::testing
