// SPDX-License-Identifier: Apache-2.0
//
// What the kernel side does about execs that a policy does not list: by action, phase and mode, and for look-alikes of
// both kinds. Also that a reload leaves no gap. On the LSM backend a denied exec fails with EPERM, on the others its
// process is killed before the program's first instruction.
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <stdexcept>
#include <thread>

#include "tests/kernel/verdict_fixture.h"
#include "tests/support/runc.h"

namespace fnshield::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

std::string rules(const std::string& action)
{
    return "rules:\n  coldstart.init_exec: { action: " + action +
           " }\n  function.unexpected_exec: { action: " + action + " }\n";
}

class ExecVerdictTest : public VerdictTest {
protected:
    ExecVerdictTest() : VerdictTest({FNS_SENSOR_LIFECYCLE, FNS_SENSOR_PROCESS}) {}
    // A shell in the sandbox that runs the command line as its child and then says how that ended.
    static std::string told(const CgroupSandbox& box, const std::string& command)
    {
        return must(box.run({"/bin/sh", "-c", command + "; echo status=$?"})).output;
    }
    // What the shell says of a command that the policy forbids: killed by a signal, or not permitted.
    [[nodiscard]] std::string forbidden(const std::string& action) const
    {
        return refuses_ && action == "deny" ? "status=126" : "status=" + std::to_string(kKilled);
    }
    std::vector<Event> execs(SandboxId id, std::string_view name)
    {
        must(harness_->settle());
        auto found = harness_->matching(is_event(EventKind::exec, id));
        std::erase_if(found, [name](const Event& event) { return !event.as<ExecBody>()->path.ends_with(name); });
        return found;
    }
    fns_verdict verdict_of(SandboxId id, std::string_view name)
    {
        const auto found = execs(id, name);
        if (found.size() != 1)
            throw std::runtime_error(std::to_string(found.size()) + " execs of " + std::string(name));
        return found.front().verdict;
    }
};

TEST_F(ExecVerdictTest, AnUnlistedProgramDoesNotRun)
{
    for (const bool warm : {false, true}) {
        for (const std::string action : {"deny", "kill"}) {
            SCOPED_TRACE(action + (warm ? " warm" : " init"));
            put_in_force("exec: { init: [ /bin/sh, /bin/true ], warm: [ /bin/sh, /bin/true ] }\n" + rules(action));
            const auto box = sandbox("unlisted-" + action + (warm ? "-warm" : "-init"), warm);
            EXPECT_THAT(told(box, "/bin/true && echo listed; /bin/echo survived"),
                        AllOf(HasSubstr("listed"), HasSubstr(forbidden(action)), Not(HasSubstr("survived\n"))));
            const fns_verdict verdict = verdict_of(box.id(), "/echo");
            EXPECT_EQ(verdict.guard, FNS_GUARD_EXEC);
            EXPECT_EQ(verdict.requested, action == "deny" ? FNS_ACTION_DENY : FNS_ACTION_KILL);
            EXPECT_EQ(verdict.taken, refuses_ && action == "deny" ? FNS_ACTION_DENY : FNS_ACTION_KILL);
            EXPECT_EQ(verdict.policy_id, policies_->kernel().number_for({}));
            EXPECT_EQ(execs(box.id(), "/echo").front().has(FNS_FLAG_DENIED), refuses_);
            EXPECT_EQ(verdict_of(box.id(), "/true").guard, FNS_GUARD_NONE);
        }
    }
}

TEST_F(ExecVerdictTest, MonitorModeSaysTheSameAndTouchesNothing)
{
    put_in_force("exec: { warm: [ /bin/sh ] }\n" + rules("kill"), Mode::monitor);
    const auto box = sandbox("monitor", true);
    EXPECT_THAT(told(box, "/bin/echo survived"), AllOf(HasSubstr("survived"), HasSubstr("status=0")));
    const fns_verdict verdict = verdict_of(box.id(), "/echo");
    EXPECT_EQ(verdict.guard, FNS_GUARD_EXEC);
    EXPECT_EQ(verdict.requested, FNS_ACTION_KILL);
    EXPECT_EQ(verdict.taken, FNS_ACTION_NONE);
    EXPECT_FALSE(execs(box.id(), "/echo").front().has(FNS_FLAG_DENIED));
}

