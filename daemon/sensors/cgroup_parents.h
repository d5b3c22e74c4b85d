// SPDX-License-Identifier: Apache-2.0
//
// Keeps a sensor's cgroup programs attached at the parents under which sandboxes appear. A program that is attached to
// a cgroup also runs for all that lies below it, so where one parent lies inside another only the outer one carries
// them: an act must not be seen twice.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "daemon/base/result.h"
#include "daemon/kernel/programs.h"

namespace fnshield {

class CgroupParents {
public:
    // The cgroup programs of `statuses` that have no reason not to be attached. `object` is loaded and outlives this.
    CgroupParents(bpf_object* object, const std::vector<ProgramStatus>& statuses);

    // `directory`: its absolute path. Says which programs could not be attached; the others are. A parent that is known
    // already, or lies inside another one, is remembered and costs nothing.
    [[nodiscard]] Result<void> add(std::uint64_t cgroup_id, const std::string& directory);
    // Those inside it that it covered get their own programs; an error says which could not be attached.
    [[nodiscard]] Result<void> remove(std::uint64_t cgroup_id);

    // How many parents carry the programs themselves.
    [[nodiscard]] std::size_t attached() const;
    // The programs that are attached to at least one parent.
    void mark_attached(std::vector<ProgramStatus>& statuses) const;

private:
    struct Parent {
        std::string directory;
        std::map<std::string, BpfLink> links;  // by program; empty where an outer parent covers it
    };
    [[nodiscard]] bool is_covered(std::uint64_t cgroup_id, const std::string& directory) const;
    [[nodiscard]] Result<void> attach(Parent& parent);

    bpf_object* object_;
    std::vector<std::string> programs_;
    std::map<std::uint64_t, Parent> parents_;
};

}  // namespace fnshield
