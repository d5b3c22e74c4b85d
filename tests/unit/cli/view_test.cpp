// SPDX-License-Identifier: Apache-2.0
//
// Tables, alerts and events as people see them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "daemon/cli/event_view.h"
#include "daemon/cli/status_view.h"
#include "daemon/cli/table.h"
#include "daemon/cli/text.h"

namespace fnshield::cli {
namespace {

using testing::HasSubstr;
using testing::Not;
using Json = nlohmann::ordered_json;

Terminal plain()
{
    return {1, 2, 0, false};
}
Terminal narrow(std::size_t width)
{
    return {1, 2, width, false};
}
Terminal coloured()
{
    return {1, 2, 100, true};
}

std::vector<std::string> lines_of(const std::string& text)
{
    std::vector<std::string> lines;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);)
        lines.push_back(line);
    return lines;
}

Table sample()
{
    Table table;
    table.column("NAME").column("COUNT", Align::right).column("NOTE");
    table.row({{"a"}, {"7"}, {"short"}});
    table.row({{"a-much-longer-name-than-the-others"}, {"12345"}, {""}});
    return table;
}

TEST(CliTable, AlignsItsColumns)
{
    EXPECT_EQ(sample().render(plain()),
              "NAME                                COUNT  NOTE\n"
              "a                                       7  short\n"
              "a-much-longer-name-than-the-others  12345  -\n");
}

TEST(CliTable, FitsANarrowTerminal)
{
    for (std::size_t width = 1; width < 60; ++width)
        for (const std::string& line : lines_of(sample().render(narrow(width))))
            EXPECT_LE(display_width(line), width) << line;
    EXPECT_EQ(lines_of(sample().render(narrow(30)))[2], "a-much-longer-n…  12345  -");
}

TEST(CliTable, ColourChangesNoWidth)
{
    Table table;
    table.column("A").column("B");
    table.row({{"red", Colour::red}, {"x"}});
    EXPECT_EQ(table.render(coloured()), "\x1b[1mA\x1b[0m    \x1b[1mB\x1b[0m\n\x1b[31mred\x1b[0m  x\n");
}

TEST(CliTable, EscapesItsCells)
{
    Table table;
    table.column("A");
    table.row({{"x\x1b[2J"}});
    EXPECT_THAT(table.render(plain()), HasSubstr("x\\x1b[2J"));
}

Json sandbox_row()
{
    return Json::parse(R"({"platform":"template","tenant":"acme","function":"resnet","instance":"i-4","state":"serving",
        "age_seconds":200.0,"cold_start_seconds":{"setup":0.04,"init":0.2,"first_request":null,"total":0.24},
        "invocations":1234,"alerts":2,"policy":"resnet","cgroup":"/fn/acme/resnet/i-4","adopted":false})");
}

TEST(CliStatus, SandboxRowsHaveWhatTheContractPromises)
{
    const auto lines = lines_of(sandboxes_text(Json::array({sandbox_row()}), plain()));
    ASSERT_EQ(lines.size(), 2U);
    EXPECT_EQ(lines[0],
              "PLATFORM  TENANT  FUNCTION  INSTANCE  STATE      AGE  COLD START  INVOCATIONS  ALERTS  POLICY");
    EXPECT_EQ(lines[1],
              "template  acme    resnet    i-4       serving  3m20s       240ms        1,234       2  resnet");
}

TEST(CliStatus, AnUnnamedSandboxIsNamedByItsCgroup)
{
    Json row = sandbox_row();
    row["function"] = row["instance"] = "";
    EXPECT_THAT(sandboxes_text(Json::array({row}), plain()), HasSubstr("/fn/acme/resnet/i-4"));
    EXPECT_EQ(sandboxes_text(Json::array(), plain()), "no sandboxes\n");
}

TEST(CliStatus, AnAdoptedSandboxHasNoColdStartToShow)
{
    Json row = sandbox_row();
    row["cold_start_seconds"] = Json::object();
    row["adopted"] = true;
    EXPECT_THAT(sandboxes_text(Json::array({row}), plain()), HasSubstr("not seen"));
}

TEST(CliStatus, AMissingCapabilityIsALine)
{
    const Json status =
        Json::parse(R"({"missing_capabilities":[{"name":"CAP_KILL","serves":"an action cannot be carried out"}]})");
    EXPECT_THAT(status_text(status, plain(), false),
                HasSubstr("\nprivileges  without CAP_KILL: an action cannot be carried out\n"));
    EXPECT_THAT(status_text(Json::object(), plain(), false), Not(HasSubstr("privileges")));
}

TEST(CliStatus, OddAnswersDoNotCrashIt)
{
    for (const char* odd : {"null", "7", "[]", "{}", R"({"sensors":7,"sandboxes":[1],"policies":{"a":1}})",
                            R"({"missing_capabilities":[7,null,{"name":[]}]})",
                            R"({"sensors":[{"lost":{"x":"y"},"programs":[1,null]},null,"s"]})"}) {
        EXPECT_FALSE(status_text(Json::parse(odd), plain(), true).empty()) << odd;
        EXPECT_FALSE(sandboxes_text(Json::parse(odd), plain()).empty()) << odd;
        EXPECT_FALSE(alert_block(Json::parse(odd), plain()).empty()) << odd;
        EXPECT_FALSE(event_line(Json::parse(odd), plain()).empty()) << odd;
        EXPECT_FALSE(incident(Json::parse(odd), plain()).empty()) << odd;
    }
}

