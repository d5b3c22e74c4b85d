// SPDX-License-Identifier: Apache-2.0
//
// The memory sensor at its edges: refused acts, look-alikes, pid namespaces and threads, a target that cannot be named,
// suppression, and a flood of opens beside the attacks.
#include <gtest/gtest.h>
#include <sched.h>

#include <cerrno>
#include <set>

#include "tests/support/memory_scene.h"
#include "tests/support/needs.h"

namespace fnshield::testing {
namespace {

class MemoryEdges : public ::testing::Test {
protected:
    // Kept for the next case that asks for nothing else: the verifier takes most of a case's time.
    void start()
    {
        if (!shared_)
            load({}, shared_);
        ASSERT_NE(shared_, nullptr);
        scene_ = shared_.get();
        ASSERT_TRUE(scene_->harness().settle());
        scene_->harness().clear();
    }
    void start(const SensorHarness::Options& options)
    {
        shared_.reset();  // it would watch the same sandboxes
        load(options, own_);
        ASSERT_NE(own_, nullptr);
        scene_ = own_.get();
    }
    static void TearDownTestSuite() { shared_.reset(); }

    MemoryScene* scene_ = nullptr;

private:
    static void load(const SensorHarness::Options& options, std::unique_ptr<MemoryScene>& into)
    {
        auto scene = MemoryScene::make(options);
        ASSERT_TRUE(scene) << scene.error().message;
        into = std::move(*scene);
    }

    static inline std::unique_ptr<MemoryScene> shared_;
    std::unique_ptr<MemoryScene> own_;
};

// --- refused ---

struct Refused {
    const char* act;
    std::vector<std::string> arguments;
    EventKind kind;
    fns_access access;
    fns_via via;
    const char* name;
    bool hint;  // the target is known from the path alone
    int error = EPERM;
    bool compat = false;
};

void PrintTo(const Refused& refused, std::ostream* out)
{
    *out << refused.act;
}

constexpr auto kMemory = EventKind::memory_access;

const Refused kRefused[] = {
    {"vmread", {}, kMemory, FNS_ACCESS_READ, FNS_VIA_PROCESS_VM_READV, "", false},
    {"vmwrite", {}, kMemory, FNS_ACCESS_WRITE, FNS_VIA_PROCESS_VM_WRITEV, "", false},
    {"ptrace_attach", {}, kMemory, FNS_ACCESS_ATTACH, FNS_VIA_PTRACE_ATTACH, "", false},
    {"ptrace_seize", {}, kMemory, FNS_ACCESS_ATTACH, FNS_VIA_PTRACE_SEIZE, "", false},
    {"pidfd_getfd", {"{memfd}"}, EventKind::fd_access, FNS_ACCESS_FD, FNS_VIA_PIDFD_GETFD, "", false},
    {"kcmp", {}, kMemory, FNS_ACCESS_PEEK, FNS_VIA_OTHER_SYSCALL, "", false},
    {"proc_open", {"mem"}, kMemory, FNS_ACCESS_READ, FNS_VIA_PROC_MEM, "mem", true, EACCES},
    {"proc_open", {"environ"}, kMemory, FNS_ACCESS_PEEK, FNS_VIA_PROC_FILE, "environ", true, EACCES},
    {"proc_open", {"task/{tid}/maps"}, kMemory, FNS_ACCESS_PEEK, FNS_VIA_PROC_FILE, "maps", true, EACCES},
    {"proc_open", {"root/etc/passwd"}, kMemory, FNS_ACCESS_PEEK, FNS_VIA_PROC_LINK, "root", true, EACCES},
    {"proc_open", {"fd/{memfd}"}, EventKind::fd_access, FNS_ACCESS_FD, FNS_VIA_PROC_LINK, "fd/{memfd}", true, EACCES},
    {"proc_open_dirfd", {"mem"}, kMemory, FNS_ACCESS_READ, FNS_VIA_PROC_MEM, "mem", false, EACCES},
    {"proc_link", {"exe"}, kMemory, FNS_ACCESS_PEEK, FNS_VIA_PROC_LINK, "exe", true, EACCES},
    {"proc_chdir", {"cwd"}, kMemory, FNS_ACCESS_PEEK, FNS_VIA_PROC_LINK, "cwd", true, EACCES},
    {"vmread_32", {}, kMemory, FNS_ACCESS_READ, FNS_VIA_PROCESS_VM_READV, "", false, EPERM, true},
    {"proc_open_32", {"mem"}, kMemory, FNS_ACCESS_READ, FNS_VIA_PROC_MEM, "mem", true, EACCES, true},
};

// Attached once for all cases, with the key for 32-bit entries on.
class MemoryRefused : public ::testing::TestWithParam<Refused> {
protected:
    static void SetUpTestSuite()
    {
        auto scene = MemoryScene::make({.choice = {.compat_entry = true}});
        ASSERT_TRUE(scene) << scene.error().message;
        scene_ = std::move(*scene);
    }
    static void TearDownTestSuite() { scene_.reset(); }
    void SetUp() override
    {
        ASSERT_NE(scene_, nullptr);
        scene_->harness().clear();
    }

