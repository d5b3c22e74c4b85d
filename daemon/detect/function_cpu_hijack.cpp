// SPDX-License-Identifier: Apache-2.0
//
// function.cpu_hijack (T1496.001): a sandbox computes for somebody else.
//
// Signal: for 20 s on end a warm sandbox takes nine tenths of its CPU limit, or of one CPU, while it serves nobody, and
// a process that still lives has what a miner needs: a TCP connection out of the sandbox that no list names, a program
// that the function wrote itself (a memfd, an unlinked file, a scratch folder, the writable layer), or, where requests
// can be seen, a program that was started while warm and is not listed. Why it works: a function is paid for answers;
// who has stolen one has none to give and wants the time between. A request counts as being served for five minutes
// after its connection was accepted. False positives: inference between accept and response, the start, the first 30 s
// after ready (models that are loaded late) and a sandbox in use when the daemon came. A connection that is kept open
// carries requests that nobody sees: list the function's backends, or its workers, in its policy. Gets past it: a miner
// that takes less, that has a request sent every five minutes, or that talks through a listed proxy. Memory:
// BoundedTable of sandboxes, 8 events each.
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>

#include "daemon/detect/bounded_table.h"
#include "daemon/detect/detectors.h"
#include "daemon/detect/egress_match.h"
#include "daemon/detect/exec_match.h"
#include "daemon/detect/same.h"
#include "daemon/detect/wording.h"

namespace fnshield::detect {
namespace {

constexpr Nanoseconds kSustained = 20 * kSecond;
constexpr Nanoseconds kServing = 300 * kSecond;
constexpr Nanoseconds kSettling = 30 * kSecond;
constexpr std::size_t kKept = 8;
constexpr std::size_t kSandboxes = 4096;
constexpr std::uint32_t kNameless = FNS_EXEC_MEMFD | FNS_EXEC_UNLINKED | FNS_EXEC_SCRATCH;

constexpr std::array<std::string_view, 1> kTechniques{"T1496.001"};
constexpr std::array kKinds{EventKind::usage, EventKind::connect, EventKind::exec};

constexpr RuleDescriptor kDescriptor{
    .rule = "function.cpu_hijack",
    .category = Category::function,
    .severity = Severity::medium,
    .techniques = kTechniques,
    .short_text = "A sandbox used a CPU to the full while it served no request",
    .long_text =
        "No connection was accepted for minutes, and yet the sandbox computes at its limit, with a connection or a "
        "program that its policy does not name: cryptocurrency miners look like this. The kernel sees connections and "
        "not requests: a caller that keeps one open looks idle here, and so does a job that the function fetches for "
        "itself. Look at what the named process is. If it belongs there, list its peer in egress.warm or its program "
        "in exec.warm of the policy.",
    .kinds = kKinds,
};

enum class Sign : std::uint8_t { contact, own_program, started };

struct Evidence {
    Sign sign = Sign::contact;
    std::string text;
    Event event;
};

struct Box {
    std::vector<Evidence> evidence;  // the oldest first
    Nanoseconds busy_ns = 0;         // on end
    Nanoseconds cpu_ns = 0;          // taken meanwhile
    bool told = false;
};

bool is_of(const Evidence& one, const ProcessInfo& process, bool by_exec)
{
    return is_same(one.event.process, process) && by_exec == (one.sign != Sign::contact);
}

std::string cpus_text(Nanoseconds cpu_ns, Nanoseconds period_ns)
{
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%.2f CPUs", to_seconds(cpu_ns) / to_seconds(period_ns));
    return text.data();
}

bool is_busy(const UsageBody& usage)
{
    const double most = std::min(usage.cpu_limit.value_or(1.0), 1.0);
    return usage.period_ns > 0 && to_seconds(usage.cpu_ns) >= 0.9 * most * to_seconds(usage.period_ns);
}

// Until then it may be serving, or starting still.
Nanoseconds idle_since(const Sandbox& sandbox)
{
    const Nanoseconds begun = *sandbox.ready_ns + (sandbox.adopted ? kServing : kSettling);
    return sandbox.request_ns ? std::max(begun, *sandbox.request_ns + kServing) : begun;
}

bool is_foreign(const Observation& seen, const SocketBody& socket)
{
    const bool tried_only = socket.result < 0 && socket.result != -EINPROGRESS;
    if (socket.type != SOCK_STREAM || tried_only || socket.remote.port == 53 || stays_inside(socket))
        return false;
    const bool warm = seen.sandbox->warm();
    const auto& listed = warm ? seen.policy->egress.warm : seen.policy->egress.init;
    return listed ? is_unlisted(*seen.policy, *listed, socket) : warm;
}

std::optional<Sign> sign_of(const Observation& seen, const ExecBody& exec)
{
    const auto& listed = seen.policy->exec.warm;
    const bool warm = seen.sandbox->warm();
    if (exec.has(FNS_EXEC_FIRST) || is_operators_exec(seen, exec) || (listed && lists_exec(*listed, exec)))
        return std::nullopt;
    const bool own_layer = exec.has(FNS_EXEC_UPPER_LAYER) || exec.writer.sandbox == seen.event.sandbox;
    if ((exec.flags & kNameless) != 0 || (warm && own_layer))
        return Sign::own_program;
    return warm ? std::optional(Sign::started) : std::nullopt;
}

class CpuHijack : public Detector {
public:
    [[nodiscard]] const RuleDescriptor& descriptor() const override { return kDescriptor; }

