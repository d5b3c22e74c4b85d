// SPDX-License-Identifier: Apache-2.0
//
// The manual has every command, option and key that there is. man(1) itself checks the markup where it is installed.
#include <gmock/gmock.h>

#include <algorithm>

#include "daemon/cli/command.h"
#include "daemon/cli/completion.h"
#include "daemon/policy/config.h"
#include "daemon/policy/policy_set.h"
#include "tests/unit/cli/cli_support.h"

namespace fnshield::test {
namespace {

using testing::HasSubstr;

// A page as it is written, with the markup of hyphens taken out.
std::string page(const std::string& name)
{
    std::string text = slurp(std::string(FNSHIELD_SOURCE_DIR "/packaging/man/") + name);
    std::string plain;
    for (std::size_t i = 0; i < text.size(); ++i)
        if (text[i] != '\\' || i + 1 == text.size() || text[i + 1] != '-')
            plain += text[i];
    return plain;
}

TEST(CliManual, ToolPageHasEveryCommandAndOption)
{
    const std::string text = page("fnshield.1");
    const auto app = cli::build_app();
    for (const cli::CommandEntry& command : cli::tool_entry(app->cli).commands) {
        EXPECT_THAT(text, HasSubstr(command.name));
        for (const cli::OptionEntry& option : command.options)
            EXPECT_THAT(text, HasSubstr(option.names.back())) << command.name;
    }
}

TEST(CliManual, DaemonPageHasEveryOption)
{
    const std::string text = page("fnshieldd.8");
    for (const cli::OptionEntry& option : cli::daemon_entry().top.options) {
        const std::string& name = option.names.back();
        EXPECT_TRUE(name == "--help" || text.find(name) != std::string::npos) << name;
    }
}

TEST(CliManual, ConfigurationPageHasEveryKey)
{
    const std::string text = page("fnshield.yaml.5");
    for (const auto& tables : {config_key_tables(), policy_key_tables()})
        for (const KeyTable& table : tables)
            for (const std::string_view key : table.keys)
                EXPECT_THAT(text, HasSubstr(std::string(key))) << table.path;
}

TEST(CliManual, PagesAreCleanMarkup)
{
    if (run({"sh", "-c", "command -v man"}).code != 0)
        GTEST_SKIP() << "man is not installed";
    for (const char* name : {"fnshield.1", "fnshieldd.8", "fnshield.yaml.5"}) {
        const Ran ran = run({"man", "--warnings", "-l", std::string(FNSHIELD_SOURCE_DIR "/packaging/man/") + name});
        EXPECT_EQ(ran.code, 0);
        EXPECT_EQ(ran.err, "") << name;
    }
}

}  // namespace
}  // namespace fnshield::test
