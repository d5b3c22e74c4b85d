// SPDX-License-Identifier: Apache-2.0
//
// The rules about whom a sandbox talks to: isolation.control_plane, isolation.port_scan, isolation.lateral_connect,
// function.dns_tunnel, identity.runtime_api, identity.ssrf_local, identity.token_egress.
#include "tests/unit/detect/detector_fixture.h"

namespace fnshield::test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

Policy allowing(const std::string& network, std::uint8_t bits, std::vector<std::uint16_t> ports = {})
{
    Policy policy;
    policy.egress.warm = {EgressRule{.cidr = cidr(network, bits), .ports = std::move(ports)}};
    return policy;
}

class NetworkTest : public DetectorTest {
protected:
    explicit NetworkTest(std::unique_ptr<Detector> detector) : DetectorTest(std::move(detector)) { start_two(); }

    std::vector<Detection> connect(const std::string& address, std::uint16_t port, Nanoseconds now = 10 * kSecond)
    {
        return feed(connect_event(kOther, now, process(200), endpoint(address, port)));
    }
};

class ControlPlane : public NetworkTest {
protected:
    ControlPlane() : NetworkTest(detect::make_isolation_control_plane()) {}
};

TEST_F(ControlPlane, KnownPortsWhereverTheyAre)
{
    const auto found = connect("10.0.0.7", 10250);
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_EQ(found[0].finding.summary, "resnet/i-4 turned to the kubelet at 10.0.0.7:10250 (/usr/bin/node)");
    EXPECT_THAT(connect("127.0.0.1", 2375), SizeIs(1)) << "on the node itself";
    EXPECT_THAT(feed(send_event(kOther, 10 * kSecond, process(200), endpoint("fd00::1", 6443))), SizeIs(1));
    EXPECT_THAT(feed(dns_event(kOther, 10 * kSecond, process(200), "kubernetes.default.svc.cluster.local")), SizeIs(1));
}

TEST_F(ControlPlane, TheServiceAddressOnlyInKubernetes)
{
    EXPECT_THAT(connect("10.96.0.1", 443), IsEmpty());
    model->rename(kOther, {.platform = "kubernetes", .tenant = "acme", .function = "resnet", .instance = "i-4"});
    EXPECT_THAT(connect("10.96.0.1", 443), SizeIs(1));
}

TEST_F(ControlPlane, AManagedClustersName)
{
    EXPECT_THAT(feed(dns_event(kOther, 10 * kSecond, process(200), "0a1b2c.gr7.eu-west-1.eks.amazonaws.com")),
                SizeIs(1));
    EXPECT_THAT(feed(dns_event(kOther, 10 * kSecond, process(200), "oidc.eks.eu-west-1.amazonaws.com")), IsEmpty())
        << "where tokens are checked";
    EXPECT_THAT(feed(dns_event(kOther, 10 * kSecond, process(200), "eks.eu-west-1.amazonaws.com")), IsEmpty());
}

TEST_F(ControlPlane, TheQuestionIsQuietWhereTheConnectionWouldBe)
{
    const Event question = dns_event(kOther, 10 * kSecond, process(200), "kubernetes.default.svc");
    use_policy(allowing("10.0.0.0", 8));
    EXPECT_THAT(feed(question), IsEmpty()) << "the service's address is listed";
    use_policy(allowing("192.0.2.7", 32, {6443}));
    EXPECT_THAT(feed(question), IsEmpty()) << "the API's port is listed";
    use_policy(allowing("10.0.0.0", 8, {5432}));
    EXPECT_THAT(feed(question), SizeIs(1)) << "a database";
}

TEST_F(ControlPlane, QuietForOthersListedOnesAndOnesOwnPort)
{
    EXPECT_THAT(connect("10.0.0.7", 443), IsEmpty());
    EXPECT_THAT(feed(dns_event(kOther, 10 * kSecond, process(200), "kubernetes.io")), IsEmpty());
    expect_quiet_for_others(connect_event(kOther, 10 * kSecond, process(200), endpoint("10.0.0.7", 10250)));
    feed(listen_event(kOther, 10 * kSecond, process(200), 2379));
    EXPECT_THAT(connect("127.0.0.1", 2379), IsEmpty()) << "its own port";
    use_policy(allowing("10.0.0.7", 32, {10250}));
    EXPECT_THAT(connect("10.0.0.7", 10250), IsEmpty());
    EXPECT_THAT(connect("10.0.0.7", 6443), SizeIs(1)) << "another port";
    Policy named;
    named.egress.warm = {EgressRule{.dns = "kubernetes.default.**"}};
    use_policy(named);
    EXPECT_THAT(feed(dns_event(kOther, 10 * kSecond, process(200), "kubernetes.default.svc")), IsEmpty());
}

