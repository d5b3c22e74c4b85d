// SPDX-License-Identifier: Apache-2.0
//
// The decoders of fork, exec and exit and of the iterator's records, fed what the kernel sends and what it never would.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/socket.h>

#include <cstring>
#include <vector>

#include "daemon/sensors/process_sensor.h"
#include "fnshield/abi/process.h"

namespace fnshield {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using namespace std::string_literals;

template <typename Raw>
std::vector<std::byte> bytes_of(const Raw& raw, const std::string& tail = {})
{
    std::vector<std::byte> bytes(sizeof raw + tail.size());
    std::memcpy(bytes.data(), &raw, sizeof raw);
    std::memcpy(bytes.data() + sizeof raw, tail.data(), tail.size());
    return bytes;
}

fns_event_header header(fns_event_kind kind, std::size_t size)
{
    return {.time_ns = 77,
            .sandbox_id = 11,
            .size_bytes = static_cast<std::uint32_t>(size),
            .kind = static_cast<std::uint16_t>(kind),
            .sensor = FNS_SENSOR_PROCESS,
            .process = {.start_ns = 5, .tgid = 100, .tid = 101, .parent_tgid = 1, .uid = 33, .comm = "python3"}};
}

const std::string kPath = "/usr/bin/dash";
const std::string kFilename = "/bin/sh";
const std::string kArgv = "sh\0-c\0\0x y\0"s;
const std::string kTail = kPath + kFilename + kArgv;

fns_exec_event exec_sample()
{
    fns_exec_event raw{};
    raw.header = header(FNS_EVENT_EXEC, sizeof raw + kTail.size());
    raw.inode = 4711;
    raw.device = 0x800001;
    raw.exec_flags = FNS_EXEC_FIRST;
    raw.ctime_ns = 99;
    raw.path_bytes = static_cast<std::uint16_t>(kPath.size());
    raw.filename_bytes = static_cast<std::uint16_t>(kFilename.size());
    raw.argv_bytes = static_cast<std::uint16_t>(kArgv.size());
    raw.argc = 4;
    raw.stdio = {
        .remote = {10, 0, 0, 1}, .local = {10, 0, 0, 2}, .family = AF_INET, .remote_port = 4444, .local_port = 5};
    return raw;
}

TEST(DecodeProcess, Exec)
{
    const auto event = decode_event(bytes_of(exec_sample(), kTail));
    ASSERT_TRUE(event) << event.error().message;
    EXPECT_EQ(event->kind, EventKind::exec);
    EXPECT_EQ(event->sandbox, 11U);
    EXPECT_EQ(event->process.tgid, 100U);
    EXPECT_EQ(event->process.tid, 101U);
    const auto* body = event->as<ExecBody>();
    ASSERT_NE(body, nullptr);
    EXPECT_EQ(body->path, kPath);
    EXPECT_EQ(body->filename, kFilename);
    EXPECT_THAT(body->argv, ElementsAre("sh", "-c", "", "x y"));
    EXPECT_EQ(body->inode, 4711U);
    EXPECT_EQ(body->device, 0x800001U);
    EXPECT_EQ(body->file_ctime_ns, 99U);
    EXPECT_TRUE(body->has(FNS_EXEC_FIRST));
    EXPECT_FALSE(body->has(FNS_EXEC_MEMFD));
    EXPECT_EQ(address_and_port(body->stdio_remote), "10.0.0.1:4444");
    EXPECT_EQ(address_and_port(body->stdio_local), "10.0.0.2:5");
}

TEST(DecodeProcess, ExecWithNothingBehindIt)
{
    fns_exec_event raw = exec_sample();
    raw.header.size_bytes = sizeof raw;
    raw.path_bytes = raw.filename_bytes = raw.argv_bytes = 0;
    const auto event = decode_event(bytes_of(raw));
    ASSERT_TRUE(event) << event.error().message;
    EXPECT_EQ(event->as<ExecBody>()->path, "");
    EXPECT_THAT(event->as<ExecBody>()->argv, IsEmpty());
}

TEST(DecodeProcess, EveryTruncationOfAnExecIsRefused)
{
    const auto bytes = bytes_of(exec_sample(), kTail);
    for (std::size_t length = 0; length < bytes.size(); ++length)
        EXPECT_FALSE(decode_process(std::span(bytes).first(length))) << length;
}

TEST(DecodeProcess, LengthsBeyondTheirLimitsAreRefused)
{
    // Long enough for what each length says, so that only the limit can refuse it.
    const std::string tail(200'000, 'x');
    for (auto field : {&fns_exec_event::path_bytes, &fns_exec_event::filename_bytes, &fns_exec_event::argv_bytes}) {
        fns_exec_event raw = exec_sample();
        raw.*field = 65535;
        EXPECT_FALSE(decode_process(bytes_of(raw, tail)));
    }
    fns_exec_event raw = exec_sample();
    raw.path_bytes = FNS_PATH_BYTES;
    raw.argv_bytes = FNS_ARGV_BYTES;
    EXPECT_TRUE(decode_process(bytes_of(raw, tail)));
}

TEST(DecodeProcess, Fork)
{
    fns_fork_event raw{};
    raw.header = header(FNS_EVENT_FORK, sizeof raw);
    raw.child = {.start_ns = 6, .tgid = 200, .tid = 200, .parent_tgid = 100, .uid = 33, .comm = "python3"};
    const auto bytes = bytes_of(raw);
    const auto event = decode_event(bytes);
    ASSERT_TRUE(event) << event.error().message;
    EXPECT_EQ(event->kind, EventKind::fork);
    EXPECT_EQ(event->as<ForkBody>()->child.tgid, 200U);
    EXPECT_EQ(event->as<ForkBody>()->child.start_ns, 6U);
    for (std::size_t length = 0; length < bytes.size(); ++length)
        EXPECT_FALSE(decode_process(std::span(bytes).first(length))) << length;
}

TEST(DecodeProcess, Exit)
{
    fns_exit_event raw{};
    raw.header = header(FNS_EVENT_EXIT, sizeof raw);
    raw.signal = 11;
    raw.core_dumped = 1;
    const auto bytes = bytes_of(raw);
    const auto event = decode_event(bytes);
    ASSERT_TRUE(event) << event.error().message;
    EXPECT_EQ(event->kind, EventKind::exit);
    EXPECT_EQ(event->as<ExitBody>()->signal, 11);
    EXPECT_TRUE(event->as<ExitBody>()->core_dumped);
    EXPECT_FALSE(event->as<ExitBody>()->oom_killed);
    for (std::size_t length = 0; length < bytes.size(); ++length)
        EXPECT_FALSE(decode_process(std::span(bytes).first(length))) << length;
}

TEST(DecodeProcess, AKindOfAnotherSensorIsRefused)
{
    fns_exec_event raw = exec_sample();
    raw.header.kind = FNS_EVENT_CONNECT;
    EXPECT_FALSE(decode_process(bytes_of(raw, kTail)));
}

TEST(DecodeTaskRecord, AProcessThatRanBefore)
{
    fns_task_record raw{};
    raw.cgroup_id = 12;
    raw.sandbox_id = 11;
    raw.process = {.start_ns = 5, .tgid = 100, .tid = 100, .parent_tgid = 1, .uid = 33, .comm = "node"};
    raw.exec_flags = FNS_EXEC_UPPER_LAYER;
    std::memcpy(raw.path, "/usr/bin/nodeXXX", 16);
    raw.path_bytes = 13;
    const auto event = decode_task_record(bytes_of(raw));
    ASSERT_TRUE(event) << event.error().message;
    EXPECT_EQ(event->kind, EventKind::process_found);
    EXPECT_EQ(event->sandbox, 11U);
    EXPECT_EQ(event->process.comm, "node");
    EXPECT_EQ(event->as<ExecBody>()->path, "/usr/bin/node");
    EXPECT_TRUE(event->as<ExecBody>()->has(FNS_EXEC_UPPER_LAYER));
}

TEST(DecodeTaskRecord, ShortOrImpossible)
{
    fns_task_record raw{};
    const auto bytes = bytes_of(raw);
    EXPECT_FALSE(decode_task_record(std::span(bytes).first(bytes.size() - 1)));
    EXPECT_FALSE(decode_task_record({}));
    raw.path_bytes = FNS_PATH_BYTES + 1;
    EXPECT_FALSE(decode_task_record(bytes_of(raw)));
    raw.path_bytes = FNS_PATH_BYTES;
    EXPECT_TRUE(decode_task_record(bytes_of(raw)));
}

TEST(SplitArgv, WordsAndTheirEnds)
{
    EXPECT_THAT(split_argv(""), IsEmpty());
    EXPECT_THAT(split_argv("a\0"s), ElementsAre("a"));
    EXPECT_THAT(split_argv("a\0b"s), ElementsAre("a", "b"));
    EXPECT_THAT(split_argv("\0\0"s), ElementsAre("", ""));
}

}  // namespace
}  // namespace fnshield
