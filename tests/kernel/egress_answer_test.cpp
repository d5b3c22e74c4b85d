// SPDX-License-Identifier: Apache-2.0
//
// Rows with a name: an address passes when the sandbox was answered so, by a resolver of the policy, to a question of
// its own; for as long as the answer says, and on the row's ports. Everything else that looks like an answer changes
// nothing.
#include <ctime>

#include "tests/kernel/egress_policy_fixture.h"

namespace fnshield::testing {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr int kNoTunnel = 77;

struct Resolved {
    fns_resolved_key key;
    fns_resolved value;
};

class EgressAnswer : public EgressPolicy {
protected:
    void SetUp() override
    {
        EgressPolicy::SetUp();
        if (HasFatalFailure())
            return;
        refuse({FNS_GUARD_EGRESS}, true);
        list_name(FNS_LIST_EGRESS_INIT, "*.models.example", {443});
        restrict(FNS_LIST_EGRESS_WARM);
        list_network(FNS_LIST_RESOLVERS, "10.0.0.10", 32);
        list_network(FNS_LIST_EGRESS_INIT, "10.77.0.2", 32);  // itself: for the answer over loopback
    }

    // Asks and connects in the sandbox; what the connect came to.
    long resolve(const std::string& how, const std::string& name = "eu.models.example",
                 const std::string& address = "10.9.9.9", const std::string& port = "443",
                 const std::string& lifetime = "300")
    {
        harness_->clear();
        auto child = sandbox_->spawn({trigger(), "egress-resolve", how, name, address, port, lifetime});
        EXPECT_TRUE(child);
        auto code = child->wait();
        EXPECT_TRUE(code);
        if (*code == kNoTunnel)
            no_tunnel_ = true;
        else
            EXPECT_EQ(*code, 0) << child->rest();
        said_ = child->rest();
        EXPECT_TRUE(harness_->settle());
        return result();
    }

    std::vector<Resolved> resolved() const
    {
        std::vector<Resolved> all;
        harness_->maps().resolved().for_each(
            [&](const fns_resolved_key& key, const fns_resolved& value) { all.push_back({key, value}); });
        return all;
    }