    [[nodiscard]] std::optional<Finding> on_event(const Observation& seen) override
    {
        if (!seen.sandbox)
            return std::nullopt;
        if (const auto* usage = seen.event.as<UsageBody>())
            return on_usage(seen, *usage);
        if (seen.by_runtime() || seen.event.has(FNS_FLAG_DENIED) || seen.event.process.tgid == 0 ||
            (seen.process && seen.process->from_outside))
            return std::nullopt;
        const auto* socket = seen.event.as<SocketBody>();
        if (socket && is_foreign(seen, *socket))
            keep(seen, Sign::contact, " is connected to " + endpoint_text(socket->remote), program_of(seen));
        if (const auto* exec = seen.event.as<ExecBody>())
            on_exec(seen, *exec);
        return std::nullopt;
    }

    void on_sandbox_gone(SandboxId id) override { boxes_.erase(id); }
    [[nodiscard]] std::vector<TableStats> tables() const override { return {boxes_.stats()}; }

private:
    void on_exec(const Observation& seen, const ExecBody& exec)
    {
        if (Box* box = boxes_.find(seen.event.sandbox))  // it is another program now
            std::erase_if(box->evidence, [&](const auto& one) { return is_of(one, seen.event.process, true); });
        if (const auto sign = sign_of(seen, exec))
            keep(seen, *sign,
                 *sign == Sign::own_program ? " was put there by the function" : " was started after it was ready",
                 printable(exec.path));
    }

    void keep(const Observation& seen, Sign sign, const std::string& what, const std::string& program)
    {
        auto& all = boxes_.get(seen.event.sandbox).evidence;
        std::erase_if(all, [&](const auto& one) { return is_of(one, seen.event.process, sign != Sign::contact); });
        if (all.size() >= kKept)
            all.erase(all.begin());
        all.push_back({sign, program + " (pid " + std::to_string(seen.event.process.tgid) + ")" + what, seen.event});
    }

    std::optional<Finding> on_usage(const Observation& seen, const UsageBody& usage)
    {
        Box* box = boxes_.find(seen.event.sandbox);
        if (!box)
            return std::nullopt;  // nothing speaks against it
        const Sandbox& sandbox = *seen.sandbox;
        const Nanoseconds now = seen.event.time_ns;
        if (!sandbox.warm() || !is_busy(usage) || now < idle_since(sandbox) + usage.period_ns) {
            box->busy_ns = box->cpu_ns = 0;
            box->told = false;
            return std::nullopt;
        }
        box->busy_ns += usage.period_ns;
        box->cpu_ns += usage.cpu_ns;
        if (box->told || box->busy_ns < kSustained)
            return std::nullopt;
        const Evidence* sign = living_sign(seen, *box);
        if (!sign)
            return std::nullopt;
        box->told = true;
        return make_finding(seen, *box, *sign);
    }

    // Where no port is known to be listened on, no request can be seen, and only a program of its own making tells.
    static const Evidence* living_sign(const Observation& seen, const Box& box)
    {
        const Evidence* best = nullptr;
        for (const Evidence& one : box.evidence) {
            const Process* process = seen.model.process(one.event.process.tgid, one.event.process.start_ns);
            if (!process || process->exited || (one.sign != Sign::own_program && seen.sandbox->listening.empty()))
                continue;
            if (!best || one.sign == Sign::own_program)
                best = &one;
        }
        return best;
    }

    static Finding make_finding(const Observation& seen, const Box& box, const Evidence& sign)
    {
        Finding finding;
        finding.summary = sandbox_label(seen.sandbox, seen.event.sandbox) + " used " +
                          cpus_text(box.cpu_ns, box.busy_ns) + " for " + seconds_text(box.busy_ns) +
                          " while it served no request: " + sign.text;
        finding.key = "cpu";
        if (const auto* socket = sign.event.as<SocketBody>()) {
            finding.target.address = socket->remote.address_text();
            finding.target.port = socket->remote.port;
        } else if (const auto* exec = sign.event.as<ExecBody>()) {
            finding.target.file = exec->path;
        }
        finding.earlier_evidence.push_back(sign.event);
        return finding;
    }

    BoundedTable<SandboxId, Box> boxes_{"function_cpu_hijack_sandboxes", kSandboxes};
};

}  // namespace

std::unique_ptr<Detector> make_function_cpu_hijack()
{
    return std::make_unique<CpuHijack>();
}

}  // namespace fnshield::detect
