// SPDX-License-Identifier: Apache-2.0
//
// tests/golden/bad-policies and bad-configs: each NAME.yaml beside a NAME.expected with exactly what --check prints for
// it, the file's name without its folder. FNSHIELD_UPDATE_GOLDEN=1 writes the .expected files; read the difference.
#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "daemon/detect/detector.h"
#include "daemon/policy/config.h"
#include "daemon/policy/policy_set.h"

namespace fnshield {
namespace {

namespace fs = std::filesystem;

std::string printed(const Diagnostics& diagnostics)
{
    std::string text;
    for (const Diagnostic& diagnostic : diagnostics)
        text += diagnostic.text() + "\n";
    return text;
}

std::string check_policy(const std::string& text, const std::string& file)
{
    PolicyOptions options;
    options.is_known_rule = is_known_rule;
    options.rule_names = {"isolation.memory_read", "isolation.memory_write", "coldstart.slow"};
    const std::vector<PolicyText> texts{{file, text}};
    const PolicyLoad load = PolicySet::from_texts(texts, options);
    EXPECT_EQ(load.set == nullptr, has_errors(load.diagnostics));
    return printed(load.diagnostics);
}

std::string check_config(const std::string& text, const std::string& file)
{
    const ConfigLoad load = parse_config(text, file);
    EXPECT_EQ(!load.config, has_errors(load.diagnostics));
    return printed(load.diagnostics);
}

std::vector<fs::path> golden_files(const std::string& folder)
{
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(fs::path(FNSHIELD_SOURCE_DIR) / "tests/golden" / folder))
        if (entry.path().extension() == ".yaml")
            files.push_back(entry.path());
    std::ranges::sort(files);
    return files;
}

void check_folder(const std::string& folder, std::string (*check)(const std::string&, const std::string&))
{
    const std::vector<fs::path> files = golden_files(folder);
    EXPECT_GT(files.size(), 10U);
    for (const fs::path& file : files) {
        const auto text = read_text_file(file.string(), YamlLimits{}.bytes);
        ASSERT_TRUE(text) << file;
        const std::string got = check(*text, file.filename().string());
        EXPECT_FALSE(got.empty()) << file << " has no fault";
        fs::path expected_file = file;
        expected_file.replace_extension(".expected");
        if (std::getenv("FNSHIELD_UPDATE_GOLDEN") != nullptr)
            std::ofstream(expected_file) << got;
        const auto expected = read_text_file(expected_file.string(), YamlLimits{}.bytes);
        ASSERT_TRUE(expected) << expected_file << " is missing; it would be:\n" << got;
        EXPECT_EQ(got, *expected) << file;
    }
}

TEST(Golden, BadPoliciesSayWhatIsWrongAndWhere)
{
    check_folder("bad-policies", check_policy);
}

TEST(Golden, BadConfigurationsSayWhatIsWrongAndWhere)
{
    check_folder("bad-configs", check_config);
}

}  // namespace
}  // namespace fnshield
