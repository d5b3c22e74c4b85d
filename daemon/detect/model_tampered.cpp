// SPDX-License-Identifier: Apache-2.0
//
// model.tampered (T1565.001): a file that the policy declares as a model is opened for writing, truncated, removed,
// renamed, or another file takes its name.
//
// Signal: the path of the kernel's file object against files.models, in every phase.
// Why it works: a function reads its model; who changes the weights changes what it answers, and the next sandbox that
// loads them as well.
// False positives: a start that downloads its weights to a declared path, caches that lock what they read by opening it
// for writing: leave those paths out of files.models, or set the rule for that function. The runtime's set-up and what
// enters from outside are quiet. Gets past it: a hard link, a mount of its own; and without LSM programs what changes a
// file without an open (docs/kernels.md).
// Memory: none.
#include <array>

#include "daemon/detect/detectors.h"
#include "daemon/detect/model_files.h"

namespace fnshield::detect {
namespace {

constexpr std::array<std::string_view, 1> kTechniques{"T1565.001"};
constexpr std::array kKinds{EventKind::file_write};

constexpr RuleDescriptor kDescriptor{
    .rule = "model.tampered",
    .category = Category::model,
    .severity = Severity::critical,
    .techniques = kTechniques,
    .short_text = "A function opened a model file for writing, or truncated, removed, renamed or replaced it",
    .long_text =
        "Weights are loaded, not written, by what serves them. Compare the file with its published checksum "
        "before anything loads it again, freeze the sandbox, and look at what else shares the volume. If this "
        "function downloads its own weights, leave their path out of files.models of its policy.",
    .kinds = kKinds,
};

Finding describe(const Observation& seen, const FileBody& file)
{
    switch (file.access) {
        case FNS_FILE_TRUNCATE:
            return make_model_finding(seen, file, "truncated", "truncating");
        case FNS_FILE_REMOVE:
            return make_model_finding(seen, file, "removed", "removing");
        case FNS_FILE_RENAME:
            return make_model_finding(seen, file, "renamed", "renaming");
        case FNS_FILE_REPLACE:
            return make_model_finding(seen, file, "replaced", "replacing");
        default:
            return make_model_finding(seen, file, "opened", "opening", " for writing");
    }
}

class ModelTampered : public Detector {
public:
    [[nodiscard]] const RuleDescriptor& descriptor() const override { return kDescriptor; }

    [[nodiscard]] std::optional<Finding> on_event(const Observation& seen) override
    {
        const FileBody* file = model_act(seen);
        if (!file)
            return std::nullopt;
        return describe(seen, *file);
    }
};

}  // namespace

std::unique_ptr<Detector> make_model_tampered()
{
    return std::make_unique<ModelTampered>();
}

}  // namespace fnshield::detect