class PortScan : public NetworkTest {
protected:
    PortScan() : NetworkTest(detect::make_isolation_port_scan()) {}

    std::size_t ports(std::uint16_t count, Nanoseconds step)
    {
        std::size_t found = 0;
        for (std::uint16_t i = 0; i < count; ++i)
            found += connect("10.0.0.7", static_cast<std::uint16_t>(20 + i), 10 * kSecond + i * step).size();
        return found;
    }
    std::size_t hosts(std::uint16_t count, const std::string& network)
    {
        std::size_t found = 0;
        for (std::uint16_t i = 1; i <= count; ++i)
            found += connect(network + std::to_string(i), 8080, 10 * kSecond + i).size();
        return found;
    }
};

TEST_F(PortScan, ManyPortsOrNeighbours)
{
    EXPECT_EQ(ports(16, kMillisecond), 1U);
    EXPECT_EQ(hosts(32, "10.1.2."), 1U);
    EXPECT_EQ(ports(15, kMillisecond), 0U);
}

TEST_F(PortScan, HostsAndPortsMixedAsScannersDo)
{
    std::size_t found = 0;
    for (int port = 0; port < 8; ++port)
        for (int host = 1; host <= 12; ++host)
            found += connect("10.1.2." + std::to_string(host), static_cast<std::uint16_t>(20 + port)).size();
    EXPECT_EQ(found, 2U) << "twice 48";
}

TEST_F(PortScan, BehindNoise)
{
    std::size_t found = 0;
    for (std::uint16_t i = 0; i < 16; ++i) {
        for (int noise = 0; noise < 10; ++noise)
            found += connect("203.0.113." + std::to_string(i * 10 + noise), 443).size();
        found += connect("10.0.0.7", static_cast<std::uint16_t>(20 + i)).size();
    }
    EXPECT_EQ(found, 1U);
}

TEST_F(PortScan, LoopbackIsOneHost)
{
    std::size_t found = 0;
    for (std::uint16_t i = 0; i < 15; ++i)
        found += connect("127.0.0." + std::to_string(i + 1), static_cast<std::uint16_t>(20 + i)).size();
    EXPECT_EQ(found, 0U);
    EXPECT_THAT(connect("0.0.0.0", 7000), SizeIs(1));
}

TEST_F(PortScan, APingOfTheNeighboursAndLoginsAcrossTheInternet)
{
    std::size_t found = 0;
    for (int i = 1; i <= 32; ++i)
        found += feed(send_event(kOther, 10 * kSecond, process(200), endpoint("10.1.2." + std::to_string(i)))).size();
    EXPECT_EQ(found, 1U);
    found = 0;
    for (int i = 1; i <= 32; ++i)
        found += connect("203.0.113." + std::to_string(i), 23).size();
    EXPECT_EQ(found, 1U);
}

TEST_F(PortScan, QuietForALookUpOfManyAddresses)
{
    for (int i = 1; i <= 60; ++i) {
        Event event = connect_event(kOther, 10 * kSecond, process(200), endpoint("10.1.2." + std::to_string(i), 8080));
        std::get<SocketBody>(event.body).type = SOCK_DGRAM;
        EXPECT_THAT(feed(event), IsEmpty()) << "getaddrinfo sorts them";
    }
    EXPECT_THAT(connect("10.1.2.1", 8080), IsEmpty()) << "one of them is called";
}

