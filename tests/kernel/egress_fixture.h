// SPDX-License-Identifier: Apache-2.0
//
// The egress sensor on the real kernel with one sandbox for each case. After each case nothing was lost and every
// record decoded.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/sensor_harness.h"

namespace fnshield::testing {

class Egress : public ::testing::Test {
protected:
    // Loaded once for all cases of a suite that ask for nothing else: the verifier takes most of a case's time.
    void SetUp() override
    {
        if (!shared_)
            load({.sensors = {FNS_SENSOR_EGRESS}, .choice = {}, .sizes = {}}, shared_);
        ASSERT_NE(shared_, nullptr);
        enter(*shared_);
    }
    static void TearDownTestSuite() { shared_.reset(); }

    // A sensor of its own for this case.
    void begin(const SensorHarness::Options& options)
    {
        leave();
        load(options, own_);
        ASSERT_NE(own_, nullptr);
        enter(*own_);
    }

    void TearDown() override
    {
        if (harness_ == nullptr)
            return;
        EXPECT_EQ(harness_->lost() - lost_before_, losses_);
        EXPECT_THAT(harness_->decode_errors(), ::testing::IsEmpty());
        leave();
    }

    // Runs an act to its end in the sandbox and collects what it made.
    void act(const std::vector<std::string>& words)
    {
        std::vector<std::string> argv{trigger()};
        argv.insert(argv.end(), words.begin(), words.end());
        auto child = sandbox_->spawn(argv);
        ASSERT_TRUE(child) << child.error().message;
        actor_ = static_cast<std::uint32_t>(child->pid());
        auto code = child->wait();
        ASSERT_TRUE(code) << code.error().message;
        ASSERT_EQ(*code, 0) << child->rest();
        said_ = child->rest();
        auto settled = harness_->settle();
        ASSERT_TRUE(settled) << settled.error().message;
    }

    std::vector<Event> of(EventKind kind) const { return harness_->matching(is_event(kind, sandbox_->id())); }

    // Acts that were counted instead of said, since the case began.
    std::uint64_t suppressed() const
    {
        const auto total = harness_->maps().total(FNS_SENSOR_EGRESS);
        EXPECT_TRUE(total);
        return total ? total->suppressed - suppressed_before_ : 0;
    }

    // All that the sandbox was reported for, whatever kind.
    std::size_t reported() const
    {
        return harness_->count([](const Event& event) { return event.kind != EventKind::heartbeat; });
    }

    // Exactly one event, of this kind, by the process that acted.
    const SocketBody* only(EventKind kind, fns_socket_via via)
    {
        found_ = of(kind);
        EXPECT_THAT(found_, ::testing::SizeIs(1));
        EXPECT_EQ(reported(), 1U);
        if (found_.size() != 1)
            return nullptr;
        EXPECT_EQ(found_[0].process.tgid, actor_);
        EXPECT_EQ(found_[0].process.comm, "trigger");
        EXPECT_GT(found_[0].process.start_ns, 0U);
        EXPECT_FALSE(found_[0].has(FNS_FLAG_NO_TASK));
        const auto* body = found_[0].as<SocketBody>();
        EXPECT_EQ(body->via, via);
        return body;
    }

    SensorHarness* harness_ = nullptr;
    std::optional<CgroupSandbox> sandbox_;
    std::vector<Event> found_;
    std::uint32_t actor_ = 0;
    std::uint64_t losses_ = 0;  // that the test means to happen
    std::string said_;          // by the last act

private:
    static void load(const SensorHarness::Options& options, std::unique_ptr<SensorHarness>& into)
    {
        auto harness = SensorHarness::make(options);
        ASSERT_TRUE(harness) << harness.error().message;
        into = std::move(*harness);
    }

    void enter(SensorHarness& harness)
    {
        harness_ = &harness;
        ASSERT_TRUE(harness_->settle());
        harness_->clear();
        suppressed_before_ = 0;
        suppressed_before_ = suppressed();
        lost_before_ = harness_->lost();
        auto sandbox = CgroupSandbox::make_for_test("egress-a");
        ASSERT_TRUE(sandbox) << sandbox.error().message;
        sandbox_.emplace(std::move(*sandbox));
        auto added = harness_->add_sandbox(*sandbox_);
        ASSERT_TRUE(added) << added.error().message;
    }

    void leave()
    {
        if (sandbox_)
            harness_->remove_sandbox(*sandbox_);
        sandbox_.reset();
        harness_ = nullptr;
    }

    static inline std::unique_ptr<SensorHarness> shared_;
    std::unique_ptr<SensorHarness> own_;
    std::uint64_t suppressed_before_ = 0;
    std::uint64_t lost_before_ = 0;
};

}  // namespace fnshield::testing
