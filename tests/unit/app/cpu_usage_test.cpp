// SPDX-License-Identifier: Apache-2.0
#include "daemon/app/cpu_usage.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "tests/unit/support/model_fixture.h"

namespace fnshield::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

// Two folders that look like the v2 hierarchy and the v1 one of the cpu controller.
class CpuUsageTest : public ModelTest {
protected:
    void SetUp() override
    {
        fs::remove_all(top_);
        fs::create_directories(v2_);
        fs::create_directories(v1_);
    }
    void TearDown() override { fs::remove_all(top_); }

    static void write(const fs::path& file, const std::string& text)
    {
        fs::create_directories(file.parent_path());
        std::ofstream(file) << text;
    }

    void set_stat(std::uint64_t usec, const std::string& cgroup = kPath)
    {
        write(v2_ / cgroup / "cpu.stat",
              "usage_usec " + std::to_string(usec) + "\nuser_usec 1\nsystem_usec 2\nnr_periods 0\n");
    }

    void start(SandboxId id = kBox, const std::string& cgroup = kPath)
    {
        (void)model->apply(made_event(id, kSecond, "/" + cgroup));
        (void)model->apply(exec_event(id, 2 * kSecond, process(100 + static_cast<std::uint32_t>(id)), "/usr/bin/node",
                                      FNS_EXEC_FIRST));
    }

    std::vector<Event> read(Nanoseconds second) { return usage_.read(*model, second * kSecond); }

    static constexpr const char* kPath = "fn/acme/resize/i-1";
    const fs::path top_ = fs::path(testing::TempDir()) / ("fnshield-cpu-" + std::to_string(::getpid()));
    const fs::path v2_ = top_ / "v2";
    const fs::path v1_ = top_ / "v1";
    CpuUsage usage_{v2_.string(), v1_.string()};
};

