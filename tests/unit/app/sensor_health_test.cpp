// SPDX-License-Identifier: Apache-2.0
#include "daemon/app/sensor_health.h"

#include <gmock/gmock.h>

namespace fnshield::test {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

constexpr std::string_view kNoHook = "this kernel has no bpf_lsm_file_open";

ProgramStatus attached(std::string name, Backend backend, std::string loses = "opens")
{
    return {.program = std::move(name), .backend = backend, .attached = true, .loses = std::move(loses)};
}

ProgramStatus failed(std::string name, Backend backend, std::string loses = "opens")
{
    return {.program = name,
            .backend = backend,
            .failed = true,
            .reason = "cannot attach " + name + ": Operation not permitted",
            .loses = std::move(loses)};
}

ProgramStatus left_out(std::string name, Backend backend, Lack lack, std::string_view reason)
{
    return {.program = std::move(name),
            .backend = backend,
            .reason = std::string(reason),
            .lack = lack,
            .loses = "removals"};
}

std::vector<SensorBody> told(const std::vector<ProgramStatus>& programs, Backend chosen, bool has_parents = true,
                             std::string error = {})
{
    const SensorOutcome outcome{.sensor = FNS_SENSOR_FILE, .error = std::move(error), .programs = programs};
    std::vector<SensorBody> bodies;
    for (const Event& event : sensor_events({&outcome, 1}, chosen, has_parents, 7 * kSecond)) {
        EXPECT_EQ(event.kind, EventKind::sensor);
        EXPECT_EQ(event.time_ns, 7 * kSecond);
        EXPECT_EQ(event.sandbox, kHost);
        bodies.push_back(*event.as<SensorBody>());
    }
    return bodies;
}

TEST(SensorEvents, OneForEachSensorThatFails)
{
    const std::vector<ProgramStatus> good{attached("a", Backend::lsm)};
    const std::vector<ProgramStatus> bad{failed("b", Backend::lsm)};
    const std::vector<SensorOutcome> outcomes{{.sensor = FNS_SENSOR_FILE, .error = "no memory"},
                                              {.sensor = FNS_SENSOR_EGRESS, .programs = good, .backend = "lsm"},
                                              {.sensor = FNS_SENSOR_IPC, .programs = bad}};
    const auto events = sensor_events(outcomes, Backend::lsm, true, 1);
    ASSERT_THAT(events, SizeIs(2));
    EXPECT_EQ(events[0].as<SensorBody>()->sensor, FNS_SENSOR_FILE);
    EXPECT_EQ(events[1].as<SensorBody>()->sensor, FNS_SENSOR_IPC);
}

TEST(SensorEvents, NotLoadedAtAll)
{
    const auto bodies = told({}, Backend::lsm, true, "the kernel refused the BPF programs of file: No space left");
    ASSERT_THAT(bodies, SizeIs(1));
    EXPECT_FALSE(bodies[0].attached);
    EXPECT_EQ(bodies[0].reason, "the kernel refused the BPF programs of file: No space left");
}

TEST(SensorEvents, LostOneProgramOfTwo)
{
    const auto bodies = told({attached("a", Backend::tracepoint, "reads"), failed("b", Backend::tracepoint),
                              failed("c", Backend::tracepoint)},
                             Backend::tracepoint);
    ASSERT_THAT(bodies, SizeIs(1));
    EXPECT_TRUE(bodies[0].attached);
    EXPECT_EQ(bodies[0].reason, "cannot attach b: Operation not permitted: opens (and 1 more)");
}

TEST(SensorEvents, MayNotLookForItsHooks)
{
    const auto bodies = told({attached("a", Backend::tracepoint),
                              left_out("b", Backend::tracepoint, Lack::permission, "tracefs can only be read by root")},
                             Backend::tracepoint);
    ASSERT_THAT(bodies, SizeIs(1));
    EXPECT_EQ(bodies[0].reason, "tracefs can only be read by root");
}

TEST(SensorEvents, OnALesserBackendThanTheRest)
{
    const auto bodies =
        told({left_out("a", Backend::lsm, Lack::hook, kNoHook), attached("b", Backend::tracepoint)}, Backend::lsm);
    ASSERT_THAT(bodies, SizeIs(1));
    EXPECT_TRUE(bodies[0].attached);
    EXPECT_EQ(bodies[0].reason, kNoHook);
}

TEST(SensorEvents, SeesNothingForTheKernelLacksItsHooks)
{
    const auto bodies = told({left_out("a", Backend::fentry, Lack::hook, kNoHook)}, Backend::fentry);
    ASSERT_THAT(bodies, SizeIs(1));
    EXPECT_FALSE(bodies[0].attached);
}

TEST(SensorEvents, NotAttachedToTheCgroupsThatAreThere)
{
    const std::vector<ProgramStatus> programs{attached("a", Backend::tracepoint),
                                              {.program = "connect4", .backend = Backend::cgroup, .loses = "connects"}};
    const auto bodies = told(programs, Backend::tracepoint);
    ASSERT_THAT(bodies, SizeIs(1));
    EXPECT_EQ(bodies[0].reason, "cannot attach connect4 to the cgroups in which sandboxes appear: connects");
    EXPECT_THAT(told(programs, Backend::tracepoint, false), IsEmpty()) << "there is none yet";
}

TEST(SensorEvents, QuietWhereAStandInIsAttached)
{
    EXPECT_THAT(told({failed("a", Backend::lsm), attached("b", Backend::lsm)}, Backend::lsm), IsEmpty());
    EXPECT_THAT(told({failed("a", Backend::lsm, "removals"), attached("b", Backend::lsm)}, Backend::lsm), SizeIs(1))
        << "it sees something else";
    EXPECT_THAT(told({failed("a", Backend::lsm, ""), attached("b", Backend::lsm, "")}, Backend::lsm), SizeIs(1))
        << "nobody says that it sees the same";
}

TEST(SensorEvents, QuietAboutChoices)
{
    const auto lean = left_out("a", Backend::tracepoint, Lack::wish, "fallback.profile is lean");
    EXPECT_THAT(told({lean}, Backend::tracepoint), IsEmpty());
    EXPECT_THAT(told({lean, attached("b", Backend::tracepoint)}, Backend::tracepoint), IsEmpty());
    // An older kernel that lacks one of the hooks of the backend that all run on.
    EXPECT_THAT(told({left_out("a", Backend::lsm, Lack::hook, kNoHook), attached("b", Backend::lsm)}, Backend::lsm),
                IsEmpty());
    EXPECT_THAT(told({attached("b", Backend::tracepoint)}, Backend::lsm), IsEmpty())
        << "a sensor that needs no LSM program";
    EXPECT_THAT(told({}, Backend::lsm), IsEmpty());
}

}  // namespace
}  // namespace fnshield::test
