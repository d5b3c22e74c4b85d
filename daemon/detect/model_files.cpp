// SPDX-License-Identifier: Apache-2.0
#include "daemon/detect/model_files.h"

#include <algorithm>

#include "daemon/detect/wording.h"

namespace fnshield::detect {

const FileBody* model_act(const Observation& seen)
{
    const auto* file = seen.event.as<FileBody>();
    if (!file || seen.event.sandbox == kHost || seen.by_runtime())
        return nullptr;
    const auto& models = seen.policy->files.models;
    if (file->path.empty())
        return !models.empty() && seen.event.verdict.guard != FNS_GUARD_NONE ? file : nullptr;
    const auto lists = [&](const std::string& glob) { return glob_match(glob, file->path); };
    return std::ranges::any_of(models, lists) ? file : nullptr;
}

Finding make_model_finding(const Observation& seen, const FileBody& file, std::string_view did, std::string_view doing,
                           std::string_view how)
{
    Finding finding;
    finding.summary = actor_label(seen) + " ";
    if (seen.event.has(FNS_FLAG_DENIED))
        finding.summary.append("was kept from ").append(doing);
    else
        finding.summary += did;
    finding.summary += file.path.empty() ? " a model" : " model " + printable(file.path);
    finding.summary.append(how).append(" (").append(program_of(seen)).append(")");
    finding.key = file.path;
    finding.target.file = file.path;
    return finding;
}

}  // namespace fnshield::detect
