// SPDX-License-Identifier: Apache-2.0
#include "daemon/kernel/capabilities.h"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <fstream>

namespace fnshield {
namespace {

constexpr Capability kUsed[] = {
    {CAP_BPF, "CAP_BPF", true, false, "programs cannot be loaded"},
    {CAP_PERFMON, "CAP_PERFMON", true, true, "programs cannot be attached"},
    {CAP_NET_ADMIN, "CAP_NET_ADMIN", true, false, "egress cannot be watched (cgroup programs)"},
    {CAP_SYS_PTRACE, "CAP_SYS_PTRACE", false, false,
     "the programs of other users' processes stay without names, so memory.allow_from matches no host program"},
    {CAP_DAC_READ_SEARCH, "CAP_DAC_READ_SEARCH", false, false,
     "what only root may read is not read: tracefs (system calls are not watched), the bundles that name a container"},
    {CAP_KILL, "CAP_KILL", false, false, "an action 'kill' cannot be carried out on processes of other users"},
};

constexpr std::uint64_t bit_of(int number)
{
    return std::uint64_t{1} << number;
}

// The ambient set is a part of the inheritable one and goes with it.
Result<void> hold_only(std::uint64_t bits)
{
    __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> sets{};
    for (std::size_t word = 0; word < sets.size(); ++word) {
        const auto part = static_cast<std::uint32_t>(bits >> (32 * word));
        sets[word] = {.effective = part, .permitted = part, .inheritable = 0};
    }
    if (::syscall(SYS_capset, &header, sets.data()) != 0)
        return fail_errno("cannot give up capabilities");
    return {};
}

// Without CAP_SETPCAP the bounding set stays as whoever started the daemon left it: no_new_privs makes it idle.
void bound(std::uint64_t bits)
{
    for (int number = 0; ::prctl(PR_CAPBSET_READ, number, 0, 0, 0) >= 0; ++number)
        if ((bits & bit_of(number)) == 0)
            (void)::prctl(PR_CAPBSET_DROP, number, 0, 0, 0);
}

// Kernels before 5.11 charge the memory of maps to it; raising it beyond the hard limit takes CAP_SYS_RESOURCE, which
// libbpf will not find any more when it tries.
void raise_memlock()
{
    constexpr rlimit kUnlimited{.rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY};
    (void)::setrlimit(RLIMIT_MEMLOCK, &kUnlimited);
}

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
    if ((bits_ & bit_of(capability.bit)) != 0)
        return Held::yes;
    return capability.bit >= CAP_PERFMON && (bits_ & bit_of(CAP_SYS_ADMIN)) != 0 ? Held::by_sys_admin : Held::no;
}

std::uint64_t HeldCapabilities::used(bool to_load) const
{
    std::uint64_t bits = 0;
    for (const Capability& capability : kUsed) {
        if (capability.only_to_load && !to_load)
            continue;
        if (const Held how = has(capability); how != Held::no)
            bits |= bit_of(how == Held::yes ? capability.bit : CAP_SYS_ADMIN);
    }
    return bits;
}

Result<void> check_capabilities(const HeldCapabilities& held)
{
    std::string missing;
    std::string serves;
    for (const Capability& capability : kUsed) {
        if (!capability.needed || held.has(capability) != Held::no)
            continue;
        missing += std::string(missing.empty() ? "" : ", ") + capability.name;
        serves += std::string(serves.empty() ? "" : ", ") + capability.serves;
    }
    if (missing.empty())
        return {};
    return fail("this process lacks " + missing + ": " + serves +
                    "; run it as root, by the systemd unit, which gives it just what it needs, or as fnshieldd(8) says "
                    "under PRIVILEGES",
                ExitCode::unsupported);
}

std::vector<Capability> missing_serving(const HeldCapabilities& held)
{
    std::vector<Capability> missing;
    for (const Capability& capability : kUsed)
        if (!capability.needed && held.has(capability) == Held::no)
            missing.push_back(capability);
    return missing;
}

Result<void> keep_used()
{
    raise_memlock();
    const HeldCapabilities held = HeldCapabilities::read();
    const std::uint64_t used = held.used(true);
    bound(used);
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return fail_errno("cannot set no_new_privs");
    const std::uint64_t to_attach = perf_events_take_sys_admin() ? held.all() & bit_of(CAP_SYS_ADMIN) : 0;
    return hold_only(used | to_attach);
}

Result<void> keep_serving()
{
    return hold_only(HeldCapabilities::read().used(false));
}

bool perf_events_take_sys_admin(const std::string& sysctl_file)
{
    constexpr int kUpstreamMost = 2;
    int level = 0;
    std::ifstream(sysctl_file) >> level;
    return level > kUpstreamMost;
}

Result<void> give_up_all()
{
    return hold_only(0);
}

}  // namespace fnshield
