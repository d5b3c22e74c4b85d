// SPDX-License-Identifier: Apache-2.0
//
// An event as everything above the decoders sees it: the model, the detectors, the outputs and recordings. It owns its
// strings, so it outlives the ring. daemon/sensors makes it from ring bytes, the model makes the derived kinds
// (sandbox_started, …), the app makes `tick` and `loss`.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "daemon/base/time.h"
#include "fnshield/abi/egress.h"
#include "fnshield/abi/event.h"
#include "fnshield/abi/file.h"
#include "fnshield/abi/ipc.h"
#include "fnshield/abi/memory.h"
#include "fnshield/abi/privilege.h"
#include "fnshield/abi/process.h"

namespace fnshield {

using SandboxId = std::uint64_t;  // cgroup id; kHost = none
inline constexpr SandboxId kHost = FNS_HOST;

// Names as printed: event_kind_name(). The first group are the contract's, the second is internal and never printed.
enum class EventKind : std::uint8_t {
    sandbox_created,
    sandbox_started,
    sandbox_ready,
    sandbox_first_request,
    sandbox_frozen,
    sandbox_thawed,
    sandbox_gone,
    cgroup_move,
    fork,
    exec,
    exit,
    connect,
    send,
    bind,
    listen,
    accept,
    dns,
    socket,
    memory_access,
    fd_access,
    namespace_,
    mount,
    module,
    bpf,
    perf_event,
    io_uring,
    syscall_,  // one that few functions have a use for
    credentials,
    signal,
    file_open,
    file_write,
    map_exec,
    unix_connect,
    shm,
    traffic,

    cgroup_made,  // raw lifecycle, before the model turned it into sandbox_created
    cgroup_removed,
    cgroup_populated,
    cgroup_frozen,
    parent_made,
    parent_removed,
    process_found,  // by the iterator at start
    heartbeat,
    loss,    // events of one sandbox were lost
    usage,   // CPU time that one sandbox took
    sensor,  // a sensor fell back, or sees nothing
    tick,    // once a second
    count_
};

[[nodiscard]] std::string_view event_kind_name(EventKind kind);
[[nodiscard]] std::optional<EventKind> event_kind_from_name(std::string_view name);

struct ProcessInfo {
    Nanoseconds start_ns = 0;
    std::uint32_t tgid = 0;
    std::uint32_t tid = 0;
    std::uint32_t parent_tgid = 0;
    std::uint32_t uid = 0;
    std::string comm;
};

struct Endpoint {
    std::array<std::uint8_t, 16> address{};  // network order; IPv4 in the first four bytes
    std::uint16_t family = 0;                // AF_INET, AF_INET6, 0 = unknown
    std::uint16_t port = 0;                  // host order

    [[nodiscard]] std::string address_text() const;  // "10.0.0.1", "fe80::1", "" where unknown
    [[nodiscard]] bool is_loopback() const;
    [[nodiscard]] bool is_unspecified() const;
    bool operator==(const Endpoint&) const = default;
};

// "10.0.0.1:443", "[fe80::1]:443"
[[nodiscard]] std::string address_and_port(const Endpoint& endpoint);

struct LifecycleBody {
    std::uint64_t cgroup_id = 0;
    std::uint64_t parent_cgroup_id = 0;
    std::string path;  // in the default hierarchy
    std::uint32_t value = 0;
    ProcessInfo subject;  // cgroup_move
    SandboxId from_sandbox = kHost;
    bool adopted = false;  // the sandbox ran before the daemon did
    // Of an adopted one that an earlier daemon left word of: its workload began then, and it was not ready yet.
    std::optional<Nanoseconds> starting_since;
};

// Phases of a cold start, in ns; filled in by the model as far as they are known.
struct PhaseBody {
    std::optional<Nanoseconds> setup_ns;          // cgroup made → the workload's first exec
    std::optional<Nanoseconds> init_ns;           // → ready
    std::optional<Nanoseconds> first_request_ns;  // ready → first connection accepted
    std::optional<Nanoseconds> total_ns;          // cgroup made → ready
    std::uint16_t port = 0;                       // that made it ready
};

// Who wrote to a file last, as far as a function did it and it was seen.
struct WriterInfo {
    SandboxId sandbox = kHost;
    Nanoseconds written_ns = 0;  // 0: nobody was seen
    std::uint32_t tgid = 0;
    Nanoseconds start_ns = 0;
};

struct ForkBody {
    ProcessInfo child;
};

struct ExecBody {
    std::string path;      // of the file that runs, in the process's own mount namespace
    std::string filename;  // as the caller wrote it: the script where one was named
    std::vector<std::string> argv;
    std::uint64_t inode = 0;
    std::uint32_t device = 0;
    Nanoseconds file_ctime_ns = 0;  // CLOCK_REALTIME
    std::uint32_t flags = 0;        // enum fns_exec_flag
    // Where FNS_EXEC_STDIO_SOCKET: both ends of the IP socket that is its standard input and output.
    Endpoint stdio_remote;
    Endpoint stdio_local;
    WriterInfo writer;  // of the file

