// SPDX-License-Identifier: Apache-2.0
#include "daemon/policy/memory_readers.h"

#include <algorithm>

namespace fnshield {

bool names_reader(std::string_view entry, const SandboxName& target, const SandboxName& actor)
{
    if (entry.starts_with('/') || actor.function.empty())
        return false;
    if (const auto slash = entry.find('/'); slash != std::string_view::npos)
        return glob_match(entry.substr(0, slash), actor.tenant) && glob_match(entry.substr(slash + 1), actor.function);
    return actor.tenant == target.tenant && glob_match(entry, actor.function);
}

bool may_read_memory(const Policy& policy, const SandboxName& target, const SandboxName& actor)
{
    return policy.memory.allow_from && std::ranges::any_of(*policy.memory.allow_from, [&](const std::string& entry) {
               return names_reader(entry, target, actor);
           });
}

}  // namespace fnshield
