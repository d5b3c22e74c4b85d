// SPDX-License-Identifier: Apache-2.0
//
// What was there before the daemon: cgroups that are sandboxes or hold them, found by one walk over the cgroup tree
// after the lifecycle sensor is attached. What is made meanwhile the kernel side registers itself and tells in the
// ring. Each cgroup is entered into the tables before its children are listed, so that a child is seen by the one or
// the other; an entry that the kernel side made first is left to it. So nothing is missed and nothing comes twice.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/base/result.h"
#include "daemon/kernel/libbpf.h"
#include "daemon/model/event.h"
#include "fnshield/abi/tables.h"

namespace fnshield {

// By path in the default hierarchy: what the kernel side has in `parent_paths`.
using ParentRules = std::map<std::string, fns_parent, std::less<>>;

// The key of a path in `parent_paths`; an error where it is longer than FNS_PARENT_PATH_BYTES − 2 bytes.
[[nodiscard]] Result<fns_parent_path> parent_path_key(const std::string& path);

// True where the rule's leaf prefixes take this name: the kernel side's name_fits(). Pure.
[[nodiscard]] bool name_fits(const fns_parent& rule, std::string_view name);

// The decision that bpf/sensors/lifecycle.bpf.c makes at mkdir, for a cgroup that exists. Pure.
enum class CgroupRole : std::uint8_t { none, parent, sandbox };
struct Classified {
    CgroupRole role = CgroupRole::none;
    fns_parent rule{};  // of a parent: for what is below it
};
// `above`: the rule of the cgroup that holds it, null where that is no parent. For {name*} the kernel side goes by who
// was there first; of a cgroup that exists only this can be known: `holds_processes`, it has some of its own, and
// `holds_leaves`, it has children that the rule takes as well.
[[nodiscard]] Classified classify(std::string_view path, const fns_parent* above, const ParentRules& rules,
                                  bool holds_processes, bool holds_leaves);

// What is known of a sandbox from maps that were pinned.
struct Inherited {
    Nanoseconds started_ns = 0;  // 0: only entrants ran
    bool warm = false;
};
using InheritedSandboxes = std::map<SandboxId, Inherited>;

struct AdoptedParent {
    std::uint64_t cgroup_id = 0;
    std::string path;
};

struct Adopted {
    std::vector<AdoptedParent> parents;
    // cgroup_made for each sandbox, `adopted` where processes are in it (its workload is taken to have begun); after
    // it cgroup_frozen where it is frozen.
    std::vector<Event> sandboxes;
    std::vector<std::string> unmatched;  // paths of rules at which there is no cgroup now
};

// Walks `mount` and enters what it finds into the kernel side's tables. A cgroup that goes away meanwhile is passed
// over. An error: a table is full, or `mount` cannot be read.
// `inherited`: what was in `sandboxes` before any program of this start was attached (maps that were pinned); their
// entries stay as they are, and are told of as well.
[[nodiscard]] Result<Adopted> adopt(const std::string& mount, const ParentRules& rules,
                                    const Map<std::uint64_t, fns_parent>& parents,
                                    const Map<std::uint64_t, fns_sandbox>& sandboxes,
                                    const InheritedSandboxes& inherited, Nanoseconds now_ns);

}  // namespace fnshield
