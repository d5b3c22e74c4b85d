// SPDX-License-Identifier: Apache-2.0
#include "daemon/control/server.h"

#include <gmock/gmock.h>
#include <grp.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "daemon/control/run_dir.h"
#include "tests/unit/control/control_support.h"

namespace fnshield::test {
namespace {

using testing::HasSubstr;
using Json = nlohmann::ordered_json;

constexpr std::string_view kStatus = R"({"version":1,"command":"status"})";
constexpr std::string_view kFollowEvents = R"({"version":1,"command":"events","follow":true})";

Event event_at(Nanoseconds time_ns, EventKind kind = EventKind::exec)
{
    Event event;
    event.kind = kind;
    event.time_ns = time_ns;
    return event;
}

Json rendered(std::uint64_t seq, const std::string& function = "resize", const std::string& kind = "exec")
{
    return {{"seq", seq}, {"kind", kind}, {"sandbox", {{"function", function}, {"instance", "i-1"}}}};
}

Json alert(const std::string& id, int count = 1)
{
    return {{"id", id},
            {"rule", "isolation.memory_read"},
            {"severity", "critical"},
            {"count", count},
            {"sandbox", {{"function", "resize"}}}};
}

void publish(ServerThread& thread, std::uint64_t seq, const std::string& function = "resize")
{
    thread.run([&](ControlServer& server) { server.publish_event(event_at(999 * kSecond), rendered(seq, function)); });
}

TEST(ControlServer, AnswersStatus)
{
    ServerThread thread;
    TestClient client(thread.socket_path());
    const auto answer = client.ask(kStatus);
    ASSERT_TRUE(answer.value("ok", false)) << answer;
    const auto& data = answer["data"];
    EXPECT_EQ(data["version"], FNSHIELD_VERSION);
    EXPECT_EQ(data["uptime_seconds"], 600.0);
    EXPECT_EQ(data["heartbeat_age_seconds"], 1.0);
    EXPECT_EQ(data["ready"], true);
    EXPECT_EQ(data["sandboxes"]["serving"], 2);
    EXPECT_EQ(data["sandboxes"]["frozen"], 0);
    EXPECT_EQ(data["sensors"][0]["lost"]["budget"], 3);
    EXPECT_EQ(data["sensors"][1]["error"], "the kernel refused it");
    EXPECT_EQ(data["policies"][1]["name"], "resnet");
}

TEST(ControlServer, ListsSandboxesOldestFirstAndFiltered)
{
    ServerThread thread;
    TestClient client(thread.socket_path());
    const auto all = client.ask(R"({"version":1,"command":"sandboxes"})")["data"];
    ASSERT_EQ(all.size(), 2U);
    EXPECT_EQ(all[0]["function"], "resnet");
    EXPECT_EQ(all[1]["function"], "resize");
    EXPECT_EQ(all[1]["age_seconds"], 900.0);
    EXPECT_EQ(all[1]["cold_start_seconds"]["total"], 0.24);
    EXPECT_TRUE(all[1]["cold_start_seconds"]["init"].is_null());
    const auto one = client.ask(R"({"version":1,"command":"sandboxes","sandbox":"resize/*"})")["data"];
    ASSERT_EQ(one.size(), 1U);
    EXPECT_EQ(one[0]["cgroup"], "/fn/acme/resize/i-1");
}

TEST(ControlServer, AnswersSeveralRequestsOfOneConnection)
{
    ServerThread thread;
    TestClient client(thread.socket_path());
    client.send(std::string(kStatus) + "\n{\"version\":1,\"command\":\"nonsense\"}\n" + std::string(kStatus) + "\n");
    EXPECT_EQ(client.json()["ok"], true);
    EXPECT_THAT(client.json().value("error", ""), HasSubstr("unknown command 'nonsense'"));
    EXPECT_EQ(client.json()["ok"], true);
}

TEST(ControlServer, AnswersAClientThatHasEndedItsHalf)
{
    ServerThread thread;
    TestClient client(thread.socket_path());
    client.send(std::string(kStatus) + "\n");
    ::shutdown(client.fd(), SHUT_WR);
    EXPECT_EQ(client.json()["ok"], true);
    EXPECT_FALSE(client.line()) << "then it hangs up";
}

TEST(ControlServer, PushesToThoseWhoseFilterMatches)
{
    ServerThread thread;
    TestClient all(thread.socket_path());
    TestClient resnet(thread.socket_path());
    TestClient connects(thread.socket_path());
    EXPECT_EQ(all.ask(kFollowEvents)["data"]["following"], true);
    EXPECT_TRUE(resnet.ask(R"({"version":1,"command":"events","follow":true,"function":"resnet"})").value("ok", false));
    EXPECT_TRUE(connects.ask(R"({"version":1,"command":"events","follow":true,"kind":"connect"})").value("ok", false));
    publish(thread, 1, "resize");
    publish(thread, 2, "resnet");
    thread.run([](ControlServer& server) {
        server.publish_event(event_at(999 * kSecond, EventKind::connect), rendered(3, "resize", "connect"));
    });
    EXPECT_EQ(all.json()["seq"], 1);
    EXPECT_EQ(all.json()["seq"], 2);
    EXPECT_EQ(all.json()["seq"], 3);
    EXPECT_EQ(resnet.json()["seq"], 2);
    EXPECT_EQ(connects.json()["seq"], 3);
}

TEST(ControlServer, WantsNothingThatNobodyWouldSee)
{
    ServerThread thread({.history_events_per_second = 0, .history_burst = 0});
    const auto wants = [&](EventKind kind) {
        bool wanted = false;
        thread.run([&](ControlServer& server) { wanted = server.wants_event(event_at(kSecond, kind)); });
        return wanted;
    };
    EXPECT_FALSE(wants(EventKind::exec));
    {
        TestClient execs(thread.socket_path());
        execs.ask(R"({"version":1,"command":"events","follow":true,"kind":"exec"})");
        EXPECT_TRUE(wants(EventKind::exec));
        EXPECT_FALSE(wants(EventKind::connect)) << "nobody follows connections";
        EXPECT_FALSE(wants(EventKind::tick)) << "never printed";
        thread.run([](ControlServer& server) { EXPECT_TRUE(server.wants_events()); });
    }
    while (thread.stats().clients > 0)
        std::this_thread::yield();
    EXPECT_FALSE(wants(EventKind::exec)) << "the follower is gone";
}

TEST(ControlServer, HistoryKeepsABoundedRateAndSaysWhatItPassedOver)
{
    ServerThread thread({.history_events_per_second = 1, .history_burst = 2});
    thread.run([](ControlServer& server) {
        std::uint64_t kept = 0;
        for (int i = 0; i < 10; ++i)
            if (const Event event = event_at(995 * kSecond); server.wants_event(event))
                server.publish_event(event, rendered(++kept));
        EXPECT_EQ(kept, 2U);
        const Event later = event_at(999 * kSecond);
        EXPECT_TRUE(server.wants_event(later)) << "the budget grows again";
        server.publish_event(later, rendered(3));
    });
    TestClient client(thread.socket_path());
    auto answer = client.ask(R"({"version":1,"command":"events"})");
    EXPECT_EQ(answer["data"].size(), 3U);
    EXPECT_EQ(answer["not_kept"], 8);
    answer = client.ask(R"({"version":1,"command":"events","since_seconds":3})");
    ASSERT_EQ(answer["data"].size(), 1U);
    EXPECT_EQ(answer["data"][0]["seq"], 3);
}

TEST(ControlServer, HistoryIsBoundedByNumberAndBytes)
{
    ServerThread thread({.history_events = 3, .history_alert_bytes = 1000});
    thread.run([](ControlServer& server) {
        for (std::uint64_t i = 1; i <= 10; ++i)
            server.publish_event(event_at(999 * kSecond), rendered(i));
        for (int i = 0; i < 100; ++i)
            server.publish_alert(999 * kSecond, alert("id-" + std::to_string(i)));
    });
    TestClient client(thread.socket_path());
    const auto events = client.ask(R"({"version":1,"command":"events"})")["data"];
    ASSERT_EQ(events.size(), 3U);
    EXPECT_EQ(events[0]["seq"], 8);
    const auto alerts = client.ask(R"({"version":1,"command":"alerts"})")["data"];
    EXPECT_GT(alerts.size(), 1U);
    EXPECT_LT(alerts.dump().size(), 1100U);
    EXPECT_EQ(alerts.back()["id"], "id-99");
}

TEST(ControlServer, FollowsFromThePastOnWhereAsked)
{
    ServerThread thread;
    publish(thread, 1);
    TestClient with_past(thread.socket_path());
    TestClient from_now(thread.socket_path());
    EXPECT_TRUE(
        with_past.ask(R"({"version":1,"command":"events","follow":true,"since_seconds":60})").value("ok", false));
    EXPECT_TRUE(from_now.ask(kFollowEvents).value("ok", false));
    publish(thread, 2);
    EXPECT_EQ(with_past.json()["seq"], 1);
    EXPECT_EQ(with_past.json()["seq"], 2);
    EXPECT_EQ(from_now.json()["seq"], 2);
}

TEST(ControlServer, AnUpdatedAlertTakesThePlaceOfTheOld)
{
    ServerThread thread;
    TestClient follower(thread.socket_path());
    follower.ask(R"({"version":1,"command":"alerts","follow":true,"rule":"isolation.*"})");
    thread.run([](ControlServer& server) {
        server.publish_alert(999 * kSecond, alert("01A"));
        server.publish_alert(999 * kSecond, alert("01B"));
        server.publish_alert(999 * kSecond, alert("01A", 7));
    });
    EXPECT_EQ(follower.json()["count"], 1);
    EXPECT_EQ(follower.json()["id"], "01B");
    EXPECT_EQ(follower.json()["count"], 7);
    TestClient client(thread.socket_path());
    const auto alerts = client.ask(R"({"version":1,"command":"alerts"})")["data"];
    ASSERT_EQ(alerts.size(), 2U);
    EXPECT_EQ(alerts[1]["count"], 7);
}

TEST(ControlServer, ShowsAnAlertByTheBeginningOfItsId)
{
    ServerThread thread;
    thread.run([](ControlServer& server) {
        server.publish_alert(999 * kSecond, alert("01AB"));
        server.publish_alert(999 * kSecond, alert("01AC"));
    });
    TestClient client(thread.socket_path());
    const auto shown = client.ask(R"({"version":1,"command":"show","alert":"01AC"})")["data"];
    EXPECT_EQ(shown["alert"]["id"], "01AC");
    EXPECT_EQ(shown["rule"]["short"], "one sandbox read another's memory");
    EXPECT_THAT(client.ask(R"({"version":1,"command":"show","alert":"01"})").value("error", ""),
                HasSubstr("more than one alert"));
    EXPECT_THAT(client.ask(R"({"version":1,"command":"show","alert":"02"})").value("error", ""), HasSubstr("no alert"));
}

TEST(ControlServer, ReloadsAndSaysWhyNot)
{
    ServerThread thread;
    TestClient client(thread.socket_path());
    EXPECT_EQ(client.ask(R"({"version":1,"command":"reload"})")["data"], "reloaded: 3 policies");
    thread.run([&](ControlServer&) { thread.backend.reload_fails = true; });
    EXPECT_EQ(client.ask(R"({"version":1,"command":"reload"})")["error"], "policy a.yaml: line 3: unknown key");
    thread.run([&](ControlServer&) { EXPECT_EQ(thread.backend.reloads, 2); });
}

TEST(ControlServer, HangsUpOnALineWithoutEnd)
{
    ServerThread thread;
    TestClient client(thread.socket_path());
    client.send(std::string(1 << 20, 'x'));
    EXPECT_THAT(client.json().value("error", ""), HasSubstr("longer than 65536"));
    EXPECT_FALSE(client.line());
    TestClient next(thread.socket_path());
    EXPECT_EQ(next.ask(kStatus)["ok"], true) << "the daemon serves on";
}

TEST(ControlServer, SurvivesHostileBytes)
{
    ServerThread thread;
    TestClient client(thread.socket_path());
    std::string binary;
    for (int i = 0; i < 256; ++i)
        if (i != '\n')
            binary += static_cast<char>(i);
    for (const std::string& bytes :
         {binary, std::string(60'000, '['), std::string("{\"version\":1,"), std::string(3, '\0'), std::string(),
          std::string(R"({"version":1,"command":"sandboxes","sandbox":{}})")})
        EXPECT_EQ(client.ask(bytes).value("ok", true), false) << bytes.substr(0, 40);
    EXPECT_EQ(client.ask(kStatus)["ok"], true);
}

TEST(ControlServer, ASlowReaderLosesLinesAndIsToldHowMany)
{
    ServerThread thread({.output_bytes = 64 * 1024});
    TestClient slow(thread.socket_path());
    ASSERT_TRUE(slow.ask(kFollowEvents).value("ok", false));
    constexpr std::uint64_t kEvents = 20'000;
    thread.run([&](ControlServer& server) {
        for (std::uint64_t seq = 1; seq <= kEvents; ++seq)
            server.publish_event(event_at(999 * kSecond), rendered(seq));
    });
    const std::uint64_t dropped = thread.stats().dropped_lines;
    EXPECT_GT(dropped, 0U);
    std::uint64_t seen = 0;
    std::uint64_t told = 0;
    while (seen + told < kEvents) {
        const auto line = slow.json();
        ASSERT_TRUE(line.is_object()) << "after " << seen << " events and " << told << " told as dropped";
        if (line.contains("dropped"))
            told += line["dropped"].get<std::uint64_t>();
        else
            ++seen;
    }
    EXPECT_EQ(told, dropped);
    EXPECT_EQ(seen + told, kEvents);
}

TEST(ControlServer, RequestsWaitWhileAnswersAreNotRead)
{
    ServerThread thread;
    thread.run([&](ControlServer&) {
        for (SandboxId id = 100; id < 1100; ++id)
            thread.backend.sandboxes.push_back(FakeBackend::sandbox(id, "f", std::to_string(id), kSecond));
    });
    TestClient client(thread.socket_path());
    for (int i = 0; i < 10; ++i)
        client.send("{\"version\":1,\"command\":\"sandboxes\"}\n");
    TestClient other(thread.socket_path());
    EXPECT_EQ(other.ask(kStatus)["ok"], true) << "nobody else waits";
    for (int i = 0; i < 10; ++i)
        ASSERT_EQ(client.json()["data"].size(), 1002U) << i;
}

TEST(ControlServer, LimitsClientsButMakesRoomWhereOneIsIdle)
{
    ServerThread thread({.clients = 2});
    TestClient first(thread.socket_path());
    EXPECT_EQ(first.ask(kStatus)["ok"], true);
    TestClient second(thread.socket_path());
    EXPECT_TRUE(second.ask(kFollowEvents).value("ok", false));
    TestClient third(thread.socket_path());
    EXPECT_TRUE(third.ask(kFollowEvents).value("ok", false)) << "in the place of the first, which was idle";
    EXPECT_FALSE(first.line());
    TestClient fourth(thread.socket_path());
    EXPECT_THAT(fourth.json().value("error", ""), HasSubstr("too many clients (2)"));
    EXPECT_EQ(thread.stats().clients, 2U);
    EXPECT_EQ(thread.stats().refused_clients, 1U);
}

TEST(ControlServer, ForgetsClientsThatGo)
{
    ServerThread thread;
    for (int i = 0; i < 200; ++i) {
        TestClient client(thread.socket_path());
        EXPECT_EQ(client.ask(kStatus)["ok"], true);
    }
    while (thread.stats().clients > 0)
        std::this_thread::yield();
    publish(thread, 1);
}

TEST(ControlServer, SocketIsForItsOwnerWhereThereIsNoGroup)
{
    ServerThread thread;
    struct stat status{};
    ASSERT_EQ(::stat(thread.socket_path().c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777, 0600U);
    ASSERT_EQ(::stat(thread.run_dir().c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777, 0755U);
}

TEST(ControlServer, SocketIsForTheGroupWhereThereIsOne)
{
    const group* own = ::getgrgid(::getegid());
    ASSERT_NE(own, nullptr);
    ServerThread thread({}, own->gr_name);
    struct stat status{};
    ASSERT_EQ(::stat(thread.socket_path().c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777, 0660U);
    EXPECT_EQ(status.st_gid, ::getegid());
}

// Asks as another user, of a group or of none. Credentials belong to a thread in the kernel (only libc's wrappers
// change those of the whole process), so a thread of its own is enough.
nlohmann::json ask_as_nobody(const std::string& path, std::vector<gid_t> groups, std::string_view request)
{
    nlohmann::json answer;
    std::thread([&] {
        constexpr uid_t kNobody = 65534;
        ASSERT_EQ(::syscall(SYS_setgroups, groups.size(), groups.data()), 0);
        ASSERT_EQ(::syscall(SYS_setresgid, kNobody, kNobody, kNobody), 0);
        ASSERT_EQ(::syscall(SYS_setresuid, kNobody, kNobody, kNobody), 0);
        TestClient client(path);
        answer = client.ask(request);
    }).join();
    return answer;
}

TEST(ControlServer, AGroupThatCannotBeGivenTheSocketIsAWarning)
{
    TemporaryDirectory directory;
    if (::geteuid() != 0)
        GTEST_SKIP() << "needs root to become somebody else";
    ASSERT_EQ(::chmod(directory.path().c_str(), 0777), 0);
    std::thread([&] {
        ASSERT_EQ(::syscall(SYS_setgroups, 0, nullptr), 0);
        ASSERT_EQ(::syscall(SYS_setresuid, 65534, 65534, 65534), 0);  // no CAP_CHOWN from here on
        const auto listener = control::listen_at(directory.path() + "/control.sock", 1);
        ASSERT_TRUE(listener) << listener.error().message;
        EXPECT_THAT(listener->warning, HasSubstr("only root can: Operation not permitted"));
    }).join();
    struct stat status{};
    ASSERT_EQ(::stat((directory.path() + "/control.sock").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777, 0600U) << "nobody else may use it instead";
}

TEST(ControlServer, TheGroupReadsOnlyRootChanges)
{
    if (::geteuid() != 0)
        GTEST_SKIP() << "needs root to become somebody else";
    const group* some = ::getgrnam("daemon");
    ASSERT_NE(some, nullptr);
    const gid_t gid = some->gr_gid;
    ServerThread thread({}, "daemon");
    // The way to the socket, opened: what is tested is the server's own check, not the mode of files.
    ASSERT_EQ(::chmod(std::filesystem::path(thread.run_dir()).parent_path().c_str(), 0755), 0);
    const auto read = ask_as_nobody(thread.socket_path(), {gid}, kStatus);
    EXPECT_EQ(read.value("ok", false), true) << read;
    const auto changed = ask_as_nobody(thread.socket_path(), {gid}, R"({"version":1,"command":"reload"})");
    EXPECT_EQ(changed.value("error", ""), "'reload' is for root only");
    ASSERT_EQ(::chmod(thread.socket_path().c_str(), 0666), 0);
    const auto stranger = ask_as_nobody(thread.socket_path(), {}, kStatus);
    EXPECT_THAT(stranger.value("error", ""), HasSubstr("only root and members"));
    thread.run([&](ControlServer&) { EXPECT_EQ(thread.backend.reloads, 0); });
}

TEST(ControlServer, ASecondDaemonIsRefusedWithTheFirstOnesPid)
{
    ServerThread thread;
    auto loop = EventLoop::make();
    FakeBackend backend;
    const auto second = ControlServer::make(*loop, thread.run_dir(), backend);
    ASSERT_FALSE(second);
    EXPECT_THAT(second.error().message,
                HasSubstr("another fnshieldd is running (pid " + std::to_string(::getpid()) + ")"));
    TestClient client(thread.socket_path());
    EXPECT_EQ(client.ask(kStatus)["ok"], true) << "the first is not disturbed";
}

TEST(ControlServer, ReplacesADeadDaemonsSocket)
{
    TemporaryDirectory directory;
    const std::string path = directory.path() + "/control.sock";
    {
        const auto dead = control::listen_at(path, std::nullopt);
    }
    ASSERT_TRUE(std::filesystem::exists(path)) << "it died without removing its socket";
    auto loop = EventLoop::make();
    FakeBackend backend;
    {
        const auto server = ControlServer::make(*loop, directory.path(), backend);
        ASSERT_TRUE(server) << server.error().message;
        TestClient client(path);
    }
    EXPECT_FALSE(std::filesystem::exists(path)) << "a daemon that stops removes its own";
}

TEST(ControlServer, TouchesNothingThatIsNoSocket)
{
    TemporaryDirectory directory;
    const std::string path = directory.path() + "/control.sock";
    std::filesystem::create_directory(path);
    auto loop = EventLoop::make();
    FakeBackend backend;
    const auto server = ControlServer::make(*loop, directory.path(), backend);
    ASSERT_FALSE(server);
    EXPECT_THAT(server.error().message, HasSubstr("is in the way"));
    EXPECT_TRUE(std::filesystem::is_directory(path));
}

TEST(ControlServer, SaysWhatIsWrongWithARunDirectory)
{
    TemporaryDirectory directory;
    auto loop = EventLoop::make();
    FakeBackend backend;
    const auto deep = ControlServer::make(*loop, directory.path() + "/" + std::string(120, 'x'), backend);
    ASSERT_FALSE(deep);
    EXPECT_THAT(deep.error().message, HasSubstr("too long for a socket"));
    EXPECT_EQ(deep.error().exit_code, ExitCode::usage);
    const auto file = ControlServer::make(*loop, "/dev/null", backend);
    ASSERT_FALSE(file);
    EXPECT_THAT(file.error().message, HasSubstr("/dev/null"));
}

}  // namespace
}  // namespace fnshield::test
