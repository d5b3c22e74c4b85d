// SPDX-License-Identifier: Apache-2.0
//
// coldstart.secret_sweep (T1552.001): before it is ready a function opens credentials of many kinds.
//
// Signal: before ready, files of files.secrets that belong to four different tools (~/.aws, ~/.ssh, ~/.kube, ~/.docker,
// …), opened by the function itself. Why it works: an SDK reads the one kind that it needs; a poisoned package takes
// what there is. False positives: secrets of the function's own, however many, are of no such tool; one SDK's several
// files are one kind; runtime and probes. The policy has to list the places (ml-inference.yaml does), for resolving
// every open's path costs a function that opens many files. Gets past it: three kinds; opens that find nothing. Memory:
// BoundedTable of sandboxes.
#include <algorithm>
#include <array>
#include <bitset>

#include "daemon/detect/bounded_table.h"
#include "daemon/detect/detectors.h"
#include "daemon/detect/file_acts.h"

namespace fnshield::detect {
namespace {

constexpr std::size_t kMany = 4;
constexpr std::size_t kSandboxes = 4096;

constexpr std::array<std::string_view, 1> kTechniques{"T1552.001"};
constexpr std::array kKinds{EventKind::file_open, EventKind::file_write};

constexpr std::array<std::string_view, 1> kYieldsTo{"identity.foreign_secret"};

constexpr RuleDescriptor kDescriptor{
    .rule = "coldstart.secret_sweep",
    .category = Category::function,
    .severity = Severity::high,
    .techniques = kTechniques,
    .short_text = "A starting function opened credentials of many kinds",
    .long_text =
        "While it started, before any request, the function went through the credentials of several tools. That is "
        "what "
        "a poisoned dependency does first. Rotate those that it opened, and compare the dependencies of this revision "
        "with the last one's.",
    .kinds = kKinds,
    .yields_to = kYieldsTo,
};

// What a path has in it, by the tool whose credentials are there.
constexpr auto kPlaces = std::to_array<std::string_view>(
    {"/.aws/", "/.ssh/", "/.kube/", "/.docker/", "/.config/gcloud/", "/.azure/", "/.netrc", "/.git-credentials",
     "/.npmrc", "/.pypirc", "/.gnupg/", "/.config/gh/", "/.terraform.d/", "/.vault-token", "/etc/shadow", "/.pgpass"});

using Kinds = std::bitset<kPlaces.size()>;

class SecretSweep : public Detector {
public:
    [[nodiscard]] const RuleDescriptor& descriptor() const override { return kDescriptor; }

    [[nodiscard]] std::optional<Finding> on_event(const Observation& seen) override
    {
        const FileBody* file = file_act(seen, FNS_FILE_CLASS_SECRET);
        if (!file || !seen.sandbox || !seen.sandbox->in_init())
            return std::nullopt;
        const auto place = std::ranges::find_if(
            kPlaces, [&](std::string_view one) { return file->path.find(one) != std::string::npos; });
        if (place == kPlaces.end())
            return std::nullopt;
        Kinds& kinds = kinds_.get(seen.event.sandbox);
        const auto kind = static_cast<std::size_t>(place - kPlaces.begin());
        const bool is_new = !kinds.test(kind);
        kinds.set(kind);
        if (!is_new || kinds.count() < kMany)
            return std::nullopt;
        Finding finding = make_file_finding(
            seen, *file, "credentials of " + std::to_string(kinds.count()) + " kinds before it was ready, the last");
        finding.key.clear();
        return finding;
    }

    void on_sandbox_gone(SandboxId id) override { kinds_.erase(id); }
    [[nodiscard]] std::vector<TableStats> tables() const override { return {kinds_.stats()}; }

private:
    BoundedTable<SandboxId, Kinds> kinds_{"coldstart_secret_sweep_sandboxes", kSandboxes};
};

}  // namespace

std::unique_ptr<Detector> make_coldstart_secret_sweep()
{
    return std::make_unique<SecretSweep>();
}

}  // namespace fnshield::detect
