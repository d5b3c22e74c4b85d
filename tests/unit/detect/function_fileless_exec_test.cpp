// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/detect/detector_fixture.h"

namespace fnshield::test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class FilelessExec : public DetectorTest {
protected:
    FilelessExec() : DetectorTest(detect::make_function_fileless_exec())
    {
        start_two();
        feed(fork_event(kOther, 6 * kSecond, process(200), process(201)));
    }

    std::vector<Detection> run(std::uint32_t flags, const std::string& path = "/memfd:x (deleted)")
    {
        return feed(exec_event(kOther, 7 * kSecond, process(201, 200), path, flags));
    }
};

TEST_F(FilelessExec, EachWay)
{
    const auto memfd = run(FNS_EXEC_MEMFD | FNS_EXEC_UNLINKED | FNS_EXEC_PROC_FD);
    ASSERT_THAT(memfd, SizeIs(1));
    EXPECT_EQ(memfd[0].finding.summary, "resnet/i-4 ran a program from memory: /memfd:x (deleted), from /usr/bin/node");
    EXPECT_THAT(run(FNS_EXEC_UNLINKED, "/tmp/x (deleted)")[0].finding.summary, HasSubstr("whose file is deleted"));
    EXPECT_THAT(run(FNS_EXEC_PROC_FD, "/tmp/x")[0].finding.summary, HasSubstr("by its descriptor"));
}

TEST_F(FilelessExec, AlsoBeforeReady)
{
    EXPECT_THAT(feed(exec_event(kBox, 3 * kSecond, process(101, 100), "/memfd:x", FNS_EXEC_MEMFD)), SizeIs(1));
}

TEST_F(FilelessExec, AnotherNameIsTheSameFinding)
{
    EXPECT_EQ(run(FNS_EXEC_MEMFD, "/memfd:a")[0].finding.key, run(FNS_EXEC_MEMFD, "/memfd:b")[0].finding.key);
}

TEST_F(FilelessExec, AHostileNameIsMadePrintable)
{
    EXPECT_THAT(run(FNS_EXEC_MEMFD, "/memfd:\x1b[2J\nall is well")[0].finding.summary,
                HasSubstr("/memfd:?[2J?all is well"));
}

TEST_F(FilelessExec, QuietForFiles)
{
    EXPECT_THAT(run(0, "/tmp/x"), IsEmpty());
    EXPECT_THAT(run(FNS_EXEC_UPPER_LAYER | FNS_EXEC_SCRIPT, "/tmp/x"), IsEmpty());
}

TEST_F(FilelessExec, QuietForTheRuntimesOwnReexec)
{
    EXPECT_THAT(run(FNS_EXEC_RUNTIME | FNS_EXEC_MEMFD | FNS_EXEC_PROC_FD), IsEmpty());
    EXPECT_THAT(run(FNS_EXEC_FROM_OUTSIDE | FNS_EXEC_HOST_ROOT | FNS_EXEC_MEMFD | FNS_EXEC_PROC_FD), IsEmpty());
    EXPECT_THAT(run(FNS_EXEC_FIRST | FNS_EXEC_PROC_FD, "/usr/bin/handler"), IsEmpty());
}

TEST_F(FilelessExec, AProbeThatIsLedToAMemfdIsNotQuiet)
{
    EXPECT_THAT(run(FNS_EXEC_FROM_OUTSIDE | FNS_EXEC_MEMFD), SizeIs(1));
}

TEST_F(FilelessExec, AWorkloadThatBeginsAsAMemfdIsNotQuiet)
{
    EXPECT_THAT(run(FNS_EXEC_FIRST | FNS_EXEC_MEMFD | FNS_EXEC_PROC_FD), SizeIs(1));
}

TEST_F(FilelessExec, QuietOnTheHost)
{
    EXPECT_THAT(feed(exec_event(kHost, 7 * kSecond, process(50), "/memfd:x", FNS_EXEC_MEMFD)), IsEmpty());
}

}  // namespace
}  // namespace fnshield::test