TEST_F(PortScan, QuietForReconnectsPublicAddressesSlownessAndTheList)
{
    for (int i = 0; i < 100; ++i)
        EXPECT_THAT(connect("10.0.0.7", 5432, 10 * kSecond + static_cast<Nanoseconds>(i)), IsEmpty());
    EXPECT_EQ(hosts(200, "203.0.113."), 0U) << "a crawler";
    EXPECT_EQ(ports(40, 5 * kSecond), 0U) << "slow";
    use_policy(allowing("10.0.0.0", 8));
    EXPECT_EQ(ports(40, kMillisecond), 0U) << "listed";
}

TEST_F(PortScan, ItsTableIsBoundedAndFreed)
{
    ports(300, 2 * kSecond);
    EXPECT_EQ(entries(), 1U);
    feed(removed_event(kOther, 1000 * kSecond));
    EXPECT_EQ(entries(), 0U);
}

class LateralConnect : public NetworkTest {
protected:
    LateralConnect() : NetworkTest(detect::make_isolation_lateral_connect())
    {
        make_ready();
        feed(accept_event(kBox, 8 * kSecond, 8080));  // on 10.62.0.2
    }
};

TEST_F(LateralConnect, NamesBothEnds)
{
    const auto found = connect("10.62.0.2", 8080);
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_EQ(found[0].finding.summary,
              "resnet/i-4 connected to sandbox resize/i-1 directly (10.62.0.2:8080, /usr/bin/node)");
    EXPECT_EQ(found[0].finding.target_sandbox, kBox);
}

TEST_F(LateralConnect, QuietForItselfOneNetworkListedEdgesAndStrangers)
{
    EXPECT_THAT(feed(connect_event(kBox, 10 * kSecond, process(100), endpoint("10.62.0.2", 8080))), IsEmpty());
    EXPECT_THAT(connect("10.62.0.3", 8080), IsEmpty()) << "nobody's";
    EXPECT_THAT(feed(send_event(kOther, 10 * kSecond, process(200), endpoint("10.62.0.2", 43210))), IsEmpty())
        << "an answer to a client";
    expect_quiet_for_others(connect_event(kOther, 10 * kSecond, process(200), endpoint("10.62.0.2", 8080)));
    use_policy(allowing("10.62.0.2", 32));
    EXPECT_THAT(connect("10.62.0.2", 8080), IsEmpty()) << "a declared edge";
    use_policy({});
    feed(accept_event(kOther, 11 * kSecond, 8080));
    EXPECT_THAT(connect("10.62.0.2", 8080), IsEmpty()) << "both have the address: one network";
}

TEST_F(LateralConnect, WhoBindsToAnAddressDoesNotOwnIt)
{
    feed(bind_event(kOther, 9 * kSecond, process(200), endpoint("10.62.0.2", 4444)));  // IP_FREEBIND
    EXPECT_THAT(connect("10.62.0.2", 8080), SizeIs(1));
    feed(bind_event(kOther, 9 * kSecond, process(200), endpoint("10.0.0.1", 4444)));
    EXPECT_THAT(feed(connect_event(kBox, 10 * kSecond, process(100), endpoint("10.0.0.1", 5432))), IsEmpty())
        << "nobody is made to look like its victim";
}

TEST_F(LateralConnect, APortThatOnlyClientsUsuallyHave)
{
    EXPECT_THAT(connect("10.62.0.2", 43210), SizeIs(1)) << "a connection is no answer";
}

TEST_F(LateralConnect, IsLowWhereContainersNeedNotBeFunctions)
{
    EXPECT_EQ(connect("10.62.0.2", 8080).at(0).severity(), Severity::high);
    model->rename(kOther, {.platform = "docker", .tenant = "", .function = "db", .instance = "i"});
    EXPECT_EQ(connect("10.62.0.2", 8080).at(0).severity(), Severity::low);
    Policy raised;
    raised.rules["isolation.lateral_connect"].severity = Severity::critical;
    use_policy(raised);
    EXPECT_EQ(connect("10.62.0.2", 8080).at(0).severity(), Severity::critical);
}

TEST_F(LateralConnect, QuietInOnePod)
{
    for (const SandboxId id : {kBox, kOther})
        model->rename(id, {.platform = "kubernetes", .tenant = "acme", .function = "f", .instance = "i"});
    EXPECT_THAT(connect("10.62.0.2", 8080), SizeIs(1)) << "their cgroups lie in two folders";
}

