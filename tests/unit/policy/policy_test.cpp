// SPDX-License-Identifier: Apache-2.0
//
// policy.h's functions: globs, networks, rule settings.
#include "daemon/policy/policy.h"

#include <gmock/gmock.h>

#include <string>

#include "daemon/policy/values.h"

namespace fnshield {
namespace {

struct GlobCase {
    std::string_view pattern;
    std::string_view text;
    bool fits;
};

constexpr GlobCase kGlobs[] = {
    {"/bin/sh", "/bin/sh", true},
    {"/bin/sh", "/bin/shx", false},
    {"/bin/sh", "/bin/s", false},
    {"", "", true},
    {"", "a", false},
    {"*", "", true},
    {"*", "abc", true},
    {"*", "a/b", false},
    {"**", "a/b", true},
    {"/usr/bin/python3*", "/usr/bin/python3", true},
    {"/usr/bin/python3*", "/usr/bin/python3.11", true},
    {"/usr/bin/python3*", "/usr/bin/python3/x", false},
    {"/models/**", "/models/a", true},
    {"/models/**", "/models/a/b/c.bin", true},
    {"/models/**", "/models", false},
    {"/models/**", "/modelsx/a", false},
    {"/a/**/z", "/a/z", true},
    {"/a/**/z", "/a/b/z", true},
    {"/a/**/z", "/a/b/c/z", true},
    {"/a/**/z", "/a/bz", false},
    {"/a/**/z", "/az", false},
    {"/a**/z", "/a/z", true},
    {"/a**/z", "/ab/c/z", true},
    {"/a**/z", "/az", false},
    {"**/sh", "sh", true},
    {"**/sh", "/bin/sh", true},
    {"**/sh", "/bin/bash", false},
    {"/opt/*/bin/?sh", "/opt/x/bin/zsh", true},
    {"/opt/*/bin/?sh", "/opt/x/y/bin/zsh", false},
    {"/opt/?", "/opt//", false},
    {"*.models.example", "a.models.example", true},
    {"*.models.example", "a.b.models.example", true},
    {"*.models.example", "models.example", false},
    {"*a*b", "xaxxab", true},
    {"*a*b", "xaxxac", false},
    {"[ab]", "a", false},
    {"[ab]", "[ab]", true},
};

TEST(Glob, Fits)
{
    for (const GlobCase& row : kGlobs)
        EXPECT_EQ(glob_match(row.pattern, row.text), row.fits) << row.pattern << " on " << row.text;
}

// A backtracking matcher takes longer than the universe for this one.
TEST(Glob, NoPatternIsSlow)
{
    std::string pattern;
    for (int i = 0; i < 40; ++i)
        pattern += "**a";
    EXPECT_FALSE(glob_match(pattern + "b", std::string(4096, 'a')));
    EXPECT_TRUE(glob_match(pattern, std::string(4096, 'a')));
}

struct CidrCase {
    std::string_view cidr;
    std::string_view address;
    bool inside;
};

constexpr CidrCase kCidrs[] = {
    {"10.20.0.0/16", "10.20.255.1", true},
    {"10.20.0.0/16", "10.21.0.1", false},
    {"10.20.0.0/15", "10.21.0.1", true},
    {"10.20.30.40", "10.20.30.40", true},
    {"10.20.30.40", "10.20.30.41", false},
    {"0.0.0.0/0", "255.1.2.3", true},
    {"0.0.0.0/0", "::1", false},
    {"::/0", "fe80::1", true},
    {"fd00::/8", "fd12::1", true},
    {"fd00::/8", "fc12::1", false},
    {"fd00:ec2::254", "fd00:ec2::254", true},
    {"10.0.0.0/8", "::ffff:10.1.2.3", true},
    {"::ffff:10.0.0.0/104", "10.1.2.3", true},
    {"::ffff:10.0.0.0/104", "11.1.2.3", false},
};

TEST(Cidr, Contains)
{
    for (const CidrCase& row : kCidrs) {
        const auto cidr = parse_cidr(row.cidr);
        const auto address = parse_address(row.address);
        ASSERT_TRUE(cidr && address) << row.cidr << " " << row.address;
        EXPECT_EQ(cidr->contains(*address), row.inside) << row.cidr << " and " << row.address;
    }
}

TEST(Cidr, AnUnknownFamilyIsInNoNetwork)
{
    EXPECT_FALSE(parse_cidr("0.0.0.0/0")->contains(Endpoint{}));
    EXPECT_FALSE(Cidr{}.contains(Endpoint{}));
}

TEST(Policy, RulesWithoutASettingAlertAtTheirOwnSeverity)
{
    const Policy policy;
    EXPECT_EQ(policy.action_for("isolation.memory_read"), Action::alert);
    EXPECT_EQ(policy.severity_for("isolation.memory_read", Severity::critical), Severity::critical);
}

TEST(Policy, ASettingMayHaveOnlyOneOfBoth)
{
    Policy policy;
    policy.rules["a.b"].action = Action::off;
    policy.rules["a.c"].severity = Severity::low;
    EXPECT_EQ(policy.action_for("a.b"), Action::off);
    EXPECT_EQ(policy.severity_for("a.b", Severity::high), Severity::high);
    EXPECT_EQ(policy.action_for("a.c"), Action::alert);
    EXPECT_EQ(policy.severity_for("a.c", Severity::high), Severity::low);
}

TEST(Policy, NamesAreThoseOfTheContract)
{
    EXPECT_EQ(severity_name(Severity::low), "low");
    EXPECT_EQ(severity_name(Severity::critical), "critical");
    EXPECT_EQ(action_name(Action::alert), "alert");
    EXPECT_EQ(action_name(Action::freeze), "freeze");
    EXPECT_EQ(action_name(Action::off), "off");
    EXPECT_EQ(action_name(static_cast<Action>(200)), "unknown");
}

}  // namespace
}  // namespace fnshield
