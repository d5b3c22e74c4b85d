// SPDX-License-Identifier: Apache-2.0
//
// The memory sensor on the real kernel: each act that reaches into another sandbox's memory gives exactly the events
// that it should, with both ends resolved; its look-alikes give none.
#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/support/memory_scene.h"

namespace fnshield::testing {
namespace {

struct Case {
    const char* act;
    EventKind kind;
    fns_access access;
    fns_via via;
    const char* name;
    std::size_t events = 1;  // in the full profile
    bool lean = true;        // seen in the lean profile as well
    std::vector<std::string> arguments = {};
    std::size_t actors = 1;     // that do it
    std::size_t from_host = 1;  // events that match where the actor is on the host
    std::uint32_t flags = 0;    // that the event must have
};

void PrintTo(const Case& c, std::ostream* out)
{
    *out << c.act;
}

constexpr auto kMemory = EventKind::memory_access;

const Case kCases[] = {
    {"vmread", kMemory, FNS_ACCESS_READ, FNS_VIA_PROCESS_VM_READV, ""},
    {"vmwrite", kMemory, FNS_ACCESS_WRITE, FNS_VIA_PROCESS_VM_WRITEV, ""},
    {"vmread_deep", kMemory, FNS_ACCESS_READ, FNS_VIA_PROCESS_VM_READV, ""},
    {"ptrace_attach", kMemory, FNS_ACCESS_ATTACH, FNS_VIA_PTRACE_ATTACH, "", 1, false},
    {"ptrace_seize", kMemory, FNS_ACCESS_ATTACH, FNS_VIA_PTRACE_SEIZE, "", 1, false},
    {"ptrace_peek", kMemory, FNS_ACCESS_READ, FNS_VIA_PTRACE_PEEK, "", 2},   // and the attach
    {"ptrace_poke", kMemory, FNS_ACCESS_WRITE, FNS_VIA_PTRACE_POKE, "", 3},  // attach, peek
    {"ptrace_regs", kMemory, FNS_ACCESS_READ, FNS_VIA_PTRACE_OTHER, "", 2, false},
    {"proc_mem", kMemory, FNS_ACCESS_READ, FNS_VIA_PROC_MEM, "mem"},
    {"proc_mem_write", kMemory, FNS_ACCESS_WRITE, FNS_VIA_PROC_MEM, "mem"},
    {"proc_mem_open_only", kMemory, FNS_ACCESS_READ, FNS_VIA_PROC_MEM, "mem", 1, false, {}, 1, 0},
    {"proc_mem_dirfd", kMemory, FNS_ACCESS_READ, FNS_VIA_PROC_MEM, "mem"},
    {"proc_mem_chdir", kMemory, FNS_ACCESS_READ, FNS_VIA_PROC_MEM, "mem"},
    {"proc_mem_symlink", kMemory, FNS_ACCESS_READ, FNS_VIA_PROC_MEM, "mem"},
    {"proc_mem_openat2", kMemory, FNS_ACCESS_READ, FNS_VIA_PROC_MEM, "mem"},
    {"proc_mem_o_path", kMemory, FNS_ACCESS_READ, FNS_VIA_PROC_MEM, "mem", 2},  // the path first: peek
    {"proc_mem_task", kMemory, FNS_ACCESS_READ, FNS_VIA_PROC_MEM, "mem"},
    {"proc_mem_passed", kMemory, FNS_ACCESS_READ, FNS_VIA_PROC_MEM, "mem", 2, true, {}, 2},  // opener and reader
};

std::string case_name(const ::testing::TestParamInfo<Case>& info)
{
    std::string name = info.param.act;
    for (const std::string& argument : info.param.arguments)
        name += "_" + argument;
    for (char& letter : name)
        if (std::isalnum(static_cast<unsigned char>(letter)) == 0)
            letter = '_';
    return name;
}

bool is_expected(const Event& event, const Case& wanted)
{
    const auto& body = *event.as<MemoryBody>();
    return event.kind == wanted.kind && body.access == wanted.access && body.via == wanted.via &&
           body.name == wanted.name && !body.attempted && (event.flags & wanted.flags) == wanted.flags;
}

// The sensor is attached once for all cases of a profile; a case's processes are its own.
class MemoryActs : public ::testing::TestWithParam<Case> {
protected:
    static std::unique_ptr<MemoryScene> make(const SensorHarness::Options& options)
    {
        auto scene = MemoryScene::make(options);
        EXPECT_TRUE(scene) << scene.error().message;
        return scene ? std::move(*scene) : nullptr;
    }