TEST_F(LateralConnect, ForgetsWhoIsGone)
{
    EXPECT_EQ(entries(), 1U);
    feed(removed_event(kBox, 9 * kSecond));
    EXPECT_EQ(entries(), 0U);
    EXPECT_THAT(connect("10.62.0.2", 8080), IsEmpty());
}

class DnsTunnel : public NetworkTest {
protected:
    DnsTunnel() : NetworkTest(detect::make_function_dns_tunnel()) {}

    std::size_t ask(const std::vector<std::string>& names, Nanoseconds step = kMillisecond)
    {
        std::size_t found = 0;
        Nanoseconds now = 10 * kSecond;
        for (const std::string& name : names)
            found += feed(dns_event(kOther, now += step, process(200), name)).size();
        return found;
    }

    // Names with a label of 32 hexadecimal digits.
    static std::vector<std::string> encoded(const std::string& below, int count = 20)
    {
        std::vector<std::string> names;
        std::uint32_t state = 1;
        for (int i = 0; i < count; ++i) {
            std::string label;
            for (unsigned j = 0; j < 32; ++j)
                label += "0123456789abcdef"[(state = state * 1103515245 + 12345) >> 20 & 15];
            names.push_back(label + std::to_string(i) + "." + below);
        }
        return names;
    }
};

TEST_F(DnsTunnel, ABurstOfEncodedNames)
{
    EXPECT_EQ(ask(encoded("t.evil.example")), 1U);
    EXPECT_EQ(ask(encoded("evil.co.uk")), 1U);
}

TEST_F(DnsTunnel, ManyBytesOfWords)
{
    std::vector<std::string> names;
    for (int i = 0; i < 40; ++i)
        names.push_back("there.goes.all.that.we.have." + std::string(60, 'a') + std::to_string(i) + ".evil.example");
    EXPECT_EQ(ask(names), 1U);
}

TEST_F(DnsTunnel, QuietForLocalNamesRepeatsAndFew)
{
    EXPECT_EQ(ask(encoded("default.svc.cluster.local")), 0U);
    EXPECT_EQ(ask(encoded("in-addr.arpa")), 0U);
    EXPECT_EQ(ask(encoded("cdn.example", 11)), 0U) << "few";
    EXPECT_EQ(ask(std::vector<std::string>(200, encoded("one.example", 1)[0])), 0U) << "one name";
    EXPECT_EQ(ask(encoded("slow.example", 40), 6 * kSecond), 0U) << "slow";
    std::vector<std::string> words;
    for (int i = 0; i < 60; ++i)
        words.push_back("api" + std::to_string(i) + ".shop.example");
    EXPECT_EQ(ask(words), 0U);
    EXPECT_EQ(ask({"evil.example", "a", "co.uk", ""}), 0U);
}

TEST_F(DnsTunnel, ItsTableIsBoundedAndFreed)
{
    for (int i = 0; i < 100; ++i)
        ask({"a.b" + std::to_string(i) + ".example"});
    EXPECT_EQ(entries(), 1U);
    feed(removed_event(kOther, 100 * kSecond));
    EXPECT_EQ(entries(), 0U);
}

class RuntimeApi : public NetworkTest {
protected:
    RuntimeApi() : NetworkTest(detect::make_identity_runtime_api()) {}

    std::vector<Detection> call(SandboxId id, std::uint32_t tgid, Nanoseconds now)
    {
        return feed(connect_event(id, now, process(tgid), endpoint("127.0.0.1", 9001)));
    }
};

TEST_F(RuntimeApi, AnotherThanTheRuntime)
{
    EXPECT_THAT(call(kBox, 100, 3 * kSecond), IsEmpty()) << "the runtime, in init";
    EXPECT_THAT(call(kBox, 103, 4 * kSecond), IsEmpty()) << "an extension, in init";
    make_ready();
    EXPECT_THAT(call(kBox, 100, 20 * kSecond), IsEmpty());
    EXPECT_THAT(call(kBox, 103, 20 * kSecond), IsEmpty());
    const auto found = call(kBox, 150, 20 * kSecond);
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_THAT(found[0].finding.summary, HasSubstr("(pid 150) talked to the runtime API at 127.0.0.1:9001"));
    EXPECT_EQ(entries(), 1U);
    feed(removed_event(kBox, 30 * kSecond));
    EXPECT_EQ(entries(), 0U);
}

