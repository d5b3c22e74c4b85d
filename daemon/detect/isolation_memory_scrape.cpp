// SPDX-License-Identifier: Apache-2.0
//
// isolation.memory_scrape (T1003.007): a process reads another one's memory within one sandbox.
//
// Signal: memory of a process of the same sandbox read or written by any road that isolation.memory_read knows, or a
// ptrace attach, by a process that is not its parent. Why it works: what a request started reads keys and other
// callers' data out of the serving process, and crosses no sandbox for that. False positives: a debugger or sanitiser
// that started its target itself; what comes from outside; `memory.allow_from` of the policy that names the program's
// path (profilers). Gets past it: a parent that reads its own child, and code in the serving process. Memory: none.
#include <algorithm>
#include <array>

#include "daemon/detect/detectors.h"
#include "daemon/detect/reach.h"
#include "daemon/detect/wording.h"

namespace fnshield::detect {
namespace {

constexpr std::array<std::string_view, 1> kTechniques{"T1003.007"};
constexpr std::array kKinds{EventKind::memory_access};

constexpr RuleDescriptor kDescriptor{
    .rule = "isolation.memory_scrape",
    .category = Category::infrastructure,
    .severity = Severity::high,
    .techniques = kTechniques,
    .short_text = "A process read the memory of another one of its own sandbox",
    .long_text =
        "Something in the sandbox read another process's memory: the serving process holds the keys of the function "
        "and "
        "the data of all its callers. Find the request that started the reader, and rotate the function's secrets. A "
        "profiler that belongs there is named by its path in memory.allow_from of the policy.",
    .kinds = kKinds,
};

bool is_named(const Observation& seen)
{
    const auto& allowed = seen.policy->memory.allow_from;
    return allowed && seen.process && std::ranges::any_of(*allowed, [&](const std::string& entry) {
               return entry.starts_with('/') && glob_match(entry, seen.process->exe);
           });
}

class MemoryScrape : public Detector {
public:
    [[nodiscard]] const RuleDescriptor& descriptor() const override { return kDescriptor; }

    [[nodiscard]] std::optional<Finding> on_event(const Observation& seen) override
    {
        const auto* memory = seen.event.as<MemoryBody>();
        if (!memory || seen.event.sandbox == kHost || memory->target_sandbox != seen.event.sandbox)
            return std::nullopt;
        const Reach reach = reach_of(seen.event);
        if (reach != Reach::read && reach != Reach::write && reach != Reach::trace)
            return std::nullopt;
        const std::uint32_t actor = seen.event.process.tgid;
        if (seen.by_runtime() || memory->target.tgid == 0 || memory->target.tgid == actor ||
            memory->target.parent_tgid == actor || (seen.process && seen.process->from_outside) || is_named(seen))
            return std::nullopt;
        Finding finding = make_reach_finding(seen, "read the memory of another process of", "tried to read memory of");
        finding.summary += ": " + program_of(seen) + " in process " + std::to_string(memory->target.tgid);
        return finding;
    }
};

}  // namespace

std::unique_ptr<Detector> make_isolation_memory_scrape()
{
    return std::make_unique<MemoryScrape>();
}

}  // namespace fnshield::detect
