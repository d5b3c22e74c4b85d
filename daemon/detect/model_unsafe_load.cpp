// SPDX-License-Identifier: Apache-2.0
//
// model.unsafe_load (T1204.003, T1059.006): loading a model ran a program.
//
// Signal: a file of files.models opened by a thread, and within five seconds a program run by a child that this very
// thread forked, or by the process itself. Why it works: formats like pickle hold code that runs while they are read,
// in the thread that reads them; loading weights needs no other program. False positives: what compilers of models run
// (torch.compile: gcc, g++, ld, nvcc, ptxas, ldconfig, uname); what the exec list of the phase names; programs that
// other threads start. Only where files.models names the models. A program that the same thread starts at once after a
// load looks the same. Gets past it: code that acts within the process (its contacts are for the egress rules, its
// memfd for function.fileless_exec), or later than that. Memory: BoundedTable of threads.
#include <algorithm>
#include <array>

#include "daemon/detect/bounded_table.h"
#include "daemon/detect/detectors.h"
#include "daemon/detect/exec_match.h"
#include "daemon/detect/file_acts.h"
#include "daemon/detect/tool.h"
#include "daemon/detect/wording.h"

namespace fnshield::detect {
namespace {

constexpr Nanoseconds kWindow = 5 * kSecond;
constexpr std::size_t kThreads = 4096;

constexpr std::array<std::string_view, 2> kTechniques{"T1204.003", "T1059.006"};
constexpr std::array kKinds{EventKind::file_open, EventKind::fork, EventKind::exec};

constexpr RuleDescriptor kDescriptor{
    .rule = "model.unsafe_load",
    .category = Category::model,
    .severity = Severity::critical,
    .techniques = kTechniques,
    .short_text = "Loading a model file ran a program",
    .long_text =
        "The thread that read a model file started a program: the file holds code, as a pickle can, and it ran with "
        "the "
        "function's rights and secrets. Stop rolling out this model, keep the file, find who published it, and use a "
        "format that holds only numbers (safetensors, ONNX), or load with weights_only.",
    .kinds = kKinds,
};

constexpr auto kCompilers =
    std::to_array<std::string_view>({"as", "c++", "cc", "cc1plus", "clang", "clang++", "cuobjdump", "g++", "gcc", "ld",
                                     "ldconfig", "lscpu", "nvcc", "nvidia-smi", "ptxas", "uname"});
static_assert(std::ranges::is_sorted(kCompilers));

struct Load {
    std::string path;
    Nanoseconds time_ns = 0;
};

class UnsafeLoad : public Detector {
public:
    [[nodiscard]] const RuleDescriptor& descriptor() const override { return kDescriptor; }

    [[nodiscard]] std::optional<Finding> on_event(const Observation& seen) override
    {
        if (seen.event.sandbox == kHost)
            return std::nullopt;
        if (const FileBody* file = file_act(seen, FNS_FILE_CLASS_MODEL); file && file->access == FNS_FILE_READ) {
            loads_.get(key_of(seen.event.process)) = {.path = file->path, .time_ns = seen.event.time_ns};
            return std::nullopt;
        }
        if (const auto* fork = seen.event.as<ForkBody>()) {
            // A child of the loading thread goes on loading; `process.tid` is the thread that forked.
            if (const Load* load = loads_.find(key_of(seen.event.process)); load && is_young(*load, seen.event))
                loads_.get(key_of(fork->child)) = *load;
            return std::nullopt;
        }
        return on_exec(seen);
    }

    [[nodiscard]] std::vector<TableStats> tables() const override { return {loads_.stats()}; }

private:
    // A thread; of a process's first one the tid is the tgid.
    static std::uint64_t key_of(const ProcessInfo& process) { return process.start_ns << 22 ^ process.tid; }

    static bool is_young(const Load& load, const Event& event)
    {
        return event.time_ns >= load.time_ns && event.time_ns <= load.time_ns + kWindow;
    }

    std::optional<Finding> on_exec(const Observation& seen)
    {
        const auto* exec = seen.event.as<ExecBody>();
        const Load* load = exec ? loads_.find(key_of(seen.event.process)) : nullptr;
        if (!load || !seen.sandbox || !is_young(*load, seen.event) || is_operators_exec(seen, *exec))
            return std::nullopt;
        const auto& listed = seen.sandbox->warm() ? seen.policy->exec.warm : seen.policy->exec.init;
        if ((listed && lists_exec(*listed, *exec)) || is_one_of(kCompilers, tool_of(*exec).name))
            return std::nullopt;
        Finding finding;
        finding.summary = exec_text(seen, *exec, ", while it loaded the model " + printable(load->path));
        finding.key = load->path;
        finding.target.file = load->path;
        return finding;
    }

    BoundedTable<std::uint64_t, Load> loads_{"model_unsafe_load_threads", kThreads};
};

}  // namespace

std::unique_ptr<Detector> make_model_unsafe_load()
{
    return std::make_unique<UnsafeLoad>();
}

}  // namespace fnshield::detect
