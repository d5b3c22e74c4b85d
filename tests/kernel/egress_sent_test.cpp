// SPDX-License-Identifier: Apache-2.0
//
// How much a function sends is told where its policy lists models: by every road, and only what it sends of its own
// accord to a peer that is not listed.
#include <netinet/in.h>

#include "tests/kernel/egress_policy_fixture.h"

namespace fnshield::testing {
namespace {

using ::testing::IsEmpty;

constexpr std::uint64_t kMebibyte = 1 << 20;
constexpr std::uint64_t kRest = 16 << 10;  // of a connection that ends: less is not told

class EgressSent : public EgressPolicy {
protected:
    void SetUp() override
    {
        EgressPolicy::SetUp();
        if (harness_ == nullptr)
            return;
        refuse({}, false);
        restrict(FNS_LIST_MODELS);
    }

    void flow(const char* way, const char* address, std::uint64_t bytes)
    {
        act({"egress-flow", way, address, "8080", std::to_string(bytes)});
    }

    // By all events of the case, which are about one peer and by the process that acted: all bytes but `untold`.
    void expect_told(std::uint64_t bytes, const std::string& address, std::uint16_t protocol, std::uint64_t untold)
    {
        std::uint64_t sum = 0;
        for (const Event& event : of(EventKind::traffic)) {
            const auto& body = *event.as<TrafficBody>();
            EXPECT_EQ(body.remote.address_text(), address);
            EXPECT_EQ(body.protocol, protocol);
            EXPECT_EQ(event.process.tgid, actor_);
            EXPECT_EQ(event.process.comm, "trigger");
            EXPECT_GE(body.sent_bytes, body.new_bytes);
            sum += body.new_bytes;
        }
        EXPECT_GT(sum, bytes - untold);
        EXPECT_LE(sum, bytes);
    }
};

TEST_F(EgressSent, AConnection)
{
    flow("connection", "10.1.2.3", 5 * kMebibyte);
    expect_told(5 * kMebibyte, "10.1.2.3", IPPROTO_TCP, kRest);
    const auto events = of(EventKind::traffic);
    EXPECT_LE(events.size(), 100U) << "by the step, but for the rest";
    EXPECT_EQ(events.front().as<TrafficBody>()->remote.port, 8080);
    EXPECT_EQ(events.front().as<TrafficBody>()->local.address_text(), "10.77.0.1");
}

TEST_F(EgressSent, AConnectionByIPv6)
{
    flow("connection", "fd00::7", 3 * kMebibyte);
    expect_told(3 * kMebibyte, "fd00::7", IPPROTO_TCP, kRest);
}

TEST_F(EgressSent, ManySmallConnections)
{
    flow("pieces", "10.1.2.3", 2 * kMebibyte);
    expect_told(2 * kMebibyte, "10.1.2.3", IPPROTO_TCP, 21 * kRest);
}

TEST_F(EgressSent, Datagrams)
{
    for (const char* way : {"datagrams", "sendto", "hops"}) {
        harness_->clear();
        flow(way, "10.1.2.3", 2 * kMebibyte);
        SCOPED_TRACE(way);
        expect_told(2 * kMebibyte, "10.1.2.3", IPPROTO_UDP, 64 << 10);
    }
}

TEST_F(EgressSent, ASmallRequestIsNotTold)
{
    flow("connection", "10.1.2.3", 10 << 10);
    EXPECT_THAT(of(EventKind::traffic), IsEmpty());
}

// The look-alike: what clients of its port are answered.
TEST_F(EgressSent, AnAnswerIsNotTold)
{
    flow("answer", "10.1.2.3", 3 * kMebibyte);
    EXPECT_THAT(of(EventKind::traffic), IsEmpty());
}

TEST_F(EgressSent, WhatStaysInsideIsNotTold)
{
    flow("connection", "127.0.0.1", 3 * kMebibyte);
    flow("sendto", "127.0.0.1", 2 * kMebibyte);
    EXPECT_THAT(of(EventKind::traffic), IsEmpty());
}

TEST_F(EgressSent, AListedPeerIsNotTold)
{
    list_network(FNS_LIST_EGRESS_INIT, "10.1.0.0", 16);
    flow("connection", "10.1.2.3", 3 * kMebibyte);
    flow("hops", "10.1.2.3", 2 * kMebibyte);
    EXPECT_THAT(of(EventKind::traffic), IsEmpty());
    flow("connection", "10.2.2.3", 3 * kMebibyte);
    expect_told(3 * kMebibyte, "10.2.2.3", IPPROTO_TCP, kRest);
}

TEST_F(EgressSent, WithoutModelsNothingIsTold)
{
    policy_.lists = 0;
    write_policy();
    flow("connection", "10.1.2.3", 3 * kMebibyte);
    flow("sendto", "10.1.2.3", 2 * kMebibyte);
    EXPECT_THAT(of(EventKind::traffic), IsEmpty());
}

}  // namespace
}  // namespace fnshield::testing
