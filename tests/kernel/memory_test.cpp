// SPDX-License-Identifier: Apache-2.0
//
// The memory sensor on the real kernel: each act that reaches into another sandbox's memory gives exactly the events
// that it should, with both ends resolved; its look-alikes give none.
#include <gtest/gtest.h>
#include <sched.h>

#include <algorithm>

#include "tests/support/memory_scene.h"
#include "tests/support/needs.h"

namespace fnshield::testing {
namespace {

struct Case {
    const char* act;
    std::vector<std::string> arguments;
    EventKind kind;
    fns_access access;
    fns_via via;
    const char* name = "";
    std::size_t events = 1;     // in the full profile
    bool lean = true;           // seen in the lean profile as well
    std::size_t actors = 1;     // that do it
    std::size_t from_host = 1;  // events that match where the actor is on the host
    bool apart = false;         // the victim has a mount namespace of its own
    std::uint32_t flags = 0;    // that the event must have
};

void PrintTo(const Case& c, std::ostream* out)
{
    *out << c.act;
}

constexpr auto kMemory = EventKind::memory_access;

constexpr auto kFd = EventKind::fd_access;

// What every profile sees, whoever does it: memory that is read or written.
const Case kMemoryCases[] = {
    {"vmread", {}, kMemory, FNS_ACCESS_READ, FNS_VIA_PROCESS_VM_READV},
    {"vmwrite", {}, kMemory, FNS_ACCESS_WRITE, FNS_VIA_PROCESS_VM_WRITEV},
    {"vmread_deep", {}, kMemory, FNS_ACCESS_READ, FNS_VIA_PROCESS_VM_READV},
    {"ptrace_peek", {}, kMemory, FNS_ACCESS_READ, FNS_VIA_PTRACE_PEEK, "", 2},   // and the attach
    {"ptrace_poke", {}, kMemory, FNS_ACCESS_WRITE, FNS_VIA_PTRACE_POKE, "", 3},  // attach, peek
    {"proc_mem", {}, kMemory, FNS_ACCESS_READ, FNS_VIA_PROC_MEM, "mem"},
    {"proc_mem_write", {}, kMemory, FNS_ACCESS_WRITE, FNS_VIA_PROC_MEM, "mem"},
    {"proc_mem_dirfd", {}, kMemory, FNS_ACCESS_READ, FNS_VIA_PROC_MEM, "mem"},
    {"proc_mem_chdir", {}, kMemory, FNS_ACCESS_READ, FNS_VIA_PROC_MEM, "mem"},
    {"proc_mem_symlink", {}, kMemory, FNS_ACCESS_READ, FNS_VIA_PROC_MEM, "mem"},
    {"proc_mem_openat2", {}, kMemory, FNS_ACCESS_READ, FNS_VIA_PROC_MEM, "mem"},
    {"proc_mem_o_path", {}, kMemory, FNS_ACCESS_READ, FNS_VIA_PROC_MEM, "mem", 2},  // the path first: peek
    {"proc_mem_task", {}, kMemory, FNS_ACCESS_READ, FNS_VIA_PROC_MEM, "mem"},
    {"proc_mem_passed", {}, kMemory, FNS_ACCESS_READ, FNS_VIA_PROC_MEM, "mem", 2, true, 2},  // opener and reader
    {"proc_file", {"environ"}, kMemory, FNS_ACCESS_PEEK, FNS_VIA_PROC_FILE, "environ"},
    {"proc_file", {"pagemap"}, kMemory, FNS_ACCESS_PEEK, FNS_VIA_PROC_FILE, "pagemap"},
    {"proc_file", {"smaps_rollup"}, kMemory, FNS_ACCESS_PEEK, FNS_VIA_PROC_FILE, "smaps_rollup"},
    {"ring_mem", {}, kMemory, FNS_ACCESS_READ, FNS_VIA_PROC_MEM, "mem", 1, true, 1, 1, false, FNS_FLAG_IO_URING},
    {"ring_file", {"environ"}, kMemory, FNS_ACCESS_PEEK, FNS_VIA_PROC_FILE, "environ"},
    {"vmread_32", {}, kMemory, FNS_ACCESS_READ, FNS_VIA_PROCESS_VM_READV, "", 1, true, 1, 1, false, FNS_FLAG_COMPAT},
};

// A completion of io_uring costs a system call nothing either; what the host opens is its own business.
const Case kRingCases[] = {
    {"ring_open", {"mem"}, kMemory, FNS_ACCESS_READ, FNS_VIA_PROC_MEM, "mem", 1, true, 1, 0, false, FNS_FLAG_IO_URING},
    {"ring_open",
     {"maps"},
     kMemory,
     FNS_ACCESS_PEEK,
     FNS_VIA_PROC_FILE,
     "maps",
     1,
     true,
     1,
     0,
     false,
     FNS_FLAG_IO_URING},
};

// What takes no lock of the target's memory is seen by system call tracepoints, from anybody …
const Case kCallCases[] = {
    {"ptrace_attach", {}, kMemory, FNS_ACCESS_ATTACH, FNS_VIA_PTRACE_ATTACH, "", 1, false},
    {"ptrace_seize", {}, kMemory, FNS_ACCESS_ATTACH, FNS_VIA_PTRACE_SEIZE, "", 1, false},
    {"ptrace_regs", {}, kMemory, FNS_ACCESS_READ, FNS_VIA_PTRACE_OTHER, "", 2, false},
    {"pidfd_getfd", {"{memfd}"}, kFd, FNS_ACCESS_FD, FNS_VIA_PIDFD_GETFD, "", 1, false},
    {"kcmp", {}, kMemory, FNS_ACCESS_PEEK, FNS_VIA_OTHER_SYSCALL, "", 1, false},
};

// … and opens and links from sandboxes only: the host returns after one look-up.
const Case kOpenCases[] = {
    {"proc_mem_open_only", {}, kMemory, FNS_ACCESS_READ, FNS_VIA_PROC_MEM, "mem", 1, false, 1, 0},
    {"proc_write", {"mem"}, kMemory, FNS_ACCESS_WRITE, FNS_VIA_PROC_MEM, "mem", 1, false, 1, 0},
    {"proc_write", {"oom_score_adj"}, kMemory, FNS_ACCESS_WRITE, FNS_VIA_PROC_FILE, "oom_score_adj", 1, false, 1, 0},
    {"proc_open", {"maps"}, kMemory, FNS_ACCESS_PEEK, FNS_VIA_PROC_FILE, "maps", 1, false, 1, 0},
    {"proc_open", {"auxv"}, kMemory, FNS_ACCESS_PEEK, FNS_VIA_PROC_FILE, "auxv", 1, false, 1, 0},
    {"proc_open", {"fd"}, kMemory, FNS_ACCESS_PEEK, FNS_VIA_PROC_FILE, "fd", 1, false, 1, 0},
    {"proc_open", {"fdinfo/{memfd}"}, kMemory, FNS_ACCESS_PEEK, FNS_VIA_PROC_FILE, "fdinfo/{memfd}", 1, false, 1, 0},
    {"proc_open", {"task/{tid}/maps"}, kMemory, FNS_ACCESS_PEEK, FNS_VIA_PROC_FILE, "maps", 1, false, 1, 0},
    {"proc_open", {"root/etc/passwd"}, kMemory, FNS_ACCESS_PEEK, FNS_VIA_PROC_LINK, "root", 1, false, 1, 0, true},
    {"proc_open",
     {"task/{tid}/root/etc/passwd"},
     kMemory,
     FNS_ACCESS_PEEK,
     FNS_VIA_PROC_LINK,
     "root",
     1,
     false,
     1,
     0,
     true},
    {"proc_open", {"cwd"}, kMemory, FNS_ACCESS_PEEK, FNS_VIA_PROC_LINK, "cwd", 1, false, 1, 0, true},
    {"proc_open_dirfd", {"root/etc/passwd"}, kMemory, FNS_ACCESS_PEEK, FNS_VIA_PROC_LINK, "root", 1, false, 1, 0, true},
    {"proc_open_from_proc",
     {"root/etc/passwd"},
     kMemory,
     FNS_ACCESS_PEEK,
     FNS_VIA_PROC_LINK,
     "root",
     1,
     false,
     1,
     0,
     true},
    {"proc_chdir", {"root"}, kMemory, FNS_ACCESS_PEEK, FNS_VIA_PROC_LINK, "root", 1, false, 1, 0, true},
    {"proc_chroot", {"root"}, kMemory, FNS_ACCESS_PEEK, FNS_VIA_PROC_LINK, "root", 1, false, 1, 0, true},
    {"proc_chdir", {"fd"}, kMemory, FNS_ACCESS_PEEK, FNS_VIA_PROC_FILE, "fd", 1, false, 1, 0},
    {"proc_open", {"fd/{memfd}"}, kFd, FNS_ACCESS_FD, FNS_VIA_PROC_LINK, "fd/{memfd}", 1, false, 1, 0},
    {"proc_open", {"fd/{pipe}"}, kFd, FNS_ACCESS_FD, FNS_VIA_PROC_LINK, "fd/{pipe}", 1, false, 1, 0},
    {"proc_open", {"fd/{unlinked}"}, kFd, FNS_ACCESS_FD, FNS_VIA_PROC_LINK, "fd/{unlinked}", 1, false, 1, 0},
    {"proc_open_dirfd", {"fd/{memfd}"}, kFd, FNS_ACCESS_FD, FNS_VIA_PROC_LINK, "fd/{memfd}", 1, false, 1, 0, true},
    {"proc_link", {"exe"}, kMemory, FNS_ACCESS_PEEK, FNS_VIA_PROC_LINK, "exe", 1, false, 1, 0},
    {"proc_link", {"fd/{memfd}"}, kMemory, FNS_ACCESS_PEEK, FNS_VIA_PROC_LINK, "fd/{memfd}", 1, false, 1, 0},
    {"proc_link", {"ns/net"}, kMemory, FNS_ACCESS_PEEK, FNS_VIA_PROC_LINK, "ns/net", 1, false, 1, 0},
    {"proc_link_dirfd", {"cwd"}, kMemory, FNS_ACCESS_PEEK, FNS_VIA_PROC_LINK, "cwd", 1, false, 1, 0},
    {"proc_open", {"ns/net"}, kMemory, FNS_ACCESS_PEEK, FNS_VIA_PROC_LINK, "ns/net", 1, false, 1, 0},
};

// By the 32-bit entry, with its key on.
const Case kCompatCases[] = {
    {"ptrace_seize_32",
     {},
     kMemory,
     FNS_ACCESS_ATTACH,
     FNS_VIA_PTRACE_SEIZE,
     "",
     1,
     false,
     1,
     1,
     false,
     FNS_FLAG_COMPAT},
    {"proc_open_32",
     {"mem"},
     kMemory,
     FNS_ACCESS_READ,
     FNS_VIA_PROC_MEM,
     "mem",
     1,
     false,
     1,
     0,
     false,
     FNS_FLAG_COMPAT},
    {"proc_open_32",
     {"root/etc/passwd"},
     kMemory,
     FNS_ACCESS_PEEK,
     FNS_VIA_PROC_LINK,
     "root",
     1,
     false,
     1,
     0,
     true,
     FNS_FLAG_COMPAT},
    {"pidfd_getfd_32",
     {"{memfd}"},
     kFd,
     FNS_ACCESS_FD,
     FNS_VIA_PIDFD_GETFD,
     "",
     1,
     false,
     1,
     1,
     false,
     FNS_FLAG_COMPAT},
};

constexpr std::string_view kLock = "raw:mmap_lock_start_locking";
constexpr std::string_view kRing = "raw:io_uring_complete with io_kiocb.cqe";

bool is_any_of(std::string_view word, std::initializer_list<std::string_view> words)
{
    return std::ranges::find(words, word) != words.end();
}

// The hook by which alone an act is seen, where the kernel has all per-syscall tracepoints; empty = none.
std::string_view only_hook(const Case& act)
{
    if (act.act == std::string_view("ring_open"))
        return kRing;
    return is_any_of(act.act, {"ring_mem", "vmread_32", "proc_mem_passed"}) ? kLock : "";
}

// The same for an act of the host, whose opens are its own business: then reads of files show as memory or not at all.
std::string_view only_hook_for_host(const Case& act)
{
    const bool by_file = act.via == FNS_VIA_PROC_MEM || act.via == FNS_VIA_PROC_FILE;
    return act.from_host > 0 && by_file ? kLock : only_hook(act);
}

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

bool is_expected(const Event& event, const Case& wanted, const std::string& name)
{
    const auto& body = *event.as<MemoryBody>();
    return event.kind == wanted.kind && body.access == wanted.access && body.via == wanted.via && body.name == name &&
           !body.attempted && (event.flags & wanted.flags) == wanted.flags;
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
        SKIP_WITHOUT_ENTRY_OF(GetParam().act);
        ASSERT_NE(scene_, nullptr);
        scene_->harness().clear();
    }

