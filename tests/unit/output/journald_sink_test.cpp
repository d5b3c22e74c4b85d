// SPDX-License-Identifier: Apache-2.0
//
// What reaches the journal: libsystemd sends to a socket that the test bound in its place, in a mount namespace of its
// own.
#include "daemon/output/journald_sink.h"

#include <gmock/gmock.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <cstdio>
#include <cstring>

#include "daemon/base/unique_fd.h"
#include "tests/unit/output/support.h"

namespace fnshield {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr int kNoNamespace = 77;

int fail_in_child(const char* what)
{
    std::fprintf(stderr, "%s: %s\n", what, std::strerror(errno));
    return 1;
}

// In a child process: a tmpfs over /run, a socket where the journal has its own, one alert through the sink.
int send_to_own_journal()
{
    if (unshare(CLONE_NEWNS) != 0)
        return kNoNamespace;
    if (mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        mount("tmpfs", "/run", "tmpfs", 0, nullptr) != 0)
        return kNoNamespace;
    std::filesystem::create_directories("/run/systemd/journal");
    const UniqueFd journal(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
    kJournalSocket.copy(address.sun_path, sizeof address.sun_path - 1);
    if (bind(journal.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        return fail_in_child("bind");

    JournaldSink sink;
    const Alert alert = test::sample_alert();
    if (!sink.write(R"({"rule":"isolation.memory_read"})", &alert) || sink.stats().written != 1)
        return fail_in_child(sink.stats().last_error.c_str());
    std::string datagram(64 * 1024, '\0');
    const ssize_t got = recv(journal.get(), datagram.data(), datagram.size(), MSG_DONTWAIT);
    if (got <= 0)
        return fail_in_child("recv");
    datagram.resize(static_cast<std::size_t>(got));
    for (const std::string_view field :
         {"MESSAGE=resize/i-1 read memory", "PRIORITY=2\n", "FNSHIELD_RULE=isolation.memory_read\n",
          "FNSHIELD_SANDBOX=/fn/acme/resize/i-1\n", "FNSHIELD_JSON={\"rule\":\"isolation.memory_read\"}\n"})
        if (datagram.find(field) == std::string::npos)
            return fail_in_child(std::string(field).c_str());
    return 0;
}

TEST(JournaldSink, SendsAnAlertWithItsFields)
{
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0)
        _exit(send_to_own_journal());
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFEXITED(status));
    if (WEXITSTATUS(status) == kNoNamespace)
        GTEST_SKIP() << "needs a mount namespace of its own (root)";
    EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST(JournaldSink, WithoutAJournalSaysSoAndCounts)
{
    test::TempFolder folder;
    JournaldSink sink(folder.path() / "socket");
    EXPECT_THAT(sink.stats().last_error, StartsWith("no journal at "));
    const auto written = sink.write("{}", nullptr);
    ASSERT_FALSE(written);
    EXPECT_THAT(written.error().message, HasSubstr("No such file"));
    EXPECT_EQ(sink.stats().dropped, 1U);
    EXPECT_EQ(sink.stats().written, 0U);
}

TEST(JournalFields, PriorityFollowsTheSeverity)
{
    Alert alert = test::sample_alert();
    const std::pair<Severity, const char*> rows[] = {{Severity::critical, "PRIORITY=2"},
                                                     {Severity::high, "PRIORITY=3"},
                                                     {Severity::medium, "PRIORITY=4"},
                                                     {Severity::low, "PRIORITY=5"}};
    for (const auto& [severity, field] : rows) {
        alert.severity = severity;
        EXPECT_THAT(journal_fields("{}", &alert), Contains(field));
    }
}

TEST(JournalFields, LeaveOutWhatIsNotKnown)
{
    Alert alert = test::sample_alert();
    alert.sandbox.reset();
    EXPECT_THAT(journal_fields("{}", &alert), Not(Contains(StartsWith("FNSHIELD_SANDBOX"))));
    EXPECT_THAT(journal_fields("{}", &alert), Contains("FNSHIELD_NODE=worker-7"));
}

TEST(JournalFields, OfAnEventAreItsLine)
{
    EXPECT_THAT(journal_fields("{\"kind\":\"exec\"}", nullptr),
                ::testing::ElementsAre("SYSLOG_IDENTIFIER=fnshieldd", "MESSAGE={\"kind\":\"exec\"}", "PRIORITY=6"));
}

}  // namespace
}  // namespace fnshield
