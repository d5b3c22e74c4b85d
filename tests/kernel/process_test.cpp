// SPDX-License-Identifier: Apache-2.0
//
// The process sensor against real processes: plain cgroup sandboxes, runc containers, and every way to exec a file.
#include "daemon/sensors/process_sensor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <map>
#include <stdexcept>

#include "daemon/sensors/lifecycle_sensor.h"
#include "tests/support/runc.h"
#include "tests/support/sensor_harness.h"

namespace fnshield::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class ProcessTest : public ::testing::Test {
protected:
    void start(SensorHarness::Options options = {})
    {
        options.sensors = {FNS_SENSOR_LIFECYCLE, FNS_SENSOR_PROCESS};
        auto made = SensorHarness::make(options);
        ASSERT_TRUE(made) << made.error().message;
        harness_ = std::move(*made);
        auto& lifecycle = dynamic_cast<LifecycleSensor&>(harness_->sensor(FNS_SENSOR_LIFECYCLE));
        const auto added = lifecycle.add_parent_path(test_cgroup_root(), {.depth = 1});
        ASSERT_TRUE(added) << added.error().message;
    }
    void TearDown() override
    {
        if (harness_) {
            EXPECT_THAT(harness_->decode_errors(), IsEmpty());
        }
    }

    CgroupSandbox sandbox(const std::string& name)
    {
        auto made = CgroupSandbox::make_for_test(name);
        if (!made)
            throw std::runtime_error(made.error().message);
        return std::move(*made);
    }
    std::vector<Event> execs(SandboxId id) { return harness_->matching(is_event(EventKind::exec, id)); }
    std::vector<Event> execs_with(SandboxId id, fns_exec_flag flag)
    {
        auto all = execs(id);
        std::erase_if(all, [flag](const Event& event) { return !event.as<ExecBody>()->has(flag); });
        return all;
    }
    // The only exec of a file that ends in `name`.
    const ExecBody& exec_of(SandboxId id, std::string_view name)
    {
        found_ = execs(id);
        std::erase_if(found_, [name](const Event& event) { return !event.as<ExecBody>()->path.ends_with(name); });
        if (found_.size() != 1)
            throw std::runtime_error(std::to_string(found_.size()) + " execs of " + std::string(name));
        return *found_.front().as<ExecBody>();
    }

    std::unique_ptr<SensorHarness> harness_;
    std::vector<Event> found_;
};

RuncOptions container(std::vector<std::string> argv)
{
    return {.cgroup_path = test_cgroup_root() + "/i-1", .argv = std::move(argv)};
}

TEST_F(ProcessTest, TheWorkloadOfAContainerBeginsWithItsOwnProgram)
{
    start();
    auto made = RuncContainer::run(container({"/bin/sh", "-c", "ls / >/dev/null; echo done; read x"}));
    ASSERT_TRUE(made) << made.error().message;
    ASSERT_TRUE(made->io().read_until("done"));
    ASSERT_TRUE(harness_->settle());

    const auto first = execs_with(made->id(), FNS_EXEC_FIRST);
    ASSERT_EQ(first.size(), 1U);
    const auto& body = *first.front().as<ExecBody>();
    EXPECT_EQ(body.path, "/usr/bin/dash");
    EXPECT_EQ(body.filename, "/bin/sh");
    EXPECT_EQ(body.argv.size(), 3U);
    EXPECT_EQ(body.flags, FNS_EXEC_FIRST);
    EXPECT_FALSE(first.front().has(FNS_FLAG_ENTRANT));
    EXPECT_FALSE(first.front().has(FNS_FLAG_SETUP));
    EXPECT_EQ(first.front().process.tgid, static_cast<std::uint32_t>(made->pid()));
    // What went before it is the runtime's, what comes after it the function's.
    for (const Event& event : execs(made->id())) {
        const bool before = event.time_ns < first.front().time_ns;
        EXPECT_EQ(event.as<ExecBody>()->has(FNS_EXEC_RUNTIME), before) << event.as<ExecBody>()->path;
    }
    EXPECT_EQ(exec_of(made->id(), "/ls").flags, 0U);
    EXPECT_EQ(harness_->lost(), 0U);
}

