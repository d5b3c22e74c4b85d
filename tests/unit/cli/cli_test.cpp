// SPDX-License-Identifier: Apache-2.0
//
// The built tool against a server in this process.
#include <gmock/gmock.h>

#include "tests/unit/cli/cli_support.h"

namespace fnshield::test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;
using Json = nlohmann::json;

class Cli : public testing::Test {
protected:
    void publish_alert(const std::string& id, const std::string& rule = "isolation.memory_read")
    {
        server.run([&](ControlServer& control) {
            control.publish_alert(999 * kSecond, {{"time", "2026-11-23T05:17:02.123456789Z"},
                                                  {"id", id},
                                                  {"rule", rule},
                                                  {"severity", "critical"},
                                                  {"summary", "one read another"},
                                                  {"sandbox", {{"function", "resize"}, {"instance", "i-1"}}}});
        });
    }
    void publish_event(std::uint64_t seq)
    {
        server.run([&](ControlServer& control) {
            Event event;
            event.kind = EventKind::exec;
            event.time_ns = 999 * kSecond;
            control.publish_event(event, {{"time", "2026-11-23T05:17:02.123456789Z"},
                                          {"seq", seq},
                                          {"kind", "exec"},
                                          {"sandbox", {{"function", "resize"}, {"instance", "i-1"}}}});
        });
    }
    void wait_for_follower()
    {
        for (bool follows = false; !follows;)
            server.run([&](ControlServer& control) { follows = control.wants_events(); });
    }
    Ran ask(std::vector<std::string> arguments)
    {
        arguments.insert(arguments.end(), {"--run-dir", server.run_dir()});
        return fnshield_cli(std::move(arguments));
    }

    ServerThread server;
};

TEST_F(Cli, StatusShowsWhatTheContractPromises)
{
    const Ran ran = ask({"status"});
    EXPECT_EQ(ran.code, 0) << ran.err;
    EXPECT_THAT(ran.err, IsEmpty());
    EXPECT_THAT(ran.out, StartsWith(std::string("fnshield ") + FNSHIELD_VERSION +
                                    " on worker-7, Linux 6.1.0, up 10m, pid 4711\n"));
    for (const char* part :
         {"ready       yes\n", "mode        monitor, backend auto\n", "2 live: 2 serving (12 made since the start)\n",
          "losses      3 process (budget)\n", "heartbeat   1.0s ago\n", "policies    default, resnet\n",
          "metrics     http://127.0.0.1:9938/metrics\n", "process  tracepoint       1/1      70           5     3  -\n",
          "the kernel refused it"})
        EXPECT_THAT(ran.out, HasSubstr(part));
}

TEST_F(Cli, StatusSaysWhyItIsNotReady)
{
    server.run([&](ControlServer&) { server.backend.report.not_ready = "no heartbeat for 12 s"; });
    EXPECT_THAT(ask({"status"}).out, HasSubstr("ready       no: no heartbeat for 12 s\n"));
}

TEST_F(Cli, StatusListsProgramsWhereAsked)
{
    EXPECT_THAT(ask({"status", "--programs"}).out, HasSubstr("process  exec     tracepoint  attached  -\n"));
}

TEST_F(Cli, JsonIsForScripts)
{
    const Json status = Json::parse(ask({"status", "--json"}).out);
    EXPECT_EQ(status["node"], "worker-7");
    const Json sandboxes = Json::parse(ask({"sandboxes", "--json", "--function", "resn*"}).out);
    ASSERT_EQ(sandboxes.size(), 1U);
    EXPECT_EQ(sandboxes[0]["function"], "resnet");
}

TEST_F(Cli, SandboxesAreRows)
{
    const Ran ran = ask({"sandboxes"});
    EXPECT_EQ(ran.code, 0);
    EXPECT_THAT(
        ran.out,
        HasSubstr("template  acme    resnet    i-4       serving  15m       240ms           12       1  default\n"));
    EXPECT_EQ(ask({"sandboxes", "--function", "none-such"}).out, "no sandboxes\n");
}

TEST_F(Cli, AlertsAreBlocksOrLines)
{
    publish_alert("01A");
    publish_alert("01B", "coldstart.slow");
    const Ran blocks = ask({"alerts"});
    EXPECT_EQ(blocks.code, 0);
    EXPECT_THAT(blocks.out,
                StartsWith("2026-11-23 05:17:02.123Z  CRITICAL  isolation.memory_read  01A\n  one read another\n"));
    const Ran lines = ask({"alerts", "--json", "--rule", "coldstart.*"});
    EXPECT_EQ(Json::parse(lines.out)["id"], "01B") << "one line, one object";
    EXPECT_EQ(ask({"alerts", "--since", "0s"}).out, "");
}

TEST_F(Cli, ShowsOneAlert)
{
    publish_alert("01AB");
    const Ran ran = ask({"show", "01A"});
    EXPECT_EQ(ran.code, 0) << ran.err;
    EXPECT_THAT(ran.out, HasSubstr("What it means\n  one sandbox read another's memory\n"));
    const Ran none = ask({"show", "02"});
    EXPECT_EQ(none.code, 1);
    EXPECT_THAT(none.err, StartsWith("fnshield: no alert '02'"));
}

