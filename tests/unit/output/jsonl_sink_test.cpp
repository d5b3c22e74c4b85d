// SPDX-License-Identifier: Apache-2.0
//
// The file sink on good and bad days: permissions, rotation, a disk that is full on the way, a queue that is full.
#include "daemon/output/jsonl_sink.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>

#include "tests/unit/output/support.h"

namespace fnshield {
namespace {

using test::read_all;
using test::TempFolder;
using ::testing::HasSubstr;

// No file may grow beyond `bytes` while this lives: what a full disk is to a writer, root or not.
class FileSizeLimit {
public:
    explicit FileSizeLimit(rlim_t bytes) : old_handler_(std::signal(SIGXFSZ, SIG_IGN))
    {
        EXPECT_EQ(getrlimit(RLIMIT_FSIZE, &old_), 0);
        const rlimit limit{.rlim_cur = bytes, .rlim_max = old_.rlim_max};
        EXPECT_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
    }
    ~FileSizeLimit()
    {
        setrlimit(RLIMIT_FSIZE, &old_);
        std::signal(SIGXFSZ, old_handler_);
    }
    FileSizeLimit(const FileSizeLimit&) = delete;
    FileSizeLimit& operator=(const FileSizeLimit&) = delete;

private:
    rlimit old_{};
    sighandler_t old_handler_;
};

TEST(JsonlSink, MakesItsFolderAndFileForItsGroupOnly)
{
    TempFolder folder;
    const auto path = folder.path() / "a/b/alerts.jsonl";
    const mode_t old_mask = umask(0);
    JsonlSink sink(path);
    umask(old_mask);
    ASSERT_TRUE(sink.write(R"({"a":1})", nullptr));
    ASSERT_TRUE(sink.write(R"({"a":2})", nullptr));
    EXPECT_EQ(read_all(path), "{\"a\":1}\n{\"a\":2}\n");
    struct stat status{};
    ASSERT_EQ(stat(path.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777, 0640U);
    ASSERT_EQ(stat(path.parent_path().c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777, 0750U);
    EXPECT_EQ(sink.stats().written, 2U);
    EXPECT_EQ(sink.stats().last_error, "");
}

TEST(JsonlSink, BeginsANewLineAfterHalfALineOfACrash)
{
    TempFolder folder;
    const auto path = folder.path() / "x.jsonl";
    std::ofstream(path) << "{\"whole\":1}\n{\"ha";
    JsonlSink sink(path);
    ASSERT_TRUE(sink.write("{}", nullptr));
    ASSERT_TRUE(sink.write("{}", nullptr));
    EXPECT_EQ(read_all(path), "{\"whole\":1}\n{\"ha\n{}\n{}\n");
}

TEST(JsonlSink, AFullDiskLeavesNoHalfLineAndLosesNothing)
{
    TempFolder folder;
    const auto path = folder.path() / "x.jsonl";
    JsonlSink sink(path);
    ASSERT_TRUE(sink.write("{\"first\":1}", nullptr));
    {
        const FileSizeLimit full(16);  // 12 bytes are there: the next line fits in part
        const auto written = sink.write("{\"second\":2}", nullptr);
        ASSERT_FALSE(written);
        EXPECT_THAT(written.error().message, HasSubstr("cannot write to " + path.string()));
        EXPECT_EQ(read_all(path), "{\"first\":1}\n");
        EXPECT_FALSE(sink.write("{\"third\":3}", nullptr)) << "it must wait behind the second";
        EXPECT_FALSE(sink.tick());
        EXPECT_EQ(sink.stats().queued, 2U);
        EXPECT_EQ(sink.stats().dropped, 0U);
    }
    ASSERT_TRUE(sink.tick());
    EXPECT_EQ(read_all(path), "{\"first\":1}\n{\"second\":2}\n{\"third\":3}\n");
    EXPECT_EQ(sink.stats().queued, 0U);
    EXPECT_EQ(sink.stats().written, 3U);
    EXPECT_EQ(sink.stats().last_error, "");
}

TEST(JsonlSink, DropsAndCountsWhenTheQueueIsFull)
{
    JsonlSink sink("/dev/full", {.queue_lines = 2, .queue_bytes = 1024});
    for (int i = 0; i < 5; ++i)
        EXPECT_FALSE(sink.write("{}", nullptr));
    EXPECT_EQ(sink.stats().queued, 2U);
    EXPECT_EQ(sink.stats().dropped, 3U);
    EXPECT_THAT(sink.stats().last_error, HasSubstr("No space left on device"));
}

TEST(JsonlSink, TheQueueIsBoundedInBytesToo)
{
    JsonlSink sink("/dev/full", {.queue_lines = 100, .queue_bytes = 10});
    EXPECT_FALSE(sink.write("12345678", nullptr));
    EXPECT_FALSE(sink.write("12345678", nullptr));
    EXPECT_EQ(sink.stats().queued, 1U);
    EXPECT_EQ(sink.stats().dropped, 1U);
}

TEST(JsonlSink, ReopensAfterRotation)
{
    TempFolder folder;
    const auto path = folder.path() / "x.jsonl";
    const auto rotated = folder.path() / "x.jsonl.1";
    JsonlSink sink(path);
    ASSERT_TRUE(sink.write("1", nullptr));
    std::filesystem::rename(path, rotated);
    ASSERT_TRUE(sink.write("2", nullptr));  // before the signal: still the old file
    ASSERT_TRUE(sink.reopen());
    ASSERT_TRUE(sink.write("3", nullptr));
    EXPECT_EQ(read_all(rotated), "1\n2\n");
    EXPECT_EQ(read_all(path), "3\n");
}

TEST(JsonlSink, NoticesARotationWithoutASignal)
{
    TempFolder folder;
    const auto path = folder.path() / "x.jsonl";
    JsonlSink sink(path);
    ASSERT_TRUE(sink.write("1", nullptr));
    std::filesystem::remove(path);
    ASSERT_TRUE(sink.tick());
    ASSERT_TRUE(sink.write("2", nullptr));
    EXPECT_EQ(read_all(path), "2\n");
}

TEST(JsonlSink, WaitsForAFileThatCannotBeOpened)
{
    TempFolder folder;
    const auto blocker = folder.path() / "not-a-folder";
    std::ofstream(blocker) << "x";
    const auto path = blocker / "x.jsonl";
    JsonlSink sink(path);
    EXPECT_THAT(sink.stats().last_error, HasSubstr("Not a directory"));
    EXPECT_FALSE(sink.write("1", nullptr));
    EXPECT_EQ(sink.stats().queued, 1U);
    std::filesystem::remove(blocker);
    ASSERT_TRUE(sink.tick());
    EXPECT_EQ(read_all(path), "1\n");
    EXPECT_EQ(sink.stats().last_error, "");
}

TEST(JsonlSink, KeepsLinesWhenItsFolderIsGone)
{
    TempFolder folder;
    const auto logs = folder.path() / "logs";
    const auto path = logs / "x.jsonl";
    JsonlSink sink(path);
    ASSERT_TRUE(sink.write("1", nullptr));
    std::filesystem::remove_all(logs);
    std::ofstream(logs) << "a file in its place";
    EXPECT_FALSE(sink.tick());
    EXPECT_FALSE(sink.write("2", nullptr));
    std::filesystem::remove(logs);
    ASSERT_TRUE(sink.tick());
    EXPECT_EQ(read_all(path), "2\n");
    EXPECT_EQ(sink.stats().dropped, 0U);
}

TEST(JsonlSink, DoesNotHangOnAPipeWithoutAReader)
{
    TempFolder folder;
    const auto path = folder.path() / "pipe";
    ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
    JsonlSink sink(path);  // O_RDWR: a reader of its own
    for (int i = 0; i < 1000; ++i)
        (void)sink.write(std::string(1000, 'x'), nullptr);
    EXPECT_GT(sink.stats().queued, 0U);
    EXPECT_EQ(sink.stats().written + sink.stats().queued + sink.stats().dropped, 1000U);
}

}  // namespace
}  // namespace fnshield