TEST_F(ProcessTest, AHookOfTheRuntimeIsNotTheWorkload)
{
    start();
    auto options = container({"/bin/cat"});
    options.create_hook = {"/bin/ls", "/"};
    auto made = RuncContainer::run(options);
    ASSERT_TRUE(made) << made.error().message;
    ASSERT_NE(harness_->wait_for([](const Event& event) {
        return event.kind == EventKind::exec && event.as<ExecBody>()->has(FNS_EXEC_FIRST);
    }),
              nullptr);
    ASSERT_TRUE(harness_->settle());
    EXPECT_EQ(exec_of(made->id(), "/ls").flags, FNS_EXEC_RUNTIME | FNS_EXEC_HOST_ROOT);
    EXPECT_EQ(exec_of(made->id(), "/cat").flags, FNS_EXEC_FIRST);
}

TEST_F(ProcessTest, RuncExecComesFromOutside)
{
    start();
    auto made = RuncContainer::run(container({"/bin/sh", "-c", "echo up; read x"}));
    ASSERT_TRUE(made) << made.error().message;
    ASSERT_TRUE(made->io().read_until("up"));
    const auto done = made->exec({"/bin/sh", "-c", "ls / >/dev/null; echo probed"});
    ASSERT_TRUE(done) << done.error().message;
    EXPECT_EQ(done->output, "probed\n");
    ASSERT_TRUE(harness_->settle());

    const auto outside = execs_with(made->id(), FNS_EXEC_FROM_OUTSIDE);
    ASSERT_EQ(outside.size(), 1U);
    EXPECT_EQ(outside.front().as<ExecBody>()->path, "/usr/bin/dash");
    // Its own program runs now: what that starts is not the operator's any more.
    EXPECT_EQ(exec_of(made->id(), "/ls").flags, 0U);
    EXPECT_EQ(execs_with(made->id(), FNS_EXEC_FIRST).size(), 1U);
}

TEST_F(ProcessTest, TheWorkloadOfAPlainCgroupBeginsWithItsFirstProgram)
{
    start();
    const auto box = sandbox("plain");
    ASSERT_TRUE(box.run({"/bin/sh", "-c", "/bin/true; exit 3"}));
    ASSERT_TRUE(harness_->settle());
    EXPECT_EQ(exec_of(box.id(), "/dash").flags, FNS_EXEC_FIRST | FNS_EXEC_HOST_ROOT);
    EXPECT_EQ(exec_of(box.id(), "/true").flags, FNS_EXEC_HOST_ROOT);
}

// Every fork has its exit, with the code that wait() gives.
TEST_F(ProcessTest, ForksAndExitsPair)
{
    start();
    const auto box = sandbox("pairs");
    ASSERT_TRUE(box.run({"/bin/sh", "-c", "(exit 3); sh -c 'kill -SEGV $$'; exit 5"}));
    ASSERT_TRUE(harness_->settle());
    std::map<std::uint32_t, ExitBody> ended;
    for (const Event& event : harness_->matching(is_event(EventKind::exit, box.id())))
        EXPECT_TRUE(ended.emplace(event.process.tgid, *event.as<ExitBody>()).second) << event.process.tgid;
    const auto forks = harness_->matching(is_event(EventKind::fork, box.id()));
    EXPECT_GE(forks.size(), 2U);
    for (const Event& event : forks)
        EXPECT_TRUE(ended.contains(event.as<ForkBody>()->child.tgid));
    EXPECT_EQ(std::ranges::count_if(ended, [](const auto& entry) { return entry.second.exit_code == 3; }), 1);
    EXPECT_EQ(std::ranges::count_if(ended, [](const auto& entry) { return entry.second.exit_code == 5; }), 1);
    EXPECT_EQ(std::ranges::count_if(ended, [](const auto& entry) { return entry.second.signal == SIGSEGV; }), 1);
    EXPECT_EQ(harness_->lost(), 0U);
}

}  // namespace
}  // namespace fnshield::testing
