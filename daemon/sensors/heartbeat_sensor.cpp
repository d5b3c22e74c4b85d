// SPDX-License-Identifier: Apache-2.0
#include "daemon/sensors/heartbeat_sensor.h"

#include "daemon/sensors/decode.h"
#include "heartbeat.skel.h"

namespace fnshield {
namespace {

constexpr ProgramSpec kPrograms[] = {
    {"heartbeat", Backend::tracepoint, Tier::always, "raw:signal_generate", "the heartbeat cannot come back"},
};

class HeartbeatSensor final : public Sensor {
public:
    HeartbeatSensor(Skeleton<heartbeat_bpf> skeleton, std::vector<ProgramStatus> programs)
        : skeleton_(std::move(skeleton)), programs_(std::move(programs))
    {
    }
    fns_sensor id() const override { return FNS_SENSOR_HEARTBEAT; }
    Result<void> attach() override
    {
        links_ = attach_programs(skeleton_.object(), programs_);
        return {};
    }
    const std::vector<ProgramStatus>& programs() const override { return programs_; }

private:
    Skeleton<heartbeat_bpf> skeleton_;
    std::vector<ProgramStatus> programs_;
    std::vector<BpfLink> links_;
};

}  // namespace

Result<std::unique_ptr<Sensor>> make_heartbeat_sensor(const SensorContext& context)
{
    auto skeleton = Skeleton<heartbeat_bpf>::open("heartbeat");
    if (!skeleton)
        return pass(std::move(skeleton));
    (*skeleton)->rodata->daemon_tgid = context.daemon_tgid;
    auto programs = choose_programs(skeleton->object(), kPrograms, context.host, context.choice);
    if (auto shared = context.maps.share_with(skeleton->object()); !shared)
        return pass(std::move(shared));
    if (auto loaded = skeleton->load(); !loaded)
        return pass(std::move(loaded));
    return std::make_unique<HeartbeatSensor>(std::move(*skeleton), std::move(programs));
}

Result<Event> decode_heartbeat(std::span<const std::byte> bytes)
{
    auto raw = decode::fixed_part<fns_event_header>(bytes);
    if (!raw)
        return pass(std::move(raw));
    return decode::header(*raw, EventKind::heartbeat);
}

}  // namespace fnshield
