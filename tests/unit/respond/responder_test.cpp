// SPDX-License-Identifier: Apache-2.0
//
// What is done about an act, by mode, by what the policy asks for and by what the kernel did already; and the real
// hands on a real process.
#include "daemon/respond/responder.h"

#include <gmock/gmock.h>

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "daemon/app/host_program.h"
#include "daemon/app/system_responder.h"

namespace fnshield {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr SandboxId kResize = 4711;

class FakeResponder final : public Responder {
public:
    Result<bool> kill(std::uint32_t tgid, Nanoseconds start_ns) override
    {
        done.push_back("kill " + std::to_string(tgid) + "@" + std::to_string(start_ns));
        return fails ? Result<bool>(fail("no")) : Result<bool>(!gone);
    }
    Result<void> freeze(SandboxId sandbox, const std::string& cgroup) override
    {
        done.push_back("freeze " + std::to_string(sandbox) + " " + cgroup);
        return fails ? fail("no") : Result<void>();
    }
    std::vector<std::string> done;
    bool fails = false;
    bool gone = false;
};

Alert alert_for(Action requested)
{
    Alert alert;
    alert.requested = requested;
    if (requested == Action::alert)
        alert.taken = Action::alert;
    alert.sandbox = AlertSandbox{.id = kResize, .cgroup = "/fn/resize"};
    return alert;
}

Event act(fns_action by_kernel = FNS_ACTION_NONE)
{
    Event event;
    event.kind = EventKind::exec;
    event.sandbox = kResize;
    event.process = {.start_ns = 50, .tgid = 812};
    event.verdict = {.guard = FNS_GUARD_EXEC, .requested = FNS_ACTION_KILL, .taken = static_cast<__u8>(by_kernel)};
    return event;
}

TEST(Respond, InEnforceModeTheRestIsDone)
{
    FakeResponder hands;
    EXPECT_EQ(respond(alert_for(Action::kill), act(), Mode::enforce, hands).taken, Action::kill);
    EXPECT_EQ(respond(alert_for(Action::freeze), act(), Mode::enforce, hands).taken, Action::freeze);
    EXPECT_THAT(hands.done, ElementsAre("kill 812@50", "freeze 4711 /fn/resize"));
}

TEST(Respond, InMonitorModeNothingIsDone)
{
    FakeResponder hands;
    for (const Action action : {Action::deny, Action::kill, Action::freeze})
        EXPECT_EQ(respond(alert_for(action), act(), Mode::monitor, hands).taken, std::nullopt);
    EXPECT_EQ(respond(alert_for(Action::alert), act(), Mode::monitor, hands).taken, Action::alert);
    EXPECT_THAT(hands.done, IsEmpty());
}

TEST(Respond, WhatTheKernelDidIsNotDoneAgain)
{
    FakeResponder hands;
    EXPECT_EQ(respond(alert_for(Action::kill), act(FNS_ACTION_KILL), Mode::enforce, hands).taken, Action::kill);
    EXPECT_EQ(respond(alert_for(Action::deny), act(FNS_ACTION_DENY), Mode::enforce, hands).taken, Action::deny);
    EXPECT_EQ(respond(alert_for(Action::deny), act(FNS_ACTION_KILL), Mode::enforce, hands).taken, Action::kill);
    EXPECT_THAT(hands.done, IsEmpty());
    // A cgroup program refuses but cannot kill.
    EXPECT_EQ(respond(alert_for(Action::kill), act(FNS_ACTION_DENY), Mode::enforce, hands).taken, Action::kill);
    EXPECT_THAT(hands.done, ElementsAre("kill 812@50"));
}

TEST(Respond, ADenyThatTheKernelMissedIsNone)
{
    FakeResponder hands;
    EXPECT_EQ(respond(alert_for(Action::deny), act(), Mode::enforce, hands).taken, std::nullopt);
    EXPECT_THAT(hands.done, IsEmpty());
}

TEST(Respond, TheHostIsNeverTouched)
{
    FakeResponder hands;
    Event event = act();
    event.sandbox = kHost;
    for (const Action action : {Action::kill, Action::freeze})
        EXPECT_EQ(respond(alert_for(action), event, Mode::enforce, hands).taken, std::nullopt);
    EXPECT_THAT(hands.done, IsEmpty());
}

TEST(Respond, AFailureIsSaid)
{
    FakeResponder hands;
    hands.fails = true;
    const Response killed = respond(alert_for(Action::kill), act(FNS_ACTION_DENY), Mode::enforce, hands);
    EXPECT_EQ(killed.taken, Action::deny);
    EXPECT_THAT(killed.failure, HasSubstr("kill: no"));
    EXPECT_EQ(respond(alert_for(Action::freeze), act(), Mode::enforce, hands).failure, "freeze: no");
    Event nobody = act();
    nobody.process = {};
    EXPECT_THAT(respond(alert_for(Action::kill), nobody, Mode::enforce, hands).failure, HasSubstr("no process"));
    Alert host = alert_for(Action::freeze);
    host.sandbox.reset();
    EXPECT_THAT(respond(host, act(), Mode::enforce, hands).failure, HasSubstr("not known"));
}

// The start that /proc tells of a process, in the ticks that it has.
Nanoseconds start_of(pid_t pid)
{
    const auto tick = kSecond / static_cast<Nanoseconds>(::sysconf(_SC_CLK_TCK));
    timespec now{};
    clock_gettime(CLOCK_BOOTTIME, &now);
    for (Nanoseconds ticks = static_cast<Nanoseconds>(now.tv_sec + 1) * (kSecond / tick); ticks > 0; --ticks)
        if (is_process(static_cast<std::uint32_t>(pid), ticks * tick))
            return ticks * tick;
    return 0;
}

TEST(SystemResponder, KillsTheProcessThatItMeans)
{
    SystemResponder hands("/sys/fs/cgroup");
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        ::pause();
        ::_exit(0);
    }
    const Nanoseconds start_ns = start_of(child);
    ASSERT_GT(start_ns, 0U);
    EXPECT_EQ(hands.kill(static_cast<std::uint32_t>(child), start_ns + kSecond).value_or(true), false)
        << "another's number by now";
    EXPECT_EQ(::waitpid(child, nullptr, WNOHANG), 0);
    EXPECT_EQ(hands.kill(static_cast<std::uint32_t>(child), start_ns).value_or(false), true);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(WTERMSIG(status), SIGKILL);
    EXPECT_EQ(hands.kill(static_cast<std::uint32_t>(child), start_ns).value_or(true), false) << "it is gone";
}

TEST(SystemResponder, FreezesOnlyTheCgroupThatItMeans)
{
    SystemResponder hands(::testing::TempDir());
    const auto wrong = hands.freeze(1, "/");
    ASSERT_FALSE(wrong);
    EXPECT_THAT(wrong.error().message, HasSubstr("another cgroup"));
    EXPECT_FALSE(hands.freeze(1, "/not-there"));
}

}  // namespace
}  // namespace fnshield