TEST_F(ExecVerdictTest, AnAlertOrAFreezeIsNotTheKernelsToDo)
{
    for (const std::string action : {"alert", "freeze", "off"}) {
        put_in_force("exec: { warm: [] }\n" + rules(action));
        const auto box = sandbox("soft-" + action, true);
        EXPECT_THAT(told(box, "/bin/echo survived"), HasSubstr("survived")) << action;
        EXPECT_EQ(verdict_of(box.id(), "/echo").taken, FNS_ACTION_NONE) << action;
    }
}

// The first program of all is no question of the list of the start; nor is anything where there is no list.
TEST_F(ExecVerdictTest, TheFirstProgramMayRunAndAListThatIsAbsentForbidsNothing)
{
    put_in_force("exec: { init: [] }\n" + rules("kill"));
    const auto first = sandbox("first", false);
    EXPECT_THAT(told(first, "/bin/echo survived"), AllOf(HasSubstr("status=137"), Not(HasSubstr("survived\n"))));
    const auto warm = sandbox("no-list", true);
    EXPECT_THAT(told(warm, "/bin/echo survived"), HasSubstr("survived"));
}

TEST_F(ExecVerdictTest, ByTheNameAsWrittenAndByTheInterpreter)
{
    const std::string folder = ::testing::TempDir() + "fnshield-verdict-" + std::to_string(getpid());
    const auto script = [&](const std::string& name, const std::string& interpreter) {
        const std::string path = folder + name;
        std::ofstream(path) << "#!" << interpreter << "\necho ran\n";
        ::chmod(path.c_str(), 0755);
        return path;
    };
    const std::string listed = script("-listed", "/bin/sh");
    const std::string other = script("-other", "/bin/sh");
    const auto status = [&](const std::string& command) {
        const auto box = sandbox("script", false);
        const std::string text = told(box, command);
        return text.substr(text.find("status="));
    };
    const std::string killed = "status=" + std::to_string(kKilled) + "\n";
    // The script's name is listed, /bin/sh is not: dash runs for the one and not for the other.
    put_in_force("exec: { init: [ " + listed + " ] }\n" + rules("kill"));
    EXPECT_EQ(status(listed), "status=0\n");
    EXPECT_EQ(status(other), killed);
    // Not a plain name of it.
    EXPECT_EQ(status(folder.substr(0, folder.rfind('/')) + "/." + listed.substr(folder.rfind('/'))), killed);
    // /bin/sh is a link to dash, and /bin is /usr/bin.
    put_in_force("exec: { init: [ /usr/bin/sh ] }\n" + rules("kill"));
    EXPECT_EQ(status("/bin/sh -c 'exit 3'"), "status=3\n");
    EXPECT_EQ(status(other), "status=0\n");  // by its interpreter as written
    EXPECT_EQ(status("/bin/true"), killed);
    ::unlink(listed.c_str());
    ::unlink(other.c_str());
}

TEST_F(ExecVerdictTest, AProgramWithoutAFile)
{
    put_in_force("rules: { function.fileless_exec: { action: kill } }\n");
    const auto box = sandbox("fileless", true);
    const auto done = box.run({trigger(), "exec-memfd"});
    ASSERT_TRUE(done);
    EXPECT_EQ(done->exit_code, kKilled);
    const auto found = execs(box.id(), "memfd:payload");
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].verdict.guard, FNS_GUARD_FILELESS_EXEC);
    EXPECT_EQ(found[0].verdict.taken, FNS_ACTION_KILL);
}

