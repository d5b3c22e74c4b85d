// SPDX-License-Identifier: Apache-2.0
//
// What is made of the capabilities that a process holds, and that the unit and the manual name the same as the code.
// The daemon that really lacks one is tests/e2e/test_privileges.py's business.
#include "daemon/kernel/capabilities.h"

#include <gmock/gmock.h>
#include <linux/capability.h>

#include <fstream>
#include <sstream>
#include <thread>

#include "tests/unit/control/control_support.h"

namespace fnshield::test {
namespace {

using testing::HasSubstr;

template <typename... Number>
std::uint64_t mask(Number... number)
{
    return ((std::uint64_t{1} << number) | ... | 0);
}

constexpr std::uint64_t kAll = (std::uint64_t{1} << (CAP_LAST_CAP + 1)) - 1;
const std::uint64_t kSix = mask(CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN, CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH, CAP_KILL);

class Capabilities : public testing::Test {
protected:
    HeldCapabilities holding(std::uint64_t bits)
    {
        const std::string path = directory_.path() + "/status";
        std::ofstream(path) << "Name:\tx\nCapEff:\t" << std::hex << bits << "\n";
        return HeldCapabilities::read(path);
    }

private:
    TemporaryDirectory directory_;
};

std::string slurp(const std::string& path)
{
    std::ostringstream text;
    text << std::ifstream(std::string(FNSHIELD_SOURCE_DIR "/") + path).rdbuf();
    return text.str();
}

TEST_F(Capabilities, EachNeededOneIsNamedAloneWhenItIsMissing)
{
    EXPECT_TRUE(check_capabilities(holding(kSix)));
    EXPECT_TRUE(check_capabilities(holding(mask(CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN))));
    for (const Capability& taken : used_capabilities()) {
        const auto checked = check_capabilities(holding(kSix & ~mask(taken.bit)));
        EXPECT_EQ(checked.has_value(), !taken.needed) << taken.name;
        if (checked)
            continue;
        EXPECT_EQ(checked.error().exit_code, ExitCode::unsupported);
        EXPECT_THAT(checked.error().message, HasSubstr("lacks " + std::string(taken.name) + ": " + taken.serves));
        for (const Capability& other : used_capabilities())
            EXPECT_EQ(checked.error().message.find(other.name) != std::string::npos, other.bit == taken.bit)
                << taken.name << ": " << other.name;
    }
}

TEST_F(Capabilities, AServingOneThatIsMissingIsSaid)
{
    EXPECT_TRUE(missing_serving(holding(kSix)).empty());
    for (const Capability& taken : used_capabilities()) {
        const auto missing = missing_serving(holding(kSix & ~mask(taken.bit)));
        ASSERT_EQ(missing.size(), taken.needed ? 0U : 1U) << taken.name;
        for (const Capability& capability : missing)
            EXPECT_STREQ(capability.name, taken.name);
    }
}

TEST_F(Capabilities, OnlyWhatIsUsedIsKept)
{
    EXPECT_EQ(holding(kAll).used(true), kSix);
    EXPECT_EQ(holding(kAll).used(false), kSix & ~mask(CAP_PERFMON));
    EXPECT_EQ(holding(mask(CAP_KILL, CAP_CHOWN)).used(true), mask(CAP_KILL)) << "what is not held is not asked for";
    EXPECT_EQ(holding(0).used(true), 0U);
}

TEST_F(Capabilities, SysAdminIsKeptOnlyWhereItStandsForOneThatIsNotHeld)
{
    const std::uint64_t rest = mask(CAP_NET_ADMIN, CAP_KILL);
    const auto old_runtime = holding(rest | mask(CAP_SYS_ADMIN));
    EXPECT_TRUE(check_capabilities(old_runtime));
    EXPECT_EQ(old_runtime.used(true), rest | mask(CAP_SYS_ADMIN));
    EXPECT_EQ(old_runtime.used(false), rest | mask(CAP_SYS_ADMIN)) << "it stands for CAP_BPF";
    const auto without_perfmon = holding(rest | mask(CAP_SYS_ADMIN, CAP_BPF));
    EXPECT_EQ(without_perfmon.used(true), rest | mask(CAP_SYS_ADMIN, CAP_BPF));
    EXPECT_EQ(without_perfmon.used(false), rest | mask(CAP_BPF));
}

TEST_F(Capabilities, AThreadGivesUpItsOwn)
{
    const std::uint64_t before = HeldCapabilities::read().used(true);
    std::uint64_t after = kAll;
    std::thread([&] {
        EXPECT_TRUE(give_up_all());
        after = HeldCapabilities::read().used(true);
    }).join();
    EXPECT_EQ(after, 0U);
    EXPECT_EQ(HeldCapabilities::read().used(true), before);
}

// In the order of the table.
TEST_F(Capabilities, TheUnitGivesJustThese)
{
    std::string names;
    for (const Capability& capability : used_capabilities())
        names += std::string(names.empty() ? "" : " ") + capability.name;
    const std::string unit = slurp("packaging/systemd/fnshieldd.service.in");
    EXPECT_THAT(unit, HasSubstr("\nCapabilityBoundingSet=" + names + "\n"));
    EXPECT_THAT(unit, HasSubstr("\nAmbientCapabilities=" + names + "\n"));
}

TEST_F(Capabilities, TheManualSaysWhatEachIsFor)
{
    const std::string manual = slurp("packaging/man/fnshieldd.8");
    const std::string guide = slurp("docs/operating.md");
    for (const Capability& capability : used_capabilities()) {
        EXPECT_THAT(manual, HasSubstr("\n.TP\n.B " + std::string(capability.name) + "\n"));
        EXPECT_THAT(guide, HasSubstr("\n| " + std::string(capability.name) + " | "));
    }
}

}  // namespace
}  // namespace fnshield::test
