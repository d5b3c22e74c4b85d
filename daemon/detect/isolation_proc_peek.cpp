// SPDX-License-Identifier: Apache-2.0
//
// isolation.proc_peek (T1552, T1083): what /proc shows of a process in another sandbox, or of the host, is looked at.
//
// Signal: /proc/PID/{environ,maps,smaps,auxv,root,cwd,exe,fd,map_files,…} opened or followed across a boundary, by any
// road (dirfd, symlink, task/TID); also where it was refused. environ has the secrets, maps the way around ASLR, root
// the other's files. Why it works: a sandbox sees processes of others only where a pid namespace or a /proc mount is
// shared, and even then only monitoring reads the public names. False positives: ps, top, pgrep and exporters read
// stat, status, statm, cmdline, comm, cgroup, oom_score*, loginuid and the like: quiet. Processes of the same sandbox:
// quiet. The host: always quiet, runtimes read all of this all the time. Memory: none.
#include <array>

#include "daemon/detect/detectors.h"
#include "daemon/detect/reach.h"

namespace fnshield::detect {
namespace {

constexpr std::array<std::string_view, 2> kTechniques{"T1552", "T1083"};
constexpr std::array kKinds{EventKind::memory_access, EventKind::fd_access};
constexpr std::array<std::string_view, 1> kYieldsTo{"isolation.host_path"};

constexpr RuleDescriptor kDescriptor{
    .rule = "isolation.proc_peek",
    .category = Category::infrastructure,
    .severity = Severity::high,
    .techniques = kTechniques,
    .short_text = "A process looked at what /proc shows of another sandbox's or the host's processes alone",
    .long_text =
        "The environment, the memory map, the root folder and the descriptors of a process are its own. A "
        "function that looks at another's prepares a theft of secrets or an escape. Look at what else this "
        "sandbox did (its timeline), rotate the secrets in the target's environment, and give functions a pid "
        "namespace of their own. A monitoring sandbox that must look turns this rule off in its policy, or "
        "is named under memory.allow_from in the target's.",
    .kinds = kKinds,
    .yields_to = kYieldsTo,
};

class ProcPeek : public Detector {
public:
    [[nodiscard]] const RuleDescriptor& descriptor() const override { return kDescriptor; }

    [[nodiscard]] std::optional<Finding> on_event(const Observation& seen) override
    {
        if (!is_breach(seen, Reach::peek, false))
            return std::nullopt;
        const auto& memory = *seen.event.as<MemoryBody>();
        Finding finding =
            memory.access == FNS_ACCESS_WRITE
                ? make_reach_finding(seen, "opened for writing what is of", "tried to open for writing what is of")
                : make_reach_finding(seen, "looked at what is private to", "tried to look at what is private to");
        // environ is not the same find as maps. Of a path or a number only the beginning: there are many of them.
        finding.key +=
            " " + memory.name.substr(0, memory.name.find('/')) + (memory.access == FNS_ACCESS_WRITE ? " write" : "");
        return finding;
    }
};

}  // namespace

std::unique_ptr<Detector> make_isolation_proc_peek()
{
    return std::make_unique<ProcPeek>();
}

}  // namespace fnshield::detect
