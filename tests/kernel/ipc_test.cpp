// SPDX-License-Identifier: Apache-2.0
//
// The ipc sensor on the real kernel: who connects to whose UNIX socket, and what stays quiet.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/ipc.h>
#include <sys/shm.h>

#include <filesystem>

#include "tests/support/cgroup_sandbox.h"
#include "tests/support/must.h"
#include "tests/support/needs.h"
#include "tests/support/sensor_harness.h"

namespace fnshield::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class IpcTest : public ::testing::Test {
protected:
    void SetUp() override
    {
        harness_ = must(SensorHarness::make({.sensors = {FNS_SENSOR_IPC}}));
        box_.emplace(must(CgroupSandbox::make_for_test("ipc")));
        must(harness_->add_sandbox(*box_));
        folder_ = ::testing::TempDir() + "fnshield-ipc-" + std::to_string(getpid());
        std::filesystem::create_directories(folder_);
    }
    void TearDown() override { std::filesystem::remove_all(folder_); }

    // A server at `name` in the folder, on the host or in the sandbox.
    Child serve(const std::string& name, const CgroupSandbox* where)
    {
        const std::vector<std::string> argv{trigger(), "unix-server", folder_ + "/" + name};
        auto server = where ? must(where->spawn(argv)) : must(Child::spawn(argv));
        must(server.read_until("ready"));
        return server;
    }
    std::string connect(const std::string& act, const std::string& path)
    {
        return must(box_->run({trigger(), act, path})).output;
    }
    std::vector<Event> seen()
    {
        must(harness_->settle());
        return harness_->matching([this](const Event& event) {
            return event.kind == EventKind::unix_connect && event.sandbox == box_->id();
        });
    }

    std::vector<Event> passed()
    {
        std::vector<Event> events = seen();
        std::erase_if(events, [](const Event& event) { return event.as<UnixBody>()->descriptors == 0; });
        return events;
    }

    std::unique_ptr<SensorHarness> harness_;
    std::optional<CgroupSandbox> box_;
    std::string folder_;
};

TEST_F(IpcTest, ASocketOfTheHostsByItsOwnName)
{
    const Child server = serve("docker.sock", nullptr);
    std::filesystem::create_symlink(folder_ + "/docker.sock", folder_ + "/other");
    EXPECT_THAT(connect("unix-connect", folder_ + "/other"), HasSubstr("result=0"));
    const auto events = seen();
    ASSERT_THAT(events, SizeIs(1));
    const auto& body = *events[0].as<UnixBody>();
    EXPECT_EQ(body.path, folder_ + "/docker.sock") << "as it was bound, not as it was asked for";
    EXPECT_EQ(body.peer_sandbox, kHost);
    EXPECT_EQ(body.peer.tgid, static_cast<std::uint32_t>(server.pid()));
    EXPECT_EQ(body.result, 0);
    EXPECT_EQ(harness_->lost(), 0U);
}

TEST_F(IpcTest, ByIoUring)
{
    SKIP_WITHOUT_HOOK("raw:io_uring_complete with io_kiocb.cqe");
    const Child server = serve("docker.sock", nullptr);
    const std::string output = connect("unix-uring-connect", folder_ + "/docker.sock");
    if (output.contains("unavailable"))
        GTEST_SKIP() << "this kernel has no io_uring";
    EXPECT_THAT(output, HasSubstr("result=0"));
    EXPECT_THAT(seen(), SizeIs(1));
}

TEST_F(IpcTest, AnotherSandboxIsNamed)
{
    const auto other = must(CgroupSandbox::make_for_test("ipc-other"));
    must(harness_->add_sandbox(other));
    const Child server = serve("s", &other);
    connect("unix-connect", folder_ + "/s");
    const auto events = seen();
    ASSERT_THAT(events, SizeIs(1));
    EXPECT_EQ(events[0].as<UnixBody>()->peer_sandbox, other.id());
}

TEST_F(IpcTest, AnAttemptIsToldByTheFallback)
{
    EXPECT_THAT(connect("unix-connect", folder_ + "/docker.sock"), HasSubstr("result=-2"));
    EXPECT_THAT(connect("unix-connect", folder_ + "/nscd"), HasSubstr("result=-2"));
    const auto events = seen();
    if (*test_backend() != Backend::tracepoint) {
        EXPECT_THAT(events, IsEmpty()) << "nobody was reached";
        return;
    }
    ASSERT_THAT(events, SizeIs(1));
    EXPECT_EQ(events[0].as<UnixBody>()->path, folder_ + "/docker.sock");
    EXPECT_EQ(events[0].as<UnixBody>()->result, -ENOENT);
}

