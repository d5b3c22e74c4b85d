// SPDX-License-Identifier: Apache-2.0
//
// model.weights_read (T1005): a file that the policy declares as a model is opened for reading while warm.
//
// Signal: the path of the kernel's file object against files.models, after ready, where the policy has an action for
// this rule (freeze, deny, kill), which is when the kernel side judges reads. Why it works: weights are read once, when
// the server starts; who opens them later copies them. False positives: a server that loads lazily or anew while it
// serves. Which process of the sandbox serves cannot be told in the kernel, so that reads before ready are quiet,
// whoever does them. Gets past it: weights taken out of the server's own memory, or through a descriptor from the
// start. Memory: none.
#include <array>

#include "daemon/detect/detectors.h"
#include "daemon/detect/model_files.h"

namespace fnshield::detect {
namespace {

constexpr std::array<std::string_view, 1> kTechniques{"T1005"};
constexpr std::array kKinds{EventKind::file_open};

constexpr RuleDescriptor kDescriptor{
    .rule = "model.weights_read",
    .category = Category::model,
    .severity = Severity::high,
    .techniques = kTechniques,
    .short_text = "A warm function opened a model file for reading",
    .long_text =
        "A model server has its weights in memory once it serves; to open them again is the first step of "
        "copying them. Look at the request that was served then and at what the sandbox sent. If the server "
        "reloads its model by design, turn the rule off in its policy.",
    .kinds = kKinds,
};

class WeightsRead : public Detector {
public:
    [[nodiscard]] const RuleDescriptor& descriptor() const override { return kDescriptor; }

    [[nodiscard]] std::optional<Finding> on_event(const Observation& seen) override
    {
        const FileBody* file = model_act(seen);
        if (!file || !seen.sandbox || !seen.sandbox->warm() || seen.event.verdict.guard != FNS_GUARD_MODEL_READ)
            return std::nullopt;
        return make_model_finding(seen, *file, "opened", "opening", " for reading while warm");
    }
};

}  // namespace

std::unique_ptr<Detector> make_model_weights_read()
{
    return std::make_unique<WeightsRead>();
}

}  // namespace fnshield::detect
