// SPDX-License-Identifier: Apache-2.0
//
// The decoder of file events, fed what the kernel sends and what it never would.
#include <gtest/gtest.h>

#include <cstring>

#include "daemon/sensors/file_sensor.h"
#include "fnshield/abi/file.h"
#include "tests/unit/sensors/raw.h"

namespace fnshield {
namespace {

fns_file_event sample()
{
    fns_file_event raw{};
    raw.header.sandbox_id = 11;
    raw.header.size_bytes = sizeof raw;
    raw.header.kind = FNS_EVENT_FILE_WRITE;
    raw.header.sensor = FNS_SENSOR_FILE;
    raw.header.verdict = {.guard = FNS_GUARD_MODEL_WRITE, .requested = FNS_ACTION_DENY, .taken = FNS_ACTION_DENY};
    raw.inode = 77;
    raw.size_bytes = 1 << 20;
    raw.device = 0x800001;
    raw.open_flags = 1;
    raw.access = FNS_FILE_WRITE;
    raw.file_class = FNS_FILE_CLASS_MODEL;
    raw.ctime_ns = 5'000;
    raw.result = -13;
    raw.mode = 0100644;
    raw.special_device = 0x300001;
    raw.file_flags = FNS_FILE_UPPER_LAYER;
    std::strcpy(raw.path, "/models/weights.bin");
    return raw;
}

TEST(DecodeFile, AllFields)
{
    const auto event = decode_event(bytes_of(sample()));
    ASSERT_TRUE(event) << event.error().message;
    EXPECT_EQ(event->kind, EventKind::file_write);
    EXPECT_EQ(event->sensor, FNS_SENSOR_FILE);
    EXPECT_EQ(event->sandbox, 11U);
    EXPECT_EQ(event->verdict.taken, FNS_ACTION_DENY);
    const auto* body = event->as<FileBody>();
    ASSERT_NE(body, nullptr);
    EXPECT_EQ(body->path, "/models/weights.bin");
    EXPECT_EQ(body->inode, 77U);
    EXPECT_EQ(body->size_bytes, 1U << 20);
    EXPECT_EQ(body->device, 0x800001U);
    EXPECT_EQ(body->open_flags, 1U);
    EXPECT_EQ(body->access, FNS_FILE_WRITE);
    EXPECT_EQ(body->file_class, FNS_FILE_CLASS_MODEL);
    EXPECT_EQ(body->ctime_ns, 5'000U);
    EXPECT_EQ(body->result, -13);
    EXPECT_EQ(body->mode, 0100644U);
    EXPECT_EQ(body->special_device, 0x300001U);
    EXPECT_TRUE(body->has(FNS_FILE_UPPER_LAYER));
    EXPECT_FALSE(body->has(FNS_FILE_SCRATCH));
}

TEST(DecodeFile, AMapping)
{
    auto raw = sample();
    raw.header.kind = FNS_EVENT_MAP_EXEC;
    EXPECT_EQ(decode_event(bytes_of(raw))->kind, EventKind::map_exec);
}

TEST(DecodeFile, AClassThatThereIsNot)
{
    auto raw = sample();
    raw.file_class = FNS_FILE_CLASS_COUNT;
    EXPECT_FALSE(decode_event(bytes_of(raw)));
}

TEST(DecodeFile, ARead)
{
    auto raw = sample();
    raw.header.kind = FNS_EVENT_FILE_OPEN;
    EXPECT_EQ(decode_event(bytes_of(raw))->kind, EventKind::file_open);
}

TEST(DecodeFile, APathWithoutAnEnd)
{
    auto raw = sample();
    std::memset(raw.path, 'x', sizeof raw.path);
    EXPECT_EQ(decode_file(bytes_of(raw))->as<FileBody>()->path.size(), sizeof raw.path);
}

TEST(DecodeFile, RefusesWhatTheKernelNeverSends)
{
    const auto raw = sample();
    for (std::size_t size = 0; size < sizeof raw; ++size)
        EXPECT_FALSE(decode_file(bytes_of(raw).first(size))) << size;
    auto access = sample();
    access.access = FNS_FILE_ACCESS_COUNT;
    EXPECT_FALSE(decode_file(bytes_of(access)));
    auto kind = sample();
    kind.header.kind = FNS_EVENT_CONNECT;
    EXPECT_FALSE(decode_file(bytes_of(kind)));
}

}  // namespace
}  // namespace fnshield
