// SPDX-License-Identifier: Apache-2.0
//
// isolation.vmm_escape (T1611): the virtual machine monitor of a microVM does what only an attacker wants of it.
//
// Signal: in a sandbox whose workload is a VMM (known by its program's name, or by the platform firecracker), the VMM
// or what it started runs another program, contacts an IP address, maps machine code that did not come with its image,
// connects to another sandbox's UNIX socket, or reaches for another sandbox's or the host's processes. Why it works:
// the guest is the function, and what the VMM needs is /dev/kvm, a tap device, vsock, UNIX sockets and files that it
// was given; whoever breaks out of the guest is the VMM first. False positives: a jailer that becomes the VMM, a VMM
// that runs its own file again (live update), qemu's bridge helper and network scripts in its first seconds, and IP of
// a qemu whose command line may ask for it (user networking, nbd, migration); what the egress lists name. Gets past it:
// a breakout that stays within the VMM's process and descriptors; a VMM under a name that nobody knows. Memory:
// BoundedTable of sandboxes.
#include <algorithm>
#include <array>

#include "daemon/detect/bounded_table.h"
#include "daemon/detect/detectors.h"
#include "daemon/detect/egress_match.h"
#include "daemon/detect/exec_match.h"
#include "daemon/detect/file_acts.h"
#include "daemon/detect/reach.h"
#include "daemon/detect/same.h"
#include "daemon/detect/wording.h"

namespace fnshield::detect {
namespace {

constexpr Nanoseconds kHelpersUntil = 10 * kSecond;
constexpr std::size_t kSandboxes = 16384;
constexpr std::uint32_t kOwnFile = FNS_EXEC_MEMFD | FNS_EXEC_UNLINKED | FNS_EXEC_UPPER_LAYER | FNS_EXEC_SCRATCH;

constexpr std::array<std::string_view, 1> kTechniques{"T1611"};
constexpr std::array kKinds{EventKind::exec,          EventKind::process_found, EventKind::connect,
                            EventKind::send,          EventKind::map_exec,      EventKind::unix_connect,
                            EventKind::memory_access, EventKind::fd_access};
constexpr std::array<std::string_view, 1> kYieldsTo{"isolation.runtime_socket"};

constexpr RuleDescriptor kDescriptor{
    .rule = "isolation.vmm_escape",
    .category = Category::infrastructure,
    .severity = Severity::critical,
    .techniques = kTechniques,
    .short_text = "The VMM of a microVM ran a program, contacted an address or reached outside of its jail",
    .long_text =
        "A VMM needs KVM, a tap device, vsock and the files that it was given, and nothing else. One that does more "
        "most likely does it for a guest that broke out of its virtual machine. Freeze the sandbox, keep its memory, "
        "and take the node out of service: the next step is the host. Where the VMM is meant to use an address "
        "(remote disks, migration), list it in egress.init and egress.warm of the policy.",
    .kinds = kKinds,
    .yields_to = kYieldsTo,
};

constexpr auto kVmms = std::to_array<std::string_view>(
    {"firecracker", "cloud-hypervisor", "qemu-system-", "qemu-kvm", "crosvm", "stratovirt", "alioth", "kvmtool"});
constexpr auto kHelpers = std::to_array<std::string_view>({"qemu-bridge-helper", "qemu-ifup", "virtiofsd"});
// In a qemu command line: it chose its network itself, and words that let it use IP all the same.
constexpr auto kNetworkChosen = std::to_array<std::string_view>({"-netdev", "-nic", "-net", "-nodefaults"});
constexpr auto kUsesIp = std::to_array<std::string_view>(
    {"user", "nbd", "iscsi", "rbd", "gluster", "ssh", "http", "tcp:", "passt", "socket,", "stream,", "-incoming"});

bool is_jailer(std::string_view path)
{
    return base_name(path).starts_with("jailer");
}

bool is_vmm(std::string_view path)
{
    return std::ranges::any_of(kVmms, [&](std::string_view vmm) { return base_name(path).starts_with(vmm); });
}

bool is_helper(std::string_view path)
{
    return std::ranges::find(kHelpers, base_name(path)) != kHelpers.end();
}

// A qemu may use IP unless its command line, as far as it is known, says that it does not.
bool may_use_ip(const std::string& exe, const std::vector<std::string>& argv)
{
    if (!base_name(exe).starts_with("qemu"))
        return false;
    const auto chooses = [](const std::string& word) {
        return std::ranges::find(kNetworkChosen, word) != kNetworkChosen.end();
    };
    const auto uses = [](const std::string& word) {
        return std::ranges::any_of(kUsesIp, [&](std::string_view part) { return word.contains(part); });
    };
    return std::ranges::none_of(argv, chooses) || std::ranges::any_of(argv, uses);
}

struct Vmm {
    std::string exe;
    ProcessInfo process;
    Nanoseconds since_ns = 0;
    bool ip = false;  // it may have been told to use it
};

class VmmEscape : public Detector {
public:
    [[nodiscard]] const RuleDescriptor& descriptor() const override { return kDescriptor; }

