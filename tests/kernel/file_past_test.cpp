// SPDX-License-Identifier: Apache-2.0
//
// What the kernel side knows of a file by what happened to it before: who wrote it, whose secret it is, whether it was
// there before the sandbox; by its bare name while a function starts; and files that are mapped executable.
#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include "tests/kernel/verdict_fixture.h"
#include "tests/support/needs.h"

namespace fnshield::testing {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

bool is_on_disk(const std::string& folder)
{
    struct statfs system{};
    return statfs(folder.c_str(), &system) == 0 && system.f_type != TMPFS_MAGIC &&
           system.f_type != OVERLAYFS_SUPER_MAGIC;
}

#define SKIP_WITHOUT_DISK(folder) \
    if (!is_on_disk(folder))      \
    GTEST_SKIP()                  \
        << "the folder for temporary files is a tmpfs or an overlay here: all in it is of the function's making"

class FilePastTest : public VerdictTest {
protected:
    FilePastTest() : VerdictTest({FNS_SENSOR_LIFECYCLE, FNS_SENSOR_PROCESS, FNS_SENSOR_FILE}) {}
    void SetUp() override
    {
        VerdictTest::SetUp();
        folder_ = ::testing::TempDir() + "fnshield-past-" + std::to_string(getpid());
        std::filesystem::create_directories(folder_);
        put_in_force("rules: {}\n");
    }
    void TearDown() override
    {
        std::filesystem::remove_all(folder_);
        VerdictTest::TearDown();
    }
    CgroupSandbox of_function(const std::string& function, const std::string& instance, bool warm = true)
    {
        auto box = must(CgroupSandbox::make_for_test(instance));
        must(policies_->assign(box.id(), warm, {.platform = "template", .function = function, .instance = instance}));
        return box;
    }
    std::string make_file(const std::string& name) const
    {
        const std::string path = folder_ + "/" + name;
        std::ofstream(path) << "text";
        return path;
    }
    // One that no sandbox made from now on takes for its own: the clock of files is as coarse as the kernel's tick.
    std::string make_old_file(const std::string& name) const
    {
        const std::string path = make_file(name);
        const auto made = std::filesystem::last_write_time(path);
        while (std::filesystem::file_time_type::clock::now() < made + std::chrono::milliseconds(20))
            std::this_thread::yield();
        return path;
    }
    void act(const CgroupSandbox& box, const std::string& what, const std::string& path) const
    {
        const Finished done = must(box.run({trigger(), what, path}));
        EXPECT_EQ(done.output, "result=0\n") << what << " " << path;
    }
    std::vector<Event> told(const CgroupSandbox& box)
    {
        must(harness_->settle());
        const auto id = box.id();
        return harness_->matching([id](const Event& event) { return event.as<FileBody>() && event.sandbox == id; });
    }

