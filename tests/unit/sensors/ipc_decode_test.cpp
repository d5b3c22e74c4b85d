// SPDX-License-Identifier: Apache-2.0
//
// The decoder of ipc events, fed what the kernel sends and what it never would.
#include <gtest/gtest.h>

#include <cstring>

#include "daemon/sensors/ipc_sensor.h"
#include "fnshield/abi/ipc.h"
#include "tests/unit/sensors/raw.h"

namespace fnshield {
namespace {

fns_unix_event sample()
{
    fns_unix_event raw{};
    raw.header.sandbox_id = 11;
    raw.header.size_bytes = sizeof raw;
    raw.header.kind = FNS_EVENT_UNIX_CONNECT;
    raw.header.sensor = FNS_SENSOR_IPC;
    raw.peer.tgid = 900;
    raw.peer_sandbox_id = 3;
    raw.result = -111;
    std::strcpy(raw.path, "/run/docker.sock");
    raw.path_bytes = 17;  // as it was bound, with its terminator
    return raw;
}

TEST(DecodeIpc, AllFields)
{
    const auto event = decode_event(bytes_of(sample()));
    ASSERT_TRUE(event) << event.error().message;
    EXPECT_EQ(event->kind, EventKind::unix_connect);
    EXPECT_EQ(event->sandbox, 11U);
    const auto* body = event->as<UnixBody>();
    ASSERT_NE(body, nullptr);
    EXPECT_EQ(body->path, "/run/docker.sock");
    EXPECT_EQ(body->peer.tgid, 900U);
    EXPECT_EQ(body->peer_sandbox, 3U);
    EXPECT_EQ(body->result, -111);
}

TEST(DecodeIpc, AnAbstractNameKeepsItsBytes)
{
    auto raw = sample();
    std::memcpy(raw.path, "\0a\0b", 4);
    raw.path_bytes = 4;
    const auto event = decode_ipc(bytes_of(raw));
    ASSERT_TRUE(event);
    EXPECT_EQ(event->as<UnixBody>()->path, std::string("@a\0b", 4));
}

TEST(DecodeIpc, ASharedSegment)
{
    fns_shared_memory_event raw{};
    raw.header.sandbox_id = 11;
    raw.header.size_bytes = sizeof raw;
    raw.header.kind = FNS_EVENT_SHM;
    raw.header.sensor = FNS_SENSOR_IPC;
    raw.owner.tgid = 900;
    raw.owner_sandbox_id = 3;
    raw.owner_known = 1;
    raw.id = 32769;
    raw.kind = FNS_SHARED_MEMORY_SYSV;
    raw.writes = 1;
    const auto event = decode_ipc(bytes_of(raw));
    ASSERT_TRUE(event) << event.error().message;
    EXPECT_EQ(event->kind, EventKind::shm);
    const auto* body = event->as<SharedMemoryBody>();
    ASSERT_NE(body, nullptr);
    EXPECT_EQ(body->kind, FNS_SHARED_MEMORY_SYSV);
    EXPECT_EQ(body->id, 32769U);
    EXPECT_EQ(body->owner.tgid, 900U);
    EXPECT_EQ(body->owner_sandbox, 3U);
    EXPECT_TRUE(body->owner_known);
    EXPECT_TRUE(body->writes);
    const auto whole = bytes_of(raw);
    EXPECT_FALSE(decode_ipc(whole.first(whole.size() - 1)));
    raw.kind = FNS_SHARED_MEMORY_COUNT;
    EXPECT_FALSE(decode_ipc(bytes_of(raw)));
}

TEST(DecodeIpc, RefusesWhatTheKernelNeverSends)
{
    auto raw = sample();
    const auto whole = bytes_of(raw);
    for (std::size_t size = 0; size < whole.size(); ++size)
        EXPECT_FALSE(decode_ipc(whole.first(size))) << size;
    raw.path_bytes = sizeof raw.path + 1;
    EXPECT_FALSE(decode_ipc(bytes_of(raw)));
    raw = sample();
    raw.header.kind = FNS_EVENT_EXEC;
    EXPECT_FALSE(decode_ipc(bytes_of(raw)));
}

}  // namespace
}  // namespace fnshield
