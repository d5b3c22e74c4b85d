// SPDX-License-Identifier: Apache-2.0
//
// The rules about files that are told by what they are: each act, and a near miss for each condition.
#include <cerrno>

#include "tests/unit/detect/detector_fixture.h"

namespace fnshield::test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class FileRule : public DetectorTest {
protected:
    FileRule(std::unique_ptr<Detector> detector, fns_file_class file_class)
        : DetectorTest(std::move(detector)), file_class_(file_class)
    {
        start_two();
    }
    // resnet/i-4 is warm, resize/i-1 is not.
    [[nodiscard]] Event act(std::string path, fns_file_access access = FNS_FILE_WRITE, SandboxId sandbox = kOther) const
    {
        return event_of(access == FNS_FILE_READ ? EventKind::file_open : EventKind::file_write, FNS_SENSOR_FILE,
                        sandbox, 9 * kSecond, process(sandbox == kOther ? 200 : 100),
                        FileBody{.path = std::move(path), .access = access, .file_class = file_class_});
    }
    void expect_quiet_for_other_classes(Event event)
    {
        for (int other = 0; other < FNS_FILE_CLASS_COUNT; ++other) {
            if (other == file_class_)
                continue;
            std::get<FileBody>(event.body).file_class = static_cast<fns_file_class>(other);
            EXPECT_THAT(feed(event), IsEmpty()) << "class " << other;
        }
    }
    // What every rule of this kind does with `event`, which it finds.
    void expect_usual(const Event& event)
    {
        EXPECT_THAT(feed(event), SizeIs(1));
        expect_quiet_for_others(event);
        expect_quiet_for_other_classes(event);
        Event in_init = event;
        in_init.sandbox = kBox;
        in_init.process = process(100);
        EXPECT_THAT(feed(in_init), SizeIs(1)) << "before ready";
        Event failed = event;
        std::get<FileBody>(failed.body).result = -EROFS;
        const auto found = feed(failed);
        ASSERT_THAT(found, SizeIs(1));
        EXPECT_THAT(found[0].finding.summary, HasSubstr("tried to open"));
        EXPECT_THAT(found[0].finding.summary, HasSubstr("Read-only file system"));
    }

private:
    fns_file_class file_class_;
};

class ReleaseAgent : public FileRule {
protected:
    ReleaseAgent() : FileRule(detect::make_isolation_release_agent(), FNS_FILE_CLASS_CGROUP) {}
};

TEST_F(ReleaseAgent, OpenedForWriting)
{
    const auto found = feed(act("/sys/fs/cgroup/rdma/release_agent"));
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_EQ(found[0].finding.summary,
              "resnet/i-4 opened cgroup file /sys/fs/cgroup/rdma/release_agent for writing (/usr/bin/node)");
    EXPECT_EQ(found[0].finding.target.file, "/sys/fs/cgroup/rdma/release_agent");
    EXPECT_EQ(found[0].severity(), Severity::critical);
    expect_usual(act("/tmp/cg/x/notify_on_release"));
}

TEST_F(ReleaseAgent, QuietForOtherFilesOfACgroup)
{
    for (const char* path :
         {"/sys/fs/cgroup/cgroup.procs", "/sys/fs/cgroup/release_agent/memory.max", "/x_release_agent", ""})
        EXPECT_THAT(feed(act(path)), IsEmpty()) << path;
    EXPECT_THAT(feed(act("/sys/fs/cgroup/rdma/release_agent", FNS_FILE_READ)), IsEmpty());
}

TEST_F(ReleaseAgent, AHostileNameIsMadePrintable)
{
    EXPECT_THAT(feed(act("/tmp/\x1b[2J\nok/release_agent"))[0].finding.summary,
                HasSubstr("/tmp/?[2J?ok/release_agent"));
}

class SysctlWrite : public FileRule {
protected:
    SysctlWrite() : FileRule(detect::make_isolation_sysctl_write(), FNS_FILE_CLASS_KERNEL_SETTING) {}
};

TEST_F(SysctlWrite, OpenedForWriting)
{
    const auto found = feed(act("/proc/sys/kernel/core_pattern"));
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_EQ(found[0].finding.summary,
              "resnet/i-4 opened kernel setting /proc/sys/kernel/core_pattern for writing (/usr/bin/node)");
    expect_usual(act("/sys/kernel/uevent_helper"));
    EXPECT_THAT(feed(act("", FNS_FILE_TRUNCATE))[0].finding.summary, HasSubstr("opened kernel setting to truncate it"));
}

TEST_F(SysctlWrite, QuietForReads)
{
    EXPECT_THAT(feed(act("/proc/sys/kernel/core_pattern", FNS_FILE_READ)), IsEmpty());
}

class KernelMemory : public FileRule {
protected:
    KernelMemory() : FileRule(detect::make_isolation_kernel_memory(), FNS_FILE_CLASS_KERNEL_MEMORY) {}
};

TEST_F(KernelMemory, OpenedForReadingOrWriting)
{
    const auto found = feed(act("/dev/mem", FNS_FILE_READ));
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_EQ(found[0].finding.summary, "resnet/i-4 opened kernel memory or log /dev/mem for reading (/usr/bin/node)");
    expect_usual(act("/proc/kcore", FNS_FILE_READ));
    expect_usual(act("/tmp/renamed"));
}

class GpuDevice : public FileRule {
protected:
    GpuDevice() : FileRule(detect::make_model_gpu_device(), FNS_FILE_CLASS_ACCELERATOR) {}
};

TEST_F(GpuDevice, Opened)
{
    expect_usual(act("/dev/nvidia0"));
    expect_usual(act("/dev/dri/renderD128", FNS_FILE_READ));
}

}  // namespace
}  // namespace fnshield::test
