// SPDX-License-Identifier: Apache-2.0
//
// coldstart.init_exec, function.unexpected_exec and the list that both read.
#include "daemon/detect/exec_match.h"
#include "tests/unit/detect/detector_fixture.h"

namespace fnshield::test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class InitExec : public DetectorTest {
protected:
    InitExec() : DetectorTest(detect::make_coldstart_init_exec())
    {
        Policy policy;
        policy.exec.init = {{"/usr/bin/python3*", "/bin/sh"}};
        use_policy(policy);
        start_two();
        feed(fork_event(kBox, 2 * kSecond, process(100), process(101)));
    }

    std::vector<Detection> run(const std::string& path, std::uint32_t flags = 0)
    {
        return feed(exec_event(kBox, 3 * kSecond, process(101, 100), path, flags));
    }
};

TEST_F(InitExec, AProgramThatIsNotListed)
{
    const auto found = run("/usr/bin/curl");
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_EQ(found[0].finding.summary,
              "resize/i-1 ran /usr/bin/curl before it was ready, from /usr/bin/python3; "
              "exec.init of policy default does not list it");
    EXPECT_EQ(found[0].finding.target.file, "/usr/bin/curl");
}

// The process is still the program that tried it.
TEST_F(InitExec, AnExecThatTheKernelRefused)
{
    Event event = exec_event(kBox, 3 * kSecond, process(101, 100), "/usr/bin/curl");
    event.flags |= FNS_FLAG_DENIED;
    const auto found = feed(event);
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_EQ(found[0].finding.summary,
              "resize/i-1 was kept from running /usr/bin/curl before it was ready, from /usr/bin/python3; "
              "exec.init of policy default does not list it");
}

// What could hide a `..` behind its end names nothing.
TEST_F(InitExec, ANameThatMayHaveBeenCut)
{
    Event event = exec_event(kBox, 3 * kSecond, process(101, 100), "/tmp/evil");
    auto& exec = std::get<ExecBody>(event.body);
    exec.filename = "/usr/bin/python3" + std::string(FNS_PATH_BYTES - 17, 'x');
    ASSERT_EQ(exec.filename.size(), FNS_PATH_BYTES - 1U);
    EXPECT_THAT(feed(event), SizeIs(1));
    exec.filename.pop_back();
    EXPECT_THAT(feed(event), IsEmpty());
}

TEST_F(InitExec, QuietForListedPrograms)
{
    EXPECT_THAT(run("/usr/bin/python3.11"), IsEmpty());
    EXPECT_THAT(run("/usr/bin/sh"), IsEmpty());
}

TEST_F(InitExec, QuietForTheFirstProgram)
{
    EXPECT_THAT(run("/app/handler", FNS_EXEC_FIRST), IsEmpty());
}

TEST_F(InitExec, QuietForTheRuntimeAndTheOperator)
{
    EXPECT_THAT(run("/usr/bin/runc", FNS_EXEC_RUNTIME | FNS_EXEC_PROC_FD), IsEmpty());
    EXPECT_THAT(run("/usr/bin/wget", FNS_EXEC_FROM_OUTSIDE), IsEmpty());
}

TEST_F(InitExec, NotQuietForAProbeOfAFileInTheWritableLayer)
{
    EXPECT_THAT(run("/app/health", FNS_EXEC_FROM_OUTSIDE | FNS_EXEC_UPPER_LAYER), SizeIs(1));
}

TEST_F(InitExec, QuietOnceReady)
{
    make_ready();
    EXPECT_THAT(feed(exec_event(kBox, 6 * kSecond, process(101, 100), "/usr/bin/curl")), IsEmpty());
}

TEST_F(InitExec, QuietWithoutAList)
{
    use_policy({});
    EXPECT_THAT(run("/usr/bin/curl"), IsEmpty());
}

class UnexpectedExec : public DetectorTest {
protected:
    UnexpectedExec() : DetectorTest(detect::make_function_unexpected_exec())
    {
        Policy policy;
        policy.exec.warm = {{"/usr/bin/handler"}};
        use_policy(policy);
        start_two();
        feed(fork_event(kOther, 6 * kSecond, process(200), process(201)));
    }

    std::vector<Detection> run(const std::string& path, std::uint32_t flags = 0)
    {
        return feed(exec_event(kOther, 7 * kSecond, process(201, 200), path, flags));
    }
};

TEST_F(UnexpectedExec, AProgramThatIsNotListed)
{
    const auto found = run("/usr/bin/dash");
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_EQ(found[0].finding.summary,
              "resnet/i-4 ran /usr/bin/dash while warm, from /usr/bin/node; exec.warm of "
              "policy default does not list it");
}

