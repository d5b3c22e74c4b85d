// SPDX-License-Identifier: Apache-2.0
#include "daemon/kernel/adoption.h"

#include <sys/stat.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <set>

namespace fnshield {
namespace {

namespace fs = std::filesystem;

std::string_view own_name(std::string_view path)
{
    return path.substr(path.rfind('/') + 1);
}

// `wanted` empty: any line.
bool has_line(const std::string& file, std::string_view wanted)
{
    std::ifstream lines(file);
    for (std::string line; std::getline(lines, line);)
        if (wanted.empty() || line == wanted)
            return true;
    return false;
}

std::vector<std::string> children_of(const std::string& directory)
{
    std::vector<std::string> names;
    std::error_code gone;
    for (fs::directory_iterator entry(directory, gone), end; !gone && entry != end; entry.increment(gone)) {
        std::error_code unknown;
        if (entry->is_directory(unknown) && !entry->is_symlink(unknown))
            names.push_back(entry->path().filename());
    }
    return names;
}

std::optional<std::uint64_t> id_of(const std::string& directory)
{
    struct stat status{};
    if (::stat(directory.c_str(), &status) != 0)
        return std::nullopt;
    return status.st_ino;
}

Event event_of(EventKind kind, SandboxId sandbox, Nanoseconds now_ns, LifecycleBody body)
{
    Event event;
    event.kind = kind;
    event.time_ns = now_ns;
    event.sandbox = sandbox;
    event.sensor = FNS_SENSOR_LIFECYCLE;
    event.body = std::move(body);
    return event;
}

// One walk; a list of what is still to be visited instead of recursion, since the depth is not ours to choose.
class Walk {
public:
    Walk(const std::string& mount, const ParentRules& rules, const Map<std::uint64_t, fns_parent>& parents,
         const Map<std::uint64_t, fns_sandbox>& sandboxes, const InheritedSandboxes& inherited, Nanoseconds now_ns)
        : mount_(mount), rules_(rules), parents_(parents), sandboxes_(sandboxes), inherited_(inherited), now_ns_(now_ns)
    {
    }

    Result<Adopted> run(std::uint64_t root_id)
    {
        visit_children({.id = root_id});
        while (!to_visit_.empty()) {
            const Cgroup next = std::move(to_visit_.back());
            to_visit_.pop_back();
            if (auto done = next.sandbox != kHost ? enter_nested(next) : visit(next); !done)
                return pass(std::move(done), "cgroup " + next.path);
        }
        for (const auto& [path, rule] : rules_)
            if (!matched_.contains(path))
                result_.unmatched.push_back(path);
        return std::move(result_);
    }

private:
    struct Cgroup {
        std::string path;
        std::uint64_t id = 0;
        std::uint64_t parent_id = 0;
        std::optional<fns_parent> above;  // the rule of the parent, where it is one
        SandboxId sandbox = kHost;        // that it is nested in
    };

    [[nodiscard]] std::string directory(const Cgroup& cgroup) const { return mount_ + cgroup.path; }

    // `rule`, `sandbox`: what the cgroup turned out to be.
    void visit_children(const Cgroup& cgroup, std::optional<fns_parent> rule = {}, SandboxId sandbox = kHost)
    {
        for (const std::string& name : children_of(directory(cgroup)))
            if (const auto id = id_of(directory(cgroup) + "/" + name))
                to_visit_.push_back({.path = cgroup.path + "/" + name,
                                     .id = *id,
                                     .parent_id = cgroup.id,
                                     .above = rule,
                                     .sandbox = sandbox});
    }

    // No rule at it or below it: most of a host's tree.
    [[nodiscard]] bool is_of_no_interest(const Cgroup& cgroup) const
    {
        const std::string below = cgroup.path + "/";
        const auto next = rules_.lower_bound(below);
        return !cgroup.above && !rules_.contains(cgroup.path) &&
               (next == rules_.end() || !next->first.starts_with(below));
    }

    [[nodiscard]] bool holds_leaves(const Cgroup& cgroup) const
    {
        return std::ranges::any_of(children_of(directory(cgroup)),
                                   [&](const std::string& name) { return name_fits(*cgroup.above, name); });
    }

    Result<void> visit(const Cgroup& cgroup)
    {
        if (is_of_no_interest(cgroup))
            return {};
        const fns_parent* above = cgroup.above ? &*cgroup.above : nullptr;
        const bool holds_processes = has_line(directory(cgroup) + "/cgroup.procs", "");
        const Classified alone = classify(cgroup.path, above, rules_, holds_processes, false);
        switch (alone.role) {
            case CgroupRole::none:
                visit_children(cgroup);
                return {};
            case CgroupRole::parent:
                return enter_parent(cgroup, alone.rule);
            case CgroupRole::sandbox:
                return enter_sandbox(cgroup, holds_processes);
        }
        return {};
    }

    Result<void> enter_parent(const Cgroup& cgroup, const fns_parent& rule)
    {
        // What the kernel side made of it, moments ago, is the same.
        if (auto added = parents_.update(cgroup.id, rule); !added)
            return added;
        if (id_of(directory(cgroup)) != cgroup.id)
            return parents_.erase(cgroup.id);  // gone, and its rmdir was before the entry
        if (rules_.contains(cgroup.path))
            matched_.insert(cgroup.path);
        result_.parents.push_back({cgroup.id, cgroup.path});
        visit_children(cgroup, rule);
        return {};
    }