    [[nodiscard]] bool has(fns_exec_flag flag) const { return (flags & flag) != 0; }
};

struct ExitBody {
    std::int32_t exit_code = 0;
    std::int32_t signal = 0;
    bool core_dumped = false;
    bool oom_killed = false;
};

struct SocketBody {
    Endpoint remote;
    Endpoint local;
    std::uint64_t cookie = 0;
    std::uint16_t domain = 0;
    std::uint16_t type = 0;
    std::uint16_t protocol = 0;
    fns_socket_via via{};
    std::int32_t result = 0;
    bool mapped = false;        // the caller wrote ::ffff:a.b.c.d
    bool named = false;         // the policy lists it by name: the address was in an answer that the sandbox got
    bool host_network = false;  // in the node's own network namespace
};

// traffic: a function has sent much of its own accord, where its policy lists models, to a peer that it does not list.
struct TrafficBody {
    Endpoint remote;
    Endpoint local;
    std::uint64_t sent_bytes = 0;  // by this socket so far
    std::uint64_t new_bytes = 0;   // of these, since the event before
    std::uint16_t protocol = 0;
};

struct DnsBody {
    Endpoint resolver;
    std::uint16_t protocol = 0;
    std::string name;  // lower case, no final dot, bytes outside of printable ASCII as \DDD
    std::uint16_t type = 0;
    bool malformed = false;  // the message could not be decoded; name is what could be
};

struct MemoryBody {
    ProcessInfo target;
    SandboxId target_sandbox = kHost;
    std::uint64_t requested_pid = 0;
    std::int64_t result = 0;
    std::uint32_t syscall_nr = 0;
    fns_access access{};
    fns_via via{};
    std::string name;        // /proc entry: "mem", "environ", "fd/3"
    bool attempted = false;  // refused or failed
    std::string actor_exe;   // the program of an actor on the host, which the model does not follow; empty = not known
    bool hint = false;       // target and name come from the caller's own memory
};

// namespace, mount, module, bpf, perf_event, io_uring, syscall. From the host only a bpf() on an object of the
// daemon's.
struct PrivilegeBody {
    fns_privilege act{};
    std::uint64_t argument = 0;  // namespaces: CLONE_NEW*, 0 = any; mounts: their flags; bpf: its command; mknod:
                                 // S_IF*; perf_event_open: the pid that it names, as the caller wrote it, -1 = all
    std::int64_t result = 0;     // −errno where it was refused or failed; 0: allowed, as far as the hook could tell
    std::uint32_t syscall_nr = 0;
    std::string name;  // mounts: the path or type, as the caller wrote it; modules: what was requested
    fns_object object{};
    std::uint32_t object_id = 0;
    bool own_object = false;  // the object is the daemon's
    bool writes = false;      // it changes the object, or takes it away

    [[nodiscard]] bool refused() const;
};

struct SignalBody {
    ProcessInfo target;
    SandboxId target_sandbox = kHost;
    std::uint32_t signal = 0;
    std::int32_t code = 0;   // si_code
    bool at_daemon = false;  // the target is this daemon
};

// credentials: a process has more than before.
struct CredentialsBody {
    std::uint32_t old_uid = 0;  // effective, in the initial user namespace
    std::uint32_t new_uid = 0;
    std::uint64_t gained_capabilities = 0;  // effective, as bits; not counted in a user namespace of the sandbox's own
};

// file_open, file_write, map_exec: of a file that the policy lists, or of a class that no function has a use for.
struct FileBody {
    std::string path;  // against the process's root; empty where the kernel side could not keep it
    std::uint64_t inode = 0;
    std::uint32_t device = 0;
    std::uint32_t open_flags = 0;  // O_*; 0 where it was not opened
    fns_file_access access{};
    fns_file_class file_class{};
    std::uint32_t mode = 0;            // S_IF* and permissions
    std::uint32_t special_device = 0;  // dev_t of a device file; 0 = no device
    std::uint32_t flags = 0;           // enum fns_file_flag
    Nanoseconds ctime_ns = 0;          // CLOCK_REALTIME
    std::int64_t result = 0;           // -errno of an open that was refused or failed
    WriterInfo writer;
    SandboxId owner = kHost;  // FNS_FILE_FOREIGN_SECRET: whose secret it is
    std::uint64_t size_bytes = 0;