    std::string folder_;
};

TEST_F(FilePastTest, WhatAnotherFunctionWroteIsToldWithItsWriter)
{
    const std::string path = make_file("shared.py");
    const auto writer = of_function("writer", "writer-1");
    const auto reader = of_function("reader", "reader-1", false);
    act(writer, "open_write", path);
    act(reader, "open_read", path);
    const auto found = told(reader);
    ASSERT_THAT(found, SizeIs(1));
    const auto& body = *found[0].as<FileBody>();
    EXPECT_EQ(body.file_class, FNS_FILE_CLASS_WRITTEN);
    EXPECT_EQ(body.path, path);
    EXPECT_EQ(body.writer.sandbox, writer.id());
    EXPECT_GT(body.writer.tgid, 0U);
    EXPECT_GT(body.writer.written_ns, 0U);
    EXPECT_LE(body.writer.written_ns, found[0].time_ns);
}

TEST_F(FilePastTest, AnotherPathToItChangesNothing)
{
    const std::string path = make_file("shared.bin");
    const std::string link = folder_ + "/link.bin";
    std::filesystem::create_hard_link(path, link);
    const auto writer = of_function("writer", "writer-2");
    const auto reader = of_function("reader", "reader-2");
    act(writer, "open_write", path);
    act(reader, "open_read", link);
    EXPECT_THAT(told(reader), SizeIs(1));
}

TEST_F(FilePastTest, WhatTheSameFunctionWroteIsNobodysBusiness)
{
    const std::string path = make_file("cache.bin");
    const auto writer = of_function("one", "one-1");
    const auto reader = of_function("one", "one-2");
    act(writer, "open_write", path);
    act(reader, "open_read", path);
    EXPECT_THAT(told(reader), IsEmpty());
}

// Left behind by one process of a warm sandbox, read by another; before the first request nothing is left behind.
TEST_F(FilePastTest, WhatAnotherProcessLeftIsToldWhileWarm)
{
    const std::string path = make_file("left.bin");
    const auto warm = of_function("warm", "warm-1");
    act(warm, "open_write", path);
    act(warm, "open_read", path);
    const auto found = told(warm);
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_EQ(found[0].as<FileBody>()->writer.sandbox, warm.id());
    const auto starting = of_function("cold", "cold-1", false);
    act(starting, "open_write", path);
    act(starting, "open_read", path);
    EXPECT_THAT(told(starting), IsEmpty());
}

TEST_F(FilePastTest, AnothersSecretIsToldByWhateverPath)
{
    const std::string secret = make_file("secret");
    const std::string elsewhere = folder_ + "/elsewhere";
    std::filesystem::create_hard_link(secret, elsewhere);
    put_in_force("files: { secrets: [ \"" + secret + "\" ] }\n");
    const auto owner = of_function("owner", "owner-1", false);
    act(owner, "open_read", secret);
    const auto thief = of_function("thief", "thief-1");
    act(thief, "open_read", elsewhere);
    const auto found = told(thief);
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_EQ(found[0].as<FileBody>()->file_class, FNS_FILE_CLASS_SECRET);
    EXPECT_TRUE(found[0].as<FileBody>()->has(FNS_FILE_FOREIGN_SECRET));
    EXPECT_EQ(found[0].as<FileBody>()->owner, owner.id());
    // At the place where its own policy has it, it was given to it as well.
    const auto sharer = of_function("sharer", "sharer-1");
    act(sharer, "open_read", secret);
    const auto shared = told(sharer);
    ASSERT_THAT(shared, SizeIs(1));
    EXPECT_FALSE(shared[0].as<FileBody>()->has(FNS_FILE_FOREIGN_SECRET));
}

TEST_F(FilePastTest, SharedMemoryThatAnotherFunctionWroteIsToldWhenItIsOpenedForWriting)
{
    const std::string path = "/dev/shm/fnshield-past-" + std::to_string(getpid());
    struct Gone {
        const std::string& path;
        ~Gone() { std::filesystem::remove(path); }
    } const gone{path};
    if (is_on_disk("/dev/shm"))
        GTEST_SKIP() << "/dev/shm is no tmpfs here";
    std::ofstream(path) << "text";
    const auto writer = of_function("writer", "writer-shm");
    const auto other = of_function("other", "other-shm");
    act(writer, "open_write", path);
    act(writer, "open_write", path);
    act(other, "open_write", path);
    EXPECT_THAT(told(writer), IsEmpty());
    const auto found = told(other);
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_EQ(found[0].as<FileBody>()->file_class, FNS_FILE_CLASS_WRITTEN);
    EXPECT_TRUE(found[0].as<FileBody>()->has(FNS_FILE_SCRATCH));
    EXPECT_EQ(found[0].as<FileBody>()->writer.sandbox, writer.id());
}

TEST_F(FilePastTest, AnOldProgramOpenedForWritingIsTold)
{
    SKIP_WITHOUT_DISK(folder_);
    const std::string old_program = make_file("runtime");
    std::filesystem::permissions(old_program, std::filesystem::perms{0755});
    const std::string old_text = make_old_file("text");
    const auto box = of_function("writer", "overwriter");
    act(box, "open_write", old_program);
    act(box, "open_write", old_text);
    const auto found = told(box);
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_EQ(found[0].as<FileBody>()->file_class, FNS_FILE_CLASS_EXECUTABLE);
    EXPECT_EQ(found[0].as<FileBody>()->path, old_program);
    const std::string own = make_file("own");
    std::filesystem::permissions(own, std::filesystem::perms{0755});
    act(box, "open_write", own);
    EXPECT_THAT(told(box), SizeIs(1)) << "made after the sandbox";
}

// By their names, while the function starts.
TEST_F(FilePastTest, StartupHooksAndPackagesAreToldInInit)
{
    const auto starting = of_function("starting", "starting-1", false);
    const auto warm = of_function("warm", "warm-2");
    std::vector<fns_file_class> classes;
    for (const char* name : {"evil.pth", "sitecustomize.py", "usercustomize.cpython-311.pyc", "__init__.py",
                             "package.json", "main.py", "package.jsonl", "pth"}) {
        const std::string path = make_file(name);
        act(starting, "open_read", path);
        act(warm, "open_read", path);
    }
    for (const Event& event : told(starting))
        classes.push_back(event.as<FileBody>()->file_class);
    EXPECT_EQ(classes, (std::vector{FNS_FILE_CLASS_STARTUP_HOOK, FNS_FILE_CLASS_STARTUP_HOOK,
                                    FNS_FILE_CLASS_STARTUP_HOOK, FNS_FILE_CLASS_PACKAGE, FNS_FILE_CLASS_PACKAGE}));
    EXPECT_THAT(told(warm), IsEmpty());
}

class MapRoad : public FilePastTest, public ::testing::WithParamInterface<const char*> {};

TEST_P(MapRoad, AFileOfTheFunctionsMakingIsToldWhenItIsMappedExecutable)
{
    const std::string road = GetParam();
    if (road == "map_exec_later" && on_fallback())
        SKIP_WITHOUT_HOOK("syscall:sys_enter_mprotect with mmap_unlock_irq_work.mm");
    const auto box = of_function("mapper", "mapper");
    const std::string fresh = make_file("fresh.so");
    act(box, road, fresh);
    const auto found = told(box);
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_EQ(found[0].kind, EventKind::map_exec);
    const auto& body = *found[0].as<FileBody>();
    EXPECT_EQ(body.access, FNS_FILE_MAP_EXEC);
    EXPECT_FALSE(body.has(FNS_FILE_LINKING)) << "the trigger is linked statically, so it has no loader";
    if (road == "map_exec_memfd") {
        EXPECT_TRUE(body.has(FNS_FILE_MEMFD));
        EXPECT_EQ(body.path, "memfd:code");
    } else {
        EXPECT_TRUE(body.has(FNS_FILE_FRESH) || body.has(FNS_FILE_SCRATCH));
        EXPECT_EQ(body.path, fresh);
    }
}

INSTANTIATE_TEST_SUITE_P(Acts, MapRoad, ::testing::Values("map_exec", "map_exec_later", "map_exec_memfd"),
                         [](const auto& road) { return std::string(road.param); });

TEST_F(FilePastTest, WhatComesWithTheImageOrIsOnlyReadIsQuiet)
{
    SKIP_WITHOUT_DISK(folder_);
    const std::string library = make_old_file("library.so");
    const auto box = of_function("quiet", "quiet-mapper");
    act(box, "map_exec", library);
    act(box, "map_exec_later", library);
    act(box, "map_read", make_file("fresh.bin"));
    EXPECT_THAT(told(box), IsEmpty());
}

}  // namespace
}  // namespace fnshield::testing
