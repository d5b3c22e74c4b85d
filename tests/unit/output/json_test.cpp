// SPDX-License-Identifier: Apache-2.0
//
// JSON as the contract has it: one alert against tests/golden/alert.json, one event of each kind, hostile bytes.
#include "daemon/output/json.h"

#include <gmock/gmock.h>

#include "tests/unit/output/support.h"
#include "tests/unit/support/events.h"

namespace fnshield {
namespace {

using namespace test;
using Json = nlohmann::ordered_json;

constexpr std::int64_t kWallOffset = 1'795'411'022'123'456'789 - 5 * static_cast<std::int64_t>(kSecond);

std::vector<std::string> keys(const Json& json)
{
    std::vector<std::string> names;
    for (const auto& item : json.items())
        names.push_back(item.key());
    return names;
}

// The contract's own example.
Alert contract_alert()
{
    Alert alert = sample_alert();
    alert.wall_offset_ns = kWallOffset;
    alert.techniques = {"T1055", "T1003.007"};
    alert.sandbox->state = SandboxState::serving;
    alert.sandbox->invocation = 12;
    alert.process = AlertProcess{.pid = 812,
                                 .start_ns = 1,
                                 .exe = "/usr/bin/python3.11",
                                 .argv = {"python3", "x.py"},
                                 .uid = 1000,
                                 .ancestors = {{.pid = 801, .exe = "/usr/bin/watchdog"}}};
    alert.target.sandbox =
        AlertSandbox{.id = 4712, .cgroup = "/fn/acme/resnet/i-4", .name = {"template", "acme", "resnet", "i-4"}};
    alert.target.process = AlertProcess{.pid = 633, .exe = "/usr/bin/python3.11"};
    Event event = memory_event(4711, 5 * kSecond, process(812), 4712, process(633));
    event.seq = 1;
    alert.evidence = {event};
    return alert;
}

TEST(AlertJson, IsTheContracts)
{
    const std::string golden = read_all(FNSHIELD_SOURCE_DIR "/tests/golden/alert.json");
    ASSERT_FALSE(golden.empty());
    const Json alert = alert_json(contract_alert());
    EXPECT_EQ(alert.dump(2) + "\n", golden);
    EXPECT_EQ(keys(alert), keys(Json::parse(golden)));
    EXPECT_EQ(to_line(alert).find('\n'), std::string::npos);
}

TEST(AlertJson, WhatIsNotKnownIsNull)
{
    Alert alert = sample_alert();
    alert.sandbox.reset();
    const Json json = alert_json(alert);
    EXPECT_TRUE(json["sandbox"].is_null());
    EXPECT_TRUE(json["process"].is_null());
    EXPECT_TRUE(json["target"].is_null());
}

TEST(AlertJson, TheTargetMayBeAnAddressOrAFileOrAName)
{
    Alert alert = sample_alert();
    alert.target.detail = {.file = "/models/x", .address = "169.254.169.254", .port = 80, .name = "imds"};
    EXPECT_EQ(alert_json(alert)["target"].dump(),
              R"({"file":"/models/x","address":"169.254.169.254","port":80,"name":"imds"})");
}

TEST(AlertJson, StepsOfTheIncident)
{
    Alert alert = sample_alert();
    alert.wall_offset_ns = 0;
    alert.steps.push_back({.time_ns = 2 * kSecond,
                           .rule = "identity.cloud_cli",
                           .severity = Severity::medium,
                           .techniques = {"T1059.009"},
                           .summary = "ran aws",
                           .count = 3});
    EXPECT_EQ(alert_json(alert)["steps"].dump(),
              R"([{"time":"1970-01-01T00:00:02.000000000Z","rule":"identity.cloud_cli","severity":"medium",)"
              R"("techniques":["T1059.009"],"summary":"ran aws","count":3}])");
}

TEST(AlertJson, AnActionThatWasNotTakenIsNone)
{
    Alert alert = sample_alert();
    alert.requested = Action::deny;
    alert.taken.reset();
    EXPECT_EQ(alert_json(alert)["action"].dump(), R"({"requested":"deny","taken":"none"})");
}

TEST(AlertJson, EvidenceNamesAProcessThatIsNotTheAlerts)
{
    Alert alert = contract_alert();
    alert.evidence[0].process.tgid = 900;
    EXPECT_EQ(alert_json(alert)["evidence"][0]["process"]["pid"], 900);
}

TEST(Json, AnyBytesGiveOneValidLine)
{
    Alert alert = contract_alert();
    alert.summary = "\xff\xfe broken \x80\n\r\0 \"quoted\"";
    alert.process->exe = std::string("\xc3(\0/x", 5);
    alert.process->argv = {"\xf0\x28\x8c\x28"};
    alert.sandbox->cgroup = "/fn/\xed\xa0\x80";
    const std::string line = to_line(alert_json(alert));
    EXPECT_EQ(line.find('\n'), std::string::npos);
    EXPECT_TRUE(Json::accept(line)) << line;
}

class EventJsonTest : public ::testing::Test {
protected:
    EventJsonTest()
    {
        (void)model.apply(made_event(4711, kSecond));
        (void)model.apply(exec_event(4711, 2 * kSecond, process(812), "/usr/bin/python3.11", FNS_EXEC_FIRST));
    }
    Json json(const Event& event) { return event_json(event, model, kWallOffset); }
    // Without what is common to all.
    std::string own(const Event& event)
    {
        Json all = json(event);
        for (const char* common : {"time", "seq", "kind", "sandbox", "process"})
            all.erase(common);
        return all.dump();
    }