    // Does the case's act from one place to another; all that the sensor said of it.
    void act(const CgroupSandbox* actor, const CgroupSandbox* target)
    {
        auto victim = scene_->start_victim(target, {.unshare_flags = GetParam().apart ? CLONE_NEWNS : 0});
        ASSERT_TRUE(victim) << victim.error().message;
        victim_ = static_cast<std::uint32_t>(victim->process.pid());
        name_ = victim->fill_in(GetParam().name);
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
            count += is_expected(event, GetParam(), name_) ? 1 : 0;
        }
        return count;
    }

    static std::unique_ptr<MemoryScene> scene_;
    std::uint32_t victim_ = 0;
    std::string name_;  // that the case's event must have
    std::vector<Event> events_;
};

std::unique_ptr<MemoryScene> MemoryActs::scene_;

TEST_P(MemoryActs, AcrossSandboxes)
{
    SKIP_WITHOUT_HOOK(only_hook(GetParam()));
    ASSERT_NO_FATAL_FAILURE(act(&scene_->attacker(), &scene_->victims()));
    EXPECT_EQ(matching(scene_->attacker().id(), scene_->victims().id()), GetParam().actors) << describe(events_);
    EXPECT_EQ(events_.size(), GetParam().events) << describe(events_);
    EXPECT_EQ(scene_->harness().lost(), 0U);
}