TEST_F(RuntimeApi, ByEveryNameOfLoopback)
{
    call(kBox, 100, 3 * kSecond);
    make_ready();
    for (const char* address : {"0.0.0.0", "127.1.2.3", "::1", "::", "169.254.100.1"})
        EXPECT_THAT(feed(connect_event(kBox, 20 * kSecond, process(150), endpoint(address, 9001))), SizeIs(1))
            << address;
}

TEST_F(RuntimeApi, AProgramOfTheRuntimesInTheFirstSecondsToo)
{
    call(kBox, 100, 3 * kSecond);
    feed(fork_event(kBox, 4 * kSecond, process(100), process(101)));
    feed(exec_event(kBox, 4 * kSecond, process(101, 100), "/usr/bin/curl"));
    EXPECT_THAT(call(kBox, 101, 4 * kSecond), SizeIs(1));
}

TEST_F(RuntimeApi, ARuntimeThatIsStartedWithTheFirstRequest)
{
    make_ready();  // the emulator listens
    EXPECT_THAT(call(kBox, 103, 60 * kSecond), IsEmpty()) << "the first of all";
    EXPECT_THAT(call(kBox, 104, 65 * kSecond), IsEmpty()) << "an extension, right after";
    EXPECT_THAT(call(kBox, 150, 75 * kSecond), SizeIs(1));
    feed(adopted_event(600, 80 * kSecond, "/fn/acme/resize/i-9"));
    EXPECT_THAT(call(600, 300, 81 * kSecond), IsEmpty()) << "what was before the daemon is not known";
    EXPECT_THAT(call(600, 301, 99 * kSecond), IsEmpty());
}

TEST_F(RuntimeApi, LearnsNoMoreOnceItSlept)
{
    call(kBox, 100, 3 * kSecond);
    make_ready();
    feed(frozen_event(kBox, 6 * kSecond, true));
    feed(frozen_event(kBox, 7 * kSecond, false));
    EXPECT_THAT(call(kBox, 150, 8 * kSecond), SizeIs(1));
}

TEST_F(RuntimeApi, QuietForTheRuntimeStartedAgainAndForAShellsCurls)
{
    // 100 starts the runtime, and when that ended, another one.
    for (const std::uint32_t tgid : {101U, 102U}) {
        const Nanoseconds now = tgid == 101 ? 3 * kSecond : 40 * kSecond;
        feed(fork_event(kBox, now, process(100), process(tgid)));
        feed(exec_event(kBox, now, process(tgid, 100), "/usr/bin/curl", 0, {"curl", std::to_string(tgid)}));
        EXPECT_THAT(call(kBox, tgid, now), IsEmpty()) << tgid;
        make_ready();
    }
    feed(fork_event(kBox, 41 * kSecond, process(102, 100), process(103)));
    EXPECT_THAT(call(kBox, 103, 41 * kSecond), SizeIs(1)) << "of another parent";
}

TEST_F(RuntimeApi, QuietWhereNobodyUsesIt)
{
    EXPECT_THAT(call(kOther, 250, 20 * kSecond), IsEmpty());
    call(kBox, 100, 3 * kSecond);
    make_ready();
    EXPECT_THAT(feed(connect_event(kBox, 20 * kSecond, process(150), endpoint("10.0.0.1", 9001))), IsEmpty());
    EXPECT_THAT(feed(connect_event(kBox, 20 * kSecond, process(150), endpoint("127.0.0.1", 9002))), IsEmpty());
}

class SsrfLocal : public NetworkTest {
protected:
    SsrfLocal() : NetworkTest(detect::make_identity_ssrf_local())
    {
        use_policy(allowing("127.0.0.1", 32, {15000}));
        feed(accept_event(kOther, 9 * kSecond, 8080));
    }
};

TEST_F(SsrfLocal, AnUnlistedLocalPortDuringARequest)
{
    const auto found = connect("127.0.0.1", 9000);
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_EQ(found[0].finding.summary,
              "resnet/i-4 called the local port 127.0.0.1:9000 while it serves; egress.warm of policy default does "
              "not list it");
    for (const char* address : {"::1", "0.0.0.0", "::", "127.8.8.8"})
        EXPECT_THAT(connect(address, 9000), SizeIs(1)) << address;
    EXPECT_THAT(connect("127.0.0.1", 9000, 400 * kSecond), SizeIs(1)) << "a connection that the gateway kept open";
}

