// SPDX-License-Identifier: Apache-2.0
//
// identity.foreign_secret (T1078.004): a function opens a file that is another function's secret.
//
// Signal: an open of a file that a sandbox of another function had opened as one of its files.secrets, told by the
// kernel side by the file itself (device, inode, generation). Why it works: the path does not matter, so neither does a
// shared volume that is mounted elsewhere, a host path or a hard link. Quiet: a secret that the policy of the one who
// opens it lists at that path, too: it is shared by declaration; sandboxes of one function; the set-up, what enters
// from outside. False positives: a folder that functions share by design and that only one of their policies lists:
// list it in all. Gets past it: a secret that its owner never opened while the daemon ran, or that is a copy. Memory:
// none here; the kernel side keeps the files that were opened last.
#include <array>

#include "daemon/detect/detectors.h"
#include "daemon/detect/file_acts.h"
#include "daemon/detect/wording.h"

namespace fnshield::detect {
namespace {

constexpr std::array<std::string_view, 1> kTechniques{"T1078.004"};
constexpr std::array kKinds{EventKind::file_open};

constexpr RuleDescriptor kDescriptor{
    .rule = "identity.foreign_secret",
    .category = Category::identity,
    .severity = Severity::critical,
    .techniques = kTechniques,
    .short_text = "A function opened another function's secret",
    .long_text =
        "The file is one that another function uses as its secret (files.secrets of its policy). With it this function "
        "can act as the other one. Rotate that secret, freeze the sandbox, and look at how the file came within its "
        "reach: a shared volume, a host path, a way out of its mounts. If both are meant to have it, list it in "
        "files.secrets of both policies.",
    .kinds = kKinds,
};

class ForeignSecret : public Detector {
public:
    [[nodiscard]] const RuleDescriptor& descriptor() const override { return kDescriptor; }

    [[nodiscard]] std::optional<Finding> on_event(const Observation& seen) override
    {
        const FileBody* file = file_act(seen, FNS_FILE_CLASS_SECRET);
        if (!file || !file->has(FNS_FILE_FOREIGN_SECRET))
            return std::nullopt;
        const std::string owner = sandbox_label(seen.model.sandbox(file->owner), file->owner);
        Finding finding = make_file_finding(seen, *file, "the secret of " + owner + ",");
        finding.target_sandbox = file->owner;
        return finding;
    }
};

}  // namespace

std::unique_ptr<Detector> make_identity_foreign_secret()
{
    return std::make_unique<ForeignSecret>();
}

}  // namespace fnshield::detect
