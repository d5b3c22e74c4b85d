// SPDX-License-Identifier: Apache-2.0
//
// Events made by hand, for the tests of the model, the detectors and the outputs. Each builder fills in what its kind
// always has; a test changes the rest on what it gets back:
//
//   Event event = exec_event(kBox, 5 * kSecond, process(100), "/bin/sh", FNS_EXEC_FIRST);
//   event.flags = FNS_FLAG_ENTRANT;
//
// The order of arguments is the same everywhere: sandbox, time, actor, then the kind's own.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "daemon/model/event.h"
#include "daemon/model/model.h"
#include "daemon/policy/policy.h"

namespace fnshield::test {

// (tgid, start_ns) names a process; a start that follows from the tgid keeps tests short.
inline Nanoseconds start_of(std::uint32_t tgid)
{
    return 1'000'000ULL + tgid;
}

inline ProcessInfo process(std::uint32_t tgid, std::uint32_t parent_tgid = 1, std::string comm = "python3")
{
    return {.start_ns = start_of(tgid),
            .tgid = tgid,
            .tid = tgid,
            .parent_tgid = parent_tgid,
            .uid = 1000,
            .comm = std::move(comm)};
}

// "10.0.0.1" or "fe80::1"; anything else is an endpoint of unknown family.
inline Endpoint endpoint(const std::string& address, std::uint16_t port = 0)
{
    Endpoint made{.port = port};
    if (inet_pton(AF_INET, address.c_str(), made.address.data()) == 1)
        made.family = AF_INET;
    else if (inet_pton(AF_INET6, address.c_str(), made.address.data()) == 1)
        made.family = AF_INET6;
    return made;
}

inline Event event_of(EventKind kind, fns_sensor sensor, SandboxId sandbox, Nanoseconds time_ns, ProcessInfo actor,
                      EventBody body)
{
    Event event;
    event.kind = kind;
    event.sensor = sensor;
    event.sandbox = sandbox;
    event.time_ns = time_ns;
    event.process = std::move(actor);
    event.body = std::move(body);
    return event;
}

// --- lifecycle ---

inline Event lifecycle_event(EventKind kind, SandboxId sandbox, Nanoseconds time_ns, LifecycleBody body)
{
    if (body.cgroup_id == 0)
        body.cgroup_id = sandbox;  // the sandbox's own cgroup; a nested one gives its id
    return event_of(kind, FNS_SENSOR_LIFECYCLE, sandbox, time_ns, process(50, 1, "runc"), std::move(body));
}

inline Event made_event(SandboxId sandbox, Nanoseconds time_ns, std::string path = "/fn/acme/resize/i-1")
{
    return lifecycle_event(EventKind::cgroup_made, sandbox, time_ns, {.path = std::move(path)});
}

inline Event adopted_event(SandboxId sandbox, Nanoseconds time_ns, std::string path = "/fn/acme/resize/i-1")
{
    return lifecycle_event(EventKind::cgroup_made, sandbox, time_ns, {.path = std::move(path), .adopted = true});
}

inline Event removed_event(SandboxId sandbox, Nanoseconds time_ns)
{
    return lifecycle_event(EventKind::cgroup_removed, sandbox, time_ns, {});
}

inline Event populated_event(SandboxId sandbox, Nanoseconds time_ns, bool populated)
{
    return lifecycle_event(EventKind::cgroup_populated, sandbox, time_ns, {.value = populated ? 1U : 0U});
}

inline Event frozen_event(SandboxId sandbox, Nanoseconds time_ns, bool frozen)
{
    return lifecycle_event(EventKind::cgroup_frozen, sandbox, time_ns, {.value = frozen ? 1U : 0U});
}

// `subject` moved into `sandbox`, by a runtime where it came from the host.
inline Event move_event(SandboxId sandbox, Nanoseconds time_ns, ProcessInfo subject, SandboxId from = kHost)
{
    Event event = lifecycle_event(EventKind::cgroup_move, sandbox, time_ns,
                                  {.value = 1, .subject = std::move(subject), .from_sandbox = from});
    if (from == kHost)
        event.flags |= FNS_FLAG_ENTRANT;
    return event;
}

// `subject` moved out of `sandbox`, into none.
inline Event leave_event(SandboxId sandbox, Nanoseconds time_ns, ProcessInfo subject)
{
    return lifecycle_event(EventKind::cgroup_move, sandbox, time_ns,
                           {.value = 0, .subject = std::move(subject), .from_sandbox = sandbox});
}

// --- process ---

inline Event fork_event(SandboxId sandbox, Nanoseconds time_ns, ProcessInfo parent, ProcessInfo child)
{
    child.parent_tgid = parent.tgid;
    return event_of(EventKind::fork, FNS_SENSOR_PROCESS, sandbox, time_ns, std::move(parent), ForkBody{child});
}

inline ExecBody exec_body(std::string path, std::uint32_t exec_flags, std::vector<std::string> argv)
{
    ExecBody body;
    body.filename = path;
    body.argv = argv.empty() ? std::vector<std::string>{path} : std::move(argv);
    body.path = std::move(path);
    body.flags = exec_flags;
    body.inode = 4242;
    return body;
}

inline Event exec_event(SandboxId sandbox, Nanoseconds time_ns, ProcessInfo actor, std::string path,
                        std::uint32_t exec_flags = 0, std::vector<std::string> argv = {})
{
    return event_of(EventKind::exec, FNS_SENSOR_PROCESS, sandbox, time_ns, std::move(actor),
                    exec_body(std::move(path), exec_flags, std::move(argv)));
}

// What the iterator tells of a process that ran before the daemon did.
inline Event found_event(SandboxId sandbox, Nanoseconds time_ns, ProcessInfo actor, std::string path,
                         std::uint32_t exec_flags = 0, std::vector<std::string> argv = {})
{
    return event_of(EventKind::process_found, FNS_SENSOR_PROCESS, sandbox, time_ns, std::move(actor),
                    exec_body(std::move(path), exec_flags, std::move(argv)));
}

inline Event exit_event(SandboxId sandbox, Nanoseconds time_ns, ProcessInfo actor, std::int32_t exit_code = 0,
                        std::int32_t signal = 0)
{
    return event_of(EventKind::exit, FNS_SENSOR_PROCESS, sandbox, time_ns, std::move(actor),
                    ExitBody{.exit_code = exit_code, .signal = signal});
}

// --- egress ---

inline Event socket_event(EventKind kind, SandboxId sandbox, Nanoseconds time_ns, ProcessInfo actor, SocketBody body)
{
    return event_of(kind, FNS_SENSOR_EGRESS, sandbox, time_ns, std::move(actor), body);
}

inline Event connect_event(SandboxId sandbox, Nanoseconds time_ns, ProcessInfo actor, Endpoint remote,
                           fns_socket_via via = FNS_SOCKET_CONNECT)
{
    return socket_event(
        EventKind::connect, sandbox, time_ns, std::move(actor),
        {.remote = remote, .domain = remote.family, .type = SOCK_STREAM, .protocol = IPPROTO_TCP, .via = via});
}

inline Event send_event(SandboxId sandbox, Nanoseconds time_ns, ProcessInfo actor, Endpoint remote,
                        fns_socket_via via = FNS_SOCKET_SENDMSG)
{
    return socket_event(
        EventKind::send, sandbox, time_ns, std::move(actor),
        {.remote = remote, .domain = remote.family, .type = SOCK_DGRAM, .protocol = IPPROTO_UDP, .via = via});
}

inline Event bind_event(SandboxId sandbox, Nanoseconds time_ns, ProcessInfo actor, Endpoint local)
{
    return socket_event(EventKind::bind, sandbox, time_ns, std::move(actor),
                        {.local = local, .domain = local.family, .type = SOCK_STREAM, .via = FNS_SOCKET_BIND});
}

inline Event listen_event(SandboxId sandbox, Nanoseconds time_ns, ProcessInfo actor, std::uint16_t port)
{
    return socket_event(EventKind::listen, sandbox, time_ns, std::move(actor),
                        {.local = endpoint("0.0.0.0", port),
                         .domain = AF_INET,
                         .type = SOCK_STREAM,
                         .protocol = IPPROTO_TCP,
                         .via = FNS_SOCKET_STATE});
}

// A TCP state change in interrupt context: it has no actor.
inline Event accept_event(SandboxId sandbox, Nanoseconds time_ns, std::uint16_t local_port,
                          Endpoint peer = endpoint("10.62.0.1", 43210))
{
    Event event = socket_event(EventKind::accept, sandbox, time_ns, {},
                               {.remote = peer,
                                .local = endpoint("10.62.0.2", local_port),
                                .domain = AF_INET,
                                .type = SOCK_STREAM,
                                .protocol = IPPROTO_TCP,
                                .via = FNS_SOCKET_STATE});
    event.flags |= FNS_FLAG_NO_TASK;
    return event;
}

// A raw or packet socket was made.
inline Event raw_socket_event(SandboxId sandbox, Nanoseconds time_ns, ProcessInfo actor, std::uint16_t domain,
                              std::uint16_t type, std::uint16_t protocol, std::int32_t result = 0)
{
    return socket_event(
        EventKind::socket, sandbox, time_ns, std::move(actor),
        {.domain = domain, .type = type, .protocol = protocol, .via = FNS_SOCKET_CREATE, .result = result});
}

inline Event dns_event(SandboxId sandbox, Nanoseconds time_ns, ProcessInfo actor, std::string name,
                       std::uint16_t type = 1)
{
    return event_of(
        EventKind::dns, FNS_SENSOR_EGRESS, sandbox, time_ns, std::move(actor),
        DnsBody{
            .resolver = endpoint("10.96.0.10", 53), .protocol = IPPROTO_UDP, .name = std::move(name), .type = type});
}

// --- memory ---

inline Event memory_event(SandboxId sandbox, Nanoseconds time_ns, ProcessInfo actor, SandboxId target_sandbox,
                          ProcessInfo target, fns_access access = FNS_ACCESS_READ,
                          fns_via via = FNS_VIA_PROCESS_VM_READV, std::string name = {})
{
    return event_of(EventKind::memory_access, FNS_SENSOR_MEMORY, sandbox, time_ns, std::move(actor),
                    MemoryBody{.target = std::move(target),
                               .target_sandbox = target_sandbox,
                               .access = access,
                               .via = via,
                               .name = std::move(name)});
}

inline Event fd_event(SandboxId sandbox, Nanoseconds time_ns, ProcessInfo actor, SandboxId target_sandbox,
                      ProcessInfo target, fns_via via = FNS_VIA_PIDFD_GETFD, std::string name = {})
{
    Event event = memory_event(sandbox, time_ns, std::move(actor), target_sandbox, std::move(target), FNS_ACCESS_FD,
                               via, std::move(name));
    event.kind = EventKind::fd_access;
    return event;
}

// --- privilege ---

inline Event privilege_event(EventKind kind, SandboxId sandbox, Nanoseconds time_ns, ProcessInfo actor,
                             PrivilegeBody body)
{
    return event_of(kind, FNS_SENSOR_PRIVILEGE, sandbox, time_ns, std::move(actor), std::move(body));
}

// A signal to the daemon.
inline Event signal_event(SandboxId sandbox, Nanoseconds time_ns, ProcessInfo actor, ProcessInfo target,
                          std::uint32_t number)
{
    return event_of(EventKind::signal, FNS_SENSOR_PRIVILEGE, sandbox, time_ns, std::move(actor),
                    SignalBody{.target = std::move(target), .signal = number, .at_daemon = true});
}

// --- the daemon's own ---

// The daemon tells who it is.
inline Event heartbeat_event(Nanoseconds time_ns, ProcessInfo daemon)
{
    return event_of(EventKind::heartbeat, FNS_SENSOR_HEARTBEAT, kHost, time_ns, std::move(daemon), {});
}

inline Event loss_event(SandboxId sandbox, Nanoseconds time_ns, std::uint64_t events)
{
    return event_of(EventKind::loss, FNS_SENSOR_COUNT, sandbox, time_ns, {}, LossBody{.events = events});
}

inline Event tick_event(Nanoseconds time_ns)
{
    return event_of(EventKind::tick, FNS_SENSOR_COUNT, kHost, time_ns, {}, {});
}

// The last segments of the path are tenant, function and instance: "/fn/acme/resize/i-1".
class PathRecogniser : public Recogniser {
public:
    [[nodiscard]] SandboxName recognise(std::string_view path) const override
    {
        SandboxName name{.platform = "template"};
        for (std::string* part : {&name.instance, &name.function, &name.tenant}) {
            const auto slash = path.rfind('/');
            if (slash == std::string_view::npos)
                break;
            *part = path.substr(slash + 1);
            path = path.substr(0, slash);
        }
        return name;
    }
};

// One policy for all, or one for a function; a test changes them and calls Model::refresh_policies().
class FixedPolicies : public PolicySource {
public:
    [[nodiscard]] std::shared_ptr<const Policy> policy_for(const SandboxName& name) const override
    {
        const auto own = by_function.find(name.function);
        return own == by_function.end() ? otherwise : own->second;
    }

    std::shared_ptr<const Policy> otherwise = std::make_shared<Policy>();
    std::map<std::string, std::shared_ptr<const Policy>, std::less<>> by_function;
};

}  // namespace fnshield::test
