// SPDX-License-Identifier: Apache-2.0
#include "daemon/control/protocol.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fnshield::control {
namespace {

using testing::HasSubstr;

std::string error_of(std::string_view line)
{
    const auto request = parse_request(line);
    return request ? "no error" : request.error().message;
}

TEST(ControlRequest, ReadsEveryCommand)
{
    EXPECT_EQ(parse_request(R"({"version":1,"command":"status"})")->command, Command::status);
    EXPECT_EQ(parse_request(R"({"version":1,"command":"reload"})")->command, Command::reload);
    const auto sandboxes = parse_request(R"({"version":1,"command":"sandboxes","function":"re*","sandbox":"i-1"})");
    ASSERT_TRUE(sandboxes);
    EXPECT_EQ(sandboxes->filter.function, "re*");
    EXPECT_EQ(sandboxes->filter.sandbox, "i-1");
    const auto events =
        parse_request(R"({"version":1,"command":"events","kind":"exec","since_seconds":1.5,"follow":true})");
    ASSERT_TRUE(events);
    EXPECT_TRUE(events->follow);
    EXPECT_EQ(events->filter.since_ns, 1500 * kMillisecond);
    const auto show = parse_request(R"({"version":1,"command":"show","alert":"01J"})");
    ASSERT_TRUE(show);
    EXPECT_EQ(show->alert, "01J");
}

TEST(ControlRequest, ComesBackFromItsOwnText)
{
    Request request{.command = Command::alerts, .filter = {}, .follow = true, .alert = {}};
    request.filter = {.sandbox = "s\"\n",
                      .function = "f",
                      .rule = "isolation.*",
                      .kind = "memory_access",
                      .severity = "high",
                      .since_ns = 90 * kSecond};
    const std::string line = format_request(request);
    ASSERT_EQ(line.find('\n'), line.size() - 1) << "one line, whatever is in it";
    const auto again = parse_request(std::string_view(line).substr(0, line.size() - 1));
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_EQ(again->command, request.command);
    EXPECT_EQ(again->filter, request.filter);
    EXPECT_TRUE(again->follow);
}

TEST(ControlRequest, NamesTheCommandsThatThereAre)
{
    EXPECT_EQ(error_of(R"({"version":1,"command":"statsu"})"),
              "unknown command 'statsu': one of status, sandboxes, events, alerts, show, reload");
    EXPECT_THAT(error_of(R"({"version":1})"), HasSubstr("one of status, sandboxes"));
    EXPECT_THAT(error_of(R"({"version":1,"command":7})"), HasSubstr("one of status, sandboxes"));
}

TEST(ControlRequest, SpeaksOneVersion)
{
    EXPECT_THAT(error_of(R"({"command":"status"})"), HasSubstr("\"version\": 1"));
    EXPECT_THAT(error_of(R"({"version":2,"command":"status"})"), HasSubstr("\"version\": 1"));
    EXPECT_THAT(error_of(R"({"version":"1","command":"status"})"), HasSubstr("\"version\": 1"));
}

TEST(ControlRequest, RefusesKeysThatTheCommandHasNot)
{
    EXPECT_EQ(error_of(R"({"version":1,"command":"status","follow":true})"), "'status' has no 'follow'");
    EXPECT_EQ(error_of(R"({"version":1,"command":"events","rule":"x"})"),
              "'events' has no 'rule': only sandbox, function, kind, since_seconds, follow");
}

TEST(ControlRequest, RefusesWrongTypesAndNonsense)
{
    EXPECT_EQ(error_of(R"({"version":1,"command":"events","kind":7})"), "'kind' must be text");
    EXPECT_EQ(error_of(R"({"version":1,"command":"events","follow":"yes"})"), "'follow' must be true or false");
    EXPECT_THAT(error_of(R"({"version":1,"command":"events","since_seconds":-1})"), HasSubstr("from 0 to"));
    EXPECT_THAT(error_of(R"({"version":1,"command":"events","since_seconds":1e300})"), HasSubstr("from 0 to"));
    EXPECT_THAT(error_of(R"({"version":1,"command":"events","since_seconds":"1h"})"), HasSubstr("from 0 to"));
    EXPECT_THAT(error_of(R"({"version":1,"command":"events","kind":"exce"})"), HasSubstr("no event is of kind 'exce'"));
    EXPECT_THAT(error_of(R"({"version":1,"command":"events","kind":"tick"})"), HasSubstr("no event is of kind"));
    EXPECT_THAT(error_of(R"({"version":1,"command":"alerts","severity":"urgent"})"), HasSubstr("unknown severity"));
    EXPECT_EQ(error_of(R"({"version":1,"command":"show"})"), "'show' needs the id of an 'alert'");
    const std::string long_text(kMaxTextBytes + 1, 'x');
    EXPECT_THAT(error_of(R"({"version":1,"command":"alerts","rule":")" + long_text + "\"}"), HasSubstr("longer than"));
}

TEST(ControlRequest, RefusesWhatIsNotAnObject)
{
    EXPECT_THAT(error_of(""), HasSubstr("not JSON"));
    EXPECT_THAT(error_of("status"), HasSubstr("not JSON"));
    EXPECT_THAT(error_of("[1]"), HasSubstr("must be a JSON object"));
    EXPECT_THAT(error_of(std::string("\0\xff\xfe\x80", 4)), HasSubstr("not JSON"));
    EXPECT_THAT(error_of("{\"version\":1,\"command\":\"\xff\"}"), HasSubstr("not JSON"));
    EXPECT_THAT(error_of(R"({"version":1e999,"command":"status"})"), HasSubstr("not JSON"));
}

TEST(ControlRequest, LimitsLengthAndDepth)
{
    const std::string start = R"({"version":1,"command":"status","x":)";
    EXPECT_THAT(error_of(start + std::string(20'000, '[')), HasSubstr("nests deeper than 8"));
    EXPECT_THAT(error_of(start + "\"" + std::string(20, '[') + "\"}"), HasSubstr("'status' has no 'x'"))
        << "brackets inside of text do not nest";
    EXPECT_THAT(error_of(std::string(kMaxRequestBytes + 1, ' ')), HasSubstr("longer than 65536"));
}

TEST(ControlAnswer, IsOneLineOfValidText)
{
    EXPECT_EQ(format_answer({{"a", "x\ny"}}), "{\"ok\":true,\"data\":{\"a\":\"x\\ny\"}}\n");
    EXPECT_EQ(format_error("bad \"x\""), "{\"ok\":false,\"error\":\"bad \\\"x\\\"\"}\n");
    const std::string replaced = format_line({{"a", "\xff"}});
    EXPECT_FALSE(nlohmann::json::parse(replaced, nullptr, false).is_discarded());
}

}  // namespace
}  // namespace fnshield::control
