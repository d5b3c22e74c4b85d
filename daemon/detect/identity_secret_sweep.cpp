// SPDX-License-Identifier: Apache-2.0
//
// identity.secret_sweep (T1552.001): a warm function opens many secrets that it had no use for before.
//
// Signal: five files that files.secrets of the policy lists, opened within 30 s while warm, none of which this sandbox
// opened before it was ready. Why it works: a function reads what it needs when it starts, and re-reads that; who looks
// for what there is reads all. A path counts without the folders that Kubernetes renames at each refresh ("..2026_11").
// False positives: a function that reads five secrets with its first request, and not at its start: turn the rule off
// in its policy. Quiet: what was opened in init, fewer, a sandbox whose start the daemon did not see, the set-up, what
// enters from outside. Gets past it: a sweep slower than that, or before ready. Memory: BoundedTable of sandboxes, 64
// hashes of paths each.
#include <algorithm>
#include <array>
#include <functional>

#include "daemon/detect/bounded_table.h"
#include "daemon/detect/detectors.h"
#include "daemon/detect/file_acts.h"

namespace fnshield::detect {
namespace {

constexpr std::size_t kMany = 5;
constexpr Nanoseconds kWindow = 30 * kSecond;
constexpr std::size_t kKnown = 64;
constexpr std::size_t kSandboxes = 4096;

constexpr std::array<std::string_view, 1> kTechniques{"T1552.001"};
constexpr std::array kKinds{EventKind::file_open, EventKind::file_write};

constexpr std::array<std::string_view, 1> kYieldsTo{"identity.foreign_secret"};

constexpr RuleDescriptor kDescriptor{
    .rule = "identity.secret_sweep",
    .category = Category::identity,
    .severity = Severity::high,
    .techniques = kTechniques,
    .short_text = "A warm function opened many secrets that it had not opened when it started",
    .long_text =
        "A function reads the secrets that it needs when it starts. One that opens one after the other later is "
        "looking for what there is. Rotate those that it opened, find the request that led to it, and mount into "
        "a function only what it uses. A function that reads its secrets lazily looks the same.",
    .kinds = kKinds,
    .yields_to = kYieldsTo,
};

// Without the folders that a refresh of the volume renames.
std::size_t stable_hash(std::string_view path)
{
    std::size_t hash = 0;
    while (!path.empty()) {
        const std::size_t end = path.find('/');
        const std::string_view segment = path.substr(0, end);
        if (!segment.starts_with(".."))
            hash = hash * 31 + std::hash<std::string_view>{}(segment);
        path.remove_prefix(end == std::string_view::npos ? path.size() : end + 1);
    }
    return hash;
}

struct Opened {
    std::vector<std::size_t> known;   // told of, or opened in init; at most kKnown
    std::vector<Nanoseconds> recent;  // of those that were new; fewer than kMany
};

class SecretSweep : public Detector {
public:
    [[nodiscard]] const RuleDescriptor& descriptor() const override { return kDescriptor; }

    [[nodiscard]] std::optional<Finding> on_event(const Observation& seen) override
    {
        const FileBody* file = file_act(seen, FNS_FILE_CLASS_SECRET);
        if (!file || !seen.sandbox || seen.sandbox->adopted || file->path.empty())
            return std::nullopt;
        Opened& opened = opened_.get(seen.event.sandbox);
        const std::size_t hash = stable_hash(file->path);
        if (std::ranges::find(opened.known, hash) != opened.known.end())
            return std::nullopt;
        if (opened.known.size() >= kKnown)
            opened.known.erase(opened.known.begin());
        opened.known.push_back(hash);
        if (!seen.sandbox->warm())
            return std::nullopt;
        const Nanoseconds now = seen.event.time_ns;
        std::erase_if(opened.recent, [now](Nanoseconds then) { return then + kWindow < now; });
        opened.recent.push_back(now);
        if (opened.recent.size() < kMany)
            return std::nullopt;
        opened.recent.clear();
        Finding finding = make_file_finding(seen, *file, "5 secrets that it did not read at its start, the last");
        finding.key.clear();
        return finding;
    }

    void on_sandbox_gone(SandboxId id) override { opened_.erase(id); }
    [[nodiscard]] std::vector<TableStats> tables() const override { return {opened_.stats()}; }

private:
    BoundedTable<SandboxId, Opened> opened_{"identity_secret_sweep_sandboxes", kSandboxes};
};

}  // namespace

std::unique_ptr<Detector> make_identity_secret_sweep()
{
    return std::make_unique<SecretSweep>();
}

}  // namespace fnshield::detect
