// SPDX-License-Identifier: Apache-2.0
//
// What is done about reaching into another sandbox, by every road: on the LSM backend a denied act fails with EPERM or
// EACCES in the attacker, on the others he is killed before he has the bytes. The target's policy decides about its
// memory, the actor's about all else; a policy in monitor mode says the same and touches nothing.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>

#include "tests/support/memory_scene.h"
#include "tests/support/needs.h"

namespace fnshield::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::uint32_t kPolicy = 1;
constexpr int kKilled = 128 + SIGKILL;

struct Road {
    const char* act;
    std::vector<std::string> arguments;
    fns_guard guard;
    // An act that is seen by the lock of the memory alone is killed even where LSM programs refuse: no hook sees it.
    bool refusable = true;
    std::string_view hook = {};  // that the kernel must have
};

void PrintTo(const Road& road, std::ostream* out)
{
    *out << road.act;
}

const Road kRoads[] = {
    {"vmread", {}, FNS_GUARD_MEMORY_READ},
    {"vmwrite", {}, FNS_GUARD_MEMORY_WRITE},
    {"vmread_deep", {}, FNS_GUARD_MEMORY_READ},
    {"vmread_32", {}, FNS_GUARD_MEMORY_READ, true, "raw:mmap_lock_start_locking"},
    {"proc_mem", {}, FNS_GUARD_MEMORY_READ},
    {"proc_mem_openat2", {}, FNS_GUARD_MEMORY_READ},
    {"proc_mem_dirfd", {}, FNS_GUARD_MEMORY_READ},
    {"ring_mem", {}, FNS_GUARD_MEMORY_READ, true, "raw:mmap_lock_start_locking"},
    {"ptrace_attach", {}, FNS_GUARD_PTRACE},
    {"ptrace_seize", {}, FNS_GUARD_PTRACE},
    {"proc_open", {"environ"}, FNS_GUARD_PROC_PEEK},
    {"proc_open", {"maps"}, FNS_GUARD_PROC_PEEK},
    {"proc_link", {"exe"}, FNS_GUARD_PROC_PEEK},
    {"kcmp", {}, FNS_GUARD_PROC_PEEK},
    {"pidfd_getfd", {"{memfd}"}, FNS_GUARD_FD_THEFT},
};

std::string road_name(const ::testing::TestParamInfo<Road>& info)
{
    std::string name = std::to_string(info.index) + "_" + info.param.act;
    for (const std::string& argument : info.param.arguments)
        name += "_" + argument;
    std::ranges::replace_if(name, [](unsigned char c) { return std::isalnum(c) == 0; }, '_');
    return name;
}

class MemoryVerdict : public ::testing::TestWithParam<Road> {
protected:
    static void SetUpTestSuite()
    {
        auto scene = MemoryScene::make();
        ASSERT_TRUE(scene) << scene.error().message;
        scene_ = std::move(*scene);
    }
    static void TearDownTestSuite() { scene_.reset(); }
    void SetUp() override
    {
        ASSERT_NE(scene_, nullptr);
        ASSERT_TRUE(scene_->harness().settle());  // what the case before left in the rings
        scene_->harness().clear();
        auto backend = test_backend();
        ASSERT_TRUE(backend);
        refuses_ = *backend == Backend::lsm;
        for (const CgroupSandbox* sandbox : {&scene_->attacker(), &scene_->victims()})
            assign(*sandbox, 0);
    }

    void assign(const CgroupSandbox& sandbox, std::uint32_t policy, std::uint32_t name = 0)
    {
        ASSERT_TRUE(
            maps().assignments().update(sandbox.id(), {.policy_id = policy, .name_id = name, .warm = 1, .padding = 0}));
    }
    void put_in_force(fns_guard guard, fns_action action, std::uint32_t flags)
    {
        fns_policy policy{};
        policy.flags = flags;
        for (auto& phase : policy.action)
            phase[guard] = static_cast<std::uint8_t>(action);
        ASSERT_TRUE(maps().policies().update(kPolicy, policy));
    }
    // The target's policy where it is about its memory, else the actor's.
    void give_to_who_decides(fns_guard guard)
    {
        const bool of_target = guard == FNS_GUARD_MEMORY_READ || guard == FNS_GUARD_MEMORY_WRITE;
        assign(of_target ? scene_->victims() : scene_->attacker(), kPolicy);
    }

