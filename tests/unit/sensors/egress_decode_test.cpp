// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "daemon/sensors/egress_sensor.h"
#include "tests/unit/sensors/raw.h"

namespace fnshield {
namespace {

fns_event_header header(fns_event_kind kind, std::uint32_t size)
{
    fns_event_header made{};
    made.time_ns = 7;
    made.sandbox_id = 4711;
    made.size_bytes = size;
    made.kind = kind;
    made.sensor = FNS_SENSOR_EGRESS;
    made.repeats = 3;
    made.process.tgid = 812;
    std::memcpy(made.process.comm, "python3", 8);
    return made;
}

fns_endpoint endpoint_v4(const char* address, std::uint16_t port)
{
    fns_endpoint made{};
    made.family = AF_INET;
    made.port_be = htons(port);
    inet_pton(AF_INET, address, made.address);
    return made;
}

fns_socket_event connect_event()
{
    fns_socket_event raw{};
    raw.header = header(FNS_EVENT_CONNECT, sizeof raw);
    raw.remote = endpoint_v4("10.1.2.3", 443);
    raw.domain = AF_INET6;
    raw.type = SOCK_STREAM;
    raw.protocol = IPPROTO_TCP;
    raw.via = FNS_SOCKET_CONNECT;
    raw.cookie = 99;
    raw.result = -13;
    raw.socket_flags = FNS_SOCKET_MAPPED | FNS_SOCKET_NAMED;
    return raw;
}

fns_dns_event dns_event()
{
    static constexpr char kMessage[] =
        "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01"
        "a\x00\x00\x10\x00\x01";
    fns_dns_event raw{};
    raw.header = header(FNS_EVENT_DNS, sizeof raw);
    raw.resolver.family = AF_INET;
    raw.resolver.port_be = htons(53);
    raw.protocol = IPPROTO_UDP;
    raw.message_bytes = sizeof kMessage - 1;
    std::memcpy(raw.message, kMessage, sizeof kMessage - 1);
    return raw;
}

fns_traffic_event traffic_event()
{
    fns_traffic_event raw{};
    raw.header = header(FNS_EVENT_TRAFFIC, sizeof raw);
    raw.remote = endpoint_v4("203.0.113.7", 443);
    raw.local.family = AF_INET;
    raw.sent_bytes = 3 << 20;
    raw.new_bytes = 1 << 20;
    raw.protocol = IPPROTO_UDP;
    return raw;
}

TEST(EgressDecode, ATrafficEventIsTakenWhole)
{
    const auto event = decode_egress(bytes_of(traffic_event()));
    ASSERT_TRUE(event) << event.error().message;
    EXPECT_EQ(event->kind, EventKind::traffic);
    const auto* body = event->as<TrafficBody>();
    ASSERT_NE(body, nullptr);
    EXPECT_EQ(body->remote.address_text(), "203.0.113.7");
    EXPECT_EQ(body->sent_bytes, 3U << 20);
    EXPECT_EQ(body->new_bytes, 1U << 20);
    EXPECT_EQ(body->protocol, IPPROTO_UDP);
}

TEST(EgressDecode, ASocketEventIsTakenWhole)
{
    const auto event = decode_egress(bytes_of(connect_event()));
    ASSERT_TRUE(event) << event.error().message;
    EXPECT_EQ(event->kind, EventKind::connect);
    EXPECT_EQ(event->sandbox, 4711U);
    EXPECT_EQ(event->repeats, 3U);
    EXPECT_EQ(event->process.comm, "python3");
    const auto* body = event->as<SocketBody>();
    ASSERT_NE(body, nullptr);
    EXPECT_EQ(body->remote.address_text(), "10.1.2.3");
    EXPECT_EQ(body->remote.port, 443);
    EXPECT_EQ(body->local.family, 0);
    EXPECT_EQ(body->cookie, 99U);
    EXPECT_EQ(body->domain, AF_INET6);
    EXPECT_EQ(body->type, SOCK_STREAM);
    EXPECT_EQ(body->protocol, IPPROTO_TCP);
    EXPECT_EQ(body->via, FNS_SOCKET_CONNECT);
    EXPECT_EQ(body->result, -13);
    EXPECT_TRUE(body->mapped);
    EXPECT_TRUE(body->named);
}

TEST(EgressDecode, EachKindHasItsOwn)
{
    const std::pair<fns_event_kind, EventKind> kinds[] = {
        {FNS_EVENT_CONNECT, EventKind::connect}, {FNS_EVENT_SEND, EventKind::send},
        {FNS_EVENT_BIND, EventKind::bind},       {FNS_EVENT_LISTEN, EventKind::listen},
        {FNS_EVENT_ACCEPT, EventKind::accept},   {FNS_EVENT_SOCKET, EventKind::socket},
    };
    for (const auto& [raw_kind, kind] : kinds) {
        auto raw = connect_event();
        raw.header.kind = raw_kind;
        const auto event = decode_egress(bytes_of(raw));
        ASSERT_TRUE(event);
        EXPECT_EQ(event->kind, kind);
    }
}

TEST(EgressDecode, ADnsEventIsItsQuestion)
{
    const auto event = decode_egress(bytes_of(dns_event()));
    ASSERT_TRUE(event) << event.error().message;
    EXPECT_EQ(event->kind, EventKind::dns);
    const auto* body = event->as<DnsBody>();
    ASSERT_NE(body, nullptr);
    EXPECT_EQ(body->name, "a");
    EXPECT_EQ(body->type, 16);
    EXPECT_FALSE(body->malformed);
    EXPECT_EQ(body->resolver.port, 53);
}

TEST(EgressDecode, EveryTruncationIsRefused)
{
    const auto socket = connect_event();
    for (std::size_t size = 0; size < sizeof socket; ++size)
        EXPECT_FALSE(decode_egress(bytes_of(socket).first(size))) << size;
    const auto dns = dns_event();
    for (std::size_t size = 0; size < sizeof dns; ++size)
        EXPECT_FALSE(decode_egress(bytes_of(dns).first(size))) << size;
    const auto traffic = traffic_event();
    for (std::size_t size = 0; size < sizeof traffic; ++size)
        EXPECT_FALSE(decode_egress(bytes_of(traffic).first(size))) << size;
}

TEST(EgressDecode, NumbersOutOfRangeAreRefused)
{
    auto raw = connect_event();
    raw.via = 0;
    EXPECT_FALSE(decode_egress(bytes_of(raw)));
    raw.via = FNS_SOCKET_VIA_COUNT;
    EXPECT_FALSE(decode_egress(bytes_of(raw)));
    raw = connect_event();
    raw.remote.family = AF_PACKET;
    EXPECT_FALSE(decode_egress(bytes_of(raw)));
    raw = connect_event();
    raw.local.family = 9999;
    EXPECT_FALSE(decode_egress(bytes_of(raw)));
    raw = connect_event();
    raw.header.kind = FNS_EVENT_EXEC;
    EXPECT_FALSE(decode_egress(bytes_of(raw)));

    auto dns = dns_event();
    dns.message_bytes = FNS_DNS_QUESTION_BYTES + 1;
    EXPECT_FALSE(decode_egress(bytes_of(dns)));
    dns = dns_event();
    dns.resolver.family = AF_UNIX;
    EXPECT_FALSE(decode_egress(bytes_of(dns)));
}

// What the sandbox wrote into its question is no fault of the event.
TEST(EgressDecode, AnOddQuestionIsStillAnEvent)
{
    auto raw = dns_event();
    raw.message_bytes = 3;
    const auto event = decode_egress(bytes_of(raw));
    ASSERT_TRUE(event);
    EXPECT_TRUE(event->as<DnsBody>()->malformed);
}

}  // namespace
}  // namespace fnshield
