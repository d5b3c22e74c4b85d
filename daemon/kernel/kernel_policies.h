// SPDX-License-Identifier: Apache-2.0
//
// The policies in the kernel side's maps, and which of them holds for which sandbox.
//
// A set of policies is a generation: each policy gets a number that is used once. A reload writes the new generation
// completely, then moves the parents (what appears from now on) and every sandbox to it, one map update each, so that
// there is no moment without a verdict. The generation before stays until the next reload: a sandbox that the kernel
// side was just making may still carry its number. On any error the old generation stays in force.
//
// Not thread-safe; the daemon's loop owns it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "daemon/kernel/adoption.h"
#include "daemon/kernel/shared_maps.h"
#include "daemon/model/model.h"
#include "daemon/policy/compile.h"
#include "daemon/policy/policy_set.h"

namespace fnshield {

class KernelPolicies {
public:
    // What is in the maps already (they were pinned) stays in force until forget_inherited(): numbers begin above it.
    // The maps outlive this.
    KernelPolicies(const SharedMaps& maps, Map<std::uint64_t, fns_parent> parents,
                   Map<fns_parent_path, fns_parent> parent_paths);

    // Puts the set in force in place of the one before. `rules`: all paths under which sandboxes appear; they get the
    // number of the policy that holds for what appears there, as far as `recogniser` can tell before it has a name, or
    // of the default policy, and are written to `parent_paths`.
    [[nodiscard]] Result<void> replace(std::shared_ptr<const PolicySet> set, Mode mode, const Recogniser& recogniser,
                                       ParentRules& rules);

    // A sandbox is known by name, was given another one, or became warm.
    [[nodiscard]] Result<void> assign(SandboxId sandbox, const SandboxName& name, bool warm);
    // What appears below this cgroup, the parent of a sandbox, gets the policy that its path tells.
    void assign_parent(std::uint64_t cgroup_id, const std::string& path, const Recogniser& recogniser);
    // Its cgroup is gone.
    void forget(SandboxId sandbox);

    // After every sandbox that runs has been assigned: removes all that an earlier daemon left in the tables.
    void forget_inherited();

    // The number of the policy that holds for a sandbox of this name; 0 before the first replace().
    [[nodiscard]] std::uint32_t number_for(const SandboxName& name) const;

private:
    struct Tables {
        Map<std::uint64_t, fns_assignment> assignments;
        Map<std::uint32_t, fns_policy> policies;
        Map<fns_path_key, fns_path_value> paths;
        Map<fns_network_key, fns_ports> networks;
        Map<fns_name_key, fns_ports> names;
        Map<fns_resolved_key, fns_resolved> resolved;
        Map<fns_name_pair, std::uint32_t> memory_allowed;
        Map<std::uint64_t, fns_parent> parents;
        Map<fns_parent_path, fns_parent> parent_paths;
    };
    struct Generation {
        std::shared_ptr<const PolicySet> set;  // null: none yet
        Mode mode = Mode::monitor;
        std::uint32_t first = 0;  // of its numbers
        std::uint32_t last = 0;
        std::map<std::string, std::uint32_t, std::less<>> numbers;  // by the policy's name

        [[nodiscard]] bool holds(std::uint32_t number) const { return number >= first && number <= last && first > 0; }
        [[nodiscard]] std::uint32_t number_for(const SandboxName& name) const;
        [[nodiscard]] std::uint32_t number_of(std::string_view policy) const;
    };
    struct Known {
        SandboxName name;
        std::uint32_t name_id = 0;
    };
    struct NameEntry {
        std::uint32_t id = 0;
        std::size_t sandboxes = 0;
    };
    using NameKey = std::tuple<std::string, std::string, std::string>;  // platform, tenant, function
    using Pairs = std::set<std::pair<std::uint32_t, std::uint32_t>>;    // target, actor
    using Numbers = std::map<std::uint32_t, std::uint32_t>;             // of one generation → of another

    [[nodiscard]] Result<void> fill(Generation& generation);
    void drop(const Generation& generation);
    void inherit();
    [[nodiscard]] Result<void> put_in_force(const Generation& to, const Recogniser& recogniser, ParentRules& rules);
    void go_back(const ParentRules& rules, const ParentRules& tried);
    [[nodiscard]] Result<Numbers> move_paths(const Generation& to, const Recogniser& recogniser, ParentRules& rules);
    [[nodiscard]] Result<void> move_all(const Generation& to, const Numbers& below);
    [[nodiscard]] Result<std::size_t> move_parents(const Generation& to, const Numbers& below);
    [[nodiscard]] Result<std::size_t> move_sandboxes(const Generation& to, const Numbers& below);
    [[nodiscard]] std::uint32_t translated(std::uint32_t number, const Generation& to, const Numbers& below) const;

    [[nodiscard]] Result<void> enter_name(const SandboxName& name, std::uint32_t& id);
    void leave_name(const SandboxName& name);
    [[nodiscard]] Pairs wanted_pairs(const PolicySet& set) const;
    [[nodiscard]] Result<void> allow(const Pairs& wanted);
    void forbid_all_but(const Pairs& wanted);

    Tables tables_;
    Generation current_;
    Generation previous_;
    std::uint32_t next_number_ = 1;
    std::map<std::uint32_t, std::string> policy_names_;  // by number, of the generations that are in the maps
    std::unordered_map<SandboxId, Known> known_;
    std::map<NameKey, NameEntry> names_;
    std::uint32_t next_name_ = 1;
    Pairs pairs_;                        // what is in memory_allowed
    std::set<std::uint32_t> inherited_;  // numbers of policies
    std::vector<fns_name_pair> inherited_pairs_;
};

}  // namespace fnshield