    [[nodiscard]] std::optional<Finding> on_event(const Observation& seen) override
    {
        const auto* exec = seen.event.as<ExecBody>();
        if (!seen.sandbox || seen.by_runtime() || (exec && learn(seen, *exec)))
            return std::nullopt;
        const Vmm* vmm = vmms_.find(seen.event.sandbox);
        if (!vmm || seen.event.kind == EventKind::process_found || !is_of_vmm(seen, *vmm))
            return std::nullopt;
        const std::string deed = exec ? exec_deed(seen, *vmm, *exec) : other_deed(seen, *vmm);
        if (deed.empty())
            return std::nullopt;
        Finding finding;
        finding.summary = "the VMM " + printable(vmm->exe) + " of " + sandbox_label(seen.sandbox, seen.event.sandbox) +
                          " " + deed + (exec ? std::string() : " (" + program_of(seen) + ")");
        finding.key = deed;
        return finding;
    }

    void on_sandbox_gone(SandboxId id) override { vmms_.erase(id); }
    [[nodiscard]] std::vector<TableStats> tables() const override { return {vmms_.stats()}; }

private:
    // True where the exec is the VMM's own beginning.
    bool learn(const Observation& seen, const ExecBody& exec)
    {
        const Vmm* known = vmms_.find(seen.event.sandbox);
        const bool by_name = is_vmm(exec.path) || is_jailer(exec.path);
        const bool begins = !known && (exec.has(FNS_EXEC_FIRST) || is_root(seen)) &&
                            (by_name || seen.sandbox->name.platform == "firecracker");
        const bool jailer_becomes_it = known && is_jailer(known->exe) && is_vmm(exec.path);
        if (seen.event.has(FNS_FLAG_DENIED) || (!begins && !jailer_becomes_it))
            return false;
        vmms_.get(seen.event.sandbox) = {exec.path, seen.event.process, seen.event.time_ns,
                                         may_use_ip(exec.path, exec.argv)};
        return true;
    }

    // The first of an adopted sandbox: what started it is not in there.
    static bool is_root(const Observation& seen)
    {
        if (seen.event.kind != EventKind::process_found)
            return false;
        const auto lineage = seen.process ? seen.model.ancestors(*seen.process, 2) : std::vector<const Process*>{};
        return lineage.size() < 2 || lineage[1]->sandbox != seen.event.sandbox;
    }

    // The VMM itself or what descends from it.
    static bool is_of_vmm(const Observation& seen, const Vmm& vmm)
    {
        if (!seen.process || seen.process->from_outside)
            return false;
        const auto lineage = seen.model.ancestors(*seen.process);
        return std::ranges::any_of(lineage, [&](const Process* one) { return is_same(one->info, vmm.process); });
    }

    static std::string exec_deed(const Observation& seen, const Vmm& vmm, const ExecBody& exec)
    {
        const bool plain = (exec.flags & kOwnFile) == 0;
        const bool again = plain && exec.path == vmm.exe;
        const bool starts = seen.event.time_ns < vmm.since_ns + kHelpersUntil && base_name(vmm.exe).starts_with("qemu");
        const bool helps = plain && starts && (is_helper(exec.path) || is_helper(exec.filename) || by_helper(seen));
        if (again || helps || is_operators_exec(seen, exec))
            return {};
        return (seen.event.has(FNS_FLAG_DENIED) ? "was kept from running " : "ran ") + exec_label(exec);
    }

    // What a network script of qemu's runs.
    static bool by_helper(const Observation& seen)
    {
        const auto lineage = seen.model.ancestors(*seen.process);
        return std::ranges::any_of(lineage, [](const Process* one) {
            return is_helper(one->exe) || std::ranges::any_of(one->argv.words(), is_helper);
        });
    }

    static std::string other_deed(const Observation& seen, const Vmm& vmm)
    {
        if (const auto* socket = seen.event.as<SocketBody>())
            return contact_deed(seen, vmm, *socket);
        if (const FileBody* file = mapping_of_own_making(seen))
            return "mapped the machine code of " + printable(file->path);
        if (const auto* contact = seen.event.as<UnixBody>()) {
            const bool another = contact->peer_sandbox != kHost && contact->peer_sandbox != seen.event.sandbox;
            return another ? "connected to " + printable(contact->path) + " of another sandbox" : std::string();
        }
        for (const Reach reach : {Reach::read, Reach::write, Reach::trace, Reach::peek, Reach::descriptor})
            if (is_breach(seen, reach, reach != Reach::peek))
                return "reached for " + target_label(seen);
        return {};
    }

    static std::string contact_deed(const Observation& seen, const Vmm& vmm, const SocketBody& socket)
    {
        const auto& listed = seen.sandbox->warm() ? seen.policy->egress.warm : seen.policy->egress.init;
        const bool on_the_node = socket.host_network && reaches_loopback(socket.remote);
        if (vmm.ip || (stays_inside(socket) && !on_the_node) || (listed && !is_unlisted(*seen.policy, *listed, socket)))
            return {};
        return (seen.event.kind == EventKind::send ? "sent to " : "connected to ") + endpoint_text(socket.remote);
    }

    BoundedTable<SandboxId, Vmm> vmms_{"isolation_vmm_escape_sandboxes", kSandboxes};
};

}  // namespace

std::unique_ptr<Detector> make_isolation_vmm_escape()
{
    return std::make_unique<VmmEscape>();
}

}  // namespace fnshield::detect