// Told as what they are, for isolation.memory_scrape, and not judged.
TEST_P(MemoryActs, InsideOneSandboxBothEndsAreThatSandbox)
{
    SKIP_WITHOUT_HOOK(only_hook(GetParam()));
    ASSERT_NO_FATAL_FAILURE(act(&scene_->victims(), &scene_->victims()));
    EXPECT_EQ(matching(scene_->victims().id(), scene_->victims().id()), GetParam().actors) << describe(events_);
    for (const Event& event : events_)
        EXPECT_EQ(event.verdict.guard, FNS_GUARD_NONE);
}

TEST_P(MemoryActs, OnTheHostAreSilent)
{
    ASSERT_NO_FATAL_FAILURE(act(nullptr, nullptr));
    EXPECT_TRUE(events_.empty()) << describe(events_);
}

TEST_P(MemoryActs, FromASandboxOnTheHost)
{
    SKIP_WITHOUT_HOOK(only_hook(GetParam()));
    ASSERT_NO_FATAL_FAILURE(act(&scene_->attacker(), nullptr));
    EXPECT_EQ(matching(scene_->attacker().id(), kHost), GetParam().actors) << describe(events_);
}

// The operator or the runtime: reported as the host's where it is memory, and the opening of files is not.
TEST_P(MemoryActs, FromTheHostOnASandbox)
{
    SKIP_WITHOUT_HOOK(only_hook_for_host(GetParam()));
    ASSERT_NO_FATAL_FAILURE(act(nullptr, &scene_->victims()));
    EXPECT_EQ(matching(kHost, scene_->victims().id()), GetParam().from_host) << describe(events_);
}

