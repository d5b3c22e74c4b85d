// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>

#include "tests/support/sensor_harness.h"

namespace fnshield::testing {
namespace {

TEST(Heartbeat, ComesBackThroughTheKernel)
{
    auto harness = SensorHarness::make({});
    ASSERT_TRUE(harness) << harness.error().message;
    const auto settled = (*harness)->settle();
    ASSERT_TRUE(settled) << settled.error().message;
    const Event* beat = (*harness)->wait_for(is_event(EventKind::heartbeat, kHost));
    ASSERT_NE(beat, nullptr);
    EXPECT_EQ(beat->process.tgid, static_cast<std::uint32_t>(getpid()));
    EXPECT_EQ((*harness)->lost(), 0U);
    EXPECT_TRUE((*harness)->decode_errors().empty());
}

// Only the daemon's own signal to itself counts.
TEST(Heartbeat, AnotherProcessSignalIsNone)
{
    auto harness = SensorHarness::make({});
    ASSERT_TRUE(harness) << harness.error().message;
    auto bystander = Child::spawn({trigger(), "hold"});
    ASSERT_TRUE(bystander);
    ASSERT_TRUE(bystander->read_until("ready"));
    bystander->signal(SIGURG);
    ASSERT_TRUE((*harness)->settle());
    EXPECT_EQ((*harness)->count(is_event(EventKind::heartbeat, kHost)), 1U);
}

}  // namespace
}  // namespace fnshield::testing
