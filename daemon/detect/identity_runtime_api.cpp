// SPDX-License-Identifier: Apache-2.0
//
// identity.runtime_api (T1557): somebody else than the runtime asks the platform's runtime API for work.
//
// Signal: in a sandbox whose runtime talked to port 9001 of loopback (or of 169.254.100.1; the API of AWS Lambda and of
// what is built like it), a connect there by a process that is not one of those that did so in the beginning: while it
// starts, and for ten seconds after the first one of all, for emulators start the runtime with the first request. What
// a known client started, and is another program, is not let in even then. Why it works: who calls `next` gets the next
// caller's event, and who posts a response answers in the function's name; only the runtime and the extensions that
// registered in init do. False positives: extensions that registered in init, the runtime's threads and what it forked
// before; the same program of the same parent, which is a runtime that was started again, or the curl of a runtime that
// is a shell script; a sandbox in which nobody uses that API, where port 9001 is somebody's own. Gets past it: code in
// the runtime's own process, or a fork of it where it forks workers. Memory: BoundedTable of sandboxes, 16 processes
// each.
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <span>

#include "daemon/detect/bounded_table.h"
#include "daemon/detect/detectors.h"
#include "daemon/detect/egress_match.h"
#include "daemon/detect/same.h"
#include "daemon/detect/wording.h"

namespace fnshield::detect {
namespace {

constexpr std::uint16_t kPort = 9001;
constexpr std::size_t kClients = 16;
constexpr std::size_t kSandboxes = 16384;
constexpr Nanoseconds kFirst = 10 * kSecond;  // from the first contact of all
constexpr Nanoseconds kInit = 120 * kSecond;  // while it starts; one that never is ready starts for ever
constexpr std::array<std::uint8_t, 4> kLambda{169, 254, 100, 1};

constexpr std::array<std::string_view, 1> kTechniques{"T1557"};
constexpr std::array kKinds{EventKind::connect};

constexpr RuleDescriptor kDescriptor{
    .rule = "identity.runtime_api",
    .category = Category::identity,
    .severity = Severity::high,
    .techniques = kTechniques,
    .short_text = "A process other than the runtime talked to the runtime API",
    .long_text =
        "The runtime API hands out the events of the next callers and takes the answers to them. A process that was "
        "not "
        "there when the function started asked it. Freeze the sandbox: events that came after may have been read "
        "or answered by it. Extensions by design register while the function starts.",
    .kinds = kKinds,
};

struct Client {
    ProcessInfo info;
    std::string exe;
    Nanoseconds parent_start_ns = 0;  // with info.parent_tgid; 0 = not known
};

struct Clients {
    Nanoseconds first_ns = 0;
    std::vector<Client> known;
};

class RuntimeApi : public Detector {
public:
    [[nodiscard]] const RuleDescriptor& descriptor() const override { return kDescriptor; }

    [[nodiscard]] std::optional<Finding> on_event(const Observation& seen) override
    {
        const auto* socket = seen.event.as<SocketBody>();
        if (!socket || socket->remote.port != kPort || !is_api(socket->remote) || !seen.sandbox || seen.by_runtime())
            return std::nullopt;
        Clients* clients = clients_.find(seen.event.sandbox);
        if (!clients && !seen.sandbox->adopted) {
            clients = &clients_.get(seen.event.sandbox);
            clients->first_ns = seen.event.time_ns;
        }
        if (!clients || is_known(*clients, seen))
            return std::nullopt;
        if (is_learning(*clients, *seen.sandbox, seen.event.time_ns) && !is_program_of_client(*clients, seen)) {
            note(*clients, seen);
            return std::nullopt;
        }
        Finding finding;
        finding.summary = actor_label(seen) + ": " + program_of(seen) + " (pid " +
                          std::to_string(seen.event.process.tgid) + ") talked to the runtime API at " +
                          endpoint_text(socket->remote) + ", which only the runtime does";
        finding.key = program_of(seen);
        finding.target.address = socket->remote.address_text();
        finding.target.port = kPort;
        return finding;
    }

    void on_sandbox_gone(SandboxId id) override { clients_.erase(id); }
    [[nodiscard]] std::vector<TableStats> tables() const override { return {clients_.stats()}; }

private:
    static bool is_api(const Endpoint& remote)
    {
        return reaches_loopback(remote) ||
               (remote.family == AF_INET && std::ranges::equal(kLambda, std::span(remote.address).first<4>()));
    }

    static bool is_learning(const Clients& clients, const Sandbox& sandbox, Nanoseconds now)
    {
        const bool slept = sandbox.frozen_ns || (sandbox.thawed_ns && *sandbox.thawed_ns > clients.first_ns);
        return !slept && now < clients.first_ns + (sandbox.in_init() ? kInit : kFirst);
    }

    static bool is_known(const Clients& clients, const Observation& seen)
    {
        return std::ranges::any_of(clients.known, [&](const Client& one) {
            if (is_same(one.info, seen.event.process))
                return true;
            return seen.process && one.parent_start_ns != 0 && !one.exe.empty() && one.exe == seen.process->exe &&
                   one.parent_start_ns == seen.process->parent_start_ns &&
                   one.info.parent_tgid == seen.process->info.parent_tgid;
        });
    }

    // Started by a known client, or by what it started, and another program than it.
    static bool is_program_of_client(const Clients& clients, const Observation& seen)
    {
        if (!seen.process)
            return false;
        for (const Process* ancestor : seen.model.ancestors(*seen.process)) {
            const bool is_client = std::ranges::any_of(
                clients.known, [&](const Client& one) { return is_same(one.info, ancestor->info); });
            if (is_client)
                return ancestor->exe != seen.process->exe || ancestor->argv != seen.process->argv;
        }
        return false;
    }

    static void note(Clients& clients, const Observation& seen)
    {
        if (clients.known.size() >= kClients)
            return;
        Client client{.info = seen.event.process};
        if (seen.process) {
            client.exe = seen.process->exe;
            client.info.parent_tgid = seen.process->info.parent_tgid;
            client.parent_start_ns = seen.process->parent_start_ns;
        }
        clients.known.push_back(std::move(client));
    }

    BoundedTable<SandboxId, Clients> clients_{"identity_runtime_api_sandboxes", kSandboxes};
};

}  // namespace

std::unique_ptr<Detector> make_identity_runtime_api()
{
    return std::make_unique<RuntimeApi>();
}

}  // namespace fnshield::detect
