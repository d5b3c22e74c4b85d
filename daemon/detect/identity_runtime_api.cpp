// SPDX-License-Identifier: Apache-2.0
//
// identity.runtime_api (T1557): somebody else than the runtime asks the platform's runtime API for work.
//
// Signal: in a sandbox whose runtime talked to 127.0.0.1:9001 before it was ready or served (the API of AWS Lambda and
// of what is built like it), a connect there, later, by a process that is not one of those. Why it works: who calls
// `next` gets the next caller's event, and who posts a response answers in the function's name; only the runtime and
// the extensions that registered in init do. False positives: extensions that registered in init, the runtime's threads
// and what it forked before; a sandbox in which nobody uses that API, where port 9001 is somebody's own. Gets past it:
// code in the runtime's own process. Memory: BoundedTable of sandboxes, 16 processes each.
#include <algorithm>
#include <array>

#include "daemon/detect/bounded_table.h"
#include "daemon/detect/detectors.h"
#include "daemon/detect/wording.h"

namespace fnshield::detect {
namespace {

constexpr std::uint16_t kPort = 9001;
constexpr std::size_t kClients = 16;
constexpr std::size_t kSandboxes = 16384;
constexpr Nanoseconds kInit = 10 * kSecond;  // from the workload's first exec, in which extensions register

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

struct Clients {
    std::vector<ProcessInfo> known;
};

class RuntimeApi : public Detector {
public:
    [[nodiscard]] const RuleDescriptor& descriptor() const override { return kDescriptor; }

    [[nodiscard]] std::optional<Finding> on_event(const Observation& seen) override
    {
        const auto* socket = seen.event.as<SocketBody>();
        if (!socket || socket->remote.port != kPort || !socket->remote.is_loopback() || !seen.sandbox ||
            seen.by_runtime())
            return std::nullopt;
        Clients* clients = clients_.find(seen.event.sandbox);
        if (starts(*seen.sandbox, seen.event.time_ns)) {
            note(clients ? *clients : clients_.get(seen.event.sandbox), seen.event.process);
            return std::nullopt;
        }
        if (!clients || is_known(*clients, seen.event.process))
            return std::nullopt;
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
    static bool starts(const Sandbox& sandbox, Nanoseconds now)
    {
        return !sandbox.adopted && (sandbox.in_init() || (sandbox.started_ns && now < *sandbox.started_ns + kInit)) &&
               !sandbox.frozen_ns && !sandbox.thawed_ns;
    }

    static bool is_known(const Clients& clients, const ProcessInfo& process)
    {
        return std::ranges::any_of(clients.known, [&](const ProcessInfo& one) {
            return one.tgid == process.tgid && one.start_ns == process.start_ns;
        });
    }

    static void note(Clients& clients, const ProcessInfo& process)
    {
        if (!is_known(clients, process) && clients.known.size() < kClients)
            clients.known.push_back(process);
    }

    BoundedTable<SandboxId, Clients> clients_{"identity_runtime_api_sandboxes", kSandboxes};
};

}  // namespace

std::unique_ptr<Detector> make_identity_runtime_api()
{
    return std::make_unique<RuntimeApi>();
}

}  // namespace fnshield::detect
