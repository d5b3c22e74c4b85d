// SPDX-License-Identifier: Apache-2.0
//
// Egress that the policy does not list is refused on every road, in the act's own process and in the event; in monitor
// mode the same verdict is told and nothing is touched.
#include "tests/kernel/egress_policy_fixture.h"
#include "tests/support/needs.h"

namespace fnshield::testing {
namespace {

using ::testing::SizeIs;

struct Way {
    const char* name;
    std::vector<std::string> act;
    EventKind kind;
};

std::ostream& operator<<(std::ostream& out, const Way& way)
{
    return out << way.name;
}

const Way kWays[] = {
    {"Tcp", {"egress-tcp", "10.1.2.3", "80"}, EventKind::connect},
    {"TcpV6", {"egress-tcp", "fd00::7", "80"}, EventKind::connect},
    {"TcpMapped", {"egress-tcp", "::ffff:10.1.2.3", "80"}, EventKind::connect},
    {"UdpConnect", {"egress-udp-connect", "10.1.2.3", "123"}, EventKind::connect},
    {"UdpConnectV6", {"egress-udp-connect", "fd00::7", "123"}, EventKind::connect},
    {"Sendto", {"egress-udp-sendto", "10.1.2.3", "123"}, EventKind::send},
    {"SendtoV6", {"egress-udp-sendto", "fd00::7", "123"}, EventKind::send},
    {"SendtoMapped", {"egress-udp-sendto", "::ffff:10.1.2.3", "123"}, EventKind::send},
    {"SendtoAgain", {"egress-udp-sendto", "10.1.2.3", "123", "100"}, EventKind::send},
    {"Sendmsg", {"egress-udp-sendmsg", "10.1.2.3", "123"}, EventKind::send},
    {"UnspecifiedFamily", {"egress-udp-unspec", "10.1.2.3", "123"}, EventKind::send},
    {"FastOpen", {"egress-fastopen", "10.1.2.3", "80"}, EventKind::connect},
    {"UringConnect", {"egress-uring-connect", "10.1.2.3", "80"}, EventKind::connect},
    {"UringSendmsg", {"egress-uring-sendmsg", "10.1.2.3", "123"}, EventKind::send},
    {"CompatConnect", {"egress-compat-connect", "10.1.2.3", "80"}, EventKind::connect},
    {"RawIcmp", {"egress-raw-icmp", "10.1.2.3"}, EventKind::send},
    {"Ping", {"egress-ping", "10.1.2.3"}, EventKind::send},
    {"OwnHeader", {"egress-own-header", "10.1.2.3", "443", "syn"}, EventKind::connect},
    {"DnsOfAStranger", {"egress-dns-udp", "10.0.0.11", "53", "a.example", "sendto"}, EventKind::send},
};

class EgressWay : public EgressPolicy, public ::testing::WithParamInterface<Way> {};

TEST_P(EgressWay, IsRefused)
{
    SKIP_WITHOUT_ENTRY_OF(GetParam().act.front());
    refuse({FNS_GUARD_EGRESS}, true);
    restrict(FNS_LIST_EGRESS_INIT);
    act(GetParam().act);
    EXPECT_THAT(of(GetParam().kind), SizeIs(1)) << "a repeat is refused as well, and only counted";
    expect_refused(GetParam().kind, FNS_GUARD_EGRESS);
}

TEST_P(EgressWay, IsToldInMonitorMode)
{
    SKIP_WITHOUT_ENTRY_OF(GetParam().act.front());
    refuse({FNS_GUARD_EGRESS}, false);
    restrict(FNS_LIST_EGRESS_INIT);
    act(GetParam().act);
    EXPECT_NE(result(), -EPERM);
    expect_verdict(GetParam().kind, FNS_GUARD_EGRESS, FNS_ACTION_DENY, FNS_ACTION_NONE);
}

INSTANTIATE_TEST_SUITE_P(Ways, EgressWay, ::testing::ValuesIn(kWays),
                         [](const auto& row) { return std::string(row.param.name); });

TEST_F(EgressPolicy, AListedNetworkAndPortPasses)
{
    refuse({FNS_GUARD_EGRESS}, true);
    list_network(FNS_LIST_EGRESS_INIT, "10.1.0.0", 16, {80, 123});
    list_network(FNS_LIST_EGRESS_INIT, "fd00::", 64);
    act({"egress-tcp", "10.1.2.3", "80"});
    EXPECT_EQ(result(), -ECONNREFUSED);
    expect_let_pass(EventKind::connect);
    act({"egress-tcp", "::ffff:10.1.2.3", "80"});
    expect_let_pass(EventKind::connect);
    act({"egress-udp-sendto", "10.1.2.3", "123", "3"});
    EXPECT_EQ(result(), 0);
    expect_let_pass(EventKind::send);
    act({"egress-tcp", "fd00::7", "4711"});
    expect_let_pass(EventKind::connect);

    act({"egress-tcp", "10.1.2.3", "81"});
    expect_refused(EventKind::connect, FNS_GUARD_EGRESS);
    act({"egress-udp-sendto", "10.1.2.3", "124"});
    expect_refused(EventKind::send, FNS_GUARD_EGRESS);
    act({"egress-tcp", "10.2.2.3", "80"});
    expect_refused(EventKind::connect, FNS_GUARD_EGRESS);
    act({"egress-tcp", "fd00:0:0:1::7", "4711"});
    expect_refused(EventKind::connect, FNS_GUARD_EGRESS);
}

// A server's answers to one client's ports are one talk; the verdict is for each port.
TEST_F(EgressPolicy, AListedPortOpensNoOther)
{
    refuse({FNS_GUARD_EGRESS}, true);
    list_network(FNS_LIST_EGRESS_INIT, "10.1.2.3", 32, {40000});
    act({"egress-udp-answers", "10.1.2.3", "40000"});
    EXPECT_EQ(said_, "result=0\nresult=-1\n");
}

TEST_F(EgressPolicy, TheResolverPassesOnItsPorts)
{
    refuse({FNS_GUARD_EGRESS}, true);
    restrict(FNS_LIST_EGRESS_INIT);
    list_network(FNS_LIST_RESOLVERS, "10.0.0.10", 32);
    act({"egress-dns-udp", "10.0.0.10", "53", "a.example", "sendto"});
    EXPECT_EQ(result(), 0);
    expect_let_pass(EventKind::send);
    act({"egress-tcp", "10.0.0.10", "853"});
    expect_let_pass(EventKind::connect);
    act({"egress-tcp", "10.0.0.10", "443"});
    expect_refused(EventKind::connect, FNS_GUARD_EGRESS);
}

TEST_F(EgressPolicy, WhatStaysInsidePasses)
{
    refuse({FNS_GUARD_EGRESS}, true);
    restrict(FNS_LIST_EGRESS_INIT);
    act({"egress-tcp", "127.0.0.1", "80"});
    EXPECT_EQ(result(), -ECONNREFUSED);
    expect_let_pass(EventKind::connect);
    act({"egress-bound", "10.1.2.3", "80"});
    EXPECT_EQ(result(), -ECONNREFUSED);
    ASSERT_THAT(of(EventKind::connect), SizeIs(1));
    EXPECT_EQ(of(EventKind::connect)[0].as<SocketBody>()->local.address_text(), "10.1.2.3");
    expect_let_pass(EventKind::connect);
    // Bound to a stranger's address: what is sent would leave, with both addresses the same.
    act({"egress-bound", "fd00::7", "80", "stranger"});
    expect_refused(EventKind::connect, FNS_GUARD_EGRESS);
}

TEST_F(EgressPolicy, WithoutAListNothingIsRefused)
{
    refuse({FNS_GUARD_EGRESS}, true);
    act({"egress-tcp", "10.1.2.3", "80"});
    expect_let_pass(EventKind::connect);
}

TEST_F(EgressPolicy, EachPhaseHasItsList)
{
    refuse({FNS_GUARD_EGRESS}, true);
    list_network(FNS_LIST_EGRESS_INIT, "10.1.0.0", 16);
    list_network(FNS_LIST_EGRESS_WARM, "10.2.0.0", 16);
    act({"egress-tcp", "10.1.2.3", "80"});
    expect_let_pass(EventKind::connect);
    act({"egress-tcp", "10.2.2.3", "80"});
    expect_refused(EventKind::connect, FNS_GUARD_EGRESS);
    be_warm();
    act({"egress-tcp", "10.1.2.3", "80"});
    expect_refused(EventKind::connect, FNS_GUARD_EGRESS);
    act({"egress-tcp", "10.2.2.3", "80"});
    expect_let_pass(EventKind::connect);
}

TEST_F(EgressPolicy, TheSetUpIsNotJudged)
{
    refuse({FNS_GUARD_EGRESS, FNS_GUARD_METADATA, FNS_GUARD_RAW_SOCKET}, true);
    restrict(FNS_LIST_EGRESS_INIT);
    ASSERT_TRUE(harness_->add_sandbox(*sandbox_, false));
    act({"egress-tcp", "169.254.169.254", "80"});
    expect_let_pass(EventKind::connect);
    act({"egress-raw-icmp", "10.1.2.3"});
    expect_let_pass(EventKind::send);
}

TEST_F(EgressPolicy, TheMetadataServiceIsRefusedWithoutAnyList)
{
    refuse({FNS_GUARD_METADATA}, true);
    act({"egress-tcp", "169.254.169.254", "80"});
    expect_refused(EventKind::connect, FNS_GUARD_METADATA);
    act({"egress-udp-sendto", "fd00:ec2::254", "80"});
    expect_refused(EventKind::send, FNS_GUARD_METADATA);
    act({"egress-tcp", "64:ff9b::a9fe:a9fe", "80"});
    expect_refused(EventKind::connect, FNS_GUARD_METADATA);
    act({"egress-tcp", "169.254.20.10", "80"});  // link-local, but nobody's metadata service
    expect_let_pass(EventKind::connect);
    list_network(FNS_LIST_RESOLVERS, "169.254.169.254", 32);
    act({"egress-udp-sendto", "169.254.169.254", "53"});
    expect_let_pass(EventKind::send);
}

TEST_F(EgressPolicy, TheMetadataServicePassesWhereItIsAllowed)
{
    refuse({FNS_GUARD_METADATA}, true, FNS_POLICY_METADATA_ALLOWED);
    act({"egress-tcp", "169.254.169.254", "80"});
    expect_let_pass(EventKind::connect);
}

// The event that was let pass is not what the refused one repeats.
TEST_F(EgressPolicy, ARefusedActIsNotHiddenByTheSameOneThatPassed)
{
    refuse({FNS_GUARD_EGRESS}, true);
    list_network(FNS_LIST_EGRESS_INIT, "10.1.2.3", 32, {80});
    act({"egress-tcp", "10.1.2.3", "80"});
    expect_let_pass(EventKind::connect);
    be_warm();
    restrict(FNS_LIST_EGRESS_WARM);
    act({"egress-tcp", "10.1.2.3", "80"});
    expect_refused(EventKind::connect, FNS_GUARD_EGRESS);
}

// Where no signal can be sent a kill is a refusal; the daemon does the rest.
TEST_F(EgressPolicy, AKillIsARefusalAtOnce)
{
    refuse({FNS_GUARD_EGRESS}, true, 0, FNS_ACTION_KILL);
    restrict(FNS_LIST_EGRESS_INIT);
    act({"egress-tcp", "10.1.2.3", "80"});
    EXPECT_EQ(result(), -EPERM);
    expect_verdict(EventKind::connect, FNS_GUARD_EGRESS, FNS_ACTION_KILL, FNS_ACTION_DENY);
}

TEST_F(EgressPolicy, ARawSocketIsRefused)
{
    refuse({FNS_GUARD_RAW_SOCKET}, true);
    act({"egress-raw-socket"});
    EXPECT_THAT(of(EventKind::socket), SizeIs(1));
    expect_refused(EventKind::socket, FNS_GUARD_RAW_SOCKET);
}

TEST_F(EgressPolicy, ARawSocketIsToldInMonitorMode)
{
    refuse({FNS_GUARD_RAW_SOCKET}, false);
    act({"egress-raw-socket"});
    EXPECT_EQ(result(), 0);
    expect_verdict(EventKind::socket, FNS_GUARD_RAW_SOCKET, FNS_ACTION_DENY, FNS_ACTION_NONE);
    harness_->clear();
    act({"egress-packet-socket"});
    EXPECT_EQ(result(), 0);
    expect_verdict(EventKind::socket, FNS_GUARD_RAW_SOCKET, FNS_ACTION_DENY, FNS_ACTION_NONE);
}

// An LSM program refuses; any other backend kills before the socket can be used.
class EgressStranger : public EgressPolicy {
protected:
    void expect_end(Result<Child> child, EventKind kind, fns_guard guard)
    {
        ASSERT_TRUE(child) << child.error().message;
        auto code = child->wait();
        ASSERT_TRUE(code);
        said_ = child->rest();
        ASSERT_TRUE(harness_->settle());
        auto backend = test_backend();
        ASSERT_TRUE(backend);
        if (*backend == Backend::lsm) {
            EXPECT_EQ(*code, 0);
            EXPECT_EQ(result(), -EPERM);
            expect_verdict(kind, guard, FNS_ACTION_DENY, FNS_ACTION_DENY);
        } else {
            EXPECT_EQ(*code, 128 + SIGKILL);
            EXPECT_EQ(said_, "");
            expect_verdict(kind, guard, FNS_ACTION_DENY, FNS_ACTION_KILL);
        }
        EXPECT_THAT(of(kind), SizeIs(1));
        harness_->clear();
    }
};

TEST_F(EgressStranger, APacketSocketIsOfNoUse)
{
    refuse({FNS_GUARD_RAW_SOCKET}, true);
    expect_end(sandbox_->spawn({trigger(), "egress-packet-socket"}), EventKind::socket, FNS_GUARD_RAW_SOCKET);
    expect_end(sandbox_->spawn({trigger(), "egress-uring-socket", "packet"}), EventKind::socket, FNS_GUARD_RAW_SOCKET);
}

TEST_F(EgressStranger, APacketSocketByThe32BitEntryIsOfNoUse)
{
    SKIP_WITHOUT_ENTRY_OF("egress-compat-packet-socket");
    refuse({FNS_GUARD_RAW_SOCKET}, true);
    expect_end(sandbox_->spawn({trigger(), "egress-compat-packet-socket"}), EventKind::socket, FNS_GUARD_RAW_SOCKET);
}

TEST_F(EgressStranger, ASocketThatWasHandedInIsOfNoUse)
{
    refuse({FNS_GUARD_METADATA}, true);
    const std::string procs = sandbox_->directory() + "/cgroup.procs";
    expect_end(Child::spawn({trigger(), "egress-late-tcp", "169.254.169.254", "80", procs}), EventKind::connect,
               FNS_GUARD_METADATA);
}

TEST_F(EgressPolicy, ASocketThatWasHandedInIsToldInMonitorMode)
{
    refuse({FNS_GUARD_METADATA}, false);
    const std::string procs = sandbox_->directory() + "/cgroup.procs";
    auto outside = Child::spawn({trigger(), "egress-late-tcp", "169.254.169.254", "80", procs});
    ASSERT_TRUE(outside);
    auto code = outside->wait();
    ASSERT_TRUE(code);
    EXPECT_EQ(*code, 0);
    ASSERT_TRUE(harness_->settle());
    expect_verdict(EventKind::connect, FNS_GUARD_METADATA, FNS_ACTION_DENY, FNS_ACTION_NONE);
}

class EgressReady : public EgressPolicy {
protected:
    // Whether a sandbox that listens on some port is ready then.
    bool is_ready_by_listen(std::uint32_t flags, std::uint16_t port)
    {
        policy_.ready_port = port;
        refuse({}, true, flags);
        auto server = sandbox_->spawn({trigger(), "egress-server", "0", "0"});
        EXPECT_TRUE(server);
        EXPECT_TRUE(server->read_until("ready"));
        auto entry = harness_->maps().sandboxes().lookup(sandbox_->id());
        EXPECT_TRUE(entry);
        return (entry->flags & FNS_SANDBOX_READY) != 0;
    }
};

TEST_F(EgressReady, ByListenWhereThePolicySaysSo)
{
    EXPECT_FALSE(is_ready_by_listen(0, 0));
    EXPECT_FALSE(is_ready_by_listen(FNS_POLICY_READY_BY_LISTEN, 1)) << "another port";
    EXPECT_TRUE(is_ready_by_listen(FNS_POLICY_READY_BY_LISTEN, 0));
}

TEST_F(EgressReady, NotByTheSetUp)
{
    ASSERT_TRUE(harness_->add_sandbox(*sandbox_, false));
    EXPECT_FALSE(is_ready_by_listen(FNS_POLICY_READY_BY_LISTEN, 0));
}

TEST_F(EgressReady, TheWarmListRulesFromThenOn)
{
    list_network(FNS_LIST_EGRESS_INIT, "10.1.0.0", 16);
    restrict(FNS_LIST_EGRESS_WARM);
    refuse({FNS_GUARD_EGRESS}, true, FNS_POLICY_READY_BY_LISTEN);
    act({"egress-tcp", "10.1.2.3", "80"});
    expect_let_pass(EventKind::connect);
    EXPECT_TRUE(is_ready_by_listen(FNS_POLICY_READY_BY_LISTEN, 0));
    act({"egress-tcp", "10.1.2.3", "80"});
    expect_refused(EventKind::connect, FNS_GUARD_EGRESS);
}

}  // namespace
}  // namespace fnshield::testing