    // Does the act; how its process ended and what it said.
    Finished act(const Road& road)
    {
        auto victim = MemoryScene::start_victim(&scene_->victims());
        EXPECT_TRUE(victim) << victim.error().message;
        if (!victim)
            return {};
        std::vector<std::string> argv = {trigger(), road.act, std::to_string(victim->process.pid()),
                                         victim->said.at("address")};
        for (const std::string& word : road.arguments)
            argv.push_back(victim->fill_in(word));
        auto done = scene_->attacker().run(argv);
        EXPECT_TRUE(done) << done.error().message;
        events_ = scene_->seen();
        return done ? *done : Finished{};
    }

    // The verdicts of the act's events that were acted upon or would have been.
    std::vector<fns_verdict> requested() const
    {
        std::vector<fns_verdict> found;
        for (const Event& event : events_)
            if (event.verdict.requested != FNS_ACTION_NONE)
                found.push_back(event.verdict);
        return found;
    }

    [[nodiscard]] const SharedMaps& maps() const { return scene_->harness().maps(); }

    static std::unique_ptr<MemoryScene> scene_;
    std::vector<Event> events_;
    bool refuses_ = false;
};

std::unique_ptr<MemoryScene> MemoryVerdict::scene_;

TEST_P(MemoryVerdict, DenyKeepsItFromHappening)
{
    const Road& road = GetParam();
    SKIP_WITHOUT_HOOK(road.hook);
    SKIP_WITHOUT_ENTRY_OF(road.act);
    ASSERT_NO_FATAL_FAILURE(put_in_force(road.guard, FNS_ACTION_DENY, FNS_POLICY_ENFORCE));
    ASSERT_NO_FATAL_FAILURE(give_to_who_decides(road.guard));
    const Finished done = act(road);
    const auto verdicts = requested();
    ASSERT_FALSE(verdicts.empty()) << describe(events_);
    EXPECT_EQ(verdicts.front().requested, FNS_ACTION_DENY);
    EXPECT_EQ(verdicts.front().policy_id, kPolicy);
    if (refuses_ && road.refusable) {
        EXPECT_EQ(done.exit_code, 0) << done.output;
        EXPECT_THAT(done.output, ::testing::AnyOf(HasSubstr("result=-1\n"), HasSubstr("result=-13\n")));
        EXPECT_EQ(verdicts.front().taken, FNS_ACTION_DENY) << describe(events_);
        EXPECT_TRUE(events_.front().has(FNS_FLAG_DENIED)) << describe(events_);
    } else {
        // vmread_deep is done by a child's child: it is who is killed, and its parents say nothing.
        EXPECT_THAT(done.output, Not(HasSubstr("result="))) << describe(events_);
        if (road.act != std::string_view("vmread_deep")) {
            EXPECT_EQ(done.exit_code, kKilled) << done.output << describe(events_);
        }
        EXPECT_EQ(verdicts.front().taken, FNS_ACTION_KILL) << describe(events_);
    }
}

TEST_P(MemoryVerdict, MonitorModeSaysTheSameAndTouchesNothing)
{
    const Road& road = GetParam();
    SKIP_WITHOUT_HOOK(road.hook);
    SKIP_WITHOUT_ENTRY_OF(road.act);
    ASSERT_NO_FATAL_FAILURE(put_in_force(road.guard, FNS_ACTION_DENY, 0));
    ASSERT_NO_FATAL_FAILURE(give_to_who_decides(road.guard));
    const Finished done = act(road);
    EXPECT_EQ(done.exit_code, 0) << done.output;
    EXPECT_THAT(done.output, Not(HasSubstr("result=-")));
    const auto verdicts = requested();
    ASSERT_FALSE(verdicts.empty()) << describe(events_);
    EXPECT_EQ(verdicts.front().requested, FNS_ACTION_DENY);
    EXPECT_EQ(verdicts.front().taken, FNS_ACTION_NONE);
}

INSTANTIATE_TEST_SUITE_P(Roads, MemoryVerdict, ::testing::ValuesIn(kRoads), road_name);

class MemoryVerdicts : public MemoryVerdict {
protected:
    const Road vmread_{"vmread", {}, FNS_GUARD_MEMORY_READ};
};

TEST_F(MemoryVerdicts, KillKillsOnEveryBackend)
{
    put_in_force(FNS_GUARD_MEMORY_READ, FNS_ACTION_KILL, FNS_POLICY_ENFORCE);
    assign(scene_->victims(), kPolicy);
    EXPECT_EQ(act(vmread_).exit_code, kKilled);
    ASSERT_FALSE(requested().empty());
    EXPECT_EQ(requested().front().taken, FNS_ACTION_KILL);
}

