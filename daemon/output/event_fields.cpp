// SPDX-License-Identifier: Apache-2.0
#include "daemon/output/event_fields.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <span>
#include <string>

#include "daemon/respond/mask.h"

namespace fnshield {
namespace {

using Json = nlohmann::ordered_json;

struct FlagName {
    std::uint32_t flag;
    std::string_view name;
};

constexpr auto kEventFlags = std::to_array<FlagName>({{FNS_FLAG_TRUNCATED, "truncated"},
                                                      {FNS_FLAG_ENTRANT, "entrant"},
                                                      {FNS_FLAG_SETUP, "setup"},
                                                      {FNS_FLAG_COMPAT, "compat"},
                                                      {FNS_FLAG_IO_URING, "io_uring"}});
constexpr auto kExecFlags = std::to_array<FlagName>({{FNS_EXEC_MEMFD, "memfd"},
                                                     {FNS_EXEC_UNLINKED, "unlinked"},
                                                     {FNS_EXEC_PROC_FD, "proc_fd"},
                                                     {FNS_EXEC_UPPER_LAYER, "upper_layer"},
                                                     {FNS_EXEC_SCRIPT, "script"},
                                                     {FNS_EXEC_FIRST, "first"},
                                                     {FNS_EXEC_FROM_OUTSIDE, "from_outside"},
                                                     {FNS_EXEC_RUNTIME, "runtime"},
                                                     {FNS_EXEC_HOST_ROOT, "host_root"},
                                                     {FNS_EXEC_UNREACHABLE, "unreachable"},
                                                     {FNS_EXEC_STDIO_SOCKET, "stdio_socket"},
                                                     {FNS_EXEC_CWD_OUTSIDE, "cwd_outside"},
                                                     {FNS_EXEC_SCRATCH, "scratch"}});
constexpr auto kFileFlags = std::to_array<FlagName>({{FNS_FILE_UPPER_LAYER, "upper_layer"},
                                                     {FNS_FILE_SCRATCH, "scratch"},
                                                     {FNS_FILE_UNLINKED, "unlinked"},
                                                     {FNS_FILE_MEMFD, "memfd"},
                                                     {FNS_FILE_FRESH, "fresh"},
                                                     {FNS_FILE_LINKING, "linking"},
                                                     {FNS_FILE_FOREIGN_SECRET, "foreign_secret"}});

Json flag_names(std::uint32_t flags, std::span<const FlagName> table)
{
    Json names = Json::array();
    for (const FlagName& row : table)
        if (flags & row.flag)
            names.push_back(row.name);
    return names;
}

struct NumberName {
    std::uint16_t number;
    std::string_view name;
};

constexpr auto kProtocols = std::to_array<NumberName>({{IPPROTO_ICMP, "icmp"},
                                                       {IPPROTO_TCP, "tcp"},
                                                       {IPPROTO_UDP, "udp"},
                                                       {IPPROTO_ICMPV6, "icmpv6"},
                                                       {IPPROTO_SCTP, "sctp"},
                                                       {IPPROTO_RAW, "raw"}});
constexpr auto kDomains = std::to_array<NumberName>(
    {{AF_UNIX, "unix"}, {AF_INET, "inet"}, {AF_INET6, "inet6"}, {AF_NETLINK, "netlink"}, {AF_PACKET, "packet"}});
constexpr auto kSocketTypes = std::to_array<NumberName>(
    {{SOCK_STREAM, "stream"}, {SOCK_DGRAM, "dgram"}, {SOCK_RAW, "raw"}, {SOCK_SEQPACKET, "seqpacket"}});
constexpr auto kDnsTypes = std::to_array<NumberName>({{1, "A"},
                                                      {2, "NS"},
                                                      {5, "CNAME"},
                                                      {6, "SOA"},
                                                      {10, "NULL"},
                                                      {12, "PTR"},
                                                      {15, "MX"},
                                                      {16, "TXT"},
                                                      {28, "AAAA"},
                                                      {33, "SRV"},
                                                      {35, "NAPTR"},
                                                      {64, "SVCB"},
                                                      {65, "HTTPS"},
                                                      {255, "ANY"}});

// The word, or the number where there is none.
Json number_name(std::uint16_t number, std::span<const NumberName> table)
{
    for (const NumberName& row : table)
        if (row.number == number)
            return row.name;
    return number;
}

void add_endpoint(Json& json, const Endpoint& endpoint, const char* address, const char* port)
{
    if (endpoint.family == 0)
        return;
    json[address] = endpoint.address_text();
    json[port] = endpoint.port;
}

Json sandbox_id(SandboxId id)
{
    return id == kHost ? Json(nullptr) : Json(std::to_string(id));
}

Json task(const ProcessInfo& process)
{
    return {{"pid", process.tgid}, {"start_ns", process.start_ns}, {"comm", process.comm}};
}

void add_writer(Json& json, const WriterInfo& writer)
{
    if (writer.written_ns == 0)
        return;
    json["writer"] = {{"sandbox", sandbox_id(writer.sandbox)},
                      {"pid", writer.tgid},
                      {"start_ns", writer.start_ns},
                      {"written_ns", writer.written_ns}};
}

void add_phase(Json& json, const char* name, const std::optional<Nanoseconds>& duration_ns)
{
    if (duration_ns)
        json[name] = *duration_ns;
}

void add(Json&, const std::monostate&) {}

void add(Json& json, const LifecycleBody& body)
{
    json["cgroup"] = body.path;
    json["cgroup_id"] = body.cgroup_id;
    if (body.adopted)
        json["adopted"] = true;
    if (body.subject.tgid != 0) {
        json["subject"] = task(body.subject);
        json["from_sandbox"] = sandbox_id(body.from_sandbox);
    }
}

void add(Json& json, const PhaseBody& body)
{
    add_phase(json, "setup_ns", body.setup_ns);
    add_phase(json, "init_ns", body.init_ns);
    add_phase(json, "first_request_ns", body.first_request_ns);
    add_phase(json, "total_ns", body.total_ns);
    if (body.port != 0)
        json["port"] = body.port;
}

void add(Json& json, const ForkBody& body)
{
    json["child"] = task(body.child);
}

void add(Json& json, const ExecBody& body)
{
    json["path"] = body.path;
    json["filename"] = body.filename;
    json["argv"] = mask_argv(body.argv);
    json["inode"] = body.inode;
    json["device"] = body.device;
    json["exec_flags"] = flag_names(body.flags, kExecFlags);
    add_endpoint(json, body.stdio_remote, "stdio_address", "stdio_port");
    add_writer(json, body.writer);
}

void add(Json& json, const ExitBody& body)
{
    json["exit_code"] = body.exit_code;
    json["signal"] = body.signal;
    if (body.core_dumped)
        json["core_dumped"] = true;
    if (body.oom_killed)
        json["oom_killed"] = true;
}

void add(Json& json, const SocketBody& body)
{
    json["via"] = via_name(body.via);
    json["result"] = body.result;
    add_endpoint(json, body.remote, "address", "port");
    add_endpoint(json, body.local, "local_address", "local_port");
    json["domain"] = number_name(body.domain, kDomains);
    json["type"] = number_name(body.type, kSocketTypes);
    json["protocol"] = number_name(body.protocol, kProtocols);
    if (body.mapped)
        json["mapped"] = true;
    if (body.named)
        json["named"] = true;
    if (body.host_network)
        json["host_network"] = true;
}

void add(Json& json, const TrafficBody& body)
{
    json["sent_bytes"] = body.sent_bytes;
    json["new_bytes"] = body.new_bytes;
    add_endpoint(json, body.remote, "address", "port");
    add_endpoint(json, body.local, "local_address", "local_port");
    json["protocol"] = number_name(body.protocol, kProtocols);
}

void add(Json& json, const UsageBody& body)
{
    json["cpu_ns"] = body.cpu_ns;
    json["period_ns"] = body.period_ns;
    if (body.cpu_limit)
        json["cpu_limit"] = *body.cpu_limit;
}

void add(Json& json, const SensorBody& body)
{
    json["sensor"] = sensor_name(body.sensor);
    json["attached"] = body.attached;
    if (!body.backend.empty())
        json["backend"] = body.backend;
    json["reason"] = body.reason;
}

void add(Json& json, const DnsBody& body)
{
    json["name"] = body.name;
    json["type"] = number_name(body.type, kDnsTypes);
    add_endpoint(json, body.resolver, "resolver", "resolver_port");
    json["protocol"] = number_name(body.protocol, kProtocols);
    if (body.malformed)
        json["malformed"] = true;
}

void add(Json& json, const MemoryBody& body)
{
    json["via"] = via_name(body.via);
    json["result"] = body.result;
    json["access"] = access_name(body.access);
    if (!body.name.empty())
        json["name"] = body.name;
    if (body.via == FNS_VIA_OTHER_SYSCALL)
        json["syscall_nr"] = body.syscall_nr;
    json["attempted"] = body.attempted;
    json["target"] = {{"sandbox", sandbox_id(body.target_sandbox)}, {"process", task(body.target)}};
}

void add(Json& json, const PrivilegeBody& body)
{
    json["act"] = privilege_name(body.act);
    json["result"] = body.result;
    json["attempted"] = body.refused();
    if (body.act == FNS_PRIVILEGE_BPF)
        json["command"] = body.argument;
    else if (body.argument != 0)
        json["argument"] = body.argument;
    if (!body.name.empty())
        json["name"] = body.name;
    if (body.object == FNS_OBJECT_NONE)
        return;
    json["object"] = object_name(body.object);
    json["object_id"] = body.object_id;
    json["own_object"] = body.own_object;
    json["writes"] = body.writes;
}

void add(Json& json, const SignalBody& body)
{
    json["signal"] = body.signal;
    json["code"] = body.code;
    json["target"] = {{"sandbox", sandbox_id(body.target_sandbox)}, {"process", task(body.target)}};
}

void add(Json& json, const CredentialsBody& body)
{
    json["old_uid"] = body.old_uid;
    json["new_uid"] = body.new_uid;
    json["gained_capabilities"] = body.gained_capabilities;
}

void add(Json& json, const UnixBody& body)
{
    json["path"] = body.path;
    json["result"] = body.result;
    if (body.descriptors != 0)
        json["descriptors"] = body.descriptors;
    if (body.peer.tgid != 0)
        json["target"] = {{"sandbox", sandbox_id(body.peer_sandbox)}, {"process", task(body.peer)}};
}

void add(Json& json, const SharedMemoryBody& body)
{
    json["type"] = shared_memory_name(body.kind);
    json["id"] = body.id;
    if (!body.name.empty())
        json["name"] = body.name;
    json["writes"] = body.writes;
    if (body.owner_known)
        json["target"] = {{"sandbox", sandbox_id(body.owner_sandbox)}, {"process", task(body.owner)}};
}

void add(Json& json, const FileBody& body)
{
    json["path"] = body.path;
    json["access"] = file_access_name(body.access);
    if (body.file_class != FNS_FILE_CLASS_NONE)
        json["class"] = file_class_name(body.file_class);
    if (body.special_device != 0)
        json["special_device"] = body.special_device;
    if (Json flags = flag_names(body.flags, kFileFlags); !flags.empty())
        json["file_flags"] = std::move(flags);
    if (body.result != 0)
        json["result"] = body.result;
    json["inode"] = body.inode;
    json["device"] = body.device;
    json["open_flags"] = body.open_flags;
    json["size_bytes"] = body.size_bytes;
    add_writer(json, body.writer);
    if (body.owner != kHost)
        json["owner"] = sandbox_id(body.owner);
}

void add(Json& json, const LossBody& body)
{
    json["events"] = body.events;
    if (!body.sensor.empty())
        json["sensor"] = body.sensor;
    if (!body.stage.empty())
        json["stage"] = body.stage;
}

}  // namespace

void add_own_fields(Json& json, const Event& event)
{
    std::visit([&](const auto& body) { add(json, body); }, event.body);
    if (Json flags = flag_names(event.flags, kEventFlags); !flags.empty())
        json["flags"] = std::move(flags);
    if (event.repeats > 0)
        json["repeats"] = event.repeats;
}

}  // namespace fnshield
