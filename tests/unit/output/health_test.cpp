// SPDX-License-Identifier: Apache-2.0
#include "daemon/output/health.h"

#include <gmock/gmock.h>

namespace fnshield {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class HealthTest : public ::testing::Test {
protected:
    HealthTest()
    {
        health.set_sensors(4, {});
        health.set_policy_applied(true);
        health.heartbeat(100 * kSecond);
    }
    Health health;
};

TEST(Health, BeforeAnythingIsToldItSaysAllThatIsMissing)
{
    EXPECT_THAT(Health().check(kSecond).reasons, ElementsAre("no sensor is attached", "no policy is applied",
                                                             "no heartbeat came back through the kernel yet"));
}

TEST_F(HealthTest, IsReadyUntilTheHeartbeatIsTenSecondsOld)
{
    EXPECT_TRUE(health.check(110 * kSecond).ready);
    EXPECT_THAT(health.check(110 * kSecond).reasons, IsEmpty());
    const auto late = health.check(110 * kSecond + 1);
    EXPECT_FALSE(late.ready);
    EXPECT_THAT(late.reasons, ElementsAre("the last heartbeat came back through the kernel 10 s ago"));
    health.heartbeat(110 * kSecond);
    EXPECT_TRUE(health.check(110 * kSecond + 1).ready);
}

TEST_F(HealthTest, AHeartbeatJustAfterTheClockWasReadIsFresh)
{
    EXPECT_TRUE(health.check(99 * kSecond).ready);
}

TEST_F(HealthTest, ASensorThatSeesNothingIsNamed)
{
    health.set_sensors(3, {"egress: the verifier refused it"});
    EXPECT_THAT(health.check(100 * kSecond).reasons,
                ElementsAre("sensor not attached: egress: the verifier refused it"));
}

TEST_F(HealthTest, IsNotReadyWithoutAPolicyOrWhileStopping)
{
    health.set_policy_applied(false);
    EXPECT_THAT(health.check(100 * kSecond).reasons, ElementsAre("no policy is applied"));
    health.set_policy_applied(true);
    health.stop();
    EXPECT_THAT(health.check(100 * kSecond).reasons, ElementsAre("stopping"));
}

}  // namespace
}  // namespace fnshield
