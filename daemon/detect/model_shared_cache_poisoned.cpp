// SPDX-License-Identifier: Apache-2.0
//
// model.shared_cache_poisoned (T1080, T1565.001): a function uses as code or model what another function wrote.
//
// Signal: a file that a sandbox of another function wrote last, as the kernel side saw it by the file itself, is run,
// mapped executable, or opened where its policy lists it as a model or as code, or its name says that it is code or
// holds objects (.py, .so, .js, .pkl, .pt, …). Why it works: a volume that functions share (a model cache, a package
// cache) makes the one who writes the one who runs code in all others. Quiet: what the host wrote, as the node's model
// puller does; what sandboxes of the same function wrote; files of data. False positives: a function whose job is to
// build for others: turn the rule off in the policies of those who use it. Gets past it: a writer that renames a file
// of another name into place is found (the file is the same), one that is done before the daemon starts is not. Memory:
// none here; the kernel side keeps the files that were written last.
#include <algorithm>
#include <array>

#include "daemon/detect/detectors.h"
#include "daemon/detect/exec_match.h"
#include "daemon/detect/file_acts.h"
#include "daemon/detect/wording.h"

namespace fnshield::detect {
namespace {

constexpr std::array<std::string_view, 2> kTechniques{"T1080", "T1565.001"};
constexpr std::array kKinds{EventKind::file_open, EventKind::map_exec, EventKind::exec};

constexpr RuleDescriptor kDescriptor{
    .rule = "model.shared_cache_poisoned",
    .category = Category::model,
    .severity = Severity::high,
    .techniques = kTechniques,
    .short_text = "A function used as code or model what another function wrote",
    .long_text =
        "Two functions share a volume, and what one of them wrote became code or a model of the other. Whoever has the "
        "first one has both. Look at what the writer did then, take the file out of use, and give caches of models and "
        "packages to their readers read-only, filled by the platform.",
    .kinds = kKinds,
};

// Of files that hold code, or objects that are code once they are read; sorted.
constexpr auto kCode = std::to_array<std::string_view>(
    {"bash",  "bin", "cjs", "class", "ckpt",        "dll",  "gguf", "h5",     "jar",    "joblib", "js",
     "keras", "lua", "mjs", "model", "node",        "onnx", "pb",   "php",    "pickle", "pkl",    "pl",
     "pt",    "pth", "py",  "pyc",   "safetensors", "sh",   "so",   "tflite", "ts",     "wasm",   "whl"});

bool is_code(std::string_view path)
{
    const std::string_view name = base_name(path);
    const std::size_t dot = name.rfind('.');
    return (dot != std::string_view::npos && std::ranges::find(kCode, name.substr(dot + 1)) != kCode.end()) ||
           name.contains(".so.");
}

bool uses(const Event& event, const FileBody& file)
{
    return event.kind == EventKind::map_exec || file.file_class == FNS_FILE_CLASS_MODEL ||
           file.file_class == FNS_FILE_CLASS_CODE || is_code(file.path);
}

class SharedCachePoisoned : public Detector {
public:
    [[nodiscard]] const RuleDescriptor& descriptor() const override { return kDescriptor; }

    [[nodiscard]] std::optional<Finding> on_event(const Observation& seen) override
    {
        if (seen.event.sandbox == kHost || seen.by_runtime())
            return std::nullopt;
        if (const auto* exec = seen.event.as<ExecBody>())
            return exec->has(FNS_EXEC_RUNTIME) ? std::nullopt : find(seen, exec->writer, exec->path, "ran ");
        const auto* file = seen.event.as<FileBody>();
        if (!file || !uses(seen.event, *file))
            return std::nullopt;
        return find(seen, file->writer, file->path,
                    seen.event.kind == EventKind::map_exec     ? "mapped the machine code of "
                    : file->file_class == FNS_FILE_CLASS_MODEL ? "opened the model "
                                                               : "opened the code ");
    }

private:
    static std::optional<Finding> find(const Observation& seen, const WriterInfo& writer, const std::string& path,
                                       std::string_view deed)
    {
        if (writer.written_ns == 0 || writer.sandbox == seen.event.sandbox)
            return std::nullopt;
        Finding finding;
        finding.summary = actor_label(seen) + " " + std::string(deed) + printable(path) + ", which " +
                          sandbox_label(seen.model.sandbox(writer.sandbox), writer.sandbox) + " wrote " +
                          seconds_text(seen.event.time_ns - std::min(seen.event.time_ns, writer.written_ns)) +
                          " before (" + program_of(seen) + ")";
        finding.key = path;
        finding.target.file = path;
        finding.target_sandbox = writer.sandbox;
        return finding;
    }
};

}  // namespace

std::unique_ptr<Detector> make_model_shared_cache_poisoned()
{
    return std::make_unique<SharedCachePoisoned>();
}

}  // namespace fnshield::detect
