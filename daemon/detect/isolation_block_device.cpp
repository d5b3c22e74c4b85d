// SPDX-License-Identifier: Apache-2.0
//
// isolation.block_device (T1611): a function opens a block device, or makes a node for one.
//
// Signal: an open, for reading or writing, of a file that is a block device, by any name; or mknod of one. Why it
// works: whoever reads a disk reads every file on it, whatever mounts and namespaces say; the kernel's object says what
// it is, not its path. False positives: storage drivers (CSI) run on the host; the runtime's own devices are made
// before the workload; reads of /sys/block open no device. Gets past it: nothing that we know of, where the sensor
// runs. Memory: none.
#include <sys/stat.h>

#include <array>

#include "daemon/detect/detectors.h"
#include "daemon/detect/file_acts.h"
#include "daemon/detect/privilege.h"

namespace fnshield::detect {
namespace {

constexpr std::array<std::string_view, 1> kTechniques{"T1611"};
constexpr std::array kKinds{EventKind::file_open, EventKind::file_write, EventKind::syscall_};

constexpr RuleDescriptor kDescriptor{
    .rule = "isolation.block_device",
    .category = Category::infrastructure,
    .severity = Severity::critical,
    .techniques = kTechniques,
    .short_text = "A function opened a block device, or made a node for one",
    .long_text =
        "A disk that is open can be read, and written, past every mount and namespace: that is the node. Take the "
        "devices "
        "and CAP_MKNOD away from the sandbox, end it, and look at what was read.",
    .kinds = kKinds,
};

class BlockDevice : public Detector {
public:
    [[nodiscard]] const RuleDescriptor& descriptor() const override { return kDescriptor; }

    [[nodiscard]] std::optional<Finding> on_event(const Observation& seen) override
    {
        if (const FileBody* file = file_act(seen, FNS_FILE_CLASS_BLOCK_DEVICE))
            return make_file_finding(seen, *file, "the block device");
        const PrivilegeBody* act = functions_act(seen);
        if (!act || act->act != FNS_PRIVILEGE_MKNOD || (act->argument & S_IFMT) != S_IFBLK)
            return std::nullopt;
        return make_privilege_finding(seen, *act);
    }
};

}  // namespace

std::unique_ptr<Detector> make_isolation_block_device()
{
    return std::make_unique<BlockDevice>();
}

}  // namespace fnshield::detect
