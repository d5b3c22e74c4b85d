// SPDX-License-Identifier: Apache-2.0
//
// The rule by which an existing cgroup is a sandbox, holds sandboxes, or is neither.
#include "daemon/kernel/adoption.h"

#include <gtest/gtest.h>

#include <cstring>

namespace fnshield {
namespace {

fns_parent rule(std::uint32_t depth, bool rest = false, std::vector<std::string> prefixes = {})
{
    fns_parent made{};
    made.depth = depth;
    made.flags = rest ? FNS_PARENT_REST : 0;
    made.prefixes = static_cast<std::uint32_t>(prefixes.size());
    for (std::size_t i = 0; i < prefixes.size(); ++i)
        std::strncpy(made.leaf_prefix[i], prefixes[i].c_str(), FNS_LEAF_PREFIX_BYTES - 1);
    return made;
}

const ParentRules kNoRules;

TEST(NameFits, AnyNameWherePrefixesAreNotGiven)
{
    EXPECT_TRUE(name_fits(rule(1), "anything"));
    EXPECT_TRUE(name_fits(rule(1), ""));
}

TEST(NameFits, OneOfThePrefixesHasToBegin)
{
    const fns_parent docker = rule(1, false, {"docker-", "crio-"});
    EXPECT_TRUE(name_fits(docker, "docker-4711.scope"));
    EXPECT_TRUE(name_fits(docker, "crio-4711.scope"));
    EXPECT_TRUE(name_fits(docker, "docker-"));
    EXPECT_FALSE(name_fits(docker, "docker.service"));
    EXPECT_FALSE(name_fits(docker, "docker"));
    EXPECT_FALSE(name_fits(docker, "my-docker-1"));
}

TEST(NameFits, TheFirstPrefixThatFitsDecides)
{
    const fns_parent crio = rule(1, false, {"!crio-conmon-", "crio-"});
    EXPECT_TRUE(name_fits(crio, "crio-4711.scope"));
    EXPECT_FALSE(name_fits(crio, "crio-conmon-4711.scope"));
    EXPECT_FALSE(name_fits(crio, "other"));
}

TEST(NameFits, WhereAllRefuseTheOthersAreTaken)
{
    const fns_parent all_but = rule(1, false, {"!init", "!system"});
    EXPECT_TRUE(name_fits(all_but, "f-1"));
    EXPECT_FALSE(name_fits(all_but, "init.scope"));
}

// A prefix that fills its field has no terminator; more prefixes than there are fields are not read.
TEST(NameFits, FullFieldsAndImpossibleCounts)
{
    fns_parent full = rule(1);
    full.prefixes = 1;
    std::memset(full.leaf_prefix[0], 'a', FNS_LEAF_PREFIX_BYTES);
    EXPECT_TRUE(name_fits(full, std::string(FNS_LEAF_PREFIX_BYTES, 'a')));
    EXPECT_FALSE(name_fits(full, std::string(FNS_LEAF_PREFIX_BYTES - 1, 'a')));
    full.prefixes = 1000;
    EXPECT_TRUE(name_fits(full, "b")) << "an empty prefix takes any name";
}

TEST(Classify, ARulesOwnPathIsAParentWhereverItStands)
{
    const ParentRules rules = {{"/fn", rule(3)}};
    const Classified top = classify("/fn", nullptr, rules, false, false);
    EXPECT_EQ(top.role, CgroupRole::parent);
    EXPECT_EQ(top.rule.depth, 3U);
    EXPECT_EQ(classify("/fnx", nullptr, rules, true, false).role, CgroupRole::none);
    EXPECT_EQ(classify("/a/fn", nullptr, rules, true, false).role, CgroupRole::none);
}

TEST(Classify, DepthIsCountedDown)
{
    const fns_parent three = rule(3);
    const Classified tenant = classify("/fn/acme", &three, kNoRules, false, true);
    ASSERT_EQ(tenant.role, CgroupRole::parent);
    const Classified function = classify("/fn/acme/resize", &tenant.rule, kNoRules, false, true);
    ASSERT_EQ(function.role, CgroupRole::parent);
    EXPECT_EQ(function.rule.depth, 1U);
    EXPECT_EQ(classify("/fn/acme/resize/i-1", &function.rule, kNoRules, false, false).role, CgroupRole::sandbox);
}

TEST(Classify, WithoutRestANameThatDoesNotFitIsNothing)
{
    const fns_parent docker = rule(1, false, {"docker-"});
    EXPECT_EQ(classify("/system.slice/ssh.service", &docker, kNoRules, true, false).role, CgroupRole::none);
    EXPECT_EQ(classify("/system.slice/docker-1.scope", &docker, kNoRules, true, false).role, CgroupRole::sandbox);
}

TEST(Classify, WithRestTheLeafIsTheSandbox)
{
    const fns_parent rest = rule(1, true);
    EXPECT_EQ(classify("/r/a", &rest, kNoRules, false, true).role, CgroupRole::parent);
    EXPECT_EQ(classify("/r/a", &rest, kNoRules, false, false).role, CgroupRole::sandbox);
    // Processes of its own: it is the sandbox, and what stands below is nested in it.
    EXPECT_EQ(classify("/r/a", &rest, kNoRules, true, true).role, CgroupRole::sandbox);
}

TEST(Classify, WithRestAndPrefixesOnlyAPrefixedNameIsASandbox)
{
    const fns_parent pods = rule(1, true, {"cri-containerd-"});
    const Classified slice = classify("/kubepods.slice/pod1.slice", &pods, kNoRules, true, false);
    ASSERT_EQ(slice.role, CgroupRole::parent);
    EXPECT_EQ(classify("/kubepods.slice/pod1.slice/cri-containerd-1.scope", &slice.rule, kNoRules, true, false).role,
              CgroupRole::sandbox);
}

}  // namespace
}  // namespace fnshield