    bool no_tunnel_ = false;
};

#define SKIP_WITHOUT_TUNNEL() \
    if (no_tunnel_)           \
    GTEST_SKIP() << "this kernel has no tunnel devices (tun)"

TEST_F(EgressAnswer, TheAddressPassesOnTheRowsPorts)
{
    EXPECT_EQ(resolve("plain"), -EINPROGRESS);
    SKIP_WITHOUT_TUNNEL();
    const auto connects = of(EventKind::connect);
    ASSERT_THAT(connects, SizeIs(1));
    EXPECT_TRUE(connects[0].as<SocketBody>()->named);
    expect_let_pass(EventKind::connect);

    EXPECT_EQ(resolve("plain", "EU.Models.Example"), -EINPROGRESS) << "in any case of its letters";
    EXPECT_EQ(resolve("plain", "eu.models.example", "10.9.9.9", "80"), -EPERM) << "another port";
    EXPECT_FALSE(of(EventKind::connect)[0].as<SocketBody>()->named);
    expect_refused(EventKind::connect, FNS_GUARD_EGRESS);
}

TEST_F(EgressAnswer, BeforeTheAnswerTheAddressIsRefused)
{
    EXPECT_EQ(resolve("silent"), -EPERM);
    SKIP_WITHOUT_TUNNEL();
    expect_refused(EventKind::connect, FNS_GUARD_EGRESS);
    EXPECT_THAT(resolved(), IsEmpty());
}

TEST_F(EgressAnswer, NamesThatAreNotListed)
{
    for (const auto* name : {"models.example", "eu.models.example.evil", "evilmodels.example", "evil.example"}) {
        EXPECT_EQ(resolve("plain", name), -EPERM) << name;
        SKIP_WITHOUT_TUNNEL();
    }
    EXPECT_THAT(resolved(), IsEmpty());
}

TEST_F(EgressAnswer, AWholeNameIsNoBeginning)
{
    list_name(FNS_LIST_EGRESS_INIT, "db.example", {443});
    EXPECT_EQ(resolve("plain", "db.example"), -EINPROGRESS);
    SKIP_WITHOUT_TUNNEL();
    EXPECT_EQ(resolve("plain", "x.db.example", "10.9.9.8"), -EPERM);
}

TEST_F(EgressAnswer, TheLifetimeIsTheAnswers)
{
    struct Row {
        const char* said;
        Nanoseconds kept_s;
    };
    for (const Row& row : {Row{"300", 300}, Row{"0", 30}, Row{"4294967295", 3600}}) {
        timespec now{};
        clock_gettime(CLOCK_BOOTTIME, &now);
        const auto before = static_cast<Nanoseconds>(now.tv_sec) * kSecond;
        const std::string address = std::string("10.9.9.") + std::to_string(row.kept_s % 256);
        EXPECT_EQ(resolve("plain", "eu.models.example", address, "443", row.said), -EINPROGRESS);
        SKIP_WITHOUT_TUNNEL();
        const auto all = resolved();
        const auto found = std::ranges::find_if(
            all, [&](const Resolved& one) { return one.key.address[15] == static_cast<std::uint8_t>(row.kept_s); });
        ASSERT_NE(found, all.end());
        EXPECT_GE(found->value.expires_ns[FNS_PHASE_INIT], before + row.kept_s * kSecond);
        EXPECT_LE(found->value.expires_ns[FNS_PHASE_INIT], before + (row.kept_s + 30) * kSecond);
        EXPECT_EQ(found->value.expires_ns[FNS_PHASE_WARM], 0U) << "egress.warm does not list the name";
    }
}

TEST_F(EgressAnswer, WhatHasRunOutIsRefused)
{
    auto child = sandbox_->spawn({trigger(), "egress-resolve", "plain", "eu.models.example", "10.9.9.9", "443", "300"});
    ASSERT_TRUE(child);
    auto first = child->read_line();
    if (!first)
        GTEST_SKIP() << "this kernel has no tunnel devices (tun)";
    EXPECT_EQ(*first, "result=-115");
    for (const Resolved& one : resolved())
        ASSERT_TRUE(harness_->maps().resolved().update(one.key, {.expires_ns = {1, 1}}));
    ASSERT_TRUE(child->write("\n"));
    auto second = child->read_line();
    ASSERT_TRUE(second);
    EXPECT_EQ(*second, "result=-1");
}

TEST_F(EgressAnswer, WhenWarmTheOtherListRules)
{
    EXPECT_EQ(resolve("plain"), -EINPROGRESS);
    SKIP_WITHOUT_TUNNEL();
    be_warm();
    EXPECT_EQ(resolve("plain"), -EPERM);
    list_name(FNS_LIST_EGRESS_WARM, "*.models.example", {443});
    EXPECT_EQ(resolve("plain"), -EINPROGRESS);
}

TEST_F(EgressAnswer, AnIpv6AddressIsKeptAsItIs)
{
    resolve("plain", "eu.models.example", "2001:db8::9");
    SKIP_WITHOUT_TUNNEL();
    const auto all = resolved();
    ASSERT_THAT(all, SizeIs(1));
    EXPECT_EQ(all[0].key.address[0], 0x20);
    EXPECT_EQ(all[0].key.address[15], 9);
    EXPECT_EQ(all[0].key.port_be, htons(443));
    EXPECT_NE(result(), -EPERM);
}

// Nobody else's answer, and nobody's network but the one that was answered.
TEST_F(EgressAnswer, AnAnswerIsOneSandboxsInOneNetwork)
{
    EXPECT_EQ(resolve("plain"), -EINPROGRESS);
    SKIP_WITHOUT_TUNNEL();
    EXPECT_EQ(resolve("silent"), -EPERM) << "another network namespace of the same sandbox";
    auto other = CgroupSandbox::make_for_test("egress-b");
    ASSERT_TRUE(other);
    ASSERT_TRUE(harness_->add_sandbox(*other));
    ASSERT_TRUE(harness_->maps().assignments().update(other->id(), {.policy_id = kPolicy}));
    auto stranger = other->run({trigger(), "egress-resolve", "silent", "eu.models.example", "10.9.9.9", "443", "300"});
    ASSERT_TRUE(stranger);
    EXPECT_EQ(stranger->output, "result=-1\n");
}

class EgressForgery : public EgressAnswer, public ::testing::WithParamInterface<const char*> {};

TEST_P(EgressForgery, IsNotBelieved)
{
    EXPECT_EQ(resolve(GetParam()), -EPERM);
    SKIP_WITHOUT_TUNNEL();
    expect_verdict(EventKind::connect, FNS_GUARD_EGRESS, FNS_ACTION_DENY, FNS_ACTION_DENY);
}

INSTANTIATE_TEST_SUITE_P(Forgeries, EgressForgery,
                         ::testing::Values("unasked", "id", "name", "source", "rcode", "late", "loopback", "raw",
                                           "port53"),
                         [](const auto& row) { return std::string(row.param); });

}  // namespace
}  // namespace fnshield::testing
