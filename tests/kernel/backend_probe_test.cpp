// SPDX-License-Identifier: Apache-2.0
//
// The backend probes and doctor against the kernel that runs the tests. Whether LSM and fentry work differs between
// kernels; what must hold everywhere is that a probe that fails says why, that one that works is not contradicted by
// the tool, and that tracepoints, without which the daemon cannot run at all, are found.
#include "daemon/kernel/backend_probe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

namespace fnshield {
namespace {

struct Ran {
    std::string out;
    int code = -1;
};

Ran run_tool(const std::string& arguments)
{
    const std::string command = std::string(FNSHIELD_CLI) + " " + arguments;
    FILE* const pipe = ::popen(command.c_str(), "re");
    if (pipe == nullptr)
        return {};
    Ran ran;
    std::array<char, 4096> chunk;
    for (std::size_t got = 0; (got = ::fread(chunk.data(), 1, chunk.size(), pipe)) > 0;)
        ran.out.append(chunk.data(), got);
    const int status = ::pclose(pipe);
    ran.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return ran;
}

TEST(BackendProbe, TracepointsWork)
{
    const BackendSupport support = probe_tracepoint();
    EXPECT_TRUE(support.usable) << support.reason;
    EXPECT_EQ(support.reason, "");
}

TEST(BackendProbe, WhatDoesNotWorkSaysWhy)
{
    for (const BackendSupport& support : {probe_lsm(), probe_fentry()})
        EXPECT_EQ(support.usable, support.reason.empty()) << support.reason;
}

TEST(BackendProbe, TheAnswerIsTheSameTwice)
{
    EXPECT_EQ(probe_lsm().usable, probe_lsm().usable);
    EXPECT_EQ(probe_fentry().usable, probe_fentry().usable);
}

TEST(DoctorTool, SaysThatThisHostCanRunAndOnWhichBackend)
{
    const Ran ran = run_tool("doctor --json --run-dir /nonexistent");
    EXPECT_EQ(ran.code, 0);
    const auto report = nlohmann::json::parse(ran.out);
    EXPECT_EQ(report["can_run"], true);
    const std::string best = probe_lsm().usable ? "lsm" : probe_fentry().usable ? "fentry" : "tracepoint";
    EXPECT_EQ(report["backend"], best);
    EXPECT_TRUE(report["daemon"].is_null());
    ASSERT_FALSE(report["sensors"].empty());
    for (const auto& sensor : report["sensors"])
        EXPECT_EQ(sensor["error"], "") << sensor["name"];
}

TEST(DoctorTool, ReadsLikeAReport)
{
    const Ran ran = run_tool("doctor --run-dir /nonexistent");
    EXPECT_THAT(ran.out, testing::HasSubstr("  ok       BTF "));
    EXPECT_THAT(ran.out, testing::HasSubstr("no daemon at /nonexistent/control.sock"));
    EXPECT_THAT(ran.out, testing::HasSubstr("fnshieldd can run here, on the "));
}

}  // namespace
}  // namespace fnshield