// The runtime's stages, and what an operator or a probe runs from outside; the function's own child is judged.
TEST_F(ExecVerdictTest, WhatComesFromOutsideIsNotTheFunctions)
{
    put_in_force("exec: { init: [], warm: [] }\n" + rules("kill"));
    auto made = RuncContainer::run({.cgroup_path = test_cgroup_root() + "/i-1",
                                    .argv = {"/bin/sh", "-c", "echo up; while read x; do /bin/echo survived; done"}});
    ASSERT_TRUE(made) << made.error().message;
    ASSERT_TRUE(made->io().read_until("up"));
    ASSERT_TRUE(policies_->assign(made->id(), true));
    const auto probe = made->exec({"/bin/sh", "-c", "/bin/true && echo probed"});
    ASSERT_TRUE(probe) << probe.error().message;
    EXPECT_THAT(probe->output, HasSubstr("probed"));
    ASSERT_TRUE(made->io().write("go\n"));
    const auto is_killed = [&](const Event& event) {
        return event.kind == EventKind::exec && event.verdict.taken == FNS_ACTION_KILL;
    };
    ASSERT_NE(harness_->wait_for(is_killed), nullptr);
    ASSERT_TRUE(harness_->settle());
    EXPECT_EQ(harness_->count(is_killed), 1U);
    EXPECT_EQ(harness_->matching(is_killed).front().as<ExecBody>()->path, "/usr/bin/echo");
}

// A sandbox is judged by the policy of its parent from its first instruction, before anybody knows its name.
TEST_F(ExecVerdictTest, FromTheFirstInstruction)
{
    put_in_force("exec: { init: [ /bin/sh ] }\n" + rules("kill"));
    auto made = CgroupSandbox::make_for_test("unnamed");
    ASSERT_TRUE(made);
    EXPECT_THAT(told(*made, "/bin/echo survived"), HasSubstr("status=137"));
}

TEST_F(ExecVerdictTest, AReloadLeavesNoGap)
{
    may_lose_ = true;
    const std::string one = "exec: { warm: [ /bin/sh, /bin/true ] }\n" + rules("kill");
    const std::string two = "exec: { warm: [ /bin/sh, /bin/false ] }\n" + rules("kill");
    put_in_force(one);
    const auto box = sandbox("reloads", true);
    auto child = box.spawn({"/bin/sh", "-c",
                            "exec 2>/dev/null; n=0; while :; do n=$((n+1)); /bin/echo survived; "
                            "[ $? = 137 ] || echo alive; echo tried=$n; done"});
    ASSERT_TRUE(child);
    std::string failure;
    std::atomic<bool> enough = false;
    std::thread reloads([&] {
        for (int i = 0; (i < 1000 || !enough) && failure.empty(); ++i)
            if (auto done = policies_->put_in_force(i % 2 ? one : two, Mode::enforce); !done)
                failure = done.error().message;
    });
    constexpr int kTries = 200;
    for (int tried = 0; tried < kTries;) {
        const auto line = child->read_line();
        if (!line || *line != "tried=" + std::to_string(++tried)) {
            ADD_FAILURE() << (line ? *line : line.error().message);
            break;
        }
    }
    enough = true;
    reloads.join();
    EXPECT_EQ(failure, "");
    // Two generations are left, and no more.
    const auto entries = [](const auto& map) {
        std::size_t count = 0;
        map.for_each([&](const auto&, const auto&) { ++count; });
        return count;
    };
    std::size_t listed = 0;
    std::size_t policies = 0;
    for (const auto& set : {policy_set(one), policy_set(two)}) {
        policies += set->policies().size();
        for (const auto& policy : set->policies())
            listed += compile(*policy, Mode::enforce, 1).paths.size();
    }
    EXPECT_EQ(entries(harness_->maps().policies()), policies);
    EXPECT_EQ(entries(harness_->maps().listed_paths()), listed);
}

}  // namespace
}  // namespace fnshield::testing
