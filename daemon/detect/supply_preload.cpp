// SPDX-License-Identifier: Apache-2.0
//
// supply.preload (T1574.006): a library that did not come with the image is put before a program's own.
//
// Signal: within a second after an exec and before the program's dynamic loader mapped the C library, an executable
// mapping of a file in the writable layer, on a tmpfs, without a name, in a memfd, or changed after the sandbox was
// made. Why it works: LD_PRELOAD, LD_AUDIT and /etc/ld.so.preload come before all that the program asks for, and the C
// library is asked for last. What the variables say is not looked at, so an LD_LIBRARY_PATH that leads there counts as
// well. False positives: jemalloc, tcmalloc and libiomp lie in the image: quiet. A program that lies in the writable
// layer itself, or beside its libraries below one folder that is newer than the sandbox, brings its own: quiet. Gets
// past it: a library in a volume that is older than the sandbox; a program of the attacker's own making, of which other
// rules tell. Musl maps no C library, so that there only the second counts. Memory: BoundedTable of processes.
#include <array>

#include "daemon/detect/bounded_table.h"
#include "daemon/detect/detectors.h"
#include "daemon/detect/file_acts.h"
#include "daemon/detect/same.h"

namespace fnshield::detect {
namespace {

constexpr Nanoseconds kLoaded = 1 * kSecond;
constexpr std::size_t kProcesses = 4096;
constexpr std::uint32_t kOwnProgram = FNS_EXEC_UPPER_LAYER | FNS_EXEC_SCRATCH | FNS_EXEC_MEMFD | FNS_EXEC_UNLINKED;

constexpr std::array<std::string_view, 1> kTechniques{"T1574.006"};
constexpr std::array kKinds{EventKind::map_exec, EventKind::exec};

constexpr RuleDescriptor kDescriptor{
    .rule = "supply.preload",
    .category = Category::supply_chain,
    .severity = Severity::high,
    .techniques = kTechniques,
    .short_text = "A library from a writable place was loaded before a program's own",
    .long_text =
        "LD_PRELOAD, LD_AUDIT or /etc/ld.so.preload put code into a program that was deployed: it sees and changes "
        "what the program does, and every child inherits it. Keep the library, look at the environment of the process "
        "and at /etc/ld.so.preload, and find what wrote them. Put allocators and the like into the image.",
    .kinds = kKinds,
};

std::string_view folder_of(std::string_view path)
{
    return path.substr(0, path.rfind('/') + 1);
}

class Preload : public Detector {
public:
    [[nodiscard]] const RuleDescriptor& descriptor() const override { return kDescriptor; }

    [[nodiscard]] std::optional<Finding> on_event(const Observation& seen) override
    {
        if (const auto* exec = seen.event.as<ExecBody>()) {
            if (seen.event.sandbox != kHost && (exec->flags & kOwnProgram) == 0)
                programs_.get(key_of(seen.event.process)) = {exec->path, seen.event.time_ns};
            else
                programs_.erase(key_of(seen.event.process));
            return std::nullopt;
        }
        const FileBody* file = mapping_of_own_making(seen);
        if (!file || !file->has(FNS_FILE_LINKING))
            return std::nullopt;
        const Program* program = programs_.find(key_of(seen.event.process));
        if (!program || seen.event.time_ns > program->since_ns + kLoaded || brings_its_own(*program, *file))
            return std::nullopt;
        return make_mapping_finding(seen, *file, "before its own libraries");
    }

    [[nodiscard]] std::vector<TableStats> tables() const override { return {programs_.stats()}; }

private:
    struct Program {
        std::string path;
        Nanoseconds since_ns = 0;
    };

    // Nothing but its age speaks against it, and the program lies in the same folder or above.
    static bool brings_its_own(const Program& program, const FileBody& file)
    {
        return !is_in_writable_place(file) && std::string_view(file.path).starts_with(folder_of(program.path));
    }

    BoundedTable<std::uint64_t, Program> programs_{"supply_preload_processes", kProcesses};
};

}  // namespace

std::unique_ptr<Detector> make_supply_preload()
{
    return std::make_unique<Preload>();
}

}  // namespace fnshield::detect
