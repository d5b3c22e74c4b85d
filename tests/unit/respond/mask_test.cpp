// SPDX-License-Identifier: Apache-2.0
//
// Masking both ways: what looks like a credential goes, what only sounds like one stays.
#include "daemon/respond/mask.h"

#include <gmock/gmock.h>

namespace fnshield {
namespace {

using ::testing::ElementsAre;

struct TextCase {
    std::string_view text;
    std::string_view masked;
};

class MaskedText : public ::testing::TestWithParam<TextCase> {};

TEST_P(MaskedText, LosesItsSecret)
{
    EXPECT_EQ(mask_text(GetParam().text), GetParam().masked);
    EXPECT_EQ(mask_text(GetParam().masked), GetParam().masked) << "masking twice changes something";
}

INSTANTIATE_TEST_SUITE_P(
    Mask, MaskedText,
    ::testing::Values(
        TextCase{"--password=hunter2", "--password=***"}, TextCase{"--password=a&b,c;d e", "--password=***"},
        TextCase{"-Dspring.datasource.password=x1", "-Dspring.datasource.password=***"},
        TextCase{"AWS_SECRET_ACCESS_KEY=abc/def+ghi=", "AWS_SECRET_ACCESS_KEY=***"},
        TextCase{"PGPASSWORD=pg psql -h db", "PGPASSWORD=*** psql -h db"},
        TextCase{"--from-literal=password=hunter2", "--from-literal=password=***"},
        TextCase{"accessToken=abcd", "accessToken=***"}, TextCase{"--api-key=1", "--api-key=***"},
        TextCase{"{\"user\":\"a\",\"password\":\"b\\\"c\",\"n\":1}", "{\"user\":\"a\",\"password\":\"***\",\"n\":1}"},
        TextCase{"{\\\"token\\\":\\\"abc\\\"}", "{\\\"token\\\":\\\"***\\\"}"},
        TextCase{"Authorization: Basic dXNlcjpwYXNz", "Authorization: ***"},
        TextCase{"X-Api-Key: k-123", "X-Api-Key: ***"}, TextCase{"Cookie: a=b; c=d", "Cookie: ***"},
        TextCase{"curl -H 'Authorization: Bearer abc.def' https://x", "curl -H 'Authorization: ***' https://x"},
        TextCase{"tool --token s3cr3t --verbose", "tool --token *** --verbose"},
        TextCase{"tool --token 's3cr3t x' --verbose", "tool --token '***' --verbose"},
        TextCase{"https://h/p?token=abc&lang=en", "https://h/p?token=***&lang=en"},
        TextCase{"https://acct.blob/c?sv=1&sig=abc%3D&se=2", "https://acct.blob/c?sv=1&sig=***&se=2"},
        TextCase{"postgres://app:pa55@db:5432/x", "postgres://app:***@db:5432/x"},
        TextCase{"postgres://app:pa/ss@db/x", "postgres://app:***@db/x"},
        TextCase{"redis://:pw@cache:6379", "redis://:***@cache:6379"},
        TextCase{"https://ghp_0123456789abcdefghijABCDEFGHIJ@github.com/x", "https://***@github.com/x"},
        TextCase{"AKIAIOSFODNN7EXAMPLE", "***"}, TextCase{"id AKIAIOSFODNN7EXAMPLE.", "id ***."},
        TextCase{"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc-_DEF", "***"},
        TextCase{"sent Bearer abcdefg1 on", "sent Bearer *** on"}, TextCase{"hf_abcdefghijklmnopqrstuvwx", "***"},
        TextCase{"xoxb-1234567890-abc", "***"},
        TextCase{"-----BEGIN RSA PRIVATE KEY-----\nMIIE", "-----BEGIN RSA PRIVATE KEY-----***"}));

class PlainText : public ::testing::TestWithParam<std::string_view> {};

TEST_P(PlainText, Stays)
{
    EXPECT_EQ(mask_text(GetParam()), GetParam());
}

INSTANTIATE_TEST_SUITE_P(
    Mask, PlainText,
    ::testing::Values("", "python3", "/app/handler.py", "--port=8080", "--password-file=/run/secrets/db",
                      "--token-limit=5", "--pad-token=</s>", "--max-new-tokens=128", "--tokenizer=bert-base",
                      "--secret-name=db", "AWS_ACCESS_KEY_ID=$ID", "https://example.org:8443/a@b?x=1",
                      "git@github.com:a/b.git", "ssh://git@host/x", "docker.io/library/token:latest",
                      "resize/i-1 read memory of warm sandbox resnet/i-4 (process_vm_readv)", "a bearer of bad news",
                      "--key=value", "sort -k2 --compass=north", "eyJust a word", "AKIAN", "task-runner", "sk-learn",
                      "if token == other: pass", "bypass=1", "--monkey=1", "--author=me", "--no-auth"));

TEST(MaskArgv, HidesTheWordAfterAFlag)
{
    const std::vector<std::string> argv{"tool", "--token", "abc", "--verbose", "-H", "Bearer", "x", "end"};
    EXPECT_THAT(mask_argv(argv), ElementsAre("tool", "--token", "***", "--verbose", "-H", "Bearer", "***", "end"));
}

TEST(MaskArgv, AFlagIsNotAValue)
{
    const std::vector<std::string> argv{"tool", "--password", "--verbose", "x"};
    EXPECT_THAT(mask_argv(argv), ElementsAre("tool", "--password", "--verbose", "x"));
}

TEST(MaskArgv, KnowsTheShortFlagsOfSomePrograms)
{
    EXPECT_THAT(mask_argv(std::vector<std::string>{"/usr/bin/curl", "-u", "me:pw", "-ume:pw", "http://x"}),
                ElementsAre("/usr/bin/curl", "-u", "me:***", "-ume:***", "http://x"));
    EXPECT_THAT(mask_argv(std::vector<std::string>{"sshpass", "-p", "pw", "ssh", "h"}),
                ElementsAre("sshpass", "-p", "***", "ssh", "h"));
    EXPECT_THAT(mask_argv(std::vector<std::string>{"mysql", "-ppw", "-p", "shop"}),
                ElementsAre("mysql", "-p***", "-p", "shop"));
}

TEST(MaskArgv, LeavesTheSameFlagsOfOtherProgramsAlone)
{
    const std::vector<std::string> argv{"docker", "run", "-u", "1000:1000", "-p", "80:80"};
    EXPECT_EQ(mask_argv(argv), argv);
}

TEST(MaskArgv, IsCutAtTheLimit)
{
    const std::vector<std::string> argv{"sh", "-c", std::string(5000, 'x'), "never"};
    const auto masked = mask_argv(argv);
    ASSERT_EQ(masked.size(), 3U);
    EXPECT_EQ(masked[2], std::string(4096 - 3 - 3 - 1, 'x') + "…");
}

TEST(MaskArgv, IsNotCutWithinACharacter)
{
    const std::vector<std::string> argv{"ääää"};  // two bytes each
    EXPECT_THAT(mask_argv(argv, 6), ElementsAre("ää…"));
}

TEST(MaskArgv, MasksBeforeItCuts)
{
    const std::vector<std::string> argv{"--password=" + std::string(5000, 'p')};
    EXPECT_THAT(mask_argv(argv), ElementsAre("--password=***"));
}

TEST(MaskArgv, OfNothingIsNothing)
{
    EXPECT_TRUE(mask_argv({}).empty());
}

TEST(Mask, StaysLinearOnHostileInput)
{
    for (const std::string_view unit : {"token=", "://", "a:", "bearer ", "eyJ", "--password ", "\\\"", "=:"}) {
        std::string text;
        while (text.size() < 64 * 1024)
            text += unit;
        EXPECT_LE(mask_text(text).size(), text.size() * 2) << unit;
    }
}

}  // namespace
}  // namespace fnshield
