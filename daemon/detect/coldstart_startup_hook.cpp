// SPDX-License-Identifier: Apache-2.0
//
// coldstart.startup_hook (T1546.018, T1195.002): what an interpreter runs before the program acts on the outside.
//
// Signal: before ready, an open of *.pth, sitecustomize or usercustomize that did not come with the image (it lies in
// the writable layer or on a tmpfs, or was changed after the sandbox was made), and within a second a program run or a
// contact by the same process or its child. Why it works: such a file runs in every process of that interpreter before
// the first line of the program, and a package that was installed at the start can leave one. False positives: a
// program that talks to its database within that second, in a sandbox that installs its packages when it starts: list
// the address in egress.init. The hooks of setuptools, editable installs and coverage have known names (low). Quiet:
// hooks of the image, whatever they do; hooks after which nothing follows; loopback, declared resolvers; what the init
// lists name; the set-up, what enters from outside. Gets past it: a hook that waits, one of a known name, at its
// severity; a volume that is older than the sandbox. Memory: BoundedTable of processes.
#include <algorithm>
#include <array>

#include "daemon/detect/bounded_table.h"
#include "daemon/detect/detectors.h"
#include "daemon/detect/file_acts.h"
#include "daemon/detect/init_deed.h"
#include "daemon/detect/same.h"
#include "daemon/detect/wording.h"

namespace fnshield::detect {
namespace {

constexpr Nanoseconds kWindow = 1 * kSecond;
constexpr std::size_t kProcesses = 4096;

constexpr std::array<std::string_view, 2> kTechniques{"T1546.018", "T1195.002"};
constexpr std::array kKinds{EventKind::file_open, EventKind::exec, EventKind::connect, EventKind::send};

constexpr RuleDescriptor kDescriptor{
    .rule = "coldstart.startup_hook",
    .category = Category::function,
    .severity = Severity::high,
    .techniques = kTechniques,
    .short_text = "A startup hook that did not come with the image ran a program or made a contact",
    .long_text =
        "A .pth file, sitecustomize or usercustomize that is newer than the image was read, and at once a program ran "
        "or an address was contacted, before the function's own code began. A poisoned package acts like this. Keep "
        "the file, find the package that brought it (pip show -f), and install packages when the image is built.",
    .kinds = kKinds,
};

bool has_known_name(std::string_view name)
{
    constexpr auto kBeginnings = std::to_array<std::string_view>(
        {"__editable__", "_virtualenv.", "a1_coverage.", "coverage.", "distutils-precedence.", "easy-install."});
    return name.ends_with("-nspkg.pth") ||
           std::ranges::any_of(kBeginnings, [&](std::string_view begin) { return name.starts_with(begin); });
}

struct Hook {
    std::string path;
    Nanoseconds time_ns = 0;
};

class StartupHook : public Detector {
public:
    [[nodiscard]] const RuleDescriptor& descriptor() const override { return kDescriptor; }

    [[nodiscard]] std::optional<Finding> on_event(const Observation& seen) override
    {
        if (const FileBody* file = file_act(seen, FNS_FILE_CLASS_STARTUP_HOOK)) {
            if (is_in_writable_place(*file) || file->has(FNS_FILE_FRESH))
                hooks_.get(key_of(seen.event.process)) = {file->path, seen.event.time_ns};
            return std::nullopt;
        }
        if (!seen.sandbox || !seen.process || seen.by_runtime())
            return std::nullopt;
        const std::string deed = init_deed(seen);
        const Hook* hook = deed.empty() ? nullptr : hook_before(seen);
        if (!hook)
            return std::nullopt;
        Finding finding;
        finding.summary = actor_label(seen) + " " + deed + " right after the startup hook " + printable(hook->path) +
                          " (" + program_of(seen) + ")";
        finding.key = hook->path;
        finding.target.file = hook->path;
        if (has_known_name(base_name(hook->path)))
            finding.severity = Severity::low;
        return finding;
    }

    [[nodiscard]] std::vector<TableStats> tables() const override { return {hooks_.stats()}; }

private:
    const Hook* hook_before(const Observation& seen)
    {
        for (const Process* process : seen.model.ancestors(*seen.process)) {
            const Hook* hook = process->sandbox == seen.event.sandbox ? hooks_.find(key_of(process->info)) : nullptr;
            if (hook && seen.event.time_ns >= hook->time_ns && seen.event.time_ns <= hook->time_ns + kWindow)
                return hook;
        }
        return nullptr;
    }

    BoundedTable<std::uint64_t, Hook> hooks_{"coldstart_startup_hook_processes", kProcesses};
};

}  // namespace

std::unique_ptr<Detector> make_coldstart_startup_hook()
{
    return std::make_unique<StartupHook>();
}

}  // namespace fnshield::detect
