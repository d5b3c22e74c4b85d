// SPDX-License-Identifier: Apache-2.0
//
// What doctor says of hosts that lack something; the real host is the kernel tests' business.
#include "daemon/cli/doctor.h"

#include <gmock/gmock.h>

#include <fstream>

#include "tests/unit/control/control_support.h"

namespace fnshield::test {
namespace {

using cli::Examination;
using cli::Finding;
using cli::Verdict;
using testing::HasSubstr;

class Doctor : public testing::Test {
protected:
    std::string file(const std::string& name, const std::string& text)
    {
        const std::string path = directory_.path() + "/" + name;
        std::ofstream(path) << text;
        return path;
    }
    static Finding of(const Examination& examination, const std::string& item)
    {
        for (const Finding& finding : examination.findings)
            if (finding.item == item)
                return finding;
        ADD_FAILURE() << "nothing about " << item;
        return {};
    }
    static constexpr const char* kPure =
        "cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\ntracefs /sys/kernel/tracing tracefs rw 0 0\n";
    static constexpr const char* kHybrid =
        "cgroup /sys/fs/cgroup/freezer cgroup rw,freezer 0 0\ncgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n";

private:
    TemporaryDirectory directory_;
};

TEST_F(Doctor, APureHostWithTracefs)
{
    Examination examination;
    cli::examine_kernel({.mounts = file("mounts", kPure), .btf = file("btf", "")}, examination);
    EXPECT_TRUE(examination.can_run());
    EXPECT_EQ(of(examination, "cgroup v2").text, "/sys/fs/cgroup");
    EXPECT_EQ(of(examination, "tracefs").verdict, Verdict::ok);
}

TEST_F(Doctor, AHybridHostWithoutTracefs)
{
    Examination examination;
    cli::examine_kernel({.mounts = file("mounts", kHybrid), .btf = file("btf", "")}, examination);
    EXPECT_TRUE(examination.can_run());
    EXPECT_EQ(of(examination, "cgroup v2").text, "/sys/fs/cgroup/unified (hybrid: beside v1)");
    EXPECT_THAT(of(examination, "v1 freezer").text, HasSubstr("/sys/fs/cgroup/freezer"));
    EXPECT_EQ(of(examination, "tracefs").verdict, Verdict::less);
    EXPECT_THAT(of(examination, "tracefs").text, HasSubstr("mount -t tracefs"));
}

TEST_F(Doctor, WithoutBtfItSaysWhichKernelToRun)
{
    Examination examination;
    cli::examine_kernel({.mounts = file("mounts", kPure), .btf = "/no/such/btf"}, examination);
    EXPECT_FALSE(examination.can_run());
    EXPECT_THAT(of(examination, "BTF").text, HasSubstr("CONFIG_DEBUG_INFO_BTF=y"));
    EXPECT_EQ(of(examination, "cgroup v2").verdict, Verdict::ok) << "judged all the same";
}

TEST_F(Doctor, WithoutCgroup2ItSaysHowToMountIt)
{
    Examination examination;
    cli::examine_kernel({.mounts = file("mounts", "proc /proc proc rw 0 0\n"), .btf = file("btf", "")}, examination);
    EXPECT_FALSE(examination.can_run());
    EXPECT_THAT(of(examination, "cgroup v2").text, HasSubstr("mount -t cgroup2"));
}

TEST_F(Doctor, CapabilitiesThatAreNeededAndThoseThatHelp)
{
    const auto examined = [&](const std::string& capabilities) {
        Examination examination;
        cli::examine_privileges({.status = file("status", "Name:\tx\nCapEff:\t" + capabilities + "\n")}, examination);
        return examination;
    };
    EXPECT_TRUE(examined("000001ffffffffff").can_run());
    const Examination none = examined("0000000000000000");
    EXPECT_FALSE(none.can_run());
    EXPECT_EQ(of(none, "CAP_BPF").verdict, Verdict::missing);
    EXPECT_EQ(of(none, "CAP_KILL").verdict, Verdict::less);
    EXPECT_THAT(of(none, "CAP_NET_ADMIN").text, HasSubstr("as root"));
    const Examination by_admin = examined("0000000000201000");  // SYS_ADMIN, NET_ADMIN
    EXPECT_TRUE(by_admin.can_run());
    EXPECT_EQ(of(by_admin, "CAP_BPF").text, "by CAP_SYS_ADMIN");
}

TEST_F(Doctor, PerfEventsThatOnlyTheAdministratorMayOpen)
{
    for (const auto& [level, verdict] : {std::pair("2\n", Verdict::ok), std::pair("3\n", Verdict::less)}) {
        Examination examination;
        cli::examine_privileges({.perf_event_paranoid = file("paranoid", level)}, examination);
        EXPECT_EQ(of(examination, "perf_event_paranoid").verdict, verdict) << level;
    }
}

TEST_F(Doctor, TheBestBackendIsTheFirstThatWorks)
{
    Examination examination;
    EXPECT_EQ(examination.backend(), "");
    examination.findings = {{"kernel", "BTF", Verdict::ok, ""},
                            {"backends", "lsm", Verdict::less, ""},
                            {"backends", "fentry", Verdict::ok, ""},
                            {"backends", "tracepoint", Verdict::ok, ""}};
    EXPECT_EQ(examination.backend(), "fentry");
}

TEST_F(Doctor, WhatDenyMeansDependsOnTheBackend)
{
    Examination examination;
    examination.findings = {{"backends", "tracepoint", Verdict::ok, ""}};
    cli::examine_enforcement(examination);
    EXPECT_EQ(of(examination, "egress").verdict, Verdict::ok);
    EXPECT_EQ(of(examination, "exec").verdict, Verdict::less);
    EXPECT_THAT(of(examination, "exec").text, HasSubstr("killed"));
    examination.findings = {{"backends", "lsm", Verdict::ok, ""}};
    cli::examine_enforcement(examination);
    EXPECT_EQ(of(examination, "exec").verdict, Verdict::ok);
}

}  // namespace
}  // namespace fnshield::test
