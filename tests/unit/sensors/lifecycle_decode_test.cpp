// SPDX-License-Identifier: Apache-2.0
//
// The decoder of lifecycle events, fed what the kernel sends and what it never would.
#include <gtest/gtest.h>

#include <cstring>

#include "daemon/sensors/lifecycle_sensor.h"
#include "fnshield/abi/lifecycle.h"
#include "tests/unit/sensors/raw.h"

namespace fnshield {
namespace {

fns_lifecycle_event sample()
{
    fns_lifecycle_event raw{};
    raw.header = {.time_ns = 77,
                  .sandbox_id = 11,
                  .size_bytes = sizeof raw,
                  .kind = FNS_EVENT_CGROUP_ATTACH,
                  .sensor = FNS_SENSOR_LIFECYCLE,
                  .flags = FNS_FLAG_ENTRANT};
    raw.cgroup_id = 11;
    raw.parent_cgroup_id = 5;
    raw.subject = {.start_ns = 3, .tgid = 100, .tid = 100, .parent_tgid = 50, .uid = 0, .comm = "runc:[0:PARENT]"};
    raw.from_sandbox_id = 22;
    raw.level = 3;
    raw.value = 1;
    std::strcpy(raw.path, "/fn/acme/i-1");
    return raw;
}

TEST(DecodeLifecycle, AMove)
{
    const fns_lifecycle_event raw = sample();
    const auto event = decode_event(bytes_of(raw));
    ASSERT_TRUE(event) << event.error().message;
    EXPECT_EQ(event->kind, EventKind::cgroup_move);
    EXPECT_EQ(event->time_ns, 77U);
    EXPECT_EQ(event->sandbox, 11U);
    EXPECT_EQ(event->sensor, FNS_SENSOR_LIFECYCLE);
    EXPECT_TRUE(event->has(FNS_FLAG_ENTRANT));
    const auto* body = event->as<LifecycleBody>();
    ASSERT_NE(body, nullptr);
    EXPECT_EQ(body->cgroup_id, 11U);
    EXPECT_EQ(body->parent_cgroup_id, 5U);
    EXPECT_EQ(body->path, "/fn/acme/i-1");
    EXPECT_EQ(body->value, 1U);
    EXPECT_EQ(body->from_sandbox, 22U);
    EXPECT_EQ(body->subject.tgid, 100U);
    EXPECT_EQ(body->subject.comm, "runc:[0:PARENT]");
    EXPECT_FALSE(body->adopted);
}

TEST(DecodeLifecycle, EveryKind)
{
    const std::pair<fns_event_kind, EventKind> kinds[] = {
        {FNS_EVENT_CGROUP_MKDIR, EventKind::cgroup_made},    {FNS_EVENT_CGROUP_RMDIR, EventKind::cgroup_removed},
        {FNS_EVENT_CGROUP_ATTACH, EventKind::cgroup_move},   {FNS_EVENT_CGROUP_POPULATED, EventKind::cgroup_populated},
        {FNS_EVENT_CGROUP_FROZEN, EventKind::cgroup_frozen}, {FNS_EVENT_PARENT_MKDIR, EventKind::parent_made},
        {FNS_EVENT_PARENT_RMDIR, EventKind::parent_removed},
    };
    for (const auto& [kind, expected] : kinds) {
        fns_lifecycle_event raw = sample();
        raw.header.kind = kind;
        const auto event = decode_lifecycle(bytes_of(raw));
        ASSERT_TRUE(event) << event.error().message;
        EXPECT_EQ(event->kind, expected);
    }
}

TEST(DecodeLifecycle, AKindOfAnotherSensorIsRefused)
{
    for (const int kind : std::initializer_list<int>{FNS_EVENT_INVALID, FNS_EVENT_EXEC, FNS_EVENT_CONNECT, 65535}) {
        fns_lifecycle_event raw = sample();
        raw.header.kind = static_cast<std::uint16_t>(kind);
        EXPECT_FALSE(decode_lifecycle(bytes_of(raw))) << kind;
    }
}

TEST(DecodeLifecycle, EveryTruncationIsRefused)
{
    const fns_lifecycle_event raw = sample();
    for (std::size_t length = 0; length < sizeof raw; ++length)
        EXPECT_FALSE(decode_lifecycle(bytes_of(raw).first(length))) << length;
}

TEST(DecodeLifecycle, StringsWithoutTerminators)
{
    fns_lifecycle_event raw = sample();
    std::memset(raw.path, 'p', sizeof raw.path);
    std::memset(raw.subject.comm, 'c', sizeof raw.subject.comm);
    const auto event = decode_lifecycle(bytes_of(raw));
    ASSERT_TRUE(event);
    EXPECT_EQ(event->as<LifecycleBody>()->path.size(), sizeof raw.path);
    EXPECT_EQ(event->as<LifecycleBody>()->subject.comm.size(), sizeof raw.subject.comm);
}

}  // namespace
}  // namespace fnshield
