// SPDX-License-Identifier: Apache-2.0
//
// function.runtime_swap (T1574, T1554): another program takes the serving process's place.
//
// Signal: while warm, the process that made the sandbox ready runs another file than it did then; or a process that was
// started after ready listens on the port that made it ready. Why it works: who owns the port sees every request that
// comes after, also those of other callers; the kernel says which process listens and which file it runs. False
// positives: supervisors that start the same program with the same arguments again; SO_REUSEPORT workers forked before
// ready; what comes from outside. Gets past it: code that is put into the serving process itself, a fork of it without
// an exec, and one that takes over the listening descriptor without a listen of its own. Memory: BoundedTable of
// sandboxes.
#include <array>

#include "daemon/detect/bounded_table.h"
#include "daemon/detect/detectors.h"
#include "daemon/detect/exec_match.h"
#include "daemon/detect/same.h"
#include "daemon/detect/wording.h"

namespace fnshield::detect {
namespace {

constexpr std::size_t kSandboxes = 16384;

constexpr std::array<std::string_view, 2> kTechniques{"T1574", "T1554"};
constexpr std::array kKinds{EventKind::listen, EventKind::exec};

constexpr RuleDescriptor kDescriptor{
    .rule = "function.runtime_swap",
    .category = Category::function,
    .severity = Severity::critical,
    .techniques = kTechniques,
    .short_text = "The serving process was replaced, or another one listens on the function's port",
    .long_text =
        "Whoever listens on the function's port gets the requests of all callers from now on. Take the sandbox out of "
        "the "
        "platform's rotation, freeze it, and compare the program that serves now with the image's. Requests since the "
        "alert were served by it.",
    .kinds = kKinds,
};

struct Server {
    ProcessInfo process;
    std::string exe;
    Argv argv;
    std::uint16_t port = 0;
};

class RuntimeSwap : public Detector {
public:
    [[nodiscard]] const RuleDescriptor& descriptor() const override { return kDescriptor; }

    [[nodiscard]] std::optional<Finding> on_event(const Observation& seen) override
    {
        if (!seen.sandbox || !seen.process || seen.by_runtime() || seen.process->from_outside)
            return std::nullopt;
        return seen.event.kind == EventKind::listen ? on_listen(seen) : on_exec(seen);
    }

    void on_sandbox_gone(SandboxId id) override { servers_.erase(id); }
    [[nodiscard]] std::vector<TableStats> tables() const override { return {servers_.stats()}; }

private:
    std::optional<Finding> on_listen(const Observation& seen)
    {
        const auto* socket = seen.event.as<SocketBody>();
        if (!socket || socket->local.port == 0)
            return std::nullopt;
        const Server* server = servers_.find(seen.event.sandbox);
        if (!server || seen.sandbox->ready_ns == seen.event.time_ns) {
            note(seen, socket->local.port);
            return std::nullopt;
        }
        if (!seen.sandbox->warm() || socket->local.port != server->port || runs_the_same(*server, *seen.process))
            return std::nullopt;
        if (seen.process->info.start_ns <= *seen.sandbox->ready_ns && !is_same(server->process, seen.event.process))
            return std::nullopt;
        Finding finding;
        finding.summary = actor_label(seen) + ": " + program_of(seen) + " listens on port " +
                          std::to_string(server->port) + ", on which " + printable(server->exe) + " served";
        finding.key = seen.process->exe;
        finding.target.file = seen.process->exe;
        finding.target.port = server->port;
        return finding;
    }

    // The first that listens, and then the one whose listen made the sandbox ready. Where the start was not seen,
    // nobody knows who served.
    void note(const Observation& seen, std::uint16_t port)
    {
        if (seen.sandbox->adopted)
            return;
        servers_.get(seen.event.sandbox) = {
            .process = seen.event.process, .exe = seen.process->exe, .argv = seen.process->argv, .port = port};
    }

    // As a supervisor starts it again.
    static bool runs_the_same(const Server& server, const Process& process)
    {
        return process.exe == server.exe && process.argv == server.argv;
    }

    std::optional<Finding> on_exec(const Observation& seen)
    {
        const auto* exec = seen.event.as<ExecBody>();
        const Server* server = servers_.find(seen.event.sandbox);
        if (!exec || !server || !seen.sandbox->warm() || !is_same(server->process, seen.event.process))
            return std::nullopt;
        if (exec->path == server->exe || seen.event.has(FNS_FLAG_DENIED))
            return std::nullopt;
        Finding finding;
        finding.summary = actor_label(seen) + ": the serving process " + printable(server->exe) + " became " +
                          exec_label(*exec) + " (pid " + std::to_string(server->process.tgid) + ")";
        finding.key = exec->path;
        finding.target.file = exec->path;
        finding.target.port = server->port;
        return finding;
    }

    BoundedTable<SandboxId, Server> servers_{"function_runtime_swap_sandboxes", kSandboxes};
};

}  // namespace

std::unique_ptr<Detector> make_function_runtime_swap()
{
    return std::make_unique<RuntimeSwap>();
}

}  // namespace fnshield::detect