    [[nodiscard]] bool has(fns_file_flag flag) const { return (flags & flag) != 0; }
};

// unix_connect: a connect or a datagram to a UNIX socket.
struct UnixBody {
    std::string path;  // as it was bound; begins with '@' where it is abstract
    ProcessInfo peer;  // that listens; tgid 0 = not known
    SandboxId peer_sandbox = kHost;
    std::int64_t result = 0;        // -errno where it was refused or failed
    std::uint32_t descriptors = 0;  // passed along (SCM_RIGHTS)
};

// shm: a segment of another process's making was attached.
struct SharedMemoryBody {
    fns_shared_memory kind{};
    std::uint64_t id = 0;  // System V: shmid; else the inode
    std::string name;      // of a file in a tmpfs, or of a memfd
    ProcessInfo owner;     // that made it; tgid 0 = not known
    SandboxId owner_sandbox = kHost;
    bool owner_known = false;  // owner_sandbox tells; else it is kHost because nobody knows
    bool writes = false;
};

struct LossBody {
    std::uint64_t events = 0;  // lost since the last report
    std::string sensor;        // empty where only the sandbox is known
    std::string stage;
};

// usage: CPU time that a sandbox's tasks took since the last such event.
struct UsageBody {
    Nanoseconds cpu_ns = 0;
    Nanoseconds period_ns = 0;        // since then
    std::optional<double> cpu_limit;  // CPUs that it may use; nothing = as many as the node has
};

// sensor: what became of one at the daemon's start.
struct SensorBody {
    fns_sensor sensor = FNS_SENSOR_COUNT;
    bool attached = false;  // else it sees nothing
    std::string backend;    // that it runs on
    std::string reason;     // why not the one that was wanted, in an operator's words
};

using EventBody = std::variant<std::monostate, LifecycleBody, PhaseBody, ForkBody, ExecBody, ExitBody, SocketBody,
                               DnsBody, MemoryBody, PrivilegeBody, CredentialsBody, SignalBody, FileBody, UnixBody,
                               SharedMemoryBody, TrafficBody, UsageBody, SensorBody, LossBody>;

struct Event {
    EventKind kind = EventKind::tick;
    std::uint64_t seq = 0;  // given by the app, in order of processing, from 1
    Nanoseconds time_ns = 0;
    std::int64_t wall_offset_ns = 0;  // CLOCK_REALTIME − CLOCK_BOOTTIME when the daemon got it
    SandboxId sandbox = kHost;
    fns_sensor sensor = FNS_SENSOR_COUNT;  // COUNT = not from a sensor
    std::uint32_t flags = 0;               // enum fns_event_flag
    std::uint32_t repeats = 0;             // the same act, suppressed in the kernel since the last one
    ProcessInfo process;
    fns_verdict verdict{};  // what the kernel side's policy said about it, and what it did
    EventBody body;

    [[nodiscard]] bool has(fns_event_flag flag) const { return (flags & flag) != 0; }
    // A time of a file, as the other times are; 0 where it is from before the node's start.
    [[nodiscard]] Nanoseconds boot_time_of(Nanoseconds realtime_ns) const;
    template <typename Body>
    [[nodiscard]] const Body* as() const
    {
        return std::get_if<Body>(&body);
    }
};

// The process that an event was aimed at.
struct EventTarget {
    const ProcessInfo& process;  // the event's own; tgid 0 = not known
    SandboxId sandbox = kHost;
};
// Nothing where an event of its kind has none, or nobody knows whose it was.
[[nodiscard]] std::optional<EventTarget> target_of(const Event& event);

[[nodiscard]] std::string_view via_name(fns_via via);
[[nodiscard]] std::string_view via_name(fns_socket_via via);
[[nodiscard]] std::string_view access_name(fns_access access);
[[nodiscard]] std::string_view privilege_name(fns_privilege act);  // "move_mount": the system call, mostly
[[nodiscard]] std::string_view object_name(fns_object object);     // "map"
[[nodiscard]] std::string_view file_access_name(fns_file_access access);
[[nodiscard]] std::string_view file_class_name(fns_file_class file_class);
[[nodiscard]] std::string_view shared_memory_name(fns_shared_memory kind);
[[nodiscard]] std::string_view sensor_name(fns_sensor sensor);
[[nodiscard]] std::string_view loss_stage_name(fns_loss_stage stage);

}  // namespace fnshield