    static void SetUpTestSuite() { scene_ = make({}); }
    static void TearDownTestSuite() { scene_.reset(); }

    void SetUp() override
    {
        ASSERT_NE(scene_, nullptr);
        scene_->harness().clear();
    }

    // Does the case's act from one place to another; all that the sensor said of it.
    void act(const CgroupSandbox* actor, const CgroupSandbox* target)
    {
        auto victim = scene_->start_victim(target);
        ASSERT_TRUE(victim) << victim.error().message;
        victim_ = static_cast<std::uint32_t>(victim->process.pid());
        const auto output = scene_->act(actor, GetParam().act, *victim, GetParam().arguments);
        ASSERT_TRUE(output) << output.error().message;
        EXPECT_EQ(output->find("result=-"), std::string::npos) << "the act itself failed: " << *output;
        events_ = scene_->seen();
    }

    // The number of events that match the case; all of them must name both ends.
    std::size_t matching(SandboxId actor, SandboxId target)
    {
        std::size_t count = 0;
        for (const Event& event : events_) {
            const auto& body = *event.as<MemoryBody>();
            EXPECT_EQ(event.sandbox, actor);
            EXPECT_EQ(body.target_sandbox, target);
            EXPECT_EQ(body.target.tgid, victim_);
            EXPECT_EQ(body.target.comm, "trigger");
            EXPECT_GT(body.target.start_ns, 0U);
            EXPECT_NE(event.process.tgid, 0U);
            EXPECT_NE(event.process.tgid, victim_);
            count += is_expected(event, GetParam()) ? 1 : 0;
        }
        return count;
    }

    static std::unique_ptr<MemoryScene> scene_;
    std::uint32_t victim_ = 0;
    std::vector<Event> events_;
};

std::unique_ptr<MemoryScene> MemoryActs::scene_;

TEST_P(MemoryActs, AcrossSandboxes)
{
    ASSERT_NO_FATAL_FAILURE(act(&scene_->attacker(), &scene_->victims()));
    EXPECT_EQ(matching(scene_->attacker().id(), scene_->victims().id()), GetParam().actors) << describe(events_);
    EXPECT_EQ(events_.size(), GetParam().events) << describe(events_);
    EXPECT_EQ(scene_->harness().lost(), 0U);
}

TEST_P(MemoryActs, InsideOneSandboxAreSilent)
{
    ASSERT_NO_FATAL_FAILURE(act(&scene_->victims(), &scene_->victims()));
    EXPECT_TRUE(events_.empty()) << describe(events_);
}

TEST_P(MemoryActs, OnTheHostAreSilent)
{
    ASSERT_NO_FATAL_FAILURE(act(nullptr, nullptr));
    EXPECT_TRUE(events_.empty()) << describe(events_);
}

TEST_P(MemoryActs, FromASandboxOnTheHost)
{
    ASSERT_NO_FATAL_FAILURE(act(&scene_->attacker(), nullptr));
    EXPECT_EQ(matching(scene_->attacker().id(), kHost), GetParam().actors) << describe(events_);
}

// The operator or the runtime: reported as the host's where it is memory, and the opening of files is not.
TEST_P(MemoryActs, FromTheHostOnASandbox)
{
    ASSERT_NO_FATAL_FAILURE(act(nullptr, &scene_->victims()));
    EXPECT_EQ(matching(kHost, scene_->victims().id()), GetParam().from_host) << describe(events_);
}

class MemoryActsLean : public MemoryActs {
protected:
    static void SetUpTestSuite() { scene_ = make({.choice = {.full_profile = false}}); }
};

TEST_P(MemoryActsLean, AcrossSandboxes)
{
    ASSERT_NO_FATAL_FAILURE(act(&scene_->attacker(), &scene_->victims()));
    EXPECT_EQ(matching(scene_->attacker().id(), scene_->victims().id()), GetParam().lean ? 1U : 0U)
        << describe(events_);
}

INSTANTIATE_TEST_SUITE_P(Memory, MemoryActsLean, ::testing::ValuesIn(kCases), case_name);
INSTANTIATE_TEST_SUITE_P(Memory, MemoryActs, ::testing::ValuesIn(kCases), case_name);

}  // namespace
}  // namespace fnshield::testing
