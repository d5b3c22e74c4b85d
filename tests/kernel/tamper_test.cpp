// SPDX-License-Identifier: Apache-2.0
//
// What is aimed at the daemon itself, which in these tests is the test program: bpf() on its objects, signals.
#include <bpf/bpf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <stdexcept>

#include "daemon/kernel/own_objects.h"
#include "tests/support/must.h"
#include "tests/support/needs.h"
#include "tests/support/sensor_harness.h"

namespace fnshield::testing {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class TamperTest : public ::testing::Test {
protected:
    void SetUp() override
    {
        auto made = SensorHarness::make({.sensors = {FNS_SENSOR_PRIVILEGE}});
        ASSERT_TRUE(made) << made.error().message;
        harness_ = std::move(*made);
        auto box = CgroupSandbox::make_for_test("tamper");
        ASSERT_TRUE(box) << box.error().message;
        box_.emplace(std::move(*box));
        ASSERT_TRUE(harness_->add_sandbox(*box_));
        harness_->clear();
    }

    Finished act(bool in_sandbox, std::vector<std::string> words)
    {
        words.insert(words.begin(), trigger());
        return must(in_sandbox ? box_->run(words) : run(words));
    }
    std::vector<Event> seen(EventKind kind)
    {
        const auto settled = harness_->settle();
        EXPECT_TRUE(settled) << settled.error().message;
        EXPECT_THAT(harness_->decode_errors(), IsEmpty());
        return harness_->matching([kind](const Event& event) { return event.kind == kind; });
    }
    // The number of one of the daemon's own objects.
    static std::string own(fns_object kind)
    {
        const auto keys = own_objects();
        for (const std::uint64_t key : keys ? *keys : std::vector<std::uint64_t>{})
            if (key >> 32 == kind)
                return std::to_string(static_cast<std::uint32_t>(key));
        throw std::runtime_error("no such object");
    }
    static std::string own_map_id(int fd)
    {
        bpf_map_info info{};
        std::uint32_t size = sizeof info;
        if (bpf_obj_get_info_by_fd(fd, &info, &size) != 0)
            throw std::runtime_error("bpf_obj_get_info_by_fd");
        return std::to_string(info.id);
    }