TEST_F(UnexpectedExec, AScriptIsNamedWithItsInterpreter)
{
    Event event =
        exec_event(kOther, 7 * kSecond, process(201, 200), "/usr/bin/dash", FNS_EXEC_SCRIPT, {"/bin/sh", "/tmp/x.sh"});
    std::get<ExecBody>(event.body).filename = "/tmp/x.sh";
    const auto found = feed(event);
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_THAT(found[0].finding.summary, HasSubstr("ran /usr/bin/dash (for /tmp/x.sh) while warm"));
}

TEST_F(UnexpectedExec, AnEmptyListAllowsNothing)
{
    Policy policy;
    policy.exec.warm.emplace();
    use_policy(policy);
    EXPECT_THAT(run("/usr/bin/handler"), SizeIs(1));
}

TEST_F(UnexpectedExec, QuietForListedPrograms)
{
    EXPECT_THAT(run("/usr/bin/handler"), IsEmpty());
}

TEST_F(UnexpectedExec, QuietBeforeReady)
{
    EXPECT_THAT(feed(exec_event(kBox, 3 * kSecond, process(101, 100), "/usr/bin/dash")), IsEmpty());
}

TEST_F(UnexpectedExec, QuietWithoutAList)
{
    use_policy({});
    EXPECT_THAT(run("/usr/bin/dash"), IsEmpty());
}

TEST_F(UnexpectedExec, AProbeAndItsChildrenAreTheOperators)
{
    const auto found = feed_all({move_event(kOther, 7 * kSecond, process(300)),
                                 exec_event(kOther, 7 * kSecond, process(300), "/usr/bin/dash", FNS_EXEC_FROM_OUTSIDE),
                                 fork_event(kOther, 7 * kSecond, process(300), process(301)),
                                 exec_event(kOther, 7 * kSecond, process(301, 300), "/usr/bin/wget")});
    EXPECT_THAT(found, IsEmpty());
}

TEST_F(UnexpectedExec, AProbeThatRunsTheFunctionsOwnFileIsNot)
{
    const auto found = feed_all({move_event(kOther, 7 * kSecond, process(300)),
                                 exec_event(kOther, 7 * kSecond, process(300), "/usr/bin/dash", FNS_EXEC_FROM_OUTSIDE),
                                 fork_event(kOther, 7 * kSecond, process(300), process(301)),
                                 exec_event(kOther, 7 * kSecond, process(301, 300), "/tmp/x", FNS_EXEC_UPPER_LAYER)});
    EXPECT_THAT(found, SizeIs(1));
}

ExecBody exec_of(const std::string& path, const std::string& filename, std::uint32_t flags = 0,
                 std::vector<std::string> argv = {})
{
    ExecBody body = exec_body(path, flags, std::move(argv));
    body.filename = filename;
    return body;
}

TEST(ListsExec, ByPathLinkScriptAndInterpreter)
{
    const std::vector<std::string> list{"/bin/sh", "/app/run.sh", "/opt/tools/**"};
    EXPECT_TRUE(detect::lists_exec(list, exec_of("/usr/bin/dash", "/bin/sh"))) << "a link, as the caller wrote it";
    EXPECT_TRUE(detect::lists_exec(list, exec_of("/usr/bin/dash", "/usr/bin/sh"))) << "merged /usr";
    EXPECT_TRUE(detect::lists_exec(list, exec_of("/usr/bin/dash", "/app/run.sh", FNS_EXEC_SCRIPT))) << "a script";
    EXPECT_TRUE(detect::lists_exec(list, exec_of("/usr/bin/dash", "/x.sh", FNS_EXEC_SCRIPT, {"/bin/sh", "/x.sh"})));
    EXPECT_FALSE(detect::lists_exec(list, exec_of("/usr/bin/dash", "/x", 0, {"/bin/sh"}))) << "argv[0] is the caller's";
    EXPECT_FALSE(detect::lists_exec(list, exec_of("/usr/bin/dash", "dash")));
}

TEST(ListsExec, TextThatTheCallerChoosesDoesNotHelp)
{
    const std::vector<std::string> list{"/opt/tools/**", "/bin/sh"};
    EXPECT_FALSE(detect::lists_exec(list, exec_of("/tmp/evil", "/opt/tools/../../tmp/evil")));
    EXPECT_FALSE(detect::lists_exec(list, exec_of("/tmp/evil", "/opt/tools//evil")));
    EXPECT_FALSE(detect::lists_exec(list, exec_of("/tmp/evil", "/bin/sh", FNS_EXEC_UPPER_LAYER)));
    EXPECT_FALSE(detect::lists_exec(list, exec_of("/tmp/evil", "/bin/sh", FNS_EXEC_PROC_FD)));
    EXPECT_FALSE(detect::lists_exec(list, exec_of("/bin/sh", "/bin/sh", FNS_EXEC_MEMFD))) << "a memfd of that name";
    EXPECT_FALSE(detect::lists_exec(list, exec_of("/bin/sh", "/bin/sh", FNS_EXEC_UNLINKED)));
}

}  // namespace
}  // namespace fnshield::test
