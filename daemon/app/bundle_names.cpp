// SPDX-License-Identifier: Apache-2.0
#include "daemon/app/bundle_names.h"

#include <fstream>

#include "daemon/model/oci.h"

namespace fnshield {
namespace {

// The file's text, or nothing where it is missing or larger than any real one.
std::optional<std::string> read_file(const std::string& path)
{
    std::ifstream file(path, std::ios::binary);
    if (!file)
        return std::nullopt;
    std::string text(kOciFileBytes + 1, '\0');
    file.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(file.gcount()));
    if (text.empty() || text.size() > kOciFileBytes)
        return std::nullopt;
    return text;
}

std::optional<std::string> read_config(const BundleCandidate& candidate)
{
    auto text = read_file(candidate.path);
    if (!text || candidate.kind == BundleCandidate::Kind::config)
        return text;
    const auto bundle = parse_runc_state(*text);
    return bundle ? read_file(*bundle + "/config.json") : std::nullopt;
}

}  // namespace

std::optional<SandboxName> name_from_bundle(const Sandbox& sandbox)
{
    for (const BundleCandidate& candidate : bundle_candidates(sandbox.name.platform, sandbox.cgroup)) {
        const auto text = read_config(candidate);
        if (!text)
            continue;
        const auto learnt = parse_oci_config(*text);
        if (!learnt)
            continue;
        SandboxName merged = merge_names(sandbox.name, *learnt);
        if (!(merged == sandbox.name))
            return merged;
    }
    return std::nullopt;
}

}  // namespace fnshield