// Seen or only counted, every act has its verdict.
TEST_F(MemoryVerdicts, ARepeatIsRefusedAsWell)
{
    put_in_force(FNS_GUARD_MEMORY_READ, FNS_ACTION_DENY, FNS_POLICY_ENFORCE);
    assign(scene_->victims(), kPolicy);
    auto victim = MemoryScene::start_victim(&scene_->victims());
    ASSERT_TRUE(victim) << victim.error().message;
    for (int turn = 0; turn < 2; ++turn) {
        auto done = scene_->attacker().run(
            {trigger(), "repeat", std::to_string(victim->process.pid()), victim->said.at("address"), "3", "vmread"});
        ASSERT_TRUE(done) << done.error().message;
        EXPECT_THAT(done->output, Not(HasSubstr("result=16"))) << "some of the memory was read";
        EXPECT_EQ(done->exit_code, refuses_ ? 0 : kKilled);
    }
}

TEST_F(MemoryVerdicts, WhoIsListedMayRead)
{
    put_in_force(FNS_GUARD_MEMORY_READ, FNS_ACTION_DENY, FNS_POLICY_ENFORCE | FNS_POLICY_MEMORY_LISTED);
    assign(scene_->victims(), kPolicy, 1);
    assign(scene_->attacker(), 0, 2);
    ASSERT_TRUE(maps().memory_allowed().update({.target = 1, .actor = 2}, 1));
    const Finished allowed = act(vmread_);
    EXPECT_EQ(allowed.exit_code, 0) << allowed.output;
    EXPECT_THAT(allowed.output, HasSubstr("result=16"));
    EXPECT_TRUE(requested().empty());

    ASSERT_TRUE(maps().memory_allowed().erase({.target = 1, .actor = 2}));
    scene_->harness().clear();
    EXPECT_THAT(act(vmread_).output, Not(HasSubstr("result=16")));
}

// The operator's debugger, and a sandbox's own memory.
TEST_F(MemoryVerdicts, NeitherTheHostNorTheSandboxItselfIsJudged)
{
    put_in_force(FNS_GUARD_MEMORY_READ, FNS_ACTION_KILL, FNS_POLICY_ENFORCE);
    assign(scene_->victims(), kPolicy);
    const CgroupSandbox* const kActors[] = {nullptr, &scene_->victims()};
    for (const CgroupSandbox* actor : kActors) {
        auto victim = MemoryScene::start_victim(&scene_->victims());
        ASSERT_TRUE(victim) << victim.error().message;
        const auto output = MemoryScene::act(actor, "vmread", *victim);
        ASSERT_TRUE(output) << output.error().message;
        EXPECT_THAT(*output, HasSubstr("result=16"));
    }
}

// What ps shows of every process is nobody's secret, whatever the policy says of the others.
TEST_F(MemoryVerdicts, AProcessListingIsNoPeek)
{
    put_in_force(FNS_GUARD_PROC_PEEK, FNS_ACTION_KILL, FNS_POLICY_ENFORCE);
    assign(scene_->attacker(), kPolicy);
    auto victim = MemoryScene::start_victim(&scene_->victims());
    ASSERT_TRUE(victim) << victim.error().message;
    EXPECT_TRUE(MemoryScene::act(&scene_->attacker(), {"list_processes"}));
}

// A container's start is the runtime's doing, however it is done.
TEST_F(MemoryVerdicts, NothingIsJudgedBeforeTheWorkloadBegins)
{
    put_in_force(FNS_GUARD_MEMORY_READ, FNS_ACTION_KILL, FNS_POLICY_ENFORCE);
    assign(scene_->victims(), kPolicy);
    auto entry = maps().sandboxes().lookup(scene_->attacker().id());
    ASSERT_TRUE(entry);
    const auto started_ns = entry->started_ns;
    entry->started_ns = 0;
    ASSERT_TRUE(maps().sandboxes().update(scene_->attacker().id(), *entry));
    const Finished done = act(vmread_);
    EXPECT_THAT(done.output, HasSubstr("result=16"));
    entry->started_ns = started_ns;
    ASSERT_TRUE(maps().sandboxes().update(scene_->attacker().id(), *entry));
}

}  // namespace
}  // namespace fnshield::testing
