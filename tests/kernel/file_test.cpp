// SPDX-License-Identifier: Apache-2.0
//
// What the kernel side does about model files: every road to one, by action, phase and mode, and the look-alikes. On
// the LSM backend a denied open fails with EPERM; on the others its process is killed before it can use the descriptor.
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tests/kernel/verdict_fixture.h"
#include "tests/support/needs.h"

namespace fnshield::testing {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::string_view kRefused = "result=-1\n";  // −EPERM
constexpr std::string_view kDone = "result=0\n";

class FileTest : public VerdictTest {
protected:
    FileTest() : VerdictTest({FNS_SENSOR_LIFECYCLE, FNS_SENSOR_PROCESS, FNS_SENSOR_FILE}) {}
    void SetUp() override
    {
        VerdictTest::SetUp();
        folder_ = ::testing::TempDir() + "fnshield-files-" + std::to_string(getpid());
        std::filesystem::create_directories(folder_ + "/models");
        model_ = folder_ + "/models/weights.bin";
        other_ = folder_ + "/other.bin";
        for (const std::string& path : {model_, other_})
            std::ofstream(path) << "weights";
    }
    void TearDown() override
    {
        std::filesystem::remove_all(folder_);
        VerdictTest::TearDown();
    }
    // The folder models is declared, and both rules act like that.
    void put_models_in_force(const std::string& action, Mode mode = Mode::enforce)
    {
        put_in_force("files: { models: [ \"" + folder_ + "/models/**\" ] }\nrules:\n  model.tampered: { action: " +
                         action + " }\n  model.weights_read: { action: " + action + " }\n",
                     mode);
    }
    static Finished act(const CgroupSandbox& box, std::vector<std::string> argv)
    {
        argv.insert(argv.begin(), trigger());
        return must(box.run(argv));
    }
    std::vector<Event> file_events(SandboxId id)
    {
        must(harness_->settle());
        return harness_->matching([id](const Event& event) { return event.as<FileBody>() && event.sandbox == id; });
    }
    void expect_stopped(const Finished& done, const std::string& action) const
    {
        if (refuses_ && action == "deny") {
            EXPECT_EQ(done.exit_code, 0);
            EXPECT_EQ(done.output, kRefused);
        } else {
            EXPECT_EQ(done.exit_code, kKilled) << done.output;
        }
    }
    static void expect_untouched(const Finished& done)
    {
        EXPECT_EQ(done.exit_code, 0);
        EXPECT_EQ(done.output, kDone);
    }