TEST_F(Cli, ReloadSaysWhatCameOfIt)
{
    EXPECT_EQ(ask({"reload"}).out, "reloaded: 3 policies\n");
    server.run([&](ControlServer&) { server.backend.reload_fails = true; });
    const Ran refused = ask({"reload"});
    EXPECT_EQ(refused.code, 1);
    EXPECT_EQ(refused.err, "fnshield: nothing was changed: policy a.yaml: line 3: unknown key\n");
}

TEST_F(Cli, FollowingEndsWithZeroOnCtrlC)
{
    Child child({FNSHIELD_CLI, "events", "-f", "--json", "--run-dir", server.run_dir()});
    wait_for_follower();
    child.signal(SIGINT);
    const Ran ran = child.wait();
    EXPECT_EQ(ran.code, 0) << ran.err;
    EXPECT_THAT(ran.err, IsEmpty());
}

TEST_F(Cli, FollowingPrintsALineAtATime)
{
    std::array<int, 2> ends{};
    ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    UniqueFd reader(ends[0]);
    UniqueFd writer(ends[1]);
    Child child({FNSHIELD_CLI, "events", "-f", "--run-dir", server.run_dir()}, writer.get());
    writer.reset();
    wait_for_follower();
    publish_event(7);
    std::string line;
    for (char c = 0; c != '\n' && ::read(reader.get(), &c, 1) == 1;)
        line += c;
    EXPECT_EQ(line, "2026-11-23 05:17:02.123Z  exec  resize/i-1\n");
    reader.reset();  // like head: the tool notices without a further event
    const Ran ran = child.wait();
    EXPECT_EQ(ran.code, 0);
    EXPECT_THAT(ran.err, IsEmpty()) << "quietly";
}

TEST_F(Cli, AReaderThatIsGoneIsNoError)
{
    std::array<int, 2> ends{};
    ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    UniqueFd writer(ends[1]);
    UniqueFd(ends[0]).reset();
    Child child({FNSHIELD_CLI, "status", "--run-dir", server.run_dir()}, writer.get());
    const Ran ran = child.wait();
    EXPECT_EQ(ran.code, 0);
    EXPECT_THAT(ran.err, IsEmpty());
}

TEST_F(Cli, AFullDiskIsAnError)
{
    UniqueFd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
    ASSERT_TRUE(full);
    Child child({FNSHIELD_CLI, "status", "--run-dir", server.run_dir()}, full.get());
    const Ran ran = child.wait();
    EXPECT_EQ(ran.code, 1);
    EXPECT_EQ(ran.err, "fnshield: cannot write: No space left on device\n");
}

TEST_F(Cli, FollowingEndsWithThreeWhereTheDaemonGoes)
{
    auto second = std::make_unique<ServerThread>();
    Child child({FNSHIELD_CLI, "events", "-f", "--run-dir", second->run_dir()});
    for (bool follows = false; !follows;)
        second->run([&](ControlServer& control) { follows = control.wants_events(); });
    second.reset();
    const Ran ran = child.wait();
    EXPECT_EQ(ran.code, 3);
    EXPECT_THAT(ran.err, HasSubstr("hung up"));
}

TEST(CliAlone, WithoutADaemonItSaysWhatToDo)
{
    TemporaryDirectory directory;
    for (const char* command : {"status", "sandboxes", "events", "alerts", "reload"}) {
        const Ran ran = fnshield_cli({command, "--run-dir", directory.path()});
        EXPECT_EQ(ran.code, 3) << command;
        EXPECT_EQ(ran.err, "fnshield: no daemon at " + directory.path() +
                               "/control.sock: is fnshieldd running? (systemctl status fnshieldd; --run-dir DIR for "
                               "another one)\n");
        EXPECT_THAT(ran.out, IsEmpty());
    }
    EXPECT_EQ(fnshield_cli({"events", "-f", "--json", "--run-dir", directory.path()}).code, 3);
    EXPECT_EQ(fnshield_cli({"show", "01A", "--run-dir", directory.path()}).code, 3);
}

TEST(CliAlone, WrongUsageIsTwo)
{
    const std::vector<std::vector<std::string>> wrong = {{},
                                                         {"statsu"},
                                                         {"status", "--jsno"},
                                                         {"status", "alerts"},
                                                         {"show"},
                                                         {"events", "--since"},
                                                         {"events", "--since", "soon"},
                                                         {"events", "--kind", "exce"},
                                                         {"events", "--rule", "x"},
                                                         {"alerts", "--severity", "urgent"},
                                                         {"status", "--run-dir", "/" + std::string(200, 'x')},
                                                         {"completion", "tcsh"}};
    for (const auto& arguments : wrong) {
        const Ran ran = fnshield_cli(arguments);
        EXPECT_EQ(ran.code, 2) << testing::PrintToString(arguments);
        EXPECT_FALSE(ran.err.empty());
        EXPECT_THAT(ran.out, IsEmpty());
    }
}

TEST(CliAlone, HelpAndVersionAreZero)
{
    EXPECT_EQ(fnshield_cli({"--version"}).out, std::string("fnshield ") + FNSHIELD_VERSION + "\n");
    const Ran help = fnshield_cli({"--help"});
    EXPECT_EQ(help.code, 0);
    EXPECT_THAT(help.out, HasSubstr("Examples:\n  fnshield status"));
    EXPECT_EQ(fnshield_cli({"alerts", "--help"}).code, 0);
}

}  // namespace
}  // namespace fnshield::test