TEST_F(CpuUsageTest, WhatWasTakenSinceTheLastReading)
{
    start();
    set_stat(1'000'000);
    EXPECT_THAT(read(10), IsEmpty()) << "the first begins the count";
    set_stat(4'500'000);
    EXPECT_THAT(read(14), IsEmpty()) << "not due yet";
    const auto events = read(15);
    ASSERT_THAT(events, SizeIs(1));
    EXPECT_EQ(events[0].kind, EventKind::usage);
    EXPECT_EQ(events[0].sandbox, kBox);
    EXPECT_EQ(events[0].time_ns, 15 * kSecond);
    const auto* body = events[0].as<UsageBody>();
    ASSERT_NE(body, nullptr);
    EXPECT_EQ(body->cpu_ns, 3'500 * kMillisecond);
    EXPECT_EQ(body->period_ns, 5 * kSecond);
    EXPECT_FALSE(body->cpu_limit);
    EXPECT_THAT(usage_.problems(), IsEmpty());
}

TEST_F(CpuUsageTest, TheLeastQuotaHolds)
{
    start();
    set_stat(0);
    write(v2_ / kPath / "cpu.max", "max 100000\n");
    write(v2_ / "fn" / "acme" / "cpu.max", "150000 100000\n");
    (void)read(10);
    ASSERT_EQ(read(15).at(0).as<UsageBody>()->cpu_limit, 1.5);
    write(v1_ / kPath / "cpu.cfs_quota_us", "50000\n");
    write(v1_ / kPath / "cpu.cfs_period_us", "100000\n");
    ASSERT_EQ(read(20).at(0).as<UsageBody>()->cpu_limit, 1.5) << "quotas are read once a minute";
    ASSERT_EQ(read(75).at(0).as<UsageBody>()->cpu_limit, 0.5);
    write(v1_ / kPath / "cpu.cfs_quota_us", "-1\n");
    ASSERT_EQ(read(140).at(0).as<UsageBody>()->cpu_limit, 1.5) << "none in v1";
}

TEST_F(CpuUsageTest, QuotasThatAreNoNumbersAreNone)
{
    start();
    set_stat(0);
    for (const char* text : {"", "x y", "50000", "50000 0", "-5 100000", "99999999999999999999 100000", "5x 100000"}) {
        write(v2_ / kPath / "cpu.max", text);
        CpuUsage fresh(v2_.string(), std::nullopt);
        (void)fresh.read(*model, 10 * kSecond);
        const auto events = fresh.read(*model, 15 * kSecond);
        ASSERT_THAT(events, SizeIs(1)) << text;
        EXPECT_FALSE(events[0].as<UsageBody>()->cpu_limit) << text;
    }
}

TEST_F(CpuUsageTest, NotBeforeItStartedAndNotOnceItIsGone)
{
    (void)model->apply(made_event(kBox, kSecond, std::string("/") + kPath));
    set_stat(0);
    EXPECT_THAT(read(10), IsEmpty());
    EXPECT_THAT(read(15), IsEmpty()) << "its workload has not begun";
    start();
    (void)read(20);
    ASSERT_THAT(read(25), SizeIs(1));
    (void)model->apply(removed_event(kBox, 26 * kSecond));
    usage_.forget(kBox);
    fs::remove_all(v2_ / kPath);
    EXPECT_THAT(read(40), IsEmpty());
    EXPECT_EQ(usage_.failures(), 0U) << "it is not asked for any more";
}

TEST_F(CpuUsageTest, ACgroupThatWentAwayMakesNoEventAndNoNoise)
{
    start();
    set_stat(0);
    (void)read(10);
    fs::remove_all(v2_ / kPath);
    EXPECT_THAT(read(15), IsEmpty());
    EXPECT_EQ(usage_.failures(), 1U);
    EXPECT_THAT(usage_.problems(), IsEmpty());
}

TEST_F(CpuUsageTest, WhatCannotBeReadIsToldOnce)
{
    start();
    for (const char* text :
         {"", "usage_usec", "usage_usec x\n", "usage_usec 18446744073709551615\n", "nr_periods 1\n"}) {
        write(v2_ / kPath / "cpu.stat", text);
        CpuUsage fresh(v2_.string(), std::nullopt);
        for (const Nanoseconds second : {10, 15, 20})
            EXPECT_THAT(fresh.read(*model, second * kSecond), IsEmpty()) << text;
        EXPECT_EQ(fresh.failures(), 3U) << text;
        const auto problems = fresh.problems();
        ASSERT_THAT(problems, SizeIs(1)) << text;
        EXPECT_THAT(problems[0], HasSubstr("i-1/cpu.stat"));
    }
}

TEST_F(CpuUsageTest, ACountThatFallsBeginsAnew)
{
    start();
    set_stat(9'000'000);
    (void)read(10);
    set_stat(1'000'000);  // the path is another cgroup's now
    EXPECT_THAT(read(15), IsEmpty());
    set_stat(2'000'000);
    const auto events = read(20);
    ASSERT_THAT(events, SizeIs(1));
    EXPECT_EQ(events[0].as<UsageBody>()->cpu_ns, kSecond);
}

TEST_F(CpuUsageTest, ThousandsAreReadInSlicesAndNoneIsLeftOut)
{
    constexpr SandboxId kMany = 2 * CpuUsage::kAtOnce + 10;
    for (SandboxId id = 1; id <= kMany; ++id) {
        const std::string cgroup = "fn/acme/many/i-" + std::to_string(id);
        start(id, cgroup);
        set_stat(1000 * id, cgroup);
    }
    std::set<SandboxId> seen;
    for (Nanoseconds second = 10; second < 19; ++second) {
        const auto events = read(second);
        EXPECT_LE(events.size(), CpuUsage::kAtOnce);
        for (const Event& event : events)
            seen.insert(event.sandbox);
    }
    EXPECT_EQ(seen.size(), kMany);
}

}  // namespace
}  // namespace fnshield::test