    PathRecogniser recogniser;
    FixedPolicies policies;
    Model model{recogniser, policies};
};

TEST_F(EventJsonTest, BeginsWithWhatIsCommonToAll)
{
    Event event = connect_event(4711, 5 * kSecond, process(812), endpoint("10.20.0.1", 5432));
    event.seq = 7;
    const Json made = json(event);
    const auto names = keys(made);
    EXPECT_EQ(std::vector<std::string>(names.begin(), names.begin() + 5),
              (std::vector<std::string>{"time", "seq", "kind", "sandbox", "process"}));
    EXPECT_EQ(made["time"], "2026-11-23T05:17:02.123456789Z");
    EXPECT_EQ(made["seq"], 7);
    EXPECT_EQ(made["kind"], "connect");
    EXPECT_EQ(made["sandbox"]["id"], "4711");
    EXPECT_EQ(made["sandbox"]["cgroup_id"], 4711);
    EXPECT_EQ(made["sandbox"]["function"], "resize");
    EXPECT_EQ(made["sandbox"]["state"], "starting");
    EXPECT_EQ(made["process"]["pid"], 812);
    EXPECT_EQ(made["process"]["exe"], "/usr/bin/python3.11");
}

TEST_F(EventJsonTest, TheHostIsNull)
{
    const Json made = json(exec_event(kHost, 5 * kSecond, process(1234), "/bin/sh"));
    EXPECT_TRUE(made["sandbox"].is_null());
    EXPECT_EQ(made["process"]["exe"], "");
}

TEST_F(EventJsonTest, ASandboxThatIsNotKnownHasItsId)
{
    EXPECT_EQ(json(exec_event(99, 5 * kSecond, process(1234), "/bin/sh"))["sandbox"].dump(),
              R"({"id":"99","cgroup_id":99})");
}

TEST_F(EventJsonTest, InterruptContextHasNoProcess)
{
    const Event event = accept_event(4711, 5 * kSecond, 8080, endpoint("10.62.0.1", 43210));
    EXPECT_TRUE(json(event)["process"].is_null());
    EXPECT_EQ(own(event),
              R"({"via":"tcp_state","result":0,"address":"10.62.0.1","port":43210,"local_address":"10.62.0.2",)"
              R"("local_port":8080,"domain":"inet","type":"stream","protocol":"tcp"})");
}

TEST_F(EventJsonTest, Exec)
{
    Event event = exec_event(4711, 5 * kSecond, process(812), "/memfd:x", FNS_EXEC_MEMFD | FNS_EXEC_UNLINKED,
                             {"x", "--token=abc"});
    event.flags = FNS_FLAG_TRUNCATED | FNS_FLAG_SETUP;
    EXPECT_EQ(own(event),
              R"({"path":"/memfd:x","filename":"/memfd:x","argv":["x","--token=***"],"inode":4242,"device":0,)"
              R"("exec_flags":["memfd","unlinked"],"flags":["truncated","setup"]})");
}

TEST_F(EventJsonTest, Exit)
{
    EXPECT_EQ(own(exit_event(4711, 5 * kSecond, process(812), 0, 9)), R"({"exit_code":0,"signal":9})");
}

TEST_F(EventJsonTest, Dns)
{
    Event event = dns_event(4711, 5 * kSecond, process(812), "a.models.example", 28);
    event.repeats = 3;
    EXPECT_EQ(own(event), R"({"name":"a.models.example","type":"AAAA","resolver":"10.96.0.10","resolver_port":53,)"
                          R"("protocol":"udp","repeats":3})");
}

TEST_F(EventJsonTest, RawSocket)
{
    EXPECT_EQ(own(raw_socket_event(4711, 5 * kSecond, process(812), AF_PACKET, SOCK_RAW, 3, -1)),
              R"({"via":"sock_create","result":-1,"domain":"packet","type":"raw","protocol":3})");
}

TEST_F(EventJsonTest, Memory)
{
    EXPECT_EQ(own(memory_event(4711, 5 * kSecond, process(812), 4712, process(633), FNS_ACCESS_PEEK, FNS_VIA_PROC_FILE,
                               "environ")),
              R"({"via":"proc_file","result":0,"access":"peek","name":"environ","attempted":false,)"
              R"("target":{"sandbox":"4712","process":{"pid":633,"start_ns":1000633,"comm":"python3"}}})");
}

TEST_F(EventJsonTest, Phases)
{
    Event event;
    event.kind = EventKind::sandbox_ready;
    event.sandbox = 4711;
    event.body = PhaseBody{.setup_ns = 1, .init_ns = 2, .total_ns = 3, .port = 8080};
    EXPECT_EQ(own(event), R"({"setup_ns":1,"init_ns":2,"total_ns":3,"port":8080})");
}

TEST_F(EventJsonTest, Move)
{
    const Json made = json(move_event(4711, 5 * kSecond, process(900), 4712));
    EXPECT_EQ(made["subject"]["pid"], 900);
    EXPECT_EQ(made["from_sandbox"], "4712");
}

TEST(IsPublic, IsTheContractsKindsOnly)
{
    for (std::size_t i = 0; i < static_cast<std::size_t>(EventKind::count_); ++i) {
        const auto kind = static_cast<EventKind>(i);
        const std::string_view name = event_kind_name(kind);
        const bool internal = name == "loss" || name == "tick" || name == "heartbeat" || name == "process_found" ||
                              name == "usage" || name == "sensor" || name.starts_with("parent_") ||
                              (name.starts_with("cgroup_") && name != "cgroup_move");
        EXPECT_EQ(is_public(kind), !internal) << name;
    }
}

}  // namespace
}  // namespace fnshield
