// SPDX-License-Identifier: Apache-2.0
//
// The words for the numbers of events and sandboxes: what is printed in alerts, events, metrics and recordings. Each
// enum has one table in the enum's order; a static_assert fails where an enumerator was added without its word.
#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <cerrno>

#include "daemon/model/event.h"
#include "daemon/model/sandbox.h"

namespace fnshield {
namespace {

template <typename Enum>
struct Name {
    Enum value;
    std::string_view text;
};

template <typename Enum, std::size_t N>
using NameTable = std::array<Name<Enum>, N>;

constexpr auto kEventKinds = std::to_array<Name<EventKind>>({
    {EventKind::sandbox_created, "sandbox_created"},
    {EventKind::sandbox_started, "sandbox_started"},
    {EventKind::sandbox_ready, "sandbox_ready"},
    {EventKind::sandbox_first_request, "sandbox_first_request"},
    {EventKind::sandbox_frozen, "sandbox_frozen"},
    {EventKind::sandbox_thawed, "sandbox_thawed"},
    {EventKind::sandbox_gone, "sandbox_gone"},
    {EventKind::cgroup_move, "cgroup_move"},
    {EventKind::fork, "fork"},
    {EventKind::exec, "exec"},
    {EventKind::exit, "exit"},
    {EventKind::connect, "connect"},
    {EventKind::send, "send"},
    {EventKind::bind, "bind"},
    {EventKind::listen, "listen"},
    {EventKind::accept, "accept"},
    {EventKind::dns, "dns"},
    {EventKind::socket, "socket"},
    {EventKind::memory_access, "memory_access"},
    {EventKind::fd_access, "fd_access"},
    {EventKind::namespace_, "namespace"},
    {EventKind::mount, "mount"},
    {EventKind::module, "module"},
    {EventKind::bpf, "bpf"},
    {EventKind::perf_event, "perf_event"},
    {EventKind::io_uring, "io_uring"},
    {EventKind::syscall_, "syscall"},
    {EventKind::credentials, "credentials"},
    {EventKind::signal, "signal"},
    {EventKind::file_open, "file_open"},
    {EventKind::file_write, "file_write"},
    {EventKind::map_exec, "map_exec"},
    {EventKind::unix_connect, "unix_connect"},
    {EventKind::shm, "shm"},
    {EventKind::traffic, "traffic"},
    {EventKind::cgroup_made, "cgroup_made"},
    {EventKind::cgroup_removed, "cgroup_removed"},
    {EventKind::cgroup_populated, "cgroup_populated"},
    {EventKind::cgroup_frozen, "cgroup_frozen"},
    {EventKind::parent_made, "parent_made"},
    {EventKind::parent_removed, "parent_removed"},
    {EventKind::process_found, "process_found"},
    {EventKind::heartbeat, "heartbeat"},
    {EventKind::loss, "loss"},
    {EventKind::usage, "usage"},
    {EventKind::sensor, "sensor"},
    {EventKind::tick, "tick"},
});

constexpr auto kVias = std::to_array<Name<fns_via>>({
    {FNS_VIA_UNKNOWN, "unknown"},
    {FNS_VIA_PROCESS_VM_READV, "process_vm_readv"},
    {FNS_VIA_PROCESS_VM_WRITEV, "process_vm_writev"},
    {FNS_VIA_PTRACE_ATTACH, "ptrace_attach"},
    {FNS_VIA_PTRACE_SEIZE, "ptrace_seize"},
    {FNS_VIA_PTRACE_PEEK, "ptrace_peek"},
    {FNS_VIA_PTRACE_POKE, "ptrace_poke"},
    {FNS_VIA_PTRACE_OTHER, "ptrace"},
    {FNS_VIA_PROC_MEM, "proc_mem"},
    {FNS_VIA_PROC_FILE, "proc_file"},
    {FNS_VIA_PROC_LINK, "proc_link"},
    {FNS_VIA_PIDFD_GETFD, "pidfd_getfd"},
    {FNS_VIA_PROCESS_MADVISE, "process_madvise"},
    {FNS_VIA_OTHER_SYSCALL, "syscall"},
});

constexpr auto kSocketVias = std::to_array<Name<fns_socket_via>>({
    {fns_socket_via{}, "unknown"},
    {FNS_SOCKET_CONNECT, "connect"},
    {FNS_SOCKET_SENDMSG, "sendmsg"},
    {FNS_SOCKET_PACKET, "packet"},
    {FNS_SOCKET_STATE, "tcp_state"},
    {FNS_SOCKET_BIND, "bind"},
    {FNS_SOCKET_CREATE, "sock_create"},
    {FNS_SOCKET_CAPABLE, "capable"},
    {FNS_SOCKET_SYSCALL, "socket"},
    {FNS_SOCKET_LSM, "lsm"},
    {FNS_SOCKET_MADE, "socket_made"},
});

constexpr auto kAccesses = std::to_array<Name<fns_access>>({
    {FNS_ACCESS_UNKNOWN, "unknown"},
    {FNS_ACCESS_READ, "read"},
    {FNS_ACCESS_WRITE, "write"},
    {FNS_ACCESS_ATTACH, "attach"},
    {FNS_ACCESS_PEEK, "peek"},
    {FNS_ACCESS_FD, "fd"},
});

constexpr auto kPrivileges = std::to_array<Name<fns_privilege>>({
    {FNS_PRIVILEGE_UNKNOWN, "unknown"},
    {FNS_PRIVILEGE_SETNS, "setns"},
    {FNS_PRIVILEGE_UNSHARE, "unshare"},
    {FNS_PRIVILEGE_CLONE, "clone"},
    {FNS_PRIVILEGE_MOUNT, "mount"},
    {FNS_PRIVILEGE_UMOUNT, "umount"},
    {FNS_PRIVILEGE_PIVOT_ROOT, "pivot_root"},
    {FNS_PRIVILEGE_OPEN_TREE, "open_tree"},
    {FNS_PRIVILEGE_MOVE_MOUNT, "move_mount"},
    {FNS_PRIVILEGE_FSOPEN, "fsopen"},
    {FNS_PRIVILEGE_FSCONFIG, "fsconfig"},
    {FNS_PRIVILEGE_FSMOUNT, "fsmount"},
    {FNS_PRIVILEGE_FSPICK, "fspick"},
    {FNS_PRIVILEGE_MOUNT_SETATTR, "mount_setattr"},
    {FNS_PRIVILEGE_OPEN_BY_HANDLE, "open_by_handle_at"},
    {FNS_PRIVILEGE_INIT_MODULE, "init_module"},
    {FNS_PRIVILEGE_FINIT_MODULE, "finit_module"},
    {FNS_PRIVILEGE_DELETE_MODULE, "delete_module"},
    {FNS_PRIVILEGE_KEXEC_LOAD, "kexec_load"},
    {FNS_PRIVILEGE_KEXEC_FILE_LOAD, "kexec_file_load"},
    {FNS_PRIVILEGE_MODULE_REQUEST, "module_request"},
    {FNS_PRIVILEGE_BPF, "bpf"},
    {FNS_PRIVILEGE_PERF_EVENT, "perf_event_open"},
    {FNS_PRIVILEGE_IO_URING, "io_uring_setup"},
    {FNS_PRIVILEGE_MKNOD, "mknod"},
    {FNS_PRIVILEGE_USERFAULTFD, "userfaultfd"},
    {FNS_PRIVILEGE_KEYCTL, "keyctl"},
    {FNS_PRIVILEGE_MODIFY_LDT, "modify_ldt"},
    {FNS_PRIVILEGE_VM86, "vm86"},
    {FNS_PRIVILEGE_ACCT, "acct"},
    {FNS_PRIVILEGE_SWAPON, "swapon"},
    {FNS_PRIVILEGE_IOPL, "iopl"},
    {FNS_PRIVILEGE_SETTIME, "clock_settime"},
    {FNS_PRIVILEGE_REBOOT, "reboot"},
    {FNS_PRIVILEGE_FANOTIFY, "fanotify_init"},
    {FNS_PRIVILEGE_QUOTACTL, "quotactl"},
    {FNS_PRIVILEGE_SYSLOG, "syslog"},
});

constexpr auto kObjects = std::to_array<Name<fns_object>>({
    {FNS_OBJECT_NONE, "none"},
    {FNS_OBJECT_MAP, "map"},
    {FNS_OBJECT_PROG, "program"},
    {FNS_OBJECT_LINK, "link"},
});

constexpr auto kFileAccesses = std::to_array<Name<fns_file_access>>({
    {FNS_FILE_UNKNOWN, "unknown"},
    {FNS_FILE_READ, "read"},
    {FNS_FILE_WRITE, "write"},
    {FNS_FILE_TRUNCATE, "truncate"},
    {FNS_FILE_REMOVE, "remove"},
    {FNS_FILE_RENAME, "rename"},
    {FNS_FILE_REPLACE, "replace"},
    {FNS_FILE_MAP_EXEC, "map_exec"},
    {FNS_FILE_CREATE, "create"},
    {FNS_FILE_MAKE_EXECUTABLE, "chmod"},
});

constexpr auto kFileClasses = std::to_array<Name<fns_file_class>>({
    {FNS_FILE_CLASS_NONE, "none"},
    {FNS_FILE_CLASS_MODEL, "model"},
    {FNS_FILE_CLASS_SECRET, "secret"},
    {FNS_FILE_CLASS_CODE, "code"},
    {FNS_FILE_CLASS_KERNEL_SETTING, "kernel_setting"},
    {FNS_FILE_CLASS_CGROUP, "cgroup"},
    {FNS_FILE_CLASS_KERNEL_MEMORY, "kernel_memory"},
    {FNS_FILE_CLASS_BLOCK_DEVICE, "block_device"},
    {FNS_FILE_CLASS_ACCELERATOR, "accelerator"},
    {FNS_FILE_CLASS_OUTSIDE, "outside"},
    {FNS_FILE_CLASS_EXECUTABLE, "executable"},
    {FNS_FILE_CLASS_STARTUP_HOOK, "startup_hook"},
    {FNS_FILE_CLASS_PACKAGE, "package"},
    {FNS_FILE_CLASS_WRITTEN, "written"},
});

constexpr auto kSharedMemories = std::to_array<Name<fns_shared_memory>>({
    {FNS_SHARED_MEMORY_UNKNOWN, "unknown"},
    {FNS_SHARED_MEMORY_SYSV, "sysv"},
    {FNS_SHARED_MEMORY_POSIX, "posix"},
    {FNS_SHARED_MEMORY_MEMFD, "memfd"},
});

constexpr auto kSensors = std::to_array<Name<fns_sensor>>({
    {FNS_SENSOR_LIFECYCLE, "lifecycle"},
    {FNS_SENSOR_PROCESS, "process"},
    {FNS_SENSOR_EGRESS, "egress"},
    {FNS_SENSOR_MEMORY, "memory"},
    {FNS_SENSOR_HEARTBEAT, "heartbeat"},
    {FNS_SENSOR_PRIVILEGE, "privilege"},
    {FNS_SENSOR_FILE, "file"},
    {FNS_SENSOR_IPC, "ipc"},
});

constexpr auto kLossStages = std::to_array<Name<fns_loss_stage>>({
    {FNS_LOSS_RING_CRITICAL, "ring_critical"},
    {FNS_LOSS_RING_BULK, "ring_bulk"},
    {FNS_LOSS_BUDGET, "budget"},
    {FNS_LOSS_HELPER, "helper"},
    {FNS_LOSS_TABLE, "table"},
});

constexpr auto kStates = std::to_array<Name<SandboxState>>({
    {SandboxState::created, "created"},
    {SandboxState::starting, "starting"},
    {SandboxState::ready, "ready"},
    {SandboxState::serving, "serving"},
    {SandboxState::frozen, "frozen"},
    {SandboxState::gone, "gone"},
});

// One row for each value from 0 to count − 1, in that order, each with a word.
template <typename Enum, std::size_t N>
consteval bool complete(const NameTable<Enum, N>& table, Enum count)
{
    if (table.size() != static_cast<std::size_t>(count))
        return false;
    for (std::size_t i = 0; i < N; ++i)
        if (static_cast<std::size_t>(table[i].value) != i || table[i].text.empty())
            return false;
    return true;
}

static_assert(complete(kEventKinds, EventKind::count_));
static_assert(complete(kVias, FNS_VIA_COUNT));
static_assert(complete(kSocketVias, FNS_SOCKET_VIA_COUNT));
static_assert(complete(kAccesses, FNS_ACCESS_COUNT));
static_assert(complete(kPrivileges, FNS_PRIVILEGE_COUNT));
static_assert(complete(kObjects, FNS_OBJECT_COUNT));
static_assert(complete(kFileAccesses, FNS_FILE_ACCESS_COUNT));
static_assert(complete(kFileClasses, FNS_FILE_CLASS_COUNT));
static_assert(complete(kSharedMemories, FNS_SHARED_MEMORY_COUNT));
static_assert(complete(kSensors, FNS_SENSOR_COUNT));
static_assert(complete(kLossStages, FNS_LOSS_STAGE_COUNT));
static_assert(complete(kStates, SandboxState::count_));

// The numbers come out of a ring: one that is out of range gets a word as well.
template <typename Enum, std::size_t N>
constexpr std::string_view name_of(const NameTable<Enum, N>& table, Enum value)
{
    const auto index = static_cast<std::size_t>(value);
    return index < N ? table[index].text : std::string_view("unknown");
}

}  // namespace

std::string_view event_kind_name(EventKind kind)
{
    return name_of(kEventKinds, kind);
}

std::optional<EventKind> event_kind_from_name(std::string_view name)
{
    const auto found = std::ranges::find(kEventKinds, name, &Name<EventKind>::text);
    return found == kEventKinds.end() ? std::nullopt : std::optional(found->value);
}

std::string_view via_name(fns_via via)
{
    return name_of(kVias, via);
}
std::string_view via_name(fns_socket_via via)
{
    return name_of(kSocketVias, via);
}
std::string_view access_name(fns_access access)
{
    return name_of(kAccesses, access);
}
std::string_view privilege_name(fns_privilege act)
{
    return name_of(kPrivileges, act);
}
std::string_view object_name(fns_object object)
{
    return name_of(kObjects, object);
}
std::string_view file_access_name(fns_file_access access)
{
    return name_of(kFileAccesses, access);
}
std::string_view file_class_name(fns_file_class file_class)
{
    return name_of(kFileClasses, file_class);
}
std::string_view shared_memory_name(fns_shared_memory kind)
{
    return name_of(kSharedMemories, kind);
}
std::string_view sensor_name(fns_sensor sensor)
{
    return name_of(kSensors, sensor);
}
std::string_view loss_stage_name(fns_loss_stage stage)
{
    return name_of(kLossStages, stage);
}
std::string_view sandbox_state_name(SandboxState state)
{
    return name_of(kStates, state);
}

std::string SandboxName::display() const
{
    if (!function.empty() && !instance.empty())
        return function + "/" + instance;
    if (!function.empty())
        return function;
    return instance.empty() ? tenant : instance;
}

std::string Endpoint::address_text() const
{
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (family != AF_INET && family != AF_INET6)
        return {};
    if (inet_ntop(family, address.data(), text.data(), text.size()) == nullptr)
        return {};
    return text.data();
}

std::string address_and_port(const Endpoint& endpoint)
{
    const std::string address = endpoint.address_text();
    const std::string port = ":" + std::to_string(endpoint.port);
    return endpoint.family == AF_INET6 ? "[" + address + "]" + port : address + port;
}

std::optional<EventTarget> target_of(const Event& event)
{
    if (const auto* memory = event.as<MemoryBody>())
        return EventTarget{memory->target, memory->target_sandbox};
    if (const auto* signal = event.as<SignalBody>())
        return EventTarget{signal->target, signal->target_sandbox};
    if (const auto* socket = event.as<UnixBody>(); socket && socket->peer.tgid != 0)
        return EventTarget{socket->peer, socket->peer_sandbox};
    if (const auto* segment = event.as<SharedMemoryBody>(); segment && segment->owner_known)
        return EventTarget{segment->owner, segment->owner_sandbox};
    return std::nullopt;
}

Nanoseconds Event::boot_time_of(Nanoseconds realtime_ns) const
{
    const auto boot_ns = static_cast<std::int64_t>(realtime_ns) - wall_offset_ns;
    return boot_ns > 0 ? static_cast<Nanoseconds>(boot_ns) : 0;
}

bool PrivilegeBody::refused() const
{
    return result == -EPERM || result == -EACCES;
}

bool Endpoint::is_loopback() const
{
    if (family == AF_INET)
        return address[0] == 127;
    return family == AF_INET6 && address[15] == 1 &&
           std::all_of(address.begin(), address.end() - 1, [](std::uint8_t byte) { return byte == 0; });
}

bool Endpoint::is_unspecified() const
{
    const auto length = family == AF_INET ? 4 : 16;
    return (family == AF_INET || family == AF_INET6) &&
           std::all_of(address.begin(), address.begin() + length, [](std::uint8_t byte) { return byte == 0; });
}

}  // namespace fnshield
