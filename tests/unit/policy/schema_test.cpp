// SPDX-License-Identifier: Apache-2.0
//
// The JSON Schemas for editors name the same keys as the parsers' tables: neither can change without the other.
#include <gmock/gmock.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "daemon/model/recognise.h"
#include "daemon/policy/config.h"
#include "daemon/policy/policy_set.h"

namespace fnshield {
namespace {

using Json = nlohmann::json;

Json read_schema(const std::string& path)
{
    const auto text = read_text_file(std::string(FNSHIELD_SOURCE_DIR) + "/" + path, 1U << 20);
    EXPECT_TRUE(text) << path;
    Json schema = text ? Json::parse(*text, nullptr, false) : Json();
    EXPECT_TRUE(schema.is_object()) << path;
    return schema;
}

const Json& resolved(const Json& root, const Json& schema)
{
    if (!schema.contains("$ref"))
        return schema;
    return root.at(Json::json_pointer(schema.at("$ref").get<std::string>().substr(1)));
}

// path → keys, for every map with `properties` below `schema`; paths as KeyTable writes them.
void collect(const Json& root, const Json& reference, const std::string& path,
             std::map<std::string, std::set<std::string>>& found)
{
    const Json& schema = resolved(root, reference);
    const auto below = [&](const std::string& key) { return path.empty() ? key : path + "." + key; };
    if (schema.contains("properties")) {
        EXPECT_EQ(schema.value("additionalProperties", Json(true)), Json(false)) << path << " takes unknown keys";
        for (const auto& [key, value] : schema.at("properties").items()) {
            found[path].insert(key);
            collect(root, value, below(key), found);
        }
    }
    if (schema.contains("items"))
        collect(root, schema.at("items"), path + "[]", found);
    if (schema.contains("additionalProperties") && schema.at("additionalProperties").is_object())
        collect(root, schema.at("additionalProperties"), below("*"), found);
}

void expect_same_keys(const std::string& path, const std::vector<KeyTable>& tables)
{
    const Json schema = read_schema(path);
    EXPECT_EQ(schema.value("$schema", ""), "https://json-schema.org/draft/2020-12/schema");
    std::map<std::string, std::set<std::string>> in_schema;
    collect(schema, schema, "", in_schema);
    std::map<std::string, std::set<std::string>> in_parser;
    for (const KeyTable& table : tables)
        in_parser[std::string(table.path)] = {table.keys.begin(), table.keys.end()};
    EXPECT_EQ(in_schema, in_parser) << path;
}

TEST(Schema, OfPoliciesHasTheParsersKeys)
{
    expect_same_keys("policies/fnshield-policy.schema.json", policy_key_tables());
}

TEST(Schema, OfTheConfigurationHasTheParsersKeys)
{
    expect_same_keys("packaging/config/fnshield-config.schema.json", config_key_tables());
}

TEST(Schema, OfTheConfigurationHasTheBuiltInPlatforms)
{
    const Json schema = read_schema("packaging/config/fnshield-config.schema.json");
    const auto listed = schema.at(Json::json_pointer("/properties/sandboxes/properties/platforms/items/enum"))
                            .get<std::vector<std::string>>();
    const auto known = builtin_platforms();
    EXPECT_TRUE(std::ranges::equal(listed, known));
}

TEST(Schema, OfPoliciesHasAllActionsAndSeverities)
{
    const Json schema = read_schema("policies/fnshield-policy.schema.json");
    const auto words = [&](const std::string& key) {
        return schema.at(Json::json_pointer("/properties/rules/additionalProperties/properties/" + key + "/enum"))
            .get<std::vector<std::string>>();
    };
    std::vector<std::string> actions;
    for (int i = 0; i <= static_cast<int>(Action::off); ++i)
        actions.emplace_back(action_name(static_cast<Action>(i)));
    std::vector<std::string> severities;
    for (int i = 0; i <= static_cast<int>(Severity::critical); ++i)
        severities.emplace_back(severity_name(static_cast<Severity>(i)));
    EXPECT_EQ(words("action"), actions);
    EXPECT_EQ(words("severity"), severities);
}

}  // namespace
}  // namespace fnshield