TEST_F(SsrfLocal, QuietForListedOwnAndOthers)
{
    EXPECT_THAT(connect("127.0.0.1", 15000), IsEmpty()) << "a listed sidecar";
    EXPECT_THAT(connect("127.0.0.1", 8080), IsEmpty()) << "its own port";
    EXPECT_THAT(connect("10.0.0.1", 9000), IsEmpty());
    EXPECT_THAT(connect("0.0.0.0", 15000), IsEmpty()) << "the same sidecar";
    EXPECT_THAT(connect("0.0.0.0", 8080), IsEmpty());
    feed(exec_event(kOther, 10 * kSecond, process(201, 200), "/usr/bin/curl"));
    EXPECT_THAT(feed(connect_event(kOther, 10 * kSecond, process(201, 200), endpoint("127.0.0.1", 9000))), IsEmpty())
        << "another program: the rules about exec";
    use_policy({});
    EXPECT_THAT(connect("127.0.0.1", 9000), IsEmpty()) << "no list";
}

TEST_F(SsrfLocal, QuietBeforeTheFirstRequest)
{
    use_policy(allowing("10.0.0.0", 8));
    make_ready();
    EXPECT_THAT(feed(connect_event(kBox, 10 * kSecond, process(100), endpoint("127.0.0.1", 9000))), IsEmpty());
}

class TokenEgress : public NetworkTest {
protected:
    TokenEgress() : NetworkTest(detect::make_identity_token_egress())
    {
        use_policy(with_secrets());
        feed(fork_event(kOther, 9 * kSecond, process(200), process(201)));
    }

    static Policy with_secrets()
    {
        Policy policy;
        policy.files.secrets = {"/run/secrets/**"};
        return policy;
    }

    void read(std::uint32_t tgid, std::uint32_t parent, Nanoseconds now = 10 * kSecond)
    {
        feed(event_of(
            EventKind::file_open, FNS_SENSOR_FILE, kOther, now, process(tgid, parent),
            FileBody{.path = "/run/secrets/token", .access = FNS_FILE_READ, .file_class = FNS_FILE_CLASS_SECRET}));
    }

    std::vector<Detection> talk(std::uint32_t tgid, std::uint32_t parent, const std::string& address = "203.0.113.9",
                                Nanoseconds now = 12 * kSecond)
    {
        return feed(connect_event(kOther, now, process(tgid, parent), endpoint(address, 443)));
    }
};

TEST_F(TokenEgress, WithoutAListANewAddressByAChild)
{
    read(201, 200);
    const auto found = talk(201, 200);
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_THAT(found[0].finding.summary,
                HasSubstr("opened the secret /run/secrets/token and 2.00 s later talked to 203.0.113.9:443"));
}

TEST_F(TokenEgress, WithAListWhoeverDoesIt)
{
    Policy policy = allowing("10.0.0.0", 8);
    policy.files.secrets = {"/run/secrets/**"};
    use_policy(policy);
    read(200, 1);
    EXPECT_THAT(talk(200, 1, "10.1.2.3"), IsEmpty()) << "listed";
    EXPECT_THAT(talk(200, 1), SizeIs(1));
}

TEST_F(TokenEgress, QuietForKnownAddressesOthersAndLater)
{
    talk(200, 1, "203.0.113.9", 9 * kSecond);
    read(201, 200);
    EXPECT_THAT(talk(201, 200), IsEmpty()) << "the sandbox talked to it before";
    EXPECT_THAT(talk(201, 200, "127.0.0.1"), IsEmpty());
    EXPECT_THAT(talk(250, 240, "198.51.100.1"), IsEmpty()) << "no relative";
    EXPECT_THAT(talk(201, 200, "198.51.100.2", 80 * kSecond), IsEmpty()) << "long after";
    feed(removed_event(kOther, 90 * kSecond));
    EXPECT_EQ(entries(), 0U);
}

}  // namespace
}  // namespace fnshield::test
