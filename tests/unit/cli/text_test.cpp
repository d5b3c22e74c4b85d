// SPDX-License-Identifier: Apache-2.0
#include "daemon/cli/text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fnshield::cli {
namespace {

using testing::HasSubstr;

TEST(CliText, DurationsAsPeopleSayThem)
{
    EXPECT_EQ(human_duration(0), "0s");
    EXPECT_EQ(human_duration(-1), "0s");
    EXPECT_EQ(human_duration(0.0003), "0.3ms");
    EXPECT_EQ(human_duration(0.24), "240ms");
    EXPECT_EQ(human_duration(0.9999), "1.0s");
    EXPECT_EQ(human_duration(1.23), "1.2s");
    EXPECT_EQ(human_duration(42.4), "42s");
    EXPECT_EQ(human_duration(180), "3m");
    EXPECT_EQ(human_duration(200), "3m20s");
    EXPECT_EQ(human_duration(59.9), "1m");
    EXPECT_EQ(human_duration(3600 * 2 + 300), "2h5m");
    EXPECT_EQ(human_duration(86400 * 20 + 3600), "20d");
    EXPECT_THAT(human_duration(1e300), HasSubstr("d"));
}

TEST(CliText, ReadsAgo)
{
    EXPECT_EQ(parse_ago("90s", 0), 90);
    EXPECT_EQ(parse_ago("90", 0), 90);
    EXPECT_EQ(parse_ago("1.5h", 0), 5400);
    EXPECT_EQ(parse_ago("250ms", 0), 0.25);
    EXPECT_EQ(parse_ago("2d", 0), 172800);
    EXPECT_EQ(parse_ago("2026-11-23T05:17:02Z", 1795411022 + 60), 60);
    EXPECT_EQ(parse_ago("2026-11-23T05:17:02.123456789Z", 1795411022 + 60), 60);
    EXPECT_EQ(parse_ago("2026-11-23T05:17:02Z", 0), 0) << "in the future";
}

TEST(CliText, RefusesWhatIsNoTime)
{
    for (const char* text : {"", "soon", "5 parsecs", "5w", "-5m", "inf", "nan", "2026-11-23", "2026-11-23T05:17:02",
                             "2026-11-23T05:17:02+02:00"}) {
        const auto parsed = parse_ago(text, 0);
        ASSERT_FALSE(parsed) << text;
        EXPECT_EQ(parsed.error().exit_code, ExitCode::usage) << text;
    }
}

TEST(CliText, CountsInGroups)
{
    EXPECT_EQ(human_count(0), "0");
    EXPECT_EQ(human_count(999), "999");
    EXPECT_EQ(human_count(1000), "1,000");
    EXPECT_EQ(human_count(1234567), "1,234,567");
}

TEST(CliText, TimesLoseTheirNanoseconds)
{
    EXPECT_EQ(human_time("2026-11-23T05:17:02.123456789Z"), "2026-11-23 05:17:02.123Z");
    EXPECT_EQ(human_time(""), "");
    EXPECT_EQ(human_time("yesterday\x1b[2J"), "yesterday\\x1b[2J");
}

TEST(CliText, NothingOfASandboxReachesTheTerminalAsAControl)
{
    EXPECT_EQ(printable("plain é ✓ 日本"), "plain é ✓ 日本");
    EXPECT_EQ(printable("\x1b]0;owned\x07"), "\\x1b]0;owned\\x07");
    EXPECT_EQ(printable("a\nb\tc\x7f"), "a\\x0ab\\x09c\\x7f");
    EXPECT_EQ(printable("\xc2\x9b"), "\\u{9b}") << "the one-byte CSI in UTF-8";
    EXPECT_EQ(printable("\xe2\x80\xae txt.exe"), "\\u{202e} txt.exe") << "right-to-left override";
    EXPECT_EQ(printable("\xff\xc3"), "\\xff\\xc3") << "not UTF-8";
    EXPECT_EQ(printable("\xc0\xaf\xed\xa0\x80"), "\\xc0\\xaf\\xed\\xa0\\x80") << "overlong, surrogate";
    EXPECT_EQ(printable(std::string_view("a\0b", 3)), "a\\x00b");
}

TEST(CliText, CutsAtColumnsNotBytes)
{
    EXPECT_EQ(display_width("é✓"), 2U);
    EXPECT_EQ(fitted("éé✓✓", 4), "éé✓✓");
    EXPECT_EQ(fitted("éé✓✓", 3), "éé…");
    EXPECT_EQ(fitted("abc", 1), "…");
    EXPECT_EQ(fitted("abc", 0), "");
}

}  // namespace
}  // namespace fnshield::cli
