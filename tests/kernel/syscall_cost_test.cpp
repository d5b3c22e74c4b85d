// SPDX-License-Identifier: Apache-2.0
//
// What attached sensors add to a system call that none of them looks at, in instructions. Only where the time stamp
// counter counts those: in a machine of tests/vm that QEMU runs with -icount (FNSHIELD_TEST_ICOUNT is set there). A
// call then takes the same number each time, and the cases expect it to the instruction, without a tolerance.
#include <gtest/gtest.h>

#include <charconv>
#include <cstdlib>
#include <optional>

#include "tests/support/sensor_harness.h"

namespace fnshield::testing {
namespace {

// The number in the line "KEY=…"; 0 where there is none.
std::uint64_t number_of(std::string_view output, std::string_view key)
{
    const auto at = output.find(std::string(key) + "=");
    std::uint64_t number = 0;
    if (at != std::string_view::npos)
        std::from_chars(output.data() + at + key.size() + 1, output.data() + output.size(), number);
    return number;
}

// Instructions of so many calls: in a cgroup, and in the tests' own.
struct Counted {
    std::uint64_t calls = 0;
    std::uint64_t inside = 0;
    std::uint64_t outside = 0;
    bool operator==(const Counted&) const = default;
};

void PrintTo(const Counted& counted, std::ostream* out)
{
    *out << counted.inside << " inside, " << counted.outside << " outside in " << counted.calls << " calls";
}

class SyscallCost : public ::testing::Test {
protected:
    void SetUp() override
    {
        if (std::getenv("FNSHIELD_TEST_ICOUNT") == nullptr)
            GTEST_SKIP() << "instructions are counted only in a virtual machine (./dev test vm:SyscallCost*)";
        auto box = CgroupSandbox::make_for_test("cost");
        ASSERT_TRUE(box) << box.error().message;
        box_.emplace(std::move(*box));
        ASSERT_NO_FATAL_FAILURE(count(bare_));
    }

    void count(Counted& counted) const
    {
        const auto inside = box_->run({trigger(), "count_getppid"});
        const auto outside = run({trigger(), "count_getppid"});
        ASSERT_TRUE(inside && outside);
        counted = {.calls = number_of(outside->output, "calls"),
                   .inside = number_of(inside->output, "ticks"),
                   .outside = number_of(outside->output, "ticks")};
        ASSERT_GT(counted.inside, counted.calls) << inside->output;
        ASSERT_GT(counted.outside, counted.calls) << outside->output;
        ASSERT_GT(counted.calls, 0U);
    }

    // With every sensor attached. Also counts without them before and after: what they add must be gone with them.
    void count_attached(const ProgramChoice& choice, Counted& counted)
    {
        {
            auto harness = SensorHarness::make({.sensors = {FNS_SENSOR_LIFECYCLE, FNS_SENSOR_PROCESS, FNS_SENSOR_EGRESS,
                                                            FNS_SENSOR_MEMORY, FNS_SENSOR_PRIVILEGE},
                                                .choice = choice,
                                                .sizes = {}});
            ASSERT_TRUE(harness) << harness.error().message;
            const auto added = (*harness)->add_sandbox(*box_);
            ASSERT_TRUE(added) << added.error().message;
            ASSERT_NO_FATAL_FAILURE(count(counted));
            // It is no sandbox that nothing sees.
            const auto exec = is_event(EventKind::exec, box_->id());
            EXPECT_NE((*harness)->wait_for(exec), nullptr);
        }
        Counted after;
        ASSERT_NO_FATAL_FAILURE(count(after));
        EXPECT_EQ(after, bare_);
        report("bare", bare_);
        report("attached", counted);
    }

    static void report(const std::string& name, const Counted& counted)
    {
        RecordProperty(name, ::testing::PrintToString(counted));
    }

    std::optional<CgroupSandbox> box_;
    Counted bare_;
};

// The loop's own four instructions a call, and a fixed few around it.
TEST_F(SyscallCost, IsCountedInInstructionsAlikeEachTime)
{
    Counted again;
    ASSERT_NO_FATAL_FAILURE(count(again));
    EXPECT_EQ(again, bare_);
    EXPECT_EQ(bare_.inside, bare_.outside);
}

// On the fallback a per-syscall tracepoint sends every call the long way, and that must show here.
TEST_F(SyscallCost, OfTheFullProfileIsTheFallbacksAlone)
{
    Counted attached;
    ASSERT_NO_FATAL_FAILURE(count_attached({}, attached));
    if (on_fallback()) {
        EXPECT_GT(attached.inside, bare_.inside + 10 * bare_.calls);
        EXPECT_GT(attached.outside, bare_.outside + 10 * bare_.calls);
    } else {
        EXPECT_EQ(attached, bare_);
    }
}

TEST_F(SyscallCost, OfTheLeanProfileIsNone)
{
    if (!on_fallback())
        GTEST_SKIP() << "only the fallback has profiles";
    Counted attached;
    ASSERT_NO_FATAL_FAILURE(count_attached({.full_profile = false}, attached));
    EXPECT_EQ(attached, bare_);
}

}  // namespace
}  // namespace fnshield::testing
