// SPDX-License-Identifier: Apache-2.0
#include "daemon/sensors/file_sensor.h"

#include "daemon/sensors/decode.h"
#include "file.skel.h"
#include "fnshield/abi/file.h"

namespace fnshield {
namespace {

constexpr std::string_view kOpens = "models opened for writing, or for reading while warm";
constexpr std::string_view kMappings = "files of the function's making that are mapped executable";
// Since 5.17, as bpf_find_vma is, which the program needs.
constexpr std::string_view kProtectCall = "syscall:sys_enter_mprotect with mmap_unlock_irq_work.mm";
constexpr std::string_view kProtects = "mappings of them that are made executable later";
constexpr std::string_view kOpened = "func:do_filp_open";
constexpr std::string_view kOpenedRenamed = "func:do_file_open";

constexpr ProgramSpec kPrograms[] = {
    {"guard_open", Backend::lsm, Tier::always, "lsm:file_open", kOpens},
    {"guard_truncate", Backend::lsm, Tier::always, "lsm:path_truncate", "models truncated by their path"},
    {"guard_unlink", Backend::lsm, Tier::always, "lsm:path_unlink", "models removed"},
    {"guard_rename", Backend::lsm, Tier::always, "lsm:path_rename", "models renamed or replaced"},
    {"file_opened", Backend::fentry, Tier::stand_in, kOpened, kOpens, {}, kOpenedRenamed},
    {"file_opened_renamed", Backend::fentry, Tier::stand_in, kOpenedRenamed, kOpens, {}, kOpened},
    {"exit_open", Backend::tracepoint, Tier::full, "syscall:sys_exit_open", kOpens},
    {"exit_openat", Backend::tracepoint, Tier::full, "syscall:sys_exit_openat", kOpens, "exit_open"},
    {"exit_openat2", Backend::tracepoint, Tier::full, "syscall:sys_exit_openat2", kOpens, "exit_open"},
    {"exit_creat", Backend::tracepoint, Tier::full, "syscall:sys_exit_creat", kOpens, "exit_open"},
    {"ring_opened", Backend::tracepoint, Tier::fallback, "raw:io_uring_complete with io_kiocb.cqe",
     "models opened by io_uring"},
    {"lsm_map", Backend::lsm, Tier::always, "lsm:mmap_file", kMappings},
    {"lsm_protect", Backend::lsm, Tier::always, "lsm:file_mprotect", kProtects},
    {"map", Backend::fentry, Tier::stand_in, "func:security_mmap_file", kMappings},
    {"protect", Backend::fentry, Tier::stand_in, "func:security_file_mprotect", kProtects},
    {"enter_mmap", Backend::tracepoint, Tier::full, "syscall:sys_enter_mmap", kMappings},
    {"enter_mprotect", Backend::tracepoint, Tier::full, kProtectCall, kProtects},
    {"enter_pkey_mprotect", Backend::tracepoint, Tier::full,
     "syscall:sys_enter_pkey_mprotect with mmap_unlock_irq_work.mm", kProtects, "enter_mprotect"},
};

class FileSensor final : public Sensor {
public:
    FileSensor(Skeleton<file_bpf> skeleton, std::vector<ProgramStatus> programs)
        : skeleton_(std::move(skeleton)), programs_(std::move(programs))
    {
    }
    fns_sensor id() const override { return FNS_SENSOR_FILE; }
    Result<void> attach() override
    {
        links_ = attach_programs(skeleton_.object(), programs_);
        return {};  // in the lean profile there may be none
    }
    void set_wall_offset(std::int64_t offset_ns) override { skeleton_->bss->wall_offset_ns = offset_ns; }
    const std::vector<ProgramStatus>& programs() const override { return programs_; }

private:
    Skeleton<file_bpf> skeleton_;
    std::vector<ProgramStatus> programs_;
    std::vector<BpfLink> links_;
};

EventKind kind_of(std::uint16_t raw)
{
    switch (raw) {
        case FNS_EVENT_FILE_OPEN:
            return EventKind::file_open;
        case FNS_EVENT_FILE_WRITE:
            return EventKind::file_write;
        case FNS_EVENT_MAP_EXEC:
            return EventKind::map_exec;
        default:
            return EventKind::count_;
    }
}

}  // namespace

Result<std::unique_ptr<Sensor>> make_file_sensor(const SensorContext& context)
{
    auto skeleton = Skeleton<file_bpf>::open("file");
    if (!skeleton)
        return pass(std::move(skeleton));
    (*skeleton)->rodata->fns_bulk_budget = context.bulk_budget;
    (*skeleton)->rodata->fns_repeat_after_ns = context.repeat_after_ns;
    (*skeleton)->rodata->fns_seen_secret = context.seen_secret;
    auto programs = choose_programs(skeleton->object(), kPrograms, context.host, context.choice);
    if (auto shared = context.maps.share_with(skeleton->object()); !shared)
        return pass(std::move(shared));
    if (auto loaded = skeleton->load(); !loaded)
        return pass(std::move(loaded));
    return std::make_unique<FileSensor>(std::move(*skeleton), std::move(programs));
}

Result<Event> decode_file(std::span<const std::byte> bytes)
{
    auto raw = decode::fixed_part<fns_file_event>(bytes);
    if (!raw)
        return pass(std::move(raw));
    const EventKind kind = kind_of(raw->header.kind);
    if (kind == EventKind::count_)
        return fail("event kind " + std::to_string(raw->header.kind) + " is not the file sensor's");
    if (raw->access >= FNS_FILE_ACCESS_COUNT || raw->file_class >= FNS_FILE_CLASS_COUNT)
        return fail("file event with access " + std::to_string(raw->access) + " and class " +
                    std::to_string(raw->file_class));

    Event event = decode::header(raw->header, kind);
    event.body = FileBody{.path = decode::text(raw->path),
                          .inode = raw->inode,
                          .device = raw->device,
                          .open_flags = raw->open_flags,
                          .access = static_cast<fns_file_access>(raw->access),
                          .file_class = static_cast<fns_file_class>(raw->file_class),
                          .mode = raw->mode,
                          .special_device = raw->special_device,
                          .flags = raw->file_flags,
                          .ctime_ns = raw->ctime_ns,
                          .result = raw->result,
                          .writer = decode::writer(raw->writer),
                          .owner = raw->owner_sandbox_id,
                          .size_bytes = raw->size_bytes};
    return event;
}

}  // namespace fnshield
