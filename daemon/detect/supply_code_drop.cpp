// SPDX-License-Identifier: Apache-2.0
//
// supply.code_drop (T1105): a new file appears among a warm function's code.
//
// Signal: an open that made a file which files.code of the policy lists. Why it works: what serves requests does not
// change its own program; who drops a module there has it imported by the next request or the next start. False
// positives: caches of compiled code are quiet
// (__pycache__, *.pyc, folders called .cache or *_cache); a function that keeps uploads beside its code is not: list
// less in files.code. Quiet: before ready (builds and installs), the set-up, what enters from outside.
// Gets past it: a file written elsewhere and renamed into the folder, a link, and a change of a file that was there.
// Memory: none.
#include <array>

#include "daemon/detect/detectors.h"
#include "daemon/detect/file_acts.h"

namespace fnshield::detect {
namespace {

constexpr std::array<std::string_view, 1> kTechniques{"T1105"};
constexpr std::array kKinds{EventKind::file_write};

constexpr RuleDescriptor kDescriptor{
    .rule = "supply.code_drop",
    .category = Category::supply_chain,
    .severity = Severity::high,
    .techniques = kTechniques,
    .short_text = "A warm function made a new file among its code",
    .long_text =
        "What serves requests has no reason to add to its own program. Look at the file before the next request "
        "imports it, find the request that wrote it, and mount the code read-only. If the function keeps other "
        "files there, leave that folder out of files.code of its policy.",
    .kinds = kKinds,
};

bool is_cache(std::string_view path)
{
    if (path.ends_with(".pyc") || path.find("/__pycache__/") != std::string_view::npos)
        return true;
    return path.find("/.cache/") != std::string_view::npos || path.find("_cache/") != std::string_view::npos;
}

class CodeDrop : public Detector {
public:
    [[nodiscard]] const RuleDescriptor& descriptor() const override { return kDescriptor; }

    [[nodiscard]] std::optional<Finding> on_event(const Observation& seen) override
    {
        const FileBody* file = file_act(seen, FNS_FILE_CLASS_CODE);
        if (!file || !seen.sandbox || !seen.sandbox->warm())
            return std::nullopt;
        if (file->access != FNS_FILE_CREATE || file->path.empty() || is_cache(file->path))
            return std::nullopt;
        return make_file_finding(seen, *file, "the new code file");
    }
};

}  // namespace

std::unique_ptr<Detector> make_supply_code_drop()
{
    return std::make_unique<CodeDrop>();
}

}  // namespace fnshield::detect
