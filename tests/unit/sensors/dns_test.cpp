// SPDX-License-Identifier: Apache-2.0
#include "daemon/sensors/dns.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace fnshield {
namespace {

std::string header(std::uint8_t questions = 1)
{
    std::string text("\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00", 12);
    text[5] = static_cast<char>(questions);
    return text;
}

std::string label(const std::string& text)
{
    return static_cast<char>(text.size()) + text;
}

const std::string kEnd("\x00\x00\x1c\x00\x01", 5);  // the root, type AAAA, class IN

DnsQuestion decode(const std::string& message)
{
    return decode_dns_question(std::as_bytes(std::span(message)));
}

TEST(Dns, NameAndTypeOfTheFirstQuestion)
{
    const auto question = decode(header() + label("models") + label("example") + kEnd);
    EXPECT_EQ(question.name, "models.example");
    EXPECT_EQ(question.type, 28);
    EXPECT_FALSE(question.malformed);
}

TEST(Dns, CaseIsNotPartOfAName)
{
    EXPECT_EQ(decode(header() + label("MoDeLs") + label("EXAMPLE") + kEnd).name, "models.example");
}

TEST(Dns, BytesThatWouldMisleadAReaderAreEscaped)
{
    const auto question = decode(header() + label(std::string("a.b\\\n\x00\xff ", 8)) + label("x") + kEnd);
    EXPECT_EQ(question.name, "a\\046b\\092\\010\\000\\255\\032.x");
    EXPECT_FALSE(question.malformed);
}

TEST(Dns, TheRootIsADot)
{
    const auto question = decode(header() + kEnd);
    EXPECT_EQ(question.name, ".");
    EXPECT_FALSE(question.malformed);
}

TEST(Dns, WhatFollowsTheQuestionDoesNotMatter)
{
    EXPECT_FALSE(decode(header() + label("a") + kEnd + std::string(100, '\xff')).malformed);
}

TEST(Dns, EveryTruncationIsMalformedAndKeepsWholeLabels)
{
    const std::string whole = header() + label("models") + label("example") + kEnd;
    for (std::size_t size = 0; size < whole.size(); ++size) {
        const auto question = decode(whole.substr(0, size));
        EXPECT_TRUE(question.malformed) << size;
        EXPECT_TRUE(question.name.empty() || question.name == "models" || question.name == "models.example") << size;
    }
    EXPECT_FALSE(decode(whole).malformed);
}

TEST(Dns, AMessageWithoutAQuestionIsMalformed)
{
    EXPECT_TRUE(decode(header(0) + label("a") + kEnd).malformed);
}

TEST(Dns, CompressionIsRefused)
{
    const auto question = decode(header() + label("a") + "\xc0\x0c" + kEnd);
    EXPECT_TRUE(question.malformed);
    EXPECT_EQ(question.name, "a");
}

TEST(Dns, ReservedLabelTypesAreRefused)
{
    EXPECT_TRUE(decode(header() + "\x40" + std::string(64, 'a') + kEnd).malformed);
    EXPECT_TRUE(decode(header() + "\x80" + std::string(128, 'a') + kEnd).malformed);
}

TEST(Dns, ALabelOf63BytesIsTheLongest)
{
    EXPECT_FALSE(decode(header() + label(std::string(63, 'a')) + kEnd).malformed);
    EXPECT_TRUE(decode(header() + label(std::string(64, 'a')) + kEnd).malformed);
}

TEST(Dns, ANameOf255BytesIsTheLongest)
{
    std::string longest = header();
    for (int i = 0; i < 3; ++i)
        longest += label(std::string(63, 'a'));
    EXPECT_FALSE(decode(longest + label(std::string(61, 'b')) + kEnd).malformed);  // 3 × 64 + 62 + 1 = 255
    EXPECT_TRUE(decode(longest + label(std::string(62, 'b')) + kEnd).malformed);
}

}  // namespace
}  // namespace fnshield