// Where the memory's lock cannot be watched, this profile has nothing left to see memory by.
class MemoryActsLean : public MemoryActs {
protected:
    static void SetUpTestSuite()
    {
        if (missing_hook(kLock).empty())
            scene_ = make({.choice = {.full_profile = false}});
    }
    void SetUp() override
    {
        SKIP_WITHOUT_HOOK(kLock);
        MemoryActs::SetUp();
    }
};

TEST_P(MemoryActsLean, AcrossSandboxes)
{
    ASSERT_NO_FATAL_FAILURE(act(&scene_->attacker(), &scene_->victims()));
    const std::size_t in_lean = GetParam().lean ? 1 : 0;
    EXPECT_EQ(matching(scene_->attacker().id(), scene_->victims().id()), on_fallback() ? in_lean : GetParam().actors)
        << describe(events_);
}

class MemoryActsCompat : public MemoryActs {
protected:
    static void SetUpTestSuite() { scene_ = make({.choice = {.compat_entry = true}}); }
};

TEST_P(MemoryActsCompat, AcrossSandboxes)
{
    ASSERT_NO_FATAL_FAILURE(act(&scene_->attacker(), &scene_->victims()));
    EXPECT_EQ(matching(scene_->attacker().id(), scene_->victims().id()), 1U) << describe(events_);
    EXPECT_EQ(events_.size(), 1U) << describe(events_);
}

TEST_P(MemoryActsCompat, InsideOneSandboxBothEndsAreThatSandbox)
{
    ASSERT_NO_FATAL_FAILURE(act(&scene_->victims(), &scene_->victims()));
    EXPECT_EQ(matching(scene_->victims().id(), scene_->victims().id()), 1U) << describe(events_);
}

INSTANTIATE_TEST_SUITE_P(Memory, MemoryActs, ::testing::ValuesIn(kMemoryCases), case_name);
INSTANTIATE_TEST_SUITE_P(Ring, MemoryActs, ::testing::ValuesIn(kRingCases), case_name);
INSTANTIATE_TEST_SUITE_P(Call, MemoryActs, ::testing::ValuesIn(kCallCases), case_name);
INSTANTIATE_TEST_SUITE_P(Open, MemoryActs, ::testing::ValuesIn(kOpenCases), case_name);
INSTANTIATE_TEST_SUITE_P(Memory, MemoryActsLean, ::testing::ValuesIn(kMemoryCases), case_name);
INSTANTIATE_TEST_SUITE_P(Ring, MemoryActsLean, ::testing::ValuesIn(kRingCases), case_name);
INSTANTIATE_TEST_SUITE_P(Call, MemoryActsLean, ::testing::ValuesIn(kCallCases), case_name);
INSTANTIATE_TEST_SUITE_P(Open, MemoryActsLean, ::testing::ValuesIn(kOpenCases), case_name);
INSTANTIATE_TEST_SUITE_P(Compat, MemoryActsCompat, ::testing::ValuesIn(kCompatCases), case_name);

}  // namespace
}  // namespace fnshield::testing