    Result<void> enter_sandbox(const Cgroup& cgroup, bool holds_processes)
    {
        const bool populated = has_line(directory(cgroup) + "/cgroup.events", "populated 1");
        const bool rest = (cgroup.above->flags & FNS_PARENT_REST) != 0;
        fns_sandbox entry{};
        entry.sandbox_id = cgroup.id;
        entry.parent_cgroup_id = cgroup.parent_id;
        entry.created_ns = now_ns_;
        entry.started_ns = populated ? now_ns_ : 0;
        entry.flags = FNS_SANDBOX_ADOPTED;
        entry.flags |= populated ? FNS_SANDBOX_POPULATED : 0;
        entry.flags |= rest ? FNS_SANDBOX_REST : 0;
        if (bpf_map_update_elem(sandboxes_.fd(), &cgroup.id, &entry, BPF_NOEXIST) != 0) {
            if (errno != EEXIST)
                return fail_errno("cannot be registered as a sandbox");
            if (!inherited_.contains(cgroup.id))
                return {};  // made a moment ago: its event is in the ring, and those of all below it
        }
        if (id_of(directory(cgroup)) != cgroup.id)
            return sandboxes_.erase(cgroup.id);
        if (const Classified with_children =
                classify(cgroup.path, &*cgroup.above, rules_, holds_processes, rest && holds_leaves(cgroup));
            with_children.role == CgroupRole::parent) {
            // A parent first and then no sandbox: the kernel side asks in that order.
            if (auto entered = enter_parent(cgroup, with_children.rule); !entered)
                return entered;
            return sandboxes_.erase(cgroup.id);
        }
        tell(cgroup, populated);
        visit_children(cgroup, {}, cgroup.id);
        return {};
    }

    Result<void> enter_nested(const Cgroup& cgroup)
    {
        fns_sandbox entry{};
        entry.sandbox_id = cgroup.sandbox;
        entry.parent_cgroup_id = cgroup.parent_id;
        entry.created_ns = now_ns_;
        entry.flags = FNS_SANDBOX_NESTED;
        if (auto added = sandboxes_.update(cgroup.id, entry); !added)
            return added;
        if (id_of(directory(cgroup)) != cgroup.id)
            return sandboxes_.erase(cgroup.id);
        visit_children(cgroup, {}, cgroup.sandbox);
        return {};
    }

    void tell(const Cgroup& cgroup, bool populated)
    {
        LifecycleBody body{
            .cgroup_id = cgroup.id, .parent_cgroup_id = cgroup.parent_id, .path = cgroup.path, .adopted = populated};
        if (const auto known = inherited_.find(cgroup.id); known != inherited_.end() && !known->second.warm) {
            body.adopted = populated && known->second.started_ns > 0;
            if (body.adopted)
                body.starting_since = known->second.started_ns;
        }
        result_.sandboxes.push_back(event_of(EventKind::cgroup_made, cgroup.id, now_ns_, std::move(body)));
        if (has_line(directory(cgroup) + "/cgroup.events", "frozen 1"))
            result_.sandboxes.push_back(event_of(EventKind::cgroup_frozen, cgroup.id, now_ns_,
                                                 {.cgroup_id = cgroup.id, .path = cgroup.path, .value = 1}));
    }

    const std::string& mount_;
    const ParentRules& rules_;
    const Map<std::uint64_t, fns_parent>& parents_;
    const Map<std::uint64_t, fns_sandbox>& sandboxes_;
    const InheritedSandboxes& inherited_;
    const Nanoseconds now_ns_;
    std::vector<Cgroup> to_visit_;
    std::set<std::string> matched_;
    Adopted result_;
};

}  // namespace

Result<fns_parent_path> parent_path_key(const std::string& path)
{
    fns_parent_path key{};
    // One byte less than fits: the kernel side cannot tell a path that fills the key from one that was cut.
    if (path.size() + 2 > sizeof key.path)
        return fail("the path " + path + " is too long: at most " + std::to_string(sizeof key.path - 2) +
                    " bytes before the first {name}");
    path.copy(key.path, path.size());
    return key;
}

bool name_fits(const fns_parent& rule, std::string_view name)
{
    bool only_refusals = true;
    for (std::uint32_t i = 0; i < rule.prefixes && i < FNS_LEAF_PREFIXES; ++i) {
        std::string_view prefix(rule.leaf_prefix[i], strnlen(rule.leaf_prefix[i], FNS_LEAF_PREFIX_BYTES));
        const bool refuses = prefix.starts_with(FNS_LEAF_PREFIX_NOT);
        if (refuses)
            prefix.remove_prefix(1);
        if (name.starts_with(prefix))
            return !refuses;
        only_refusals &= refuses;
    }
    return only_refusals;
}

Classified classify(std::string_view path, const fns_parent* above, const ParentRules& rules, bool holds_processes,
                    bool holds_leaves)
{
    if (const auto by_path = rules.find(path); by_path != rules.end())
        return {CgroupRole::parent, by_path->second};
    if (above == nullptr)
        return {};
    fns_parent below = *above;
    const bool rest = (above->flags & FNS_PARENT_REST) != 0;
    if (above->depth > 1) {
        --below.depth;
        return {CgroupRole::parent, below};
    }
    if (!name_fits(*above, own_name(path)))
        return rest ? Classified{CgroupRole::parent, below} : Classified{};
    // {name*}: what only holds other cgroups is not the sandbox; the leaf is.
    if (rest && !holds_processes && holds_leaves)
        return {CgroupRole::parent, below};
    return {CgroupRole::sandbox, {}};
}

Result<Adopted> adopt(const std::string& mount, const ParentRules& rules, const Map<std::uint64_t, fns_parent>& parents,
                      const Map<std::uint64_t, fns_sandbox>& sandboxes, const InheritedSandboxes& inherited,
                      Nanoseconds now_ns)
{
    const auto root = id_of(mount);
    if (!root)
        return fail_errno("cannot read " + mount);
    return Walk(mount, rules, parents, sandboxes, inherited, now_ns).run(*root);
}

}  // namespace fnshield
