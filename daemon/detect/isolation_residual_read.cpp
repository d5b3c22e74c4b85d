// SPDX-License-Identifier: Apache-2.0
//
// isolation.residual_read (T1005): what an earlier invocation or another tenant left in a file is read.
//
// Signal: while warm, an open for reading of a file that another process of the sandbox wrote after ready and before
// the running invocation began, by a process that neither is the server nor descends from the writer, or that is a
// shell or a tool for copying (cat, tar, base64, …), whoever wrote it; or of a file that a sandbox of another tenant
// wrote. Why it works: /tmp outlives an invocation, and its files are the earlier caller's data; a program that a later
// request started has no use for them. Quiet: the server and its forks, which keep caches; programs that work on what
// the server keeps; what the writer's own program reads again; what was written before ready; names of caches
// (__pycache__, .cache, *.pyc, fontconfig); the set-up, what enters from outside. False positives: programs that leave
// work for one another in files. Where requests overlap, the file of one that still runs counts as left behind once the
// next one began. Gets past it: code in the server itself; a read within a second of another
// request, for beginnings of invocations are told once a second. Memory: none here; the kernel side keeps the files
// that were written last.
#include <algorithm>
#include <array>

#include "daemon/detect/detectors.h"
#include "daemon/detect/file_acts.h"
#include "daemon/detect/same.h"
#include "daemon/detect/tool.h"
#include "daemon/detect/wording.h"

namespace fnshield::detect {
namespace {

constexpr std::array<std::string_view, 1> kTechniques{"T1005"};
constexpr std::array kKinds{EventKind::file_open};
constexpr std::array<std::string_view, 3> kYieldsTo{"identity.foreign_secret", "isolation.shared_memory",
                                                    "model.shared_cache_poisoned"};

constexpr RuleDescriptor kDescriptor{
    .rule = "isolation.residual_read",
    .category = Category::infrastructure,
    .severity = Severity::medium,
    .techniques = kTechniques,
    .short_text = "A file that an earlier invocation or another tenant left was read",
    .long_text =
        "A warm sandbox serves many callers one after the other, and what one of them left in /tmp is there for the "
        "next. A program that a later request started read it. Look at that request, and have the function remove its "
        "temporary files when it answers, or give it a folder for each invocation.",
    .kinds = kKinds,
    .yields_to = kYieldsTo,
};

constexpr auto kCaches =
    std::to_array<std::string_view>({"/__pycache__/", "/.cache/", "_cache/", "/cache/", "/fontconfig/"});

constexpr auto kCopiers = std::to_array<std::string_view>(
    {"base64", "cat", "cp",  "curl",    "dd",   "grep", "gzip", "head", "hexdump", "less", "more",
     "nc",     "od",  "scp", "strings", "tail", "tar",  "tee",  "wget", "xxd",     "zip"});
static_assert(std::ranges::is_sorted(kCopiers));

bool is_cache(std::string_view path)
{
    return path.ends_with(".pyc") || std::ranges::any_of(kCaches, [&](auto part) { return path.contains(part); });
}

class ResidualRead : public Detector {
public:
    [[nodiscard]] const RuleDescriptor& descriptor() const override { return kDescriptor; }

    [[nodiscard]] std::optional<Finding> on_event(const Observation& seen) override
    {
        const auto* file = seen.event.as<FileBody>();
        if (!file || file->writer.written_ns == 0 || !seen.sandbox || !seen.process || seen.by_runtime() ||
            seen.process->from_outside || is_cache(file->path))
            return std::nullopt;
        const bool own = file->writer.sandbox == seen.event.sandbox;
        if (own ? !is_left_behind(seen, *file) : !is_of_another_tenant(seen, file->writer.sandbox))
            return std::nullopt;
        Finding finding = make_file_finding(
            seen, *file, own ? "what an earlier invocation left in" : "what " + writer_label(seen, *file) + " left in");
        if (!own)
            finding.target_sandbox = file->writer.sandbox;
        return finding;
    }

private:
    static bool is_left_behind(const Observation& seen, const FileBody& file)
    {
        const Sandbox& sandbox = *seen.sandbox;
        const WriterInfo& writer = file.writer;
        if (!sandbox.warm() || writer.written_ns < *sandbox.ready_ns || !sandbox.request_ns ||
            writer.written_ns >= *sandbox.request_ns)
            return false;
        const Process* server = seen.model.process(sandbox.root_tgid, sandbox.root_start_ns);
        if (!server || is_same_program(*seen.process, *server))
            return false;
        const Process* by = seen.model.process(writer.tgid, writer.start_ns);
        if (by && is_same_program(*seen.process, *by))
            return false;
        const std::string_view tool = tool_of(*seen.process).name;
        if (is_shell(tool) || is_one_of(kCopiers, tool))
            return true;
        return std::ranges::none_of(seen.model.ancestors(*seen.process), [&](const Process* one) {
            return is_same(one->info, {.start_ns = writer.start_ns, .tgid = writer.tgid});
        });
    }

    static bool is_same_program(const Process& one, const Process& other)
    {
        return one.exe.empty() || one.exe == other.exe;
    }

    static bool is_of_another_tenant(const Observation& seen, SandboxId id)
    {
        const Sandbox* writer = seen.model.sandbox(id);
        return writer && !writer->name.tenant.empty() && !seen.sandbox->name.tenant.empty() &&
               writer->name.tenant != seen.sandbox->name.tenant;
    }

    static std::string writer_label(const Observation& seen, const FileBody& file)
    {
        const Sandbox* writer = seen.model.sandbox(file.writer.sandbox);
        return sandbox_label(writer, file.writer.sandbox) + " of tenant " + printable(writer->name.tenant);
    }
};

}  // namespace

std::unique_ptr<Detector> make_isolation_residual_read()
{
    return std::make_unique<ResidualRead>();
}

}  // namespace fnshield::detect
