// SPDX-License-Identifier: Apache-2.0
//
// The decoder of memory events, fed what the kernel sends and what it never would.
#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "daemon/sensors/memory_sensor.h"
#include "fnshield/abi/memory.h"
#include "tests/unit/sensors/raw.h"

namespace fnshield {
namespace {

fns_memory_event sample()
{
    fns_memory_event raw{};
    raw.header.time_ns = 77;
    raw.header.sandbox_id = 11;
    raw.header.size_bytes = sizeof raw;
    raw.header.kind = FNS_EVENT_MEMORY_ACCESS;
    raw.header.sensor = FNS_SENSOR_MEMORY;
    raw.header.flags = FNS_FLAG_COMPAT;
    raw.header.repeats = 3;
    raw.header.process.tgid = 100;
    raw.target = {.start_ns = 5, .tgid = 200, .tid = 201, .parent_tgid = 1, .uid = 33, .comm = "server"};
    raw.target_sandbox_id = 22;
    raw.requested_pid = 7;
    raw.result = -1;
    raw.syscall_nr = 347;
    raw.access = FNS_ACCESS_READ;
    raw.via = FNS_VIA_PROCESS_VM_READV;
    std::strcpy(raw.name, "mem");
    raw.attempted = 1;
    raw.hint = 1;
    return raw;
}

TEST(DecodeMemory, AllFields)
{
    const auto raw = sample();
    const auto event = decode_event(bytes_of(raw));
    ASSERT_TRUE(event) << event.error().message;
    EXPECT_EQ(event->kind, EventKind::memory_access);
    EXPECT_EQ(event->time_ns, 77U);
    EXPECT_EQ(event->sandbox, 11U);
    EXPECT_EQ(event->sensor, FNS_SENSOR_MEMORY);
    EXPECT_TRUE(event->has(FNS_FLAG_COMPAT));
    EXPECT_EQ(event->repeats, 3U);
    EXPECT_EQ(event->process.tgid, 100U);
    const auto* body = event->as<MemoryBody>();
    ASSERT_NE(body, nullptr);
    EXPECT_EQ(body->target.tgid, 200U);
    EXPECT_EQ(body->target.tid, 201U);
    EXPECT_EQ(body->target.start_ns, 5U);
    EXPECT_EQ(body->target.uid, 33U);
    EXPECT_EQ(body->target.comm, "server");
    EXPECT_EQ(body->target_sandbox, 22U);
    EXPECT_EQ(body->requested_pid, 7U);
    EXPECT_EQ(body->result, -1);
    EXPECT_EQ(body->syscall_nr, 347U);
    EXPECT_EQ(body->access, FNS_ACCESS_READ);
    EXPECT_EQ(body->via, FNS_VIA_PROCESS_VM_READV);
    EXPECT_EQ(body->name, "mem");
    EXPECT_TRUE(body->attempted);
    EXPECT_TRUE(body->hint);
}

TEST(DecodeMemory, AnFdAccessIsItsOwnKind)
{
    auto raw = sample();
    raw.header.kind = FNS_EVENT_FD_ACCESS;
    raw.access = FNS_ACCESS_FD;
    raw.via = FNS_VIA_PIDFD_GETFD;
    const auto event = decode_event(bytes_of(raw));
    ASSERT_TRUE(event) << event.error().message;
    EXPECT_EQ(event->kind, EventKind::fd_access);
}

TEST(DecodeMemory, StringsWithoutTerminatorEndWithTheirArray)
{
    auto raw = sample();
    std::memset(raw.name, 'x', sizeof raw.name);
    std::memset(raw.target.comm, 'y', sizeof raw.target.comm);
    const auto event = decode_memory(bytes_of(raw));
    ASSERT_TRUE(event) << event.error().message;
    EXPECT_EQ(event->as<MemoryBody>()->name, std::string(FNS_PROC_NAME_BYTES, 'x'));
    EXPECT_EQ(event->as<MemoryBody>()->target.comm, std::string(FNS_COMM_BYTES, 'y'));
}

TEST(DecodeMemory, EveryTruncationFails)
{
    const auto raw = sample();
    for (std::size_t length = 0; length < sizeof raw; ++length) {
        EXPECT_FALSE(decode_memory(bytes_of(raw).first(length))) << length;
        EXPECT_FALSE(decode_event(bytes_of(raw).first(length))) << length;
    }
}

TEST(DecodeMemory, NumbersOutOfRangeFail)
{
    auto raw = sample();
    raw.access = FNS_ACCESS_COUNT;
    EXPECT_FALSE(decode_memory(bytes_of(raw)));
    raw = sample();
    raw.via = FNS_VIA_COUNT;
    EXPECT_FALSE(decode_memory(bytes_of(raw)));
    raw = sample();
    raw.header.kind = FNS_EVENT_EXEC;
    EXPECT_FALSE(decode_memory(bytes_of(raw)));
}

// Whatever the bytes, the decoder answers.
TEST(DecodeMemory, NoisePassesOrFailsButNeverMore)
{
    std::uint64_t state = 42;
    for (int round = 0; round < 2000; ++round) {
        std::vector<std::byte> noise(sizeof(fns_memory_event));
        for (std::byte& byte : noise) {
            state = state * 6364136223846793005ULL + 1442695040888963407ULL;
            byte = static_cast<std::byte>(state >> 56);
        }
        if (const auto event = decode_memory(noise)) {
            EXPECT_LT(event->as<MemoryBody>()->access, FNS_ACCESS_COUNT);
            EXPECT_LE(event->as<MemoryBody>()->name.size(), static_cast<std::size_t>(FNS_PROC_NAME_BYTES));
        }
    }
}

}  // namespace
}  // namespace fnshield
