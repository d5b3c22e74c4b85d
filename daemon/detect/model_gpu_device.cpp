// SPDX-License-Identifier: Apache-2.0
//
// model.gpu_device (T1496): a function that is not meant to have an accelerator opens one.
//
// Signal: the number of the device: 195 (NVIDIA), 226 from minor 128 on (/dev/dri/renderD*), 261 (/dev/accel).
// Off in the default policy, for most nodes with accelerators have functions that use them: a policy turns the rule on
// for functions that do not. Gets past it: /dev/kfd and nvidia-uvm, whose numbers are not fixed (AMD's compute also
// opens a renderD, CUDA also opens 195). Memory: none.
#include <array>

#include "daemon/detect/detectors.h"
#include "daemon/detect/file_acts.h"

namespace fnshield::detect {
namespace {

constexpr std::array<std::string_view, 1> kTechniques{"T1496"};
constexpr std::array kKinds{EventKind::file_open, EventKind::file_write};

constexpr RuleDescriptor kDescriptor{
    .rule = "model.gpu_device",
    .category = Category::model,
    .severity = Severity::medium,
    .techniques = kTechniques,
    .short_text = "A function opened an accelerator that its policy does not give it",
    .long_text =
        "Mining and stolen inference begin with an open of the device. If this function is meant to compute on an "
        "accelerator, turn the rule off in its policy; else ask why its sandbox has the device at all.",
    .kinds = kKinds,
};

class GpuDevice : public Detector {
public:
    [[nodiscard]] const RuleDescriptor& descriptor() const override { return kDescriptor; }

    [[nodiscard]] std::optional<Finding> on_event(const Observation& seen) override
    {
        const FileBody* file = file_act(seen, FNS_FILE_CLASS_ACCELERATOR);
        if (!file)
            return std::nullopt;
        return make_file_finding(seen, *file, "accelerator");
    }
};

}  // namespace

std::unique_ptr<Detector> make_model_gpu_device()
{
    return std::make_unique<GpuDevice>();
}

}  // namespace fnshield::detect
