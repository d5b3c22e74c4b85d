// SPDX-License-Identifier: Apache-2.0
//
// The words that dashboards and scripts depend on, and the text of addresses.
#include <gmock/gmock.h>
#include <netinet/in.h>

#include <set>

#include "daemon/model/event.h"
#include "daemon/model/sandbox.h"

namespace fnshield {
namespace {

template <typename Enum>
std::vector<std::string_view> all_names(std::string_view (*name)(Enum), Enum count)
{
    std::vector<std::string_view> names;
    for (int i = 0; i < static_cast<int>(count); ++i)
        names.push_back(name(static_cast<Enum>(i)));
    return names;
}

TEST(Names, EveryEventKindReadsBack)
{
    std::set<std::string_view> seen;
    for (int i = 0; i < static_cast<int>(EventKind::count_); ++i) {
        const auto kind = static_cast<EventKind>(i);
        EXPECT_EQ(event_kind_from_name(event_kind_name(kind)), kind);
        EXPECT_TRUE(seen.insert(event_kind_name(kind)).second) << event_kind_name(kind);
    }
    EXPECT_EQ(event_kind_name(EventKind::memory_access), "memory_access");
    EXPECT_EQ(event_kind_name(EventKind::sandbox_first_request), "sandbox_first_request");
}

TEST(Names, UnknownEventKindsAreRefused)
{
    EXPECT_EQ(event_kind_from_name("file_open_"), std::nullopt);
    EXPECT_EQ(event_kind_from_name(""), std::nullopt);
    EXPECT_EQ(event_kind_from_name("unknown"), std::nullopt);
    EXPECT_EQ(event_kind_name(EventKind::count_), "unknown");
}

TEST(Names, ViasOfTheMemorySensor)
{
    EXPECT_THAT(all_names<fns_via>(via_name, FNS_VIA_COUNT),
                testing::ElementsAre("unknown", "process_vm_readv", "process_vm_writev", "ptrace_attach",
                                     "ptrace_seize", "ptrace_peek", "ptrace_poke", "ptrace", "proc_mem", "proc_file",
                                     "proc_link", "pidfd_getfd", "process_madvise", "syscall"));
    EXPECT_EQ(via_name(FNS_VIA_COUNT), "unknown");
}

TEST(Names, ViasOfTheEgressSensor)
{
    EXPECT_THAT(all_names<fns_socket_via>(via_name, FNS_SOCKET_VIA_COUNT),
                testing::ElementsAre("unknown", "connect", "sendmsg", "packet", "tcp_state", "bind", "sock_create",
                                     "capable", "socket", "lsm", "socket_made"));
}

TEST(Names, AccessesSensorsStagesStates)
{
    EXPECT_THAT(all_names(access_name, FNS_ACCESS_COUNT),
                testing::ElementsAre("unknown", "read", "write", "attach", "peek", "fd"));
    EXPECT_THAT(
        all_names(sensor_name, FNS_SENSOR_COUNT),
        testing::ElementsAre("lifecycle", "process", "egress", "memory", "heartbeat", "privilege", "file", "ipc"));
    EXPECT_THAT(all_names(file_access_name, FNS_FILE_ACCESS_COUNT),
                testing::ElementsAre("unknown", "read", "write", "truncate", "remove", "rename", "replace", "map_exec",
                                     "create", "chmod"));
    EXPECT_THAT(all_names(loss_stage_name, FNS_LOSS_STAGE_COUNT),
                testing::ElementsAre("ring_critical", "ring_bulk", "budget", "helper", "table"));
    EXPECT_THAT(all_names(sandbox_state_name, SandboxState::count_),
                testing::ElementsAre("created", "starting", "ready", "serving", "frozen", "gone"));
    EXPECT_EQ(sensor_name(FNS_SENSOR_COUNT), "unknown");
}

TEST(Names, DisplayIsThePartsThatAreKnown)
{
    SandboxName name{.platform = "template", .tenant = "acme", .function = "resize", .instance = "i-1"};
    EXPECT_EQ(name.display(), "resize/i-1");
    name.instance.clear();
    EXPECT_EQ(name.display(), "resize");
    name.function.clear();
    EXPECT_EQ(name.display(), "acme");
    name.instance = "3f2a";
    EXPECT_EQ(name.display(), "3f2a");
    EXPECT_EQ(SandboxName{}.display(), "");
}

Endpoint v4(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d)
{
    return {.address = {a, b, c, d}, .family = AF_INET, .port = 80};
}

TEST(EndpointText, FourAndSix)
{
    EXPECT_EQ(v4(10, 0, 0, 1).address_text(), "10.0.0.1");
    Endpoint six{.address = {0xfe, 0x80}, .family = AF_INET6};
    six.address[15] = 1;
    EXPECT_EQ(six.address_text(), "fe80::1");
    EXPECT_EQ(Endpoint{}.address_text(), "");
    EXPECT_EQ((Endpoint{.address = {1}, .family = AF_UNIX}.address_text()), "");
}

TEST(EndpointText, LoopbackAndUnspecified)
{
    EXPECT_TRUE(v4(127, 8, 9, 10).is_loopback());
    EXPECT_FALSE(v4(128, 0, 0, 1).is_loopback());
    EXPECT_TRUE(v4(0, 0, 0, 0).is_unspecified());
    EXPECT_FALSE(v4(0, 0, 0, 1).is_unspecified());

    Endpoint six{.family = AF_INET6};
    EXPECT_TRUE(six.is_unspecified());
    EXPECT_FALSE(six.is_loopback());
    six.address[15] = 1;
    EXPECT_TRUE(six.is_loopback());
    EXPECT_FALSE(six.is_unspecified());
    six.address[0] = 0xfe;
    EXPECT_FALSE(six.is_loopback());

    Endpoint unknown;
    EXPECT_FALSE(unknown.is_unspecified());
    EXPECT_FALSE(unknown.is_loopback());
}

TEST(BootTime, OfAFile)
{
    Event event;
    event.wall_offset_ns = 1'000;
    EXPECT_EQ(event.boot_time_of(1'500), 500U);
    EXPECT_EQ(event.boot_time_of(900), 0U);  // from before the node's start
}

TEST(TargetOf, WhereSomebodyIsAimedAt)
{
    EXPECT_FALSE(target_of(Event{}));
    Event event;
    event.body = SignalBody{.target = {.tgid = 7}, .target_sandbox = 11};
    ASSERT_TRUE(target_of(event));
    EXPECT_EQ(target_of(event)->process.tgid, 7U);
    EXPECT_EQ(target_of(event)->sandbox, 11U);
    event.body = UnixBody{.path = "/run/x.sock"};
    EXPECT_FALSE(target_of(event));
    event.body = UnixBody{.path = "/run/x.sock", .peer = {.tgid = 7}};
    EXPECT_TRUE(target_of(event));
    event.body = SharedMemoryBody{.owner_sandbox = 11};
    EXPECT_FALSE(target_of(event));
    event.body = SharedMemoryBody{.owner_sandbox = 11, .owner_known = true};
    EXPECT_EQ(target_of(event)->sandbox, 11U);
}

}  // namespace
}  // namespace fnshield
