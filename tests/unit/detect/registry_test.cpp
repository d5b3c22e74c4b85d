// SPDX-License-Identifier: Apache-2.0
//
// What holds for every detector, also for those that are still to be written.
#include <fstream>
#include <set>
#include <sstream>

#include "tests/unit/detect/detector_fixture.h"

namespace fnshield::test {
namespace {

using testing::IsEmpty;
using testing::Not;

std::string documentation()
{
    std::ifstream file(FNSHIELD_SOURCE_DIR "/docs/rules.md");
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

TEST(Registry, EveryDescriptorIsComplete)
{
    std::set<std::string_view> rules;
    for (const auto& detector : make_detectors()) {
        const RuleDescriptor& rule = detector->descriptor();
        SCOPED_TRACE(rule.rule);
        EXPECT_TRUE(rules.insert(rule.rule).second) << "registered twice";
        EXPECT_TRUE(is_known_rule(rule.rule));
        EXPECT_THAT(rule.short_text, Not(IsEmpty()));
        EXPECT_FALSE(rule.short_text.ends_with('.'));
        EXPECT_GT(rule.long_text.size(), rule.short_text.size());
        EXPECT_THAT(rule.kinds, Not(IsEmpty()));
        EXPECT_EQ(rule.techniques.empty(), rule.category == Category::health);
        for (const std::string_view technique : rule.techniques)
            EXPECT_TRUE(technique.starts_with("T1") || technique.starts_with("AML.")) << technique;
        EXPECT_THAT(category_name(rule.category), testing::Ne("unknown"));
    }
    EXPECT_GE(rules.size(), 15U);
}

TEST(Registry, TheRulesOfTheCatalogueAreKnownAndNoOthers)
{
    for (const char* rule : {"isolation.memory_read", "coldstart.secret_sweep", "model.tampered", "supply.time_bomb",
                             "identity.token_egress", "health.tamper", "health.sensor", "isolation.vmm_escape"})
        EXPECT_TRUE(is_known_rule(rule)) << rule;
    for (const char* rule : {"", "isolation", "isolation.", "isolation.memory", "Isolation.memory_read", "evil"})
        EXPECT_FALSE(is_known_rule(rule)) << rule;
}

TEST(Registry, CategoriesHaveTheContractsWords)
{
    EXPECT_EQ(category_name(Category::function), "function");
    EXPECT_EQ(category_name(Category::supply_chain), "supply-chain");
    EXPECT_EQ(category_name(Category::health), "health");
    EXPECT_EQ(category_name(static_cast<Category>(99)), "unknown");
}

TEST(Registry, EveryRuleIsDocumented)
{
    const std::string text = documentation();
    ASSERT_THAT(text, Not(IsEmpty()));
    for (const auto& detector : make_detectors()) {
        const RuleDescriptor& rule = detector->descriptor();
        const std::string row = "\n| `" + std::string(rule.rule) + "` | " + std::string(severity_name(rule.severity)) +
                                " | " + std::string(category_name(rule.category)) + " | ";
        const auto at = text.find(row);
        ASSERT_NE(at, std::string::npos) << "docs/rules.md has no row that begins with" << row;
        const std::string line = text.substr(at + 1, text.find('\n', at + 1) - at - 1);
        for (const std::string_view technique : rule.techniques)
            EXPECT_THAT(line, testing::HasSubstr(technique)) << rule.rule;
    }
}

TEST(Registry, EveryTableIsNamedOnceAndBounded)
{
    const DetectorEngine engine(make_detectors(), std::make_shared<Policy>());
    std::set<std::string_view> names;
    for (const TableStats& table : engine.tables()) {
        EXPECT_TRUE(names.insert(table.table).second) << table.table;
        EXPECT_GT(table.capacity, 0U) << table.table;
    }
}

}  // namespace
}  // namespace fnshield::test
