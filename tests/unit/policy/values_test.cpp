// SPDX-License-Identifier: Apache-2.0
//
// Durations, numbers, networks, addresses and the hint for a mistyped word.
#include "daemon/policy/values.h"

#include <gmock/gmock.h>

#include <array>

namespace fnshield {
namespace {

using testing::HasSubstr;
using testing::Optional;

TEST(Duration, TakesOneNumberAndOneUnit)
{
    EXPECT_EQ(parse_duration("500ms").value(), 500 * kMillisecond);
    EXPECT_EQ(parse_duration("2s").value(), 2 * kSecond);
    EXPECT_EQ(parse_duration("1m").value(), 60 * kSecond);
    EXPECT_EQ(parse_duration("1h").value(), 3600 * kSecond);
    EXPECT_EQ(parse_duration("0s").value(), 0U);
}

TEST(Duration, RefusesTheRest)
{
    for (const std::string_view text :
         {"", "2", "s", "-2s", "2 s", "1.5s", "2d", "2ss", "0x2s", "99999999999999999999s"})
        EXPECT_FALSE(parse_duration(text)) << text;
    EXPECT_THAT(parse_duration("18446744073709551615h").error().message, HasSubstr("longer than any"));
}

TEST(Number, KeepsItsBounds)
{
    EXPECT_EQ(parse_number("1", 1, 65535).value(), 1U);
    EXPECT_EQ(parse_number("65535", 1, 65535).value(), 65535U);
    for (const std::string_view text : {"0", "65536", "-1", "+1", "1.0", "", " 1", "99999999999999999999999"})
        EXPECT_FALSE(parse_number(text, 1, 65535)) << text;
}

TEST(CidrText, IsReadBackAsItWas)
{
    EXPECT_EQ(cidr_text(parse_cidr("10.20.0.0/16").value()), "10.20.0.0/16");
    EXPECT_EQ(cidr_text(parse_cidr("10.20.0.1").value()), "10.20.0.1/32");
    EXPECT_EQ(cidr_text(parse_cidr("fd00::/8").value()), "fd00::/8");
    EXPECT_EQ(cidr_text(parse_cidr("::1").value()), "::1/128");
}

TEST(CidrText, BitsBeyondThePrefixGetAHint)
{
    EXPECT_THAT(parse_cidr("10.20.0.1/16").error().message, HasSubstr("did you mean '10.20.0.0/16'?"));
    EXPECT_THAT(parse_cidr("fd00::1/64").error().message, HasSubstr("did you mean 'fd00::/64'?"));
}

TEST(CidrText, RefusesTheRest)
{
    for (const std::string_view text :
         {"", "/8", "10.0.0/8", "10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/-1", "host/8", "10.0.0.0/8/8"})
        EXPECT_FALSE(parse_cidr(text)) << text;
    EXPECT_FALSE(parse_cidr(std::string_view("10.0.0.1\0x", 10)));
}

TEST(AddressPort, TakesBothFamilies)
{
    const auto four = parse_address_port("127.0.0.1:9938");
    ASSERT_TRUE(four);
    EXPECT_EQ(four->address_text(), "127.0.0.1");
    EXPECT_EQ(four->port, 9938);
    const auto six = parse_address_port("[::1]:80");
    ASSERT_TRUE(six);
    EXPECT_EQ(six->address_text(), "::1");
    EXPECT_EQ(six->port, 80);
}

TEST(AddressPort, RefusesTheRest)
{
    for (const std::string_view text : {"", "127.0.0.1", "::1:80", "[127.0.0.1]:80", "127.0.0.1:", "127.0.0.1:0",
                                        "127.0.0.1:65536", "localhost:80", ":80", "[]:80", "[::1:80"})
        EXPECT_FALSE(parse_address_port(text)) << text;
    EXPECT_TRUE(parse_address_port("127.0.0.1:0", 0));
}

TEST(Nearest, FindsATypo)
{
    constexpr std::array<std::string_view, 4> kKnown{"exec", "egress", "extends", "ready"};
    EXPECT_THAT(nearest("exce", kKnown), Optional(std::string_view("exec")));
    EXPECT_THAT(nearest("eaxx", kKnown), testing::Eq(std::nullopt));  // two edits of four letters: a guess
    EXPECT_THAT(nearest("exe", kKnown), Optional(std::string_view("exec")));
    EXPECT_THAT(nearest("extend", kKnown), Optional(std::string_view("extends")));
    EXPECT_THAT(nearest("egres", kKnown), Optional(std::string_view("egress")));
    EXPECT_THAT(nearest("memory", kKnown), testing::Eq(std::nullopt));
    EXPECT_THAT(nearest(std::string(100000, 'e'), kKnown), testing::Eq(std::nullopt));
}

}  // namespace
}  // namespace fnshield
