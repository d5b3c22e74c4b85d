// SPDX-License-Identifier: Apache-2.0
//
// supply.unlisted_executable (T1525, T1195.002): what runs is not in the manifest of the function's programs.
//
// Signal: an exec of a file that files.executables of the policy does not list, in any phase and the first program
// included, or an executable mapping of such a file where it did not come with the image. A listed path does not count
// for a memfd, an unlinked file, or one in the writable layer of the image: there another file took the listed one's
// place. Why it works: the programs and libraries of an image are known when it is built. False positives: a busybox is
// one file under many names: any name of it in the list counts; a script counts by its interpreter or its own path, as
// in the exec lists. Quiet: without the list; the runtime's stages; probes and what else an operator runs. Gets past
// it: code in anonymous memory, and scripts that a listed interpreter reads; libraries of the image itself are not
// compared, for it is sealed. Memory: none.
#include <array>

#include "daemon/detect/detectors.h"
#include "daemon/detect/exec_match.h"
#include "daemon/detect/file_acts.h"

namespace fnshield::detect {
namespace {

constexpr std::array<std::string_view, 2> kTechniques{"T1525", "T1195.002"};
constexpr std::array kKinds{EventKind::exec, EventKind::map_exec};
constexpr std::array<std::string_view, 6> kYieldsTo{"coldstart.init_exec",    "function.unexpected_exec",
                                                    "function.fileless_exec", "model.shared_cache_poisoned",
                                                    "supply.preload",         "supply.native_from_scratch"};

constexpr RuleDescriptor kDescriptor{
    .rule = "supply.unlisted_executable",
    .category = Category::supply_chain,
    .severity = Severity::high,
    .techniques = kTechniques,
    .short_text = "A program or library ran that the policy's manifest does not list",
    .long_text =
        "files.executables of the policy says what this function's image holds, and this is something else: an image "
        "that was changed, a package that brought a program, or a file that an attacker wrote. Compare the image with "
        "its build, keep the file, and find what wrote it. If it belongs there, make the list anew from the image.",
    .kinds = kKinds,
    .yields_to = kYieldsTo,
};

constexpr std::uint32_t kReplaced = FNS_EXEC_MEMFD | FNS_EXEC_UNLINKED | FNS_EXEC_UPPER_LAYER;

class UnlistedExecutable : public Detector {
public:
    [[nodiscard]] const RuleDescriptor& descriptor() const override { return kDescriptor; }

    [[nodiscard]] std::optional<Finding> on_event(const Observation& seen) override
    {
        const auto& listed = seen.policy->files.executables;
        if (!listed || !seen.sandbox)
            return std::nullopt;
        if (const FileBody* file = mapping_of_own_making(seen)) {
            const bool plain = !file->has(FNS_FILE_MEMFD) && !file->has(FNS_FILE_UNLINKED);
            if (plain && lists_program(*listed, file->path))
                return std::nullopt;
            return make_mapping_finding(seen, *file, "which files.executables does not list");
        }
        const auto* exec = seen.event.as<ExecBody>();
        if (!exec || exec->has(FNS_EXEC_RUNTIME) || is_operators_exec(seen, *exec))
            return std::nullopt;
        if ((exec->flags & kReplaced) == 0 && lists_exec(*listed, *exec))
            return std::nullopt;
        Finding finding = {.summary = exec_text(seen, *exec, ", which files.executables does not list"),
                           .key = exec->path};
        finding.target.file = exec->path;
        return finding;
    }
};

}  // namespace

std::unique_ptr<Detector> make_supply_unlisted_executable()
{
    return std::make_unique<UnlistedExecutable>();
}

}  // namespace fnshield::detect
