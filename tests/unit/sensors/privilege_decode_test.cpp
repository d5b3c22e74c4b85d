// SPDX-License-Identifier: Apache-2.0
//
// The decoder of privilege events, fed what the kernel sends and what it never would.
#include <gtest/gtest.h>

#include <cerrno>
#include <cstring>

#include "daemon/sensors/privilege_sensor.h"
#include "fnshield/abi/privilege.h"
#include "tests/unit/sensors/raw.h"

namespace fnshield {
namespace {

fns_privilege_event sample()
{
    fns_privilege_event raw{};
    raw.header.sandbox_id = 11;
    raw.header.size_bytes = sizeof raw;
    raw.header.kind = FNS_EVENT_MOUNT;
    raw.header.sensor = FNS_SENSOR_PRIVILEGE;
    raw.header.flags = FNS_FLAG_COMPAT | FNS_FLAG_DENIED;
    raw.header.verdict = {.guard = FNS_GUARD_MOUNT, .requested = FNS_ACTION_DENY, .taken = FNS_ACTION_DENY};
    raw.argument = 0x1000;
    raw.result = -EPERM;
    raw.syscall_nr = 21;
    raw.act = FNS_PRIVILEGE_MOUNT;
    raw.own_object = 1;
    raw.writes = 1;
    raw.object = FNS_OBJECT_LINK;
    raw.object_id = 7;
    std::strcpy(raw.name, "/mnt");
    return raw;
}

TEST(DecodePrivilege, AllFields)
{
    const auto raw = sample();
    const auto event = decode_event(bytes_of(raw));
    ASSERT_TRUE(event) << event.error().message;
    EXPECT_EQ(event->kind, EventKind::mount);
    EXPECT_EQ(event->sandbox, 11U);
    EXPECT_TRUE(event->has(FNS_FLAG_DENIED));
    EXPECT_EQ(event->verdict.taken, FNS_ACTION_DENY);
    const auto* body = event->as<PrivilegeBody>();
    ASSERT_NE(body, nullptr);
    EXPECT_EQ(body->act, FNS_PRIVILEGE_MOUNT);
    EXPECT_EQ(body->argument, 0x1000U);
    EXPECT_EQ(body->result, -EPERM);
    EXPECT_TRUE(body->refused());
    EXPECT_EQ(body->syscall_nr, 21U);
    EXPECT_EQ(body->name, "/mnt");
    EXPECT_EQ(body->object, FNS_OBJECT_LINK);
    EXPECT_EQ(body->object_id, 7U);
    EXPECT_TRUE(body->own_object);
    EXPECT_TRUE(body->writes);
}

TEST(DecodePrivilege, EachKind)
{
    const std::pair<fns_event_kind, EventKind> kKinds[] = {{FNS_EVENT_NAMESPACE, EventKind::namespace_},
                                                           {FNS_EVENT_MOUNT, EventKind::mount},
                                                           {FNS_EVENT_MODULE, EventKind::module},
                                                           {FNS_EVENT_BPF, EventKind::bpf}};
    for (const auto& [number, kind] : kKinds) {
        auto raw = sample();
        raw.header.kind = number;
        EXPECT_EQ(decode_event(bytes_of(raw))->kind, kind);
    }
}

TEST(DecodePrivilege, ASignal)
{
    fns_signal_event raw{};
    raw.header.size_bytes = sizeof raw;
    raw.header.kind = FNS_EVENT_SIGNAL;
    raw.header.sensor = FNS_SENSOR_PRIVILEGE;
    raw.target.tgid = 900;
    raw.target_sandbox_id = 3;
    raw.signal = 9;
    raw.code = -6;
    raw.at_daemon = 1;
    const auto event = decode_event(bytes_of(raw));
    ASSERT_TRUE(event) << event.error().message;
    EXPECT_EQ(event->kind, EventKind::signal);
    const auto* body = event->as<SignalBody>();
    ASSERT_NE(body, nullptr);
    EXPECT_EQ(body->target.tgid, 900U);
    EXPECT_EQ(body->target_sandbox, 3U);
    EXPECT_EQ(body->signal, 9U);
    EXPECT_EQ(body->code, -6);
    EXPECT_TRUE(body->at_daemon);
}

TEST(DecodePrivilege, RefusesWhatTheKernelNeverSends)
{
    const auto raw = sample();
    const auto whole = bytes_of(raw);
    for (std::size_t size = 0; size < whole.size(); ++size)
        EXPECT_FALSE(decode_privilege(whole.first(size))) << size;
    auto act = sample();
    act.act = FNS_PRIVILEGE_COUNT;
    EXPECT_FALSE(decode_privilege(bytes_of(act)));
    auto object = sample();
    object.object = FNS_OBJECT_COUNT;
    EXPECT_FALSE(decode_privilege(bytes_of(object)));
    auto kind = sample();
    kind.header.kind = FNS_EVENT_CONNECT;
    EXPECT_FALSE(decode_privilege(bytes_of(kind)));
    auto signal = sample();
    signal.header.kind = FNS_EVENT_SIGNAL;
    EXPECT_FALSE(decode_privilege(bytes_of(signal).first(sizeof(fns_signal_event) - 1)));
}

TEST(DecodePrivilege, ANameWithoutAnEndIsCut)
{
    auto raw = sample();
    std::memset(raw.name, 'x', sizeof raw.name);
    EXPECT_EQ(decode_event(bytes_of(raw))->as<PrivilegeBody>()->name, std::string(sizeof raw.name, 'x'));
}

}  // namespace
}  // namespace fnshield