    std::unique_ptr<SensorHarness> harness_;
    std::optional<CgroupSandbox> box_;
};

TEST_F(TamperTest, TheDaemonKnowsItsOwnObjects)
{
    const auto keys = own_objects();
    ASSERT_TRUE(keys) << keys.error().message;
    const auto id = std::stoul(own_map_id(harness_->maps().sandboxes().fd()));
    EXPECT_THAT(*keys, Contains(FNS_OWN_OBJECT(FNS_OBJECT_MAP, id)));
    EXPECT_NO_THROW((void)own(FNS_OBJECT_PROG));
    EXPECT_NO_THROW((void)own(FNS_OBJECT_LINK));
}

TEST_F(TamperTest, AStrangerThatTakesAnObjectIsTold)
{
    const std::pair<const char*, fns_object> kKinds[] = {
        {"map", FNS_OBJECT_MAP}, {"prog", FNS_OBJECT_PROG}, {"link", FNS_OBJECT_LINK}};
    for (const auto& [word, kind] : kKinds) {
        for (const bool in_sandbox : {false, true}) {
            SCOPED_TRACE(std::string(word) + (in_sandbox ? " in the sandbox" : " on the host"));
            harness_->clear();
            const std::string id = own(kind);
            EXPECT_THAT(act(in_sandbox, {"bpf_take", word, id}).output, HasSubstr("result="));
            auto events = seen(EventKind::bpf);
            std::erase_if(events, [](const Event& event) { return !event.as<PrivilegeBody>()->own_object; });
            ASSERT_THAT(events, SizeIs(1));
            const auto& body = *events[0].as<PrivilegeBody>();
            EXPECT_EQ(events[0].sandbox, in_sandbox ? box_->id() : kHost);
            EXPECT_EQ(body.object, kind);
            EXPECT_EQ(std::to_string(body.object_id), id);
            EXPECT_FALSE(body.writes);
        }
    }
}

TEST_F(TamperTest, AChangeIsToldAsOne)
{
    const std::string id = own_map_id(harness_->maps().sandboxes().fd());
    EXPECT_THAT(act(false, {"bpf_change", "map", id}).output, HasSubstr("result=-2"));
    auto events = seen(EventKind::bpf);
    std::erase_if(events, [](const Event& event) { return !event.as<PrivilegeBody>()->writes; });
    ASSERT_THAT(events, SizeIs(1));
    EXPECT_TRUE(events[0].as<PrivilegeBody>()->own_object);
    EXPECT_EQ(std::to_string(events[0].as<PrivilegeBody>()->object_id), id);
    EXPECT_FALSE(events[0].as<PrivilegeBody>()->refused());
}

// bpftool's way: a descriptor of every map of the node. One event, of no change.
TEST_F(TamperTest, AListIsOneEvent)
{
    act(false, {"bpf_list"});
    const auto events = seen(EventKind::bpf);
    ASSERT_THAT(events, SizeIs(1));
    EXPECT_FALSE(events[0].as<PrivilegeBody>()->writes);
}

TEST_F(TamperTest, OthersObjectsAndTheDaemonItselfAreNotTold)
{
    act(false, {"bpf_map", "0", "0"});
    ASSERT_TRUE(harness_->maps().assignments().update(1, {}));
    ASSERT_TRUE(harness_->maps().assignments().erase(1));
    EXPECT_THAT(seen(EventKind::bpf), IsEmpty());
}

// --- signals ---

TEST_F(TamperTest, ASignalFromASandboxToTheDaemonByEachRoad)
{
    const std::string pid = std::to_string(getpid());
    std::vector<std::string> roads{"kill", "kill_thread", "kill_pidfd", "kill_as_timer"};
    if (has_compat_entry())
        roads.emplace_back("kill_32");
    for (const std::string& road : roads) {
        SCOPED_TRACE(road);
        harness_->clear();
        EXPECT_THAT(act(true, {road, pid, std::to_string(SIGURG)}).output, HasSubstr("result=0"));
        const auto events = seen(EventKind::signal);
        ASSERT_THAT(events, SizeIs(1));
        const auto& body = *events[0].as<SignalBody>();
        EXPECT_EQ(events[0].sandbox, box_->id());
        EXPECT_EQ(body.target.tgid, static_cast<std::uint32_t>(getpid()));
        EXPECT_EQ(body.target_sandbox, kHost);
        EXPECT_EQ(body.signal, static_cast<std::uint32_t>(SIGURG));
        EXPECT_TRUE(body.at_daemon);
    }
}

TEST_F(TamperTest, ASignalFromASandboxToTheHostIsToldAsNoneToTheDaemon)
{
    auto bystander = Child::spawn({trigger(), "hold"});
    ASSERT_TRUE(bystander);
    ASSERT_TRUE(bystander->read_until("ready"));
    act(true, {"kill", std::to_string(bystander->pid()), std::to_string(SIGCONT)});
    const auto events = seen(EventKind::signal);
    ASSERT_THAT(events, SizeIs(1));
    const auto& body = *events[0].as<SignalBody>();
    EXPECT_EQ(body.target.tgid, static_cast<std::uint32_t>(bystander->pid()));
    EXPECT_EQ(body.target_sandbox, kHost);
    EXPECT_FALSE(body.at_daemon);
}

TEST_F(TamperTest, OtherSignalsAreNotTold)
{
    act(false, {"kill", std::to_string(getpid()), std::to_string(SIGURG)});  // the host's
    auto within = box_->spawn({trigger(), "hold"});
    ASSERT_TRUE(within);
    ASSERT_TRUE(within->read_until("ready"));
    act(true, {"kill", std::to_string(within->pid()), std::to_string(SIGCONT)});
    EXPECT_THAT(act(true, {"kill", std::to_string(getpid()), "0"}).output, HasSubstr("result=0"));  // is it there?
    EXPECT_THAT(seen(EventKind::signal), IsEmpty());
}

// A backend that can refuse does so where the sandbox's policy is enforced; elsewhere it is told.
TEST_F(TamperTest, AnEnforcedSandboxCannotSignalTheDaemonWhereThatCanBeRefused)
{
    fns_policy policy{};
    policy.flags = FNS_POLICY_ENFORCE;
    ASSERT_TRUE(harness_->maps().policies().update(7, policy));
    ASSERT_TRUE(harness_->maps().assignments().update(box_->id(), {.policy_id = 7}));
    const bool refuses = *test_backend() == Backend::lsm;
    const Finished done = act(true, {"kill", std::to_string(getpid()), std::to_string(SIGURG)});
    EXPECT_THAT(done.output, HasSubstr(refuses ? "result=-1" : "result=0"));
    const auto events = seen(EventKind::signal);
    ASSERT_THAT(events, SizeIs(1));
    EXPECT_EQ(events[0].has(FNS_FLAG_DENIED), refuses);
}

}  // namespace
}  // namespace fnshield::testing
