// SPDX-License-Identifier: Apache-2.0
#include "daemon/sensors/decode.h"

#include <netinet/in.h>

namespace fnshield::decode {

ProcessInfo process(const fns_process& raw)
{
    return {.start_ns = raw.start_ns,
            .tgid = raw.tgid,
            .tid = raw.tid,
            .parent_tgid = raw.parent_tgid,
            .uid = raw.uid,
            .comm = text(raw.comm)};
}

WriterInfo writer(const fns_writer& raw)
{
    return {.sandbox = raw.sandbox_id, .written_ns = raw.written_ns, .tgid = raw.tgid, .start_ns = raw.start_ns};
}

Endpoint endpoint(const fns_endpoint& raw)
{
    Endpoint made{.family = raw.family, .port = ntohs(raw.port_be)};
    std::copy(std::begin(raw.address), std::end(raw.address), made.address.begin());
    return made;
}

Event header(const fns_event_header& raw, EventKind kind)
{
    Event event;
    event.kind = kind;
    event.time_ns = raw.time_ns;
    event.sandbox = raw.sandbox_id;
    event.sensor = raw.sensor < FNS_SENSOR_COUNT ? static_cast<fns_sensor>(raw.sensor) : FNS_SENSOR_COUNT;
    event.flags = raw.flags;
    event.repeats = raw.repeats;
    event.process = process(raw.process);
    event.verdict = verdict(raw.verdict);
    return event;
}

fns_verdict verdict(const fns_verdict& raw)
{
    const bool known = raw.guard < FNS_GUARD_COUNT && raw.requested < FNS_ACTION_COUNT && raw.taken < FNS_ACTION_COUNT;
    return known ? raw : fns_verdict{};
}

Result<std::string> Tail::take(std::size_t length)
{
    if (length > rest_.size())
        return fail("event ends " + std::to_string(length - rest_.size()) + " bytes early");
    std::string piece(reinterpret_cast<const char*>(rest_.data()), length);
    rest_ = rest_.subspan(length);
    return piece;
}

}  // namespace fnshield::decode
