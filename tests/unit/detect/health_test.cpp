// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/detect/detector_fixture.h"

namespace fnshield::test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class Heartbeat : public DetectorTest {
protected:
    Heartbeat() : DetectorTest(detect::make_health_heartbeat()) {}

    std::vector<Detection> beat(Nanoseconds time_ns)
    {
        return feed(event_of(EventKind::heartbeat, FNS_SENSOR_HEARTBEAT, kHost, time_ns, process(10), {}));
    }

    // A tick a second, both ends included.
    std::size_t tick(Nanoseconds from, Nanoseconds to)
    {
        std::size_t found = 0;
        for (Nanoseconds second = from; second <= to; ++second)
            found += feed(tick_event(second * kSecond)).size();
        return found;
    }
};

TEST_F(Heartbeat, NoneForMoreThanTenSeconds)
{
    beat(100 * kSecond);
    EXPECT_EQ(tick(100, 110), 0U) << "ten seconds exactly";
    const auto found = feed(tick_event(111 * kSecond));
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_EQ(found[0].sandbox, kHost);
    EXPECT_EQ(found[0].finding.summary, "no heartbeat came back through the kernel for 11.00 s: events are not seen");
    EXPECT_EQ(tick(112, 200), 0U) << "once";
}

TEST_F(Heartbeat, NeverOneSinceTheStart)
{
    EXPECT_EQ(tick(100, 110), 0U);
    EXPECT_EQ(tick(111, 111), 1U);
}

TEST_F(Heartbeat, ComesBackAndFailsAgain)
{
    beat(100 * kSecond);
    EXPECT_EQ(tick(100, 120), 1U);
    beat(120 * kSecond);
    EXPECT_EQ(tick(121, 130), 0U);
    EXPECT_EQ(tick(131, 140), 1U);
}

TEST_F(Heartbeat, QuietWhileItBeats)
{
    for (Nanoseconds second = 100; second < 200; second += 5) {
        beat(second * kSecond);
        EXPECT_EQ(tick(second, second + 4), 0U);
    }
}

TEST_F(Heartbeat, QuietAfterTheMachineSlept)
{
    beat(100 * kSecond);
    EXPECT_EQ(tick(100, 101), 0U);
    EXPECT_EQ(tick(9000, 9010), 0U) << "the wait begins anew";
    EXPECT_EQ(tick(9011, 9011), 1U);
}

class Loss : public DetectorTest {
protected:
    Loss() : DetectorTest(detect::make_health_loss()) { start_two(); }

    static Event loss(SandboxId sandbox, std::uint64_t events, fns_loss_stage stage,
                      const std::string& sensor = "egress")
    {
        Event event = loss_event(sandbox, 9 * kSecond, events);
        auto& body = std::get<LossBody>(event.body);
        body.stage = loss_stage_name(stage);
        body.sensor = sensor;
        return event;
    }
};

TEST_F(Loss, OfASandbox)
{
    const auto found = feed(loss_event(kBox, 9 * kSecond, 17));
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_EQ(found[0].sandbox, kBox);
    EXPECT_EQ(found[0].finding.summary, "17 events of resize/i-1 were lost");
    EXPECT_EQ(feed(loss(kBox, 1, FNS_LOSS_BUDGET))[0].finding.summary,
              "1 event of resize/i-1 was lost (egress, budget)");
}

TEST_F(Loss, OfTheNodeWhereItMatters)
{
    EXPECT_EQ(feed(loss(kHost, 3, FNS_LOSS_TABLE, "lifecycle"))[0].finding.summary,
              "3 events of this node were lost (lifecycle, table)");
    EXPECT_THAT(feed(loss(kHost, 3, FNS_LOSS_RING_CRITICAL)), SizeIs(1));
    EXPECT_THAT(feed(loss(kHost, 3, FNS_LOSS_HELPER)), IsEmpty());
    EXPECT_THAT(feed(loss(kHost, 3, FNS_LOSS_RING_BULK)), IsEmpty());
}

TEST_F(Loss, QuietWhereNothingWasLost)
{
    EXPECT_THAT(feed(loss_event(kBox, 9 * kSecond, 0)), IsEmpty());
}

class SensorHealth : public DetectorTest {
protected:
    SensorHealth() : DetectorTest(detect::make_health_sensor()) {}

    std::vector<Detection> tell(SensorBody body)
    {
        return feed(event_of(EventKind::sensor, FNS_SENSOR_COUNT, kHost, 100 * kSecond, {}, std::move(body)));
    }
};

TEST_F(SensorHealth, SeesNothing)
{
    const auto found = tell({.sensor = FNS_SENSOR_FILE, .attached = false, .reason = "no memory"});
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_EQ(found[0].sandbox, kHost);
    EXPECT_EQ(found[0].finding.summary, "sensor file sees nothing: no memory");
    EXPECT_EQ(found[0].severity(), Severity::high);
}

TEST_F(SensorHealth, SeesLessAndEachSensorIsAFindingOfItsOwn)
{
    const auto memory = tell({.sensor = FNS_SENSOR_MEMORY, .attached = true, .backend = "tracepoint", .reason = "x"});
    ASSERT_THAT(memory, SizeIs(1));
    EXPECT_EQ(memory[0].finding.summary, "sensor memory sees less than it should (it runs on tracepoint): x");
    const auto ipc = tell({.sensor = FNS_SENSOR_IPC, .attached = true, .backend = "fentry", .reason = "x"});
    ASSERT_THAT(ipc, SizeIs(1));
    EXPECT_NE(memory[0].finding.key, ipc[0].finding.key);
}

TEST_F(SensorHealth, ReasonsArePrintableAndBodiesOfOthersAreNone)
{
    const auto found = tell({.sensor = FNS_SENSOR_COUNT, .attached = false, .reason = "a\033[2Jb"});
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_THAT(found[0].finding.summary, HasSubstr("a?[2Jb"));
    EXPECT_THAT(feed(event_of(EventKind::sensor, FNS_SENSOR_COUNT, kHost, 100 * kSecond, {}, LossBody{})), IsEmpty());
}

}  // namespace
}  // namespace fnshield::test