Json alert()
{
    return Json::parse(R"json({"time":"2026-11-23T05:17:02.123456789Z","id":"01J9","node":"worker-7",
     "rule":"isolation.memory_read","category":"infrastructure","severity":"critical","techniques":["T1055","T1003.007"],
     "summary":"resize/i-1 read memory of warm sandbox resnet/i-4 (process_vm_readv)",
     "sandbox":{"id":"1","cgroup":"/fn/acme/resize/i-1","function":"resize","instance":"i-1","state":"serving","invocation":12},
     "process":{"pid":812,"exe":"/usr/bin/python3.11","argv":["python3","x.py"],"uid":1000,
                "ancestors":[{"pid":801,"exe":"/usr/bin/watchdog"}]},
     "target":{"sandbox":{"cgroup":"/fn/acme/resnet/i-4","function":"resnet"},"process":{"pid":633,"exe":"/usr/bin/python3.11"}},
     "evidence":[{"seq":1,"kind":"memory_access","via":"process_vm_readv","result":0,"time":"2026-11-23T05:17:02.123456789Z"}],
     "count":3,"first_seen":"2026-11-23T05:16:00.000000000Z","last_seen":"2026-11-23T05:17:02.123456789Z","degraded":true,
     "action":{"requested":"deny","taken":"none"},"policy":"default"})json");
}

TEST(CliEvents, AnAlertIsOneBlock)
{
    EXPECT_EQ(alert_block(alert(), plain()),
              "2026-11-23 05:17:02.123Z  CRITICAL  isolation.memory_read  01J9\n"
              "  resize/i-1 read memory of warm sandbox resnet/i-4 (process_vm_readv)\n"
              "  sandbox   resize/i-1  /fn/acme/resize/i-1  serving, invocation 12\n"
              "  process   python3 x.py  pid 812  exe /usr/bin/python3.11  uid 1000  < /usr/bin/watchdog[801]\n"
              "  target    resnet  /fn/acme/resnet/i-4  /usr/bin/python3.11  pid 633\n"
              "  action    requested deny, taken none  (policy default)\n"
              "  seen      3 times since 2026-11-23 05:16:00.000Z\n"
              "  degraded  events of this sandbox were lost: there may be more to it\n");
}

TEST(CliEvents, StepsOfAnIncidentFollowTheAlert)
{
    Json with = alert();
    with["steps"] = Json::parse(R"([{"rule":"identity.cloud_cli","summary":"ran aws","count":3},
                                    {"rule":"supply.code_drop","summary":"wrote","count":1}])");
    EXPECT_THAT(alert_block(with, plain()), HasSubstr("  then      identity.cloud_cli: ran aws (3 times)\n"
                                                      "  then      supply.code_drop: wrote\n"));
}

TEST(CliEvents, ATargetMayBeAnAddress)
{
    Json with = alert();
    with["target"] = {{"address", "169.254.169.254"}, {"port", 80}};
    with["process"] = nullptr;
    with["action"] = {{"requested", "alert"}, {"taken", "alert"}};
    const std::string block = alert_block(with, plain());
    EXPECT_THAT(block, HasSubstr("  target    169.254.169.254 port 80\n"));
    EXPECT_THAT(block, HasSubstr("  action    alert  (policy default)\n"));
    EXPECT_THAT(block, Not(HasSubstr("  process ")));
}

TEST(CliEvents, ShowAddsEvidenceAndMeaning)
{
    const std::string shown = incident(
        {{"alert", alert()}, {"rule", {{"short", "one reads another"}, {"long", "Find the reader."}}}}, plain());
    EXPECT_THAT(shown, HasSubstr("  technique T1055, T1003.007\n"));
    EXPECT_THAT(shown, HasSubstr("  2026-11-23 05:17:02.123Z  #1  memory_access  via=process_vm_readv  result=0\n"));
    EXPECT_THAT(shown, HasSubstr("What it means\n  one reads another\n  Find the reader.\n"));
}

TEST(CliEvents, AnEventIsOneLineWhateverIsInIt)
{
    const Json event = Json::parse(R"({"time":"2026-11-23T05:17:02.123456789Z","seq":9,"kind":"exec",
        "sandbox":{"function":"resize","instance":"i-1"},"process":{"pid":812,"comm":"sh\n"},
        "path":"/bin/sh","inode":7,"device":8,"argv":["sh","-c","echo \u001b[2J\n"],"exec_flags":[],"repeats":2,"init_ns":240000000})");
    EXPECT_EQ(
        event_line(event, plain()),
        "2026-11-23 05:17:02.123Z  exec  resize/i-1  sh\\x0a[812]  path=/bin/sh  argv=[sh -c echo \\x1b[2J\\x0a]  "
        "repeats=2  init_ns=240ms\n");
    EXPECT_THAT(event_line({{"kind", "connect"}, {"sandbox", nullptr}}, plain()), HasSubstr("connect  host"));
}

}  // namespace
}  // namespace fnshield::cli
