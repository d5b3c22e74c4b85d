// SPDX-License-Identifier: Apache-2.0
#include "daemon/sensors/cgroup_parents.h"

#include <fcntl.h>

#include <algorithm>

#include "daemon/base/unique_fd.h"

namespace fnshield {
namespace {

// /a lies around /a/b, but not around /ab or itself.
bool lies_around(const std::string& outer, const std::string& inner)
{
    return inner.size() > outer.size() && inner.starts_with(outer) &&
           (outer.ends_with('/') || inner[outer.size()] == '/');
}

}  // namespace

CgroupParents::CgroupParents(bpf_object* object, const std::vector<ProgramStatus>& statuses) : object_(object)
{
    for (const ProgramStatus& status : statuses)
        if (status.backend == Backend::cgroup && status.reason.empty())
            programs_.push_back(status.program);
}

bool CgroupParents::is_covered(std::uint64_t cgroup_id, const std::string& directory) const
{
    return std::ranges::any_of(parents_, [&](const auto& entry) {
        return entry.first != cgroup_id && !entry.second.links.empty() &&
               lies_around(entry.second.directory, directory);
    });
}

Result<void> CgroupParents::attach(Parent& parent)
{
    const UniqueFd cgroup(::open(parent.directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!cgroup)
        return fail_errno("cannot open " + parent.directory);
    std::string failures;
    for (const std::string& name : programs_) {
        const bpf_program* program = bpf_object__find_program_by_name(object_, name.c_str());
        if (bpf_link* link = bpf_program__attach_cgroup(program, cgroup.get()))
            parent.links.emplace(name, link);
        else
            failures += (failures.empty() ? "" : "; ") + fail_errno("cannot attach " + name).error().message;
    }
    if (!failures.empty())
        return fail(parent.directory + ": " + failures);
    return {};
}

Result<void> CgroupParents::add(std::uint64_t cgroup_id, const std::string& directory)
{
    const auto [entry, is_new] = parents_.try_emplace(cgroup_id, Parent{.directory = directory, .links = {}});
    if (!is_new || is_covered(cgroup_id, directory))
        return {};
    auto attached = attach(entry->second);
    if (entry->second.links.empty()) {
        if (!attached)
            parents_.erase(entry);  // so that the caller may try again
        return attached;
    }
    // Only now: for a moment both see an act, which is better than none.
    for (auto& [id, other] : parents_)
        if (lies_around(directory, other.directory))
            other.links.clear();
    return attached;
}

Result<void> CgroupParents::remove(std::uint64_t cgroup_id)
{
    const auto entry = parents_.find(cgroup_id);
    if (entry == parents_.end())
        return {};
    const std::string directory = entry->second.directory;
    parents_.erase(entry);
    std::vector<std::pair<std::uint64_t, Parent*>> inside;
    for (auto& [id, other] : parents_)
        if (lies_around(directory, other.directory) && other.links.empty())
            inside.emplace_back(id, &other);
    // The outer ones first: they cover the rest.
    std::ranges::sort(inside, {}, [](const auto& parent) { return parent.second->directory.size(); });
    std::string failures;
    for (const auto& [id, other] : inside) {
        if (is_covered(id, other->directory))
            continue;
        if (auto attached = attach(*other); !attached)
            failures += (failures.empty() ? "" : "; ") + attached.error().message;
    }
    if (!failures.empty())
        return fail(failures);
    return {};
}

std::size_t CgroupParents::attached() const
{
    return static_cast<std::size_t>(
        std::ranges::count_if(parents_, [](const auto& entry) { return !entry.second.links.empty(); }));
}

void CgroupParents::mark_attached(std::vector<ProgramStatus>& statuses) const
{
    for (ProgramStatus& status : statuses)
        if (status.backend == Backend::cgroup)
            status.attached = std::ranges::any_of(
                parents_, [&](const auto& entry) { return entry.second.links.contains(status.program); });
}

}  // namespace fnshield
