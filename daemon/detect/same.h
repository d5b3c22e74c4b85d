// SPDX-License-Identifier: Apache-2.0
//
// What counts as the same one from event to event: a process, a function.
#pragma once

#include <string>
#include <string_view>

#include "daemon/model/sandbox.h"

namespace fnshield::detect {

// Unique for the node's uptime: a tgid alone is used again.
[[nodiscard]] inline bool is_same(const ProcessInfo& a, const ProcessInfo& b)
{
    return a.tgid == b.tgid && a.start_ns == b.start_ns;
}

// A process as the key of a table.
[[nodiscard]] inline std::uint64_t key_of(const ProcessInfo& process)
{
    return process.start_ns << 22 ^ process.tgid;
}

// "acme/resize", whose sandboxes are taken together; empty where its name is not known.
[[nodiscard]] inline std::string function_of(const Sandbox& sandbox)
{
    return sandbox.name.function.empty() ? std::string() : sandbox.name.tenant + "/" + sandbox.name.function;
}

// Containers of one Kubernetes pod, which share what its sandbox has.
[[nodiscard]] inline bool is_one_pod(const Sandbox& one, const Sandbox& other)
{
    const auto pod = [](std::string_view cgroup) { return cgroup.substr(0, cgroup.rfind('/')); };
    return one.name.platform == "kubernetes" && pod(one.cgroup) == pod(other.cgroup);
}

}  // namespace fnshield::detect