    std::string folder_;
    std::string model_;
    std::string other_;
};

struct Road {
    const char* act;
    fns_file_access access;
    enum { everywhere, not_on_the_fallback, lsm_only } seen = everywhere;
};

class FileRoad : public FileTest, public ::testing::WithParamInterface<Road> {};

TEST_P(FileRoad, ToAModelIsStopped)
{
    const Road& road = GetParam();
    if (road.seen == Road::not_on_the_fallback && on_fallback())
        GTEST_SKIP() << "on the fallback, per-syscall tracepoints do not fire for 32-bit entries";
    if (road.seen == Road::lsm_only && !refuses_)
        GTEST_SKIP() << "without LSM programs, what changes a file without an open is not seen";
    if (std::string_view(road.act).starts_with("ring_")) {
        SKIP_WITHOUT_HOOK("raw:io_uring_complete with io_kiocb.cqe");
    }
    for (const bool warm : {false, true}) {
        for (const std::string action : {"deny", "kill"}) {
            SCOPED_TRACE(action + (warm ? " warm" : " init"));
            put_models_in_force(action);
            const auto box = sandbox("road-" + action + (warm ? "-warm" : "-init"), warm);
            expect_stopped(act(box, {road.act, model_, other_}), action);
            const auto found = file_events(box.id());
            ASSERT_THAT(found, SizeIs(1));
            EXPECT_EQ(found[0].kind, EventKind::file_write);
            EXPECT_EQ(found[0].as<FileBody>()->access, road.access);
            EXPECT_EQ(found[0].as<FileBody>()->path, model_);
            EXPECT_EQ(found[0].verdict.guard, FNS_GUARD_MODEL_WRITE);
            EXPECT_EQ(found[0].verdict.requested, action == "deny" ? FNS_ACTION_DENY : FNS_ACTION_KILL);
            EXPECT_EQ(found[0].verdict.taken, refuses_ && action == "deny" ? FNS_ACTION_DENY : FNS_ACTION_KILL);
            EXPECT_EQ(found[0].has(FNS_FLAG_DENIED), refuses_);
            if (refuses_) {
                EXPECT_EQ(std::filesystem::file_size(model_), std::string_view("weights").size());
            }
            std::ofstream(model_) << "weights";
        }
    }
}

INSTANTIATE_TEST_SUITE_P(
    Acts, FileRoad,
    ::testing::Values(Road{"open_write", FNS_FILE_WRITE}, Road{"open_write_old", FNS_FILE_WRITE},
                      Road{"open_write_creat", FNS_FILE_WRITE}, Road{"open_write_openat2", FNS_FILE_WRITE},
                      Road{"open_write_symlink", FNS_FILE_WRITE}, Road{"open_write_again", FNS_FILE_WRITE},
                      Road{"open_write_relative", FNS_FILE_WRITE}, Road{"ring_open_write", FNS_FILE_WRITE},
                      Road{"open_truncate", FNS_FILE_TRUNCATE}, Road{"open_truncate_openat2", FNS_FILE_TRUNCATE},
                      Road{"open_write_32", FNS_FILE_WRITE, Road::not_on_the_fallback},
                      Road{"truncate_path", FNS_FILE_TRUNCATE, Road::lsm_only},
                      Road{"remove_path", FNS_FILE_REMOVE, Road::lsm_only},
                      Road{"rename_away", FNS_FILE_RENAME, Road::lsm_only},
                      Road{"rename_onto", FNS_FILE_REPLACE, Road::lsm_only}),
    [](const auto& road) { return std::string(road.param.act); });

TEST_F(FileTest, AReadWhileWarmIsStopped)
{
    put_models_in_force("deny");
    const auto box = sandbox("warm-read", true);
    expect_stopped(act(box, {"open_read", model_}), "deny");
    const auto found = file_events(box.id());
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_EQ(found[0].kind, EventKind::file_open);
    EXPECT_EQ(found[0].as<FileBody>()->access, FNS_FILE_READ);
    EXPECT_EQ(found[0].verdict.guard, FNS_GUARD_MODEL_READ);
}

TEST_F(FileTest, AReadBeforeReadyIsTheStartsOwn)
{
    put_models_in_force("kill");
    const auto box = sandbox("init-read", false);
    expect_untouched(act(box, {"open_read", model_}));
    const auto events = file_events(box.id());  // for model.unsafe_load, and judged by nobody
    ASSERT_THAT(events, SizeIs(1));
    EXPECT_EQ(events[0].verdict.guard, FNS_GUARD_NONE);
}

TEST_F(FileTest, AnotherFileIsNobodysBusiness)
{
    put_models_in_force("kill");
    const auto box = sandbox("other", true);
    expect_untouched(act(box, {"open_read", other_}));
    expect_untouched(act(box, {"open_write", other_}));
    expect_untouched(act(box, {"rename_away", other_, folder_ + "/moved"}));
    EXPECT_THAT(file_events(box.id()), IsEmpty());
}

// A policy names paths: what is known under another name is another file to it (docs/kernels.md).
TEST_F(FileTest, AHardLinksOwnPathCounts)
{
    put_models_in_force("kill");
    const std::string link = folder_ + "/link.bin";
    std::filesystem::create_hard_link(model_, link);
    std::filesystem::create_hard_link(other_, folder_ + "/models/other.bin");
    const auto box = sandbox("hard-link", true);
    expect_untouched(act(box, {"open_write", link}));
    EXPECT_EQ(act(box, {"open_write", folder_ + "/models/other.bin"}).exit_code, kKilled);
    EXPECT_THAT(file_events(box.id()), SizeIs(1));
}

TEST_F(FileTest, MonitorModeSaysTheSameAndTouchesNothing)
{
    put_models_in_force("kill", Mode::monitor);
    const auto box = sandbox("monitor", true);
    expect_untouched(act(box, {"open_write", model_}));
    expect_untouched(act(box, {"open_read", model_}));
    const auto found = file_events(box.id());
    ASSERT_THAT(found, SizeIs(2));
    for (const Event& event : found) {
        EXPECT_EQ(event.verdict.requested, FNS_ACTION_KILL);
        EXPECT_EQ(event.verdict.taken, FNS_ACTION_NONE);
        EXPECT_FALSE(event.has(FNS_FLAG_DENIED));
    }
}

// Writes are told whatever the action; reads only where the kernel side or a freeze has something to do.
TEST_F(FileTest, AnAlertIsNotTheKernelsToDo)
{
    put_models_in_force("alert");
    const auto box = sandbox("alert", true);
    for (const char* open : {"open_read", "open_write"}) {
        expect_untouched(act(box, {open, model_}));
        const auto found = file_events(box.id());
        ASSERT_THAT(found, SizeIs(1)) << open;
        EXPECT_EQ(found[0].verdict.taken, FNS_ACTION_NONE);
        EXPECT_EQ(found[0].verdict.requested, FNS_ACTION_NONE);
        EXPECT_EQ(found[0].as<FileBody>()->file_class, FNS_FILE_CLASS_MODEL);
        EXPECT_EQ(found[0].as<FileBody>()->size_bytes, std::filesystem::file_size(model_));
        harness_->clear();
    }
}

TEST_F(FileTest, TheHostAndAPolicyWithoutListsAreQuiet)
{
    put_models_in_force("kill");
    const auto host = run({trigger(), "open_write", model_});
    ASSERT_TRUE(host);
    expect_untouched(*host);
    put_in_force("rules: { model.tampered: { action: kill } }\n");
    const auto box = sandbox("no-models", true);
    expect_untouched(act(box, {"open_write", model_}));
    ASSERT_TRUE(harness_->settle());
    EXPECT_EQ(harness_->count([](const Event& event) { return event.as<FileBody>() != nullptr; }), 0U);
}

// By the lists of secrets and code, which are only told.
TEST_F(FileTest, SecretsAreToldWhenOpenedAndCodeWhenWritten)
{
    put_in_force("files: { secrets: [ \"" + model_ + "\" ], code: [ \"" + other_ + "\" ] }\n");
    const auto box = sandbox("secrets", false);
    expect_untouched(act(box, {"open_read", model_}));
    expect_untouched(act(box, {"open_read", other_}));
    expect_untouched(act(box, {"open_write", other_}));
    const auto found = file_events(box.id());
    ASSERT_THAT(found, SizeIs(2));
    EXPECT_EQ(found[0].kind, EventKind::file_open);
    EXPECT_EQ(found[0].as<FileBody>()->file_class, FNS_FILE_CLASS_SECRET);
    EXPECT_EQ(found[0].as<FileBody>()->path, model_);
    EXPECT_EQ(found[1].kind, EventKind::file_write);
    EXPECT_EQ(found[1].as<FileBody>()->file_class, FNS_FILE_CLASS_CODE);
    EXPECT_EQ(found[1].verdict.guard, FNS_GUARD_NONE);
}

TEST_F(FileTest, AFileThatTheOpenMadeIsToldAsNew)
{
    put_in_force("files: { code: [ \"" + folder_ + "/models/**\" ] }\n");
    const auto box = sandbox("code", true);
    expect_untouched(act(box, {"open_write_creat", folder_ + "/models/new.py"}));
    expect_untouched(act(box, {"open_write", model_}));
    const auto found = file_events(box.id());
    ASSERT_THAT(found, SizeIs(2));
    EXPECT_EQ(found[0].as<FileBody>()->access, FNS_FILE_CREATE);
    EXPECT_EQ(found[0].as<FileBody>()->path, folder_ + "/models/new.py");
    EXPECT_EQ(found[1].as<FileBody>()->access, FNS_FILE_WRITE);
}

// What no list names, by each road: the object alone tells. Opened and not written.
struct SpecialFile {
    const char* act;
    const char* path;
    fns_file_class file_class;
};

class SpecialRoad : public FileTest, public ::testing::WithParamInterface<SpecialFile> {};

TEST_P(SpecialRoad, IsToldWithoutAList)
{
    const SpecialFile& road = GetParam();
    if (std::string_view(road.act).ends_with("_32") && on_fallback())
        GTEST_SKIP() << "on the fallback, per-syscall tracepoints do not fire for 32-bit entries";
    if (std::string_view(road.act).starts_with("ring_")) {
        SKIP_WITHOUT_HOOK("raw:io_uring_complete with io_kiocb.cqe");
    }
    put_in_force("rules: {}\n");
    const auto box = sandbox("special", true);
    const Finished done = act(box, {road.act, road.path});
    if (done.output != kDone)
        GTEST_SKIP() << road.path << " cannot be opened here";
    const auto found = file_events(box.id());
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_EQ(found[0].as<FileBody>()->file_class, road.file_class);
    EXPECT_EQ(found[0].as<FileBody>()->path, road.path);
}

constexpr const char* kSetting = "/proc/sys/kernel/core_pattern";

INSTANTIATE_TEST_SUITE_P(
    Acts, SpecialRoad,
    ::testing::Values(SpecialFile{"open_write", kSetting, FNS_FILE_CLASS_KERNEL_SETTING},
                      SpecialFile{"open_write_old", kSetting, FNS_FILE_CLASS_KERNEL_SETTING},
                      SpecialFile{"open_write_openat2", kSetting, FNS_FILE_CLASS_KERNEL_SETTING},
                      SpecialFile{"open_write_symlink", kSetting, FNS_FILE_CLASS_KERNEL_SETTING},
                      SpecialFile{"open_write_again", kSetting, FNS_FILE_CLASS_KERNEL_SETTING},
                      SpecialFile{"open_write_relative", kSetting, FNS_FILE_CLASS_KERNEL_SETTING},
                      SpecialFile{"open_write_32", kSetting, FNS_FILE_CLASS_KERNEL_SETTING},
                      SpecialFile{"ring_open_write", kSetting, FNS_FILE_CLASS_KERNEL_SETTING},
                      SpecialFile{"open_write", "/sys/kernel/mm/transparent_hugepage/enabled",
                                  FNS_FILE_CLASS_KERNEL_SETTING},
                      SpecialFile{"open_write", "/sys/fs/cgroup/cgroup.procs", FNS_FILE_CLASS_CGROUP},
                      SpecialFile{"open_read", "/dev/kmsg", FNS_FILE_CLASS_KERNEL_MEMORY},
                      SpecialFile{"open_read", "/proc/kcore", FNS_FILE_CLASS_KERNEL_MEMORY},
                      SpecialFile{"open_read", "/sys/kernel/tracing/trace", FNS_FILE_CLASS_KERNEL_MEMORY}),
    [](const auto& road) { return std::string(road.param.act) + "_" + std::to_string(road.index); });

TEST_F(FileTest, WhatEveryFunctionOpensIsQuiet)
{
    put_in_force("rules: {}\n");
    const auto box = sandbox("usual", true);
    for (const char* path : {kSetting, "/proc/meminfo", "/proc/self/status", "/sys/devices/system/cpu/online",
                             "/sys/fs/cgroup/cgroup.controllers", "/dev/urandom", "/dev/null"})
        act(box, {"open_read", path});
    for (const char* path : {"/proc/self/oom_score_adj", "/proc/self/comm", "/proc/self/timerslack_ns", "/dev/null",
                             "/dev/zero", "/dev/full"})
        act(box, {"open_write", path});
    EXPECT_THAT(file_events(box.id()), IsEmpty());
}

}  // namespace
}  // namespace fnshield::testing
