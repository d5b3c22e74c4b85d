// SPDX-License-Identifier: Apache-2.0
//
// Sensors with policies in force, by their YAML text, and sandboxes that have them.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/must.h"
#include "tests/support/policies.h"

namespace fnshield::testing {

inline constexpr int kKilled = 128 + SIGKILL;

class VerdictTest : public ::testing::Test {
protected:
    // Lifecycle is one of them.
    explicit VerdictTest(std::vector<fns_sensor> sensors) : sensors_(std::move(sensors)) {}

    void SetUp() override
    {
        auto made = SensorHarness::make({.sensors = sensors_});
        ASSERT_TRUE(made) << made.error().message;
        harness_ = std::move(*made);
        policies_.emplace(*harness_);
        const auto backend = test_backend();
        ASSERT_TRUE(backend);
        refuses_ = *backend == Backend::lsm;
    }
    void TearDown() override
    {
        EXPECT_THAT(harness_->decode_errors(), ::testing::IsEmpty());
        if (!may_lose_) {
            EXPECT_EQ(harness_->lost(), 0U);
        }
    }

    void put_in_force(const std::string& yaml, Mode mode = Mode::enforce)
    {
        const auto done = policies_->put_in_force(yaml, mode);
        ASSERT_TRUE(done) << done.error().message;
    }
    CgroupSandbox sandbox(const std::string& name, bool warm)
    {
        auto made = must(CgroupSandbox::make_for_test(name));
        must(policies_->assign(made.id(), warm));
        return made;
    }

    std::unique_ptr<SensorHarness> harness_;
    std::optional<TestPolicies> policies_;
    bool refuses_ = false;   // a `deny`; else the process is killed
    bool may_lose_ = false;  // more events than the bulk budget

private:
    std::vector<fns_sensor> sensors_;
};

}  // namespace fnshield::testing
