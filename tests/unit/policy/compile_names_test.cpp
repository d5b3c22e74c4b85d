// SPDX-License-Identifier: Apache-2.0
#include "daemon/policy/compile_names.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>

#include <string>

namespace fnshield {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using namespace std::string_literals;

Policy init_list(std::vector<EgressRule> rules)
{
    Policy policy;
    policy.egress.init = std::move(rules);
    return policy;
}

std::string name_of(const ListedName& row)
{
    return {row.key.name, row.key.prefix_bits / 8 - 8};
}

std::vector<int> ports_of(const ListedName& row)
{
    std::vector<int> ports;
    for (int i = 0; i < row.ports.count; ++i)
        ports.push_back(ntohs(row.ports.port_be[i]));
    return ports;
}

TEST(ReversedName, IsAPrefixOfTheNamesItMatches)
{
    EXPECT_EQ(reversed_name("*.Models.example"), "elpmaxe.sledom.");
    EXPECT_EQ(reversed_name("models.example"), "elpmaxe.sledom\0"s);
    EXPECT_EQ(reversed_name("*"), "");
    EXPECT_EQ(reversed_name("**.example"), "elpmaxe.");
}

TEST(ReversedName, NothingForAnotherGlob)
{
    EXPECT_EQ(reversed_name("eu.*.example"), std::nullopt);
    EXPECT_EQ(reversed_name("models.exampl?"), std::nullopt);
    EXPECT_EQ(reversed_name(""), std::nullopt);
    EXPECT_EQ(reversed_name(std::string(239, 'a'))->size(), 240U);
    EXPECT_EQ(reversed_name(std::string(240, 'a')), std::nullopt);
}

TEST(CompileNames, OneRowForEachListAndName)
{
    Policy policy = init_list({{.dns = "*.models.example", .ports = {443, 8443}}, {.cidr = Cidr{}, .ports = {1}}});
    policy.egress.warm = std::vector<EgressRule>{{.dns = "db.example"}};
    const CompiledNames compiled = compile_names(policy, 7);
    EXPECT_THAT(compiled.unsupported, IsEmpty());
    ASSERT_THAT(compiled.rows, SizeIs(2));
    EXPECT_EQ(compiled.rows[0].key.policy_id, 7U);
    EXPECT_EQ(compiled.rows[0].key.list, static_cast<std::uint32_t>(FNS_LIST_EGRESS_INIT));
    EXPECT_EQ(name_of(compiled.rows[0]), "elpmaxe.sledom.");
    EXPECT_THAT(ports_of(compiled.rows[0]), ElementsAre(443, 8443));
    EXPECT_EQ(compiled.rows[1].key.list, static_cast<std::uint32_t>(FNS_LIST_EGRESS_WARM));
    EXPECT_EQ(name_of(compiled.rows[1]), "elpmaxe.bd\0"s);
    EXPECT_EQ(compiled.rows[1].ports.count, 0) << "all";
}

TEST(CompileNames, ThePortsOfARowAreThoseOfTheLongerRowsAsWell)
{
    const auto compiled = compile_names(
        init_list({{.dns = "eu.models.example", .ports = {1}}, {.dns = "*.example", .ports = {2}}, {.dns = "*.other"}}),
        1);
    ASSERT_THAT(compiled.rows, SizeIs(3));
    EXPECT_THAT(ports_of(compiled.rows[0]), ElementsAre(2)) << name_of(compiled.rows[0]);
    EXPECT_THAT(ports_of(compiled.rows[1]), ElementsAre(1, 2)) << name_of(compiled.rows[1]);
    const auto all = compile_names(init_list({{.dns = "eu.example", .ports = {1}}, {.dns = "*.example"}}), 1);
    ASSERT_THAT(all.rows, SizeIs(2));
    EXPECT_EQ(all.rows[1].ports.count, 0);
}

TEST(CompileNames, SaysWhatItCannotDo)
{
    std::vector<std::uint16_t> many;
    for (std::uint16_t port = 1; port <= FNS_LISTED_PORTS + 1; ++port)
        many.push_back(port);
    const auto compiled =
        compile_names(init_list({{.dns = "eu.*.example"}, {.dns = "many.example", .ports = many}}), 1);
    EXPECT_THAT(compiled.rows, IsEmpty());
    ASSERT_THAT(compiled.unsupported, SizeIs(2));
    EXPECT_THAT(compiled.unsupported[0].reason, HasSubstr("eu.*.example"));
    EXPECT_THAT(compiled.unsupported[1].reason, HasSubstr("31 ports"));
}

}  // namespace
}  // namespace fnshield
