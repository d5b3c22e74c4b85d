// SPDX-License-Identifier: Apache-2.0
//
// supply.native_from_scratch (T1129): a warm function maps machine code that did not come with its image.
//
// Signal: while warm, an executable mapping of a file in the writable layer, on a tmpfs, without a name, in a memfd, or
// changed after the sandbox was made, and that is younger than ready. Why it works: libraries and extension modules are
// loaded from the image; one that a request brought is how code runs without an exec. False positives: what was built
// or unpacked before ready is quiet; compilers of models that build while they serve have caches of known names
// (medium); call trampolines of libffi and .NET live in memfds of known names (low). Quiet: the set-up, what enters
// from outside, and its children; the program of an exec, which the rules about exec tell of; what a program's loader
// maps before the C library: supply.preload. Gets past it: code that is copied into anonymous memory; a known name, at
// its severity. Memory: none.
#include <algorithm>
#include <array>

#include "daemon/detect/detectors.h"
#include "daemon/detect/file_acts.h"

namespace fnshield::detect {
namespace {

constexpr std::array<std::string_view, 1> kTechniques{"T1129"};
constexpr std::array kKinds{EventKind::map_exec};
constexpr std::array<std::string_view, 2> kYieldsTo{"supply.preload", "model.shared_cache_poisoned"};

constexpr RuleDescriptor kDescriptor{
    .rule = "supply.native_from_scratch",
    .category = Category::supply_chain,
    .severity = Severity::high,
    .techniques = kTechniques,
    .short_text = "A warm function loaded machine code that did not come with its image",
    .long_text =
        "A library from /tmp, /dev/shm, the writable layer or memory became part of a process that serves requests: "
        "code ran that nobody deployed. Keep the file (or /proc/PID/map_files), freeze the sandbox, and find the "
        "request that wrote it. A function that compiles code by design does so before it is ready, or turns the rule "
        "off in its policy.",
    .kinds = kKinds,
    .yields_to = kYieldsTo,
};

constexpr auto kTrampolines = std::to_array<std::string_view>({"memfd:doublemapper", "memfd:libffi"});
constexpr auto kCompileCaches =
    std::to_array<std::string_view>({"/.triton/", "/torchinductor_", "/torch_extensions/", "/.cupy/", "/numba_cache/"});

std::optional<Severity> severity_for(const FileBody& file)
{
    if (std::ranges::find(kTrampolines, file.path) != kTrampolines.end() && file.has(FNS_FILE_MEMFD))
        return Severity::low;
    const auto holds = [&](std::string_view part) { return file.path.contains(part); };
    return std::ranges::any_of(kCompileCaches, holds) ? std::optional(Severity::medium) : std::nullopt;
}

class NativeFromScratch : public Detector {
public:
    [[nodiscard]] const RuleDescriptor& descriptor() const override { return kDescriptor; }

    [[nodiscard]] std::optional<Finding> on_event(const Observation& seen) override
    {
        const FileBody* file = mapping_of_own_making(seen);
        if (!file || !seen.sandbox || !seen.sandbox->warm() ||
            seen.event.boot_time_of(file->ctime_ns) < *seen.sandbox->ready_ns)
            return std::nullopt;
        Finding finding = make_mapping_finding(seen, *file, "while warm");
        finding.severity = severity_for(*file);
        if (finding.severity == Severity::low)
            finding.key = file->path;  // does not hide another memfd
        return finding;
    }
};

}  // namespace

std::unique_ptr<Detector> make_supply_native_from_scratch()
{
    return std::make_unique<NativeFromScratch>();
}

}  // namespace fnshield::detect