    static std::unique_ptr<MemoryScene> scene_;
};

std::unique_ptr<MemoryScene> MemoryRefused::scene_;

TEST_P(MemoryRefused, IsAnAttempt)
{
    const Refused& wanted = GetParam();
    SKIP_WITHOUT_ENTRY_OF(wanted.act);
    auto victim = scene_->start_victim(&scene_->victims());
    ASSERT_TRUE(victim) << victim.error().message;
    std::vector<std::string> words = {wanted.act};
    words.insert(words.end(), wanted.arguments.begin(), wanted.arguments.end());
    const auto output = scene_->act(&scene_->attacker(), "as_nobody", *victim, words);
    ASSERT_TRUE(output) << output.error().message;
    EXPECT_NE(output->find("result=-" + std::to_string(wanted.error)), std::string::npos) << *output;

    const auto events = scene_->seen();
    ASSERT_EQ(events.size(), 1U) << describe(events);
    const Event& event = events.front();
    const auto& body = *event.as<MemoryBody>();
    EXPECT_EQ(event.kind, wanted.kind);
    EXPECT_EQ(event.sandbox, scene_->attacker().id());
    EXPECT_EQ(event.process.uid, 65534U);
    EXPECT_EQ(event.has(FNS_FLAG_COMPAT), wanted.compat);
    EXPECT_EQ(body.target_sandbox, scene_->victims().id());
    EXPECT_EQ(body.target.tgid, static_cast<std::uint32_t>(victim->process.pid()));
    EXPECT_EQ(body.access, wanted.access);
    EXPECT_EQ(body.via, wanted.via);
    EXPECT_EQ(body.name, victim->fill_in(wanted.name));
    EXPECT_TRUE(body.attempted);
    // The preferred backends are mostly handed the target itself.
    EXPECT_TRUE(on_fallback() ? body.hint == wanted.hint : wanted.hint || !body.hint);
    EXPECT_EQ(body.result, -wanted.error);
}

std::string refused_name(const ::testing::TestParamInfo<Refused>& refused)
{
    return std::to_string(refused.index) + "_" + refused.param.act;
}

INSTANTIATE_TEST_SUITE_P(Memory, MemoryRefused, ::testing::ValuesIn(kRefused), refused_name);

// A path that looks like one of /proc elsewhere is none.
TEST_F(MemoryEdges, ARefusedOpenOutsideOfProcIsNone)
{
    ASSERT_NO_FATAL_FAILURE(start());
    auto victim = scene_->start_victim(&scene_->victims());
    ASSERT_TRUE(victim) << victim.error().message;
    const auto output = scene_->act(&scene_->attacker(), "as_nobody", *victim, {"proc_open", "../../etc/shadow"});
    ASSERT_TRUE(output) << output.error().message;
    EXPECT_NE(output->find("result=-" + std::to_string(EACCES)), std::string::npos) << *output;
    const auto events = scene_->seen();
    EXPECT_TRUE(events.empty()) << describe(events);
}

// --- look-alikes ---

TEST_F(MemoryEdges, LookAlikesAreSilent)
{
    ASSERT_NO_FATAL_FAILURE(start({.choice = {.compat_entry = true}}));
    auto bystander = scene_->start_victim(&scene_->victims());
    ASSERT_TRUE(bystander) << bystander.error().message;
    for (const int namespaces : {0, CLONE_NEWNS})
        for (const char* name : {"own_memory", "child_memory", "traced_child", "own_life", "reopen_own",
                                 "run_from_memory", "child_descriptor"}) {
            const auto output = scene_->act(&scene_->attacker(), {name}, {.unshare_flags = namespaces});
            ASSERT_TRUE(output) << output.error().message;
            EXPECT_EQ(output->find("result=-"), std::string::npos) << name << ": " << *output;
            EXPECT_EQ(output->find("result=0\n") != std::string::npos && std::string_view(name) == "reopen_own", false);
            const auto events = scene_->seen();
            EXPECT_TRUE(events.empty()) << name << "\n" << describe(events);
            scene_->harness().clear();
        }
}

// ps reads the command line of every process, and that goes through its memory: told apart by its name, so that the
// detector can leave it.
TEST_F(MemoryEdges, AProcessListingIsCommandLinesOnly)
{
    SKIP_WITHOUT_HOOK("raw:mmap_lock_start_locking");
    ASSERT_NO_FATAL_FAILURE(start());
    auto victim = scene_->start_victim(&scene_->victims());
    ASSERT_TRUE(victim) << victim.error().message;
    ASSERT_TRUE(scene_->act(&scene_->attacker(), {"list_processes"}));
    const auto events = scene_->seen();
    EXPECT_FALSE(events.empty());
    for (const Event& event : events) {
        EXPECT_EQ(event.as<MemoryBody>()->via, FNS_VIA_PROC_FILE) << describe({event});
        EXPECT_EQ(event.as<MemoryBody>()->access, FNS_ACCESS_PEEK) << describe({event});
        EXPECT_EQ(event.as<MemoryBody>()->name, "cmdline") << describe({event});
    }
}

// An exporter on the host reads them as well, every few seconds and of every container: not even that is said.
TEST_F(MemoryEdges, AProcessListingByTheHostIsSilent)
{
    ASSERT_NO_FATAL_FAILURE(start());
    auto victim = scene_->start_victim(&scene_->victims());
    ASSERT_TRUE(victim) << victim.error().message;
    ASSERT_TRUE(scene_->act(nullptr, {"list_processes"}));
    const auto events = scene_->seen();
    EXPECT_TRUE(events.empty()) << describe(events);
}

// --- naming ---

TEST_F(MemoryEdges, AThreadNamesItsProcess)
{
    ASSERT_NO_FATAL_FAILURE(start());
    auto victim = scene_->start_victim(&scene_->victims());
    ASSERT_TRUE(victim) << victim.error().message;
    for (const char* name : {"vmread", "ptrace_seize"}) {
        ASSERT_TRUE(scene_->act(&scene_->attacker(), {name, victim->said["tid"], victim->said["address"]}));
        const auto events = scene_->seen();
        ASSERT_EQ(events.size(), 1U) << describe(events);
        const auto& body = *events.front().as<MemoryBody>();
        EXPECT_EQ(body.target.tgid, static_cast<std::uint32_t>(victim->process.pid()));
        EXPECT_EQ(std::to_string(body.requested_pid), victim->said["tid"]);
        scene_->harness().clear();
    }
}

// The caller's number of the victim is 1 in their pid namespace; both tables resolve it, refused or not.
TEST_F(MemoryEdges, ANamespacedPidNamesItsProcess)
{
    ASSERT_NO_FATAL_FAILURE(start());
    for (const auto& act : std::vector<std::vector<std::string>>{{"vmread"},
                                                                 {"ptrace_seize"},
                                                                 {"pidfd_getfd", "0"},
                                                                 {"as_nobody", "vmread"},
                                                                 {"as_nobody", "ptrace_attach"}}) {
        std::vector<std::string> words = {"twins", scene_->victims().directory() + "/cgroup.procs",
                                          scene_->attacker().directory() + "/cgroup.procs"};
        words.insert(words.end(), act.begin(), act.end());
        const auto output = scene_->act(nullptr, words);
        ASSERT_TRUE(output) << output.error().message;
        const auto events = scene_->seen();
        ASSERT_EQ(events.size(), 1U) << act.front() << "\n" << describe(events);
        const Event& event = events.front();
        const auto& body = *event.as<MemoryBody>();
        EXPECT_EQ(event.sandbox, scene_->attacker().id());
        EXPECT_EQ(body.target_sandbox, scene_->victims().id());
        EXPECT_NE(output->find("victim=" + std::to_string(body.target.tgid) + "\n"), std::string::npos)
            << *output << describe(events);
        EXPECT_EQ(body.requested_pid, act.front() == "pidfd_getfd" ? 0U : 1U);
        scene_->harness().clear();
    }
}

// The path does not say whose descriptor it was, as a thread can arrange: still an act, by a target without a name.
TEST_F(MemoryEdges, ADisguisedPathIsAnActOnSomebody)
{
    ASSERT_NO_FATAL_FAILURE(start());
    auto victim = scene_->start_victim(&scene_->victims(), {.unshare_flags = CLONE_NEWNS});
    ASSERT_TRUE(victim) << victim.error().message;
    for (const char* name : {"fd/{memfd}", "fd/{pipe}", "root/etc/passwd"}) {
        ASSERT_TRUE(scene_->act(&scene_->attacker(), "proc_open_disguised", *victim, {name}));
        const auto events = scene_->seen();
        ASSERT_EQ(events.size(), 1U) << name << "\n" << describe(events);
        const auto& body = *events.front().as<MemoryBody>();
        EXPECT_EQ(body.via, FNS_VIA_PROC_LINK);
        EXPECT_EQ(body.target.tgid, 0U);
        EXPECT_EQ(body.target_sandbox, kHost);
        EXPECT_FALSE(body.attempted);
        scene_->harness().clear();
    }
}

// --- how often ---

TEST_F(MemoryEdges, TheSameActIsSaidOnceAndCounted)
{
    ASSERT_NO_FATAL_FAILURE(start({.repeat_after_ns = 3600 * kSecond}));
    auto victim = scene_->start_victim(&scene_->victims());
    ASSERT_TRUE(victim) << victim.error().message;
    ASSERT_TRUE(scene_->act(&scene_->attacker(), "repeat", *victim, {"50", "vmread"}));
    EXPECT_EQ(scene_->seen().size(), 1U);
    const auto counters = scene_->harness().maps().total(FNS_SENSOR_MEMORY);
    ASSERT_TRUE(counters);
    EXPECT_EQ(counters->forwarded, 1U);
    EXPECT_GE(counters->suppressed, 49U);
}

TEST_F(MemoryEdges, AHundredAttacksBesideAFloodOfOpensAreAllSeen)
{
    ASSERT_NO_FATAL_FAILURE(start({.repeat_after_ns = 0}));
    auto noisy = CgroupSandbox::make_for_test("noisy");
    ASSERT_TRUE(noisy);
    ASSERT_TRUE(scene_->harness().add_sandbox(*noisy));
    auto flood = noisy->spawn({trigger(), "open_flood"});
    ASSERT_TRUE(flood);
    ASSERT_TRUE(flood->read_until("ready"));
    auto victim = scene_->start_victim(&scene_->victims());
    ASSERT_TRUE(victim) << victim.error().message;
    for (int i = 0; i < 100; ++i)
        ASSERT_TRUE(scene_->act(&scene_->attacker(), i % 2 == 0 ? "vmread" : "proc_open", *victim, {"environ"}));
    flood->close_input();
    const auto flooded = flood->wait();
    ASSERT_TRUE(flooded) << flooded.error().message;

    std::set<std::uint32_t> actors;
    for (const Event& event : scene_->seen()) {
        EXPECT_EQ(event.sandbox, scene_->attacker().id());
        actors.insert(event.process.tgid);
    }
    EXPECT_EQ(actors.size(), 100U);
    EXPECT_EQ(scene_->harness().lost(), 0U);
}

}  // namespace
}  // namespace fnshield::testing
