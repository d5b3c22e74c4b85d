// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/detect/detector_fixture.h"

namespace fnshield::test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class ColdstartStorm : public DetectorTest {
protected:
    ColdstartStorm() : DetectorTest(detect::make_coldstart_storm())
    {
        Policy policy;
        policy.cold_start.storm_count = 5;
        policy.cold_start.storm_window_ns = 10 * kSecond;
        use_policy(policy);
    }

    std::vector<Detection> make(Nanoseconds time_ns, const std::string& function = "resize")
    {
        ++next_id_;
        return feed(made_event(next_id_, time_ns, "/fn/acme/" + function + "/i-" + std::to_string(next_id_)));
    }

    SandboxId next_id_ = 10000;
};

TEST_F(ColdstartStorm, TheCountWithinTheWindow)
{
    for (Nanoseconds second = 1; second <= 4; ++second)
        EXPECT_THAT(make(second * kSecond), IsEmpty());
    const auto found = make(11 * kSecond);
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_EQ(found[0].finding.summary,
              "5 sandboxes of acme/resize were created within 10.00 s (policy default: storm "
              "at 5 in 10.00 s)");
}

TEST_F(ColdstartStorm, QuietBelowTheCount)
{
    for (Nanoseconds second = 1; second <= 4; ++second)
        EXPECT_THAT(make(second * kSecond), IsEmpty());
}

TEST_F(ColdstartStorm, QuietWhenSpreadBeyondTheWindow)
{
    for (Nanoseconds i = 0; i < 50; ++i)
        EXPECT_THAT(make(kSecond + i * 2501 * kMillisecond), IsEmpty()) << i;
}

TEST_F(ColdstartStorm, QuietForManyFunctions)
{
    for (int i = 0; i < 50; ++i)
        EXPECT_THAT(make(kSecond, "f" + std::to_string(i)), IsEmpty());
}

TEST_F(ColdstartStorm, QuietForSandboxesThatRanBefore)
{
    for (SandboxId id = 1; id <= 50; ++id)
        EXPECT_THAT(feed(adopted_event(id, kSecond, "/fn/acme/resize/i-" + std::to_string(id))), IsEmpty());
}

TEST_F(ColdstartStorm, OnceAWindow)
{
    std::size_t found = 0;
    for (Nanoseconds i = 0; i < 250; ++i)  // ten a second, for 25 s
        found += make(kSecond + i * 100 * kMillisecond).size();
    EXPECT_EQ(found, 3U);
}

TEST_F(ColdstartStorm, SandboxesThatDieAtOnceCount)
{
    std::size_t found = 0;
    for (Nanoseconds i = 0; i < 5; ++i) {
        found += make(kSecond + i * kMillisecond).size();
        feed(removed_event(next_id_, kSecond + i * kMillisecond + 1));
    }
    EXPECT_EQ(found, 1U);
}

TEST_F(ColdstartStorm, NamesThatComeLaterCountAtTheStart)
{
    std::vector<Detection> found;
    for (SandboxId id = 1; id <= 5; ++id) {
        EXPECT_THAT(feed(made_event(id, id * kSecond, "docker-" + std::to_string(id) + ".scope")), IsEmpty());
        model->rename(id, {.platform = "docker", .tenant = "acme", .function = "resize", .instance = "x"});
    }
    EXPECT_EQ(entries(), 0U + 5U);
    for (SandboxId id = 1; id <= 5; ++id)
        for (Detection& detection : feed(exec_event(
                 id, 60 * kSecond + id, process(static_cast<std::uint32_t>(id + 100)), "/app", FNS_EXEC_FIRST)))
            found.push_back(detection);
    ASSERT_THAT(found, SizeIs(1)) << "by the times at which they were created, not started";
    EXPECT_THAT(found[0].finding.summary, HasSubstr("5 sandboxes of acme/resize were created within 4.00 s"));
    EXPECT_EQ(entries(), 1U);
}

TEST_F(ColdstartStorm, ACountBeyondTheTableIsJudgedByItsRate)
{
    Policy policy;
    policy.cold_start.storm_count = 4096;
    policy.cold_start.storm_window_ns = 4096 * kMillisecond;
    use_policy(policy);
    std::size_t found = 0;
    for (Nanoseconds i = 0; i < 1023; ++i)
        found += make(kSecond + i * kMillisecond / 2).size();
    EXPECT_EQ(found, 0U);
    EXPECT_THAT(make(kSecond + 512 * kMillisecond), SizeIs(1));
}

TEST_F(ColdstartStorm, TablesAreBounded)
{
    for (int i = 0; i < 1100; ++i)
        make(kSecond, "f" + std::to_string(i));
    for (SandboxId id = 1; id <= 4200; ++id)
        feed(made_event(id, kSecond, "x" + std::to_string(id)));
    for (const TableStats& table : engine().tables()) {
        EXPECT_LE(table.entries, table.capacity) << table.table;
        EXPECT_GT(table.evictions, 0U) << table.table;
    }
    const std::size_t before = entries();
    feed(removed_event(4200, 2 * kSecond));
    EXPECT_EQ(entries(), before - 1) << "what waits for a name is freed with its sandbox";
}

}  // namespace
}  // namespace fnshield::test
