// SPDX-License-Identifier: Apache-2.0
#include "daemon/sensors/egress_sensor.h"

#include <sys/socket.h>

#include "daemon/sensors/cgroup_parents.h"
#include "daemon/sensors/decode.h"
#include "daemon/sensors/dns.h"
#include "egress.skel.h"

namespace fnshield {
namespace {

constexpr std::string_view kCapability = "raw:cap_capable";
constexpr std::string_view kNoPacketSockets = "packet sockets are not seen";

constexpr ProgramSpec kPrograms[] = {
    {"tcp_state", Backend::tracepoint, Tier::always, "raw:inet_sock_set_state", "listen and accept are not seen"},
    {"connect4", Backend::cgroup, Tier::always, "", "IPv4 connects other than those of TCP are not seen"},
    {"connect6", Backend::cgroup, Tier::always, "", "IPv6 connects other than those of TCP are not seen"},
    {"bind4", Backend::cgroup, Tier::always, "", "IPv4 binds are not seen"},
    {"bind6", Backend::cgroup, Tier::always, "", "IPv6 binds are not seen"},
    {"sock_create", Backend::cgroup, Tier::always, "", "raw sockets are not seen when they are made"},
    {"packet", Backend::cgroup, Tier::always, "", "datagrams, DNS names and what raw sockets send are not seen"},
    {"answer", Backend::cgroup, Tier::always, "", "addresses that a policy lists by name stay refused"},
    {"lsm_connect", Backend::lsm, Tier::always, "lsm:socket_connect",
     "who connects a socket that was handed in is killed, not refused"},
    {"lsm_socket", Backend::lsm, Tier::always, "lsm:socket_create", "who makes a packet socket is killed, not refused"},
    // Packet sockets: one way or the other.
    {"net_raw", Backend::tracepoint, Tier::always, kCapability, ""},
    {"created", Backend::fentry, Tier::always, "func:__sock_create", kNoPacketSockets, {}, kCapability},
    {"socket_enter", Backend::tracepoint, Tier::full, "syscall:sys_enter_socket", kNoPacketSockets, {}, kCapability},
    {"socket_exit", Backend::tracepoint, Tier::full, "syscall:sys_exit_socket", kNoPacketSockets, {}, kCapability},
};

class EgressSensor final : public Sensor {
public:
    EgressSensor(Skeleton<egress_bpf> skeleton, std::vector<ProgramStatus> programs)
        : skeleton_(std::move(skeleton)), programs_(std::move(programs)), parents_(skeleton_.object(), programs_)
    {
    }
    fns_sensor id() const override { return FNS_SENSOR_EGRESS; }
    Result<void> attach() override
    {
        links_ = attach_programs(skeleton_.object(), programs_);
        return {};
    }
    Result<void> attach_to_parent(std::uint64_t cgroup_id, const std::string& directory) override
    {
        auto added = parents_.add(cgroup_id, directory);
        parents_.mark_attached(programs_);
        return added;
    }
    void detach_from_parent(std::uint64_t cgroup_id) override
    {
        // What could not be attached to a parent further in shows in programs().
        (void)parents_.remove(cgroup_id);
        parents_.mark_attached(programs_);
    }
    const std::vector<ProgramStatus>& programs() const override { return programs_; }

private:
    Skeleton<egress_bpf> skeleton_;
    std::vector<ProgramStatus> programs_;
    CgroupParents parents_;
    std::vector<BpfLink> links_;
};

struct KindRow {
    fns_event_kind raw;
    EventKind kind;
};
constexpr KindRow kSocketKinds[] = {
    {FNS_EVENT_CONNECT, EventKind::connect}, {FNS_EVENT_SEND, EventKind::send},
    {FNS_EVENT_BIND, EventKind::bind},       {FNS_EVENT_LISTEN, EventKind::listen},
    {FNS_EVENT_ACCEPT, EventKind::accept},   {FNS_EVENT_SOCKET, EventKind::socket},
};

Result<void> check(const fns_endpoint& raw)
{
    if (raw.family != AF_UNSPEC && raw.family != AF_INET && raw.family != AF_INET6)
        return fail("egress event with an address of family " + std::to_string(raw.family));
    return {};
}

Result<Event> decode_socket(std::span<const std::byte> bytes, EventKind kind)
{
    auto raw = decode::fixed_part<fns_socket_event>(bytes);
    if (!raw)
        return pass(std::move(raw));
    for (const fns_endpoint* end : {&raw->remote, &raw->local})
        if (auto valid = check(*end); !valid)
            return pass(std::move(valid));
    if (raw->via == 0 || raw->via >= FNS_SOCKET_VIA_COUNT)
        return fail("egress event by the unknown way " + std::to_string(raw->via));
    Event event = decode::header(raw->header, kind);
    event.body = SocketBody{.remote = decode::endpoint(raw->remote),
                            .local = decode::endpoint(raw->local),
                            .cookie = raw->cookie,
                            .domain = raw->domain,
                            .type = raw->type,
                            .protocol = raw->protocol,
                            .via = static_cast<fns_socket_via>(raw->via),
                            .result = raw->result,
                            .mapped = (raw->socket_flags & FNS_SOCKET_MAPPED) != 0,
                            .named = (raw->socket_flags & FNS_SOCKET_NAMED) != 0,
                            .host_network = (raw->socket_flags & FNS_SOCKET_HOST_NETWORK) != 0};
    return event;
}

Result<Event> decode_traffic(std::span<const std::byte> bytes)
{
    auto raw = decode::fixed_part<fns_traffic_event>(bytes);
    if (!raw)
        return pass(std::move(raw));
    for (const fns_endpoint* end : {&raw->remote, &raw->local})
        if (auto valid = check(*end); !valid)
            return pass(std::move(valid));
    Event event = decode::header(raw->header, EventKind::traffic);
    event.body = TrafficBody{.remote = decode::endpoint(raw->remote),
                             .local = decode::endpoint(raw->local),
                             .sent_bytes = raw->sent_bytes,
                             .new_bytes = raw->new_bytes,
                             .protocol = raw->protocol};
    return event;
}

Result<Event> decode_dns(std::span<const std::byte> bytes)
{
    auto raw = decode::fixed_part<fns_dns_event>(bytes);
    if (!raw)
        return pass(std::move(raw));
    if (auto valid = check(raw->resolver); !valid)
        return pass(std::move(valid));
    if (raw->message_bytes > sizeof raw->message)
        return fail("DNS event with a message of " + std::to_string(raw->message_bytes) + " bytes");
    DnsQuestion question = decode_dns_question(std::as_bytes(std::span(raw->message, raw->message_bytes)));
    Event event = decode::header(raw->header, EventKind::dns);
    event.body = DnsBody{.resolver = decode::endpoint(raw->resolver),
                         .protocol = raw->protocol,
                         .name = std::move(question.name),
                         .type = question.type,
                         .malformed = question.malformed};
    return event;
}

}  // namespace

Result<std::unique_ptr<Sensor>> make_egress_sensor(const SensorContext& context)
{
    auto skeleton = Skeleton<egress_bpf>::open("egress");
    if (!skeleton)
        return pass(std::move(skeleton));
    (*skeleton)->rodata->fns_bulk_budget = context.bulk_budget;
    (*skeleton)->rodata->fns_repeat_after_ns = context.repeat_after_ns;
    (*skeleton)->rodata->fns_seen_secret = context.seen_secret;
    (*skeleton)->rodata->packet_sockets_are_judged = context.choice.backend == Backend::lsm;
    auto programs = choose_programs(skeleton->object(), kPrograms, context.host, context.choice);
    if (auto shared = context.maps.share_with(skeleton->object()); !shared)
        return pass(std::move(shared));
    if (auto loaded = skeleton->load(); !loaded)
        return pass(std::move(loaded));
    return std::make_unique<EgressSensor>(std::move(*skeleton), std::move(programs));
}

Result<Event> decode_egress(std::span<const std::byte> bytes)
{
    auto header = decode::fixed_part<fns_event_header>(bytes);
    if (!header)
        return pass(std::move(header));
    if (header->kind == FNS_EVENT_DNS)
        return decode_dns(bytes);
    if (header->kind == FNS_EVENT_TRAFFIC)
        return decode_traffic(bytes);
    for (const KindRow& row : kSocketKinds)
        if (row.raw == header->kind)
            return decode_socket(bytes, row.kind);
    return fail("egress event of unknown kind " + std::to_string(header->kind));
}

}  // namespace fnshield
