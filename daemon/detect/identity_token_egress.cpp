// SPDX-License-Identifier: Apache-2.0
//
// identity.token_egress (T1528, T1041): who has just read a secret talks to somebody whom the policy does not know.
//
// Signal: a file of files.secrets opened, and within a minute a connect or send by the same process, its parent or a
// child, to an address that the egress list of the phase does not name; where the policy has no such list, to one to
// which this sandbox had not talked before, by a process other than the workload's first and while warm. Why it works:
// a secret is worth something only elsewhere. False positives: the cloud's own API on the list; the server that reads
// its token and calls a listed service; loopback and the resolvers. Gets past it: a secret that is kept for longer than
// a minute, or handed to the serving process. Memory: BoundedTable of sandboxes, 8 readers and 64 addresses each.
#include <algorithm>
#include <array>
#include <ranges>

#include "daemon/detect/bounded_table.h"
#include "daemon/detect/detectors.h"
#include "daemon/detect/egress_match.h"
#include "daemon/detect/file_acts.h"
#include "daemon/detect/same.h"
#include "daemon/detect/wording.h"

namespace fnshield::detect {
namespace {

constexpr Nanoseconds kWindow = 60 * kSecond;
constexpr std::size_t kReaders = 8;
constexpr std::size_t kAddresses = 64;
constexpr std::size_t kSandboxes = 4096;

constexpr std::array<std::string_view, 2> kTechniques{"T1528", "T1041"};
constexpr std::array kKinds{EventKind::file_open, EventKind::file_write, EventKind::connect, EventKind::send};

constexpr RuleDescriptor kDescriptor{
    .rule = "identity.token_egress",
    .category = Category::identity,
    .severity = Severity::critical,
    .techniques = kTechniques,
    .short_text = "A secret was opened, and then an unlisted address contacted",
    .long_text =
        "A process opened a secret and at once talked to an address that the function has no business with: treat the "
        "secret as stolen. Revoke it now, look in the audit log of whatever it opens for its use since, and block the "
        "address.",
    .kinds = kKinds,
};

struct Reader {
    ProcessInfo process;
    std::string path;
    Nanoseconds time_ns = 0;
};

struct Known {
    std::vector<Reader> readers;
    std::vector<Endpoint> addresses;  // to which the sandbox talked, ports 0
};

class TokenEgress : public Detector {
public:
    [[nodiscard]] const RuleDescriptor& descriptor() const override { return kDescriptor; }

    [[nodiscard]] std::optional<Finding> on_event(const Observation& seen) override
    {
        if (!seen.sandbox || seen.by_runtime() || seen.policy->files.secrets.empty())
            return std::nullopt;
        if (const FileBody* file = file_act(seen, FNS_FILE_CLASS_SECRET)) {
            note(seen, *file);
            return std::nullopt;
        }
        const auto* socket = seen.event.as<SocketBody>();
        if (!socket || stays_inside(*socket) || is_declared_resolver(*seen.policy, socket->remote))
            return std::nullopt;
        Known& known = known_.get(seen.event.sandbox);
        const bool is_new = note_address(known, socket->remote);
        const Reader* reader = reader_of(known, seen);
        if (!reader || !is_suspicious(seen, *socket, is_new))
            return std::nullopt;
        const std::string remote = endpoint_text(socket->remote);
        Finding finding;
        finding.summary = actor_label(seen) + " opened the secret " + printable(reader->path) + " and " +
                          seconds_text(seen.event.time_ns - reader->time_ns) + " later talked to " + remote + " (" +
                          program_of(seen) + ")";
        finding.key = reader->path + " " + remote;
        finding.target.file = reader->path;
        finding.target.address = socket->remote.address_text();
        finding.target.port = socket->remote.port;
        return finding;
    }

    void on_sandbox_gone(SandboxId id) override { known_.erase(id); }
    [[nodiscard]] std::vector<TableStats> tables() const override { return {known_.stats()}; }

private:
    void note(const Observation& seen, const FileBody& file)
    {
        std::vector<Reader>& readers = known_.get(seen.event.sandbox).readers;
        if (readers.size() >= kReaders)
            readers.erase(readers.begin());
        readers.push_back({.process = seen.event.process, .path = file.path, .time_ns = seen.event.time_ns});
    }

    // True where it is new.
    static bool note_address(Known& known, Endpoint remote)
    {
        remote.port = 0;
        if (std::ranges::find(known.addresses, remote) != known.addresses.end())
            return false;
        if (known.addresses.size() >= kAddresses)
            known.addresses.erase(known.addresses.begin());
        known.addresses.push_back(remote);
        return true;
    }

    // The latest who read one within the window and is the actor, its parent or its child.
    static const Reader* reader_of(const Known& known, const Observation& seen)
    {
        const ProcessInfo& actor = seen.event.process;
        for (const Reader& reader : known.readers | std::views::reverse) {
            if (reader.time_ns + kWindow < seen.event.time_ns || reader.time_ns > seen.event.time_ns)
                continue;
            const ProcessInfo& process = reader.process;
            const bool siblings = process.parent_tgid == actor.parent_tgid && !is_first(seen, process.parent_tgid);
            if (is_same(process, actor) || siblings || process.tgid == actor.parent_tgid ||
                process.parent_tgid == actor.tgid)
                return &reader;
        }
        return nullptr;
    }

    static bool is_first(const Observation& seen, std::uint32_t tgid) { return seen.sandbox->root_tgid == tgid; }

    static bool is_suspicious(const Observation& seen, const SocketBody& socket, bool is_new)
    {
        const bool warm = seen.sandbox->warm();
        if (const auto& listed = warm ? seen.policy->egress.warm : seen.policy->egress.init)
            return is_unlisted(*seen.policy, *listed, socket);
        return warm && is_new && !is_first(seen, seen.event.process.tgid);
    }

    BoundedTable<SandboxId, Known> known_{"identity_token_egress_sandboxes", kSandboxes};
};

}  // namespace

std::unique_ptr<Detector> make_identity_token_egress()
{
    return std::make_unique<TokenEgress>();
}

}  // namespace fnshield::detect
