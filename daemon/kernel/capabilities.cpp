// SPDX-License-Identifier: Apache-2.0
#include "daemon/kernel/capabilities.h"

#include <linux/capability.h>

#include <cstdlib>
#include <fstream>

namespace fnshield {
namespace {

constexpr Capability kUsed[] = {
    {CAP_BPF, "CAP_BPF", true, "programs cannot be loaded"},
    {CAP_PERFMON, "CAP_PERFMON", true, "programs cannot be attached"},
    {CAP_NET_ADMIN, "CAP_NET_ADMIN", true, "egress cannot be watched (cgroup programs)"},
    {CAP_SYS_PTRACE, "CAP_SYS_PTRACE", false, "processes of other users stay without names"},
    {CAP_DAC_READ_SEARCH, "CAP_DAC_READ_SEARCH", false, "files of other users stay without names"},
    {CAP_KILL, "CAP_KILL", false, "an action 'kill' cannot be carried out"},
};

}  // namespace

std::span<const Capability> used_capabilities()
{
    return kUsed;
}

HeldCapabilities HeldCapabilities::read(const std::string& status_file)
{
    constexpr std::string_view kLine = "CapEff:";
    HeldCapabilities held;
    std::ifstream file(status_file);
    for (std::string line; std::getline(file, line);)
        if (line.starts_with(kLine))
            held.bits_ = std::strtoull(line.c_str() + kLine.size(), nullptr, 16);
    return held;
}

Held HeldCapabilities::has(const Capability& capability) const
{
    const auto bit = [this](int number) { return (bits_ >> number & 1) != 0; };
    if (bit(capability.bit))
        return Held::yes;
    return capability.bit >= CAP_PERFMON && bit(CAP_SYS_ADMIN) ? Held::by_sys_admin : Held::no;
}

Result<void> check_capabilities(const HeldCapabilities& held)
{
    std::string missing;
    for (const Capability& capability : kUsed)
        if (capability.needed && held.has(capability) == Held::no)
            missing += std::string(missing.empty() ? "" : ", ") + capability.name;
    if (missing.empty())
        return {};
    return fail("this process lacks " + missing + ": run it as root, or by the systemd unit, which gives it just these",
                ExitCode::unsupported);
}

}  // namespace fnshield