TEST_F(IpcTest, WithinOneSandboxAndOnTheHostNothingIsTold)
{
    const Child server = serve("own.sock", &*box_);
    connect("unix-connect", folder_ + "/own.sock");
    const Child hosts = serve("host.sock", nullptr);
    auto client = must(Child::spawn({trigger(), "unix-connect", folder_ + "/host.sock"}));
    must(client.wait());
    EXPECT_THAT(seen(), IsEmpty());
}

class PassingRoad : public IpcTest, public ::testing::WithParamInterface<const char*> {};

TEST_P(PassingRoad, ADescriptorToAnotherSandboxIsTold)
{
    const auto other = must(CgroupSandbox::make_for_test("ipc-receiver"));
    must(harness_->add_sandbox(other));
    const Child server = serve("s", &other);
    EXPECT_THAT(connect(GetParam(), folder_ + "/s"), HasSubstr("result=0"));
    const auto events = passed();
    ASSERT_THAT(events, SizeIs(1));
    const auto& body = *events[0].as<UnixBody>();
    EXPECT_EQ(body.descriptors, 1U);
    EXPECT_EQ(body.peer_sandbox, other.id());
    EXPECT_EQ(body.peer.tgid, static_cast<std::uint32_t>(server.pid()));
}

INSTANTIATE_TEST_SUITE_P(Acts, PassingRoad,
                         ::testing::Values("pass_descriptor", "pass_descriptor_behind", "pass_descriptor_second"),
                         [](const auto& road) { return std::string(road.param); });

TEST_F(IpcTest, DescriptorsWithinASandboxOrToTheHostAndOtherMessagesAreNoPassing)
{
    const auto other = must(CgroupSandbox::make_for_test("ipc-receiver"));
    must(harness_->add_sandbox(other));
    const Child own = serve("own", &*box_);
    const Child hosts = serve("host", nullptr);
    const Child others = serve("other", &other);
    EXPECT_THAT(connect("pass_descriptor", folder_ + "/own"), HasSubstr("result=0"));
    EXPECT_THAT(connect("pass_descriptor", folder_ + "/host"), HasSubstr("result=0"));
    EXPECT_THAT(connect("send_nothing_along", folder_ + "/other"), HasSubstr("result=0"));
    EXPECT_THAT(passed(), IsEmpty());
}

// A System V segment of the host's IPC namespace, which the sandboxes here share; gone with the case.
class Segment {
public:
    ~Segment() { shmctl(shmget(key_, 0, 0), IPC_RMID, nullptr); }
    [[nodiscard]] std::string key() const { return std::to_string(key_); }

private:
    key_t key_ = 0x666e0000 | (getpid() & 0xffff);
};

TEST_F(IpcTest, ASegmentOfAnotherSandboxIsToldWhenItIsAttached)
{
    const Segment segment;
    const auto owner = must(CgroupSandbox::make_for_test("ipc-owner"));
    must(harness_->add_sandbox(owner));
    EXPECT_THAT(must(owner.run({trigger(), "segment_make", segment.key()})).output, HasSubstr("result=0"));
    EXPECT_THAT(must(owner.run({trigger(), "segment_attach", segment.key()})).output, HasSubstr("result=0"));
    EXPECT_THAT(connect("segment_attach", segment.key()), HasSubstr("result=0"));
    must(harness_->settle());
    const auto events = harness_->matching([](const Event& event) { return event.kind == EventKind::shm; });
    ASSERT_THAT(events, SizeIs(1)) << "its owner may";
    EXPECT_EQ(events[0].sandbox, box_->id());
    const auto& body = *events[0].as<SharedMemoryBody>();
    EXPECT_EQ(body.kind, FNS_SHARED_MEMORY_SYSV);
    EXPECT_TRUE(body.owner_known);
    EXPECT_EQ(body.owner_sandbox, owner.id());
    EXPECT_GT(body.owner.tgid, 0U);
    EXPECT_TRUE(body.writes);
    EXPECT_EQ(harness_->lost(), 0U);
}

}  // namespace
}  // namespace fnshield::testing
