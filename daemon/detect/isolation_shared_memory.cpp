// SPDX-License-Identifier: Apache-2.0
//
// isolation.shared_memory (T1559): a function attaches memory that another sandbox shares.
//
// Signal: shmat of a System V segment that another sandbox made; a file of a tmpfs, which is what POSIX shared memory
// is, opened where a sandbox of another function wrote it. Why it works: what two functions share by memory passes all
// that watches their sockets and files; that they can at all says that they share an IPC namespace or a /dev/shm.
// Quiet: one pod's containers, sandboxes of one function (POSIX), the set-up, what enters from outside. False
// positives: declared sharing: turn the rule off in the policies of both. On the fallback a segment counts as that of
// the sandbox that first asked for it. Gets past it: a segment from before the daemon's start, or of the host's. Memfds
// get to another sandbox only as descriptors: isolation.fd_passing, isolation.fd_theft. Memory: none.
#include <array>

#include "daemon/detect/detectors.h"
#include "daemon/detect/file_acts.h"
#include "daemon/detect/same.h"
#include "daemon/detect/wording.h"

namespace fnshield::detect {
namespace {

constexpr std::array<std::string_view, 1> kTechniques{"T1559"};
constexpr std::array kKinds{EventKind::shm, EventKind::file_open, EventKind::file_write};
constexpr std::array<std::string_view, 2> kYieldsTo{"identity.foreign_secret", "model.shared_cache_poisoned"};

constexpr RuleDescriptor kDescriptor{
    .rule = "isolation.shared_memory",
    .category = Category::infrastructure,
    .severity = Severity::high,
    .techniques = kTechniques,
    .short_text = "A function attached memory that another sandbox shares",
    .long_text =
        "Two sandboxes share memory: one can read and change what the other works on, and nothing else shows it. Give "
        "functions IPC namespaces and a /dev/shm of their own, and look at what both did. Where they are meant to "
        "share, turn the rule off in both policies.",
    .kinds = kKinds,
    .yields_to = kYieldsTo,
};

class SharedMemory : public Detector {
public:
    [[nodiscard]] const RuleDescriptor& descriptor() const override { return kDescriptor; }

    [[nodiscard]] std::optional<Finding> on_event(const Observation& seen) override
    {
        if (const auto* segment = seen.event.as<SharedMemoryBody>(); segment && segment->owner_known)
            return find(seen, segment->owner_sandbox, "attached segment " + std::to_string(segment->id), {});
        const FileBody* file = file_act(seen, FNS_FILE_CLASS_WRITTEN);
        if (!file || !file->has(FNS_FILE_SCRATCH))
            return std::nullopt;
        return find(seen, file->writer.sandbox, "opened the shared memory " + printable(file->path), file->path);
    }

private:
    static std::optional<Finding> find(const Observation& seen, SandboxId owner, const std::string& deed,
                                       const std::string& path)
    {
        if (seen.event.sandbox == kHost || seen.by_runtime() || owner == kHost || owner == seen.event.sandbox)
            return std::nullopt;
        const Sandbox* other = seen.model.sandbox(owner);
        if (seen.sandbox && other && is_one_pod(*seen.sandbox, *other))
            return std::nullopt;
        const std::string of = sandbox_label(other, owner);
        Finding finding;
        finding.summary = actor_label(seen) + " " + deed + " of " + of + " (" + program_of(seen) + ")";
        finding.key = of + " " + path;
        finding.target.file = path;
        finding.target_sandbox = owner;
        return finding;
    }
};

}  // namespace

std::unique_ptr<Detector> make_isolation_shared_memory()
{
    return std::make_unique<SharedMemory>();
}

}  // namespace fnshield::detect
