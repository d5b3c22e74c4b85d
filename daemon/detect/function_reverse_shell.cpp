// SPDX-License-Identifier: Apache-2.0
//
// function.reverse_shell (T1059): a shell or interpreter whose standard input and output are a connection.
//
// Signal: an exec of a shell, or of a language's interpreter, with an IP socket as standard input and as output or
// error, connected to a peer; read from the kernel's table of the process's open files. Why it works: who types
// commands into a function from afar needs a program that reads them from the connection; redirections make it just
// this. False positives: a watchdog's pipes and socket pairs are no IP sockets; a handler that is started on a
// connection which the function accepted (inetd) has a local port on which the sandbox listens. Gets past it: a parent
// that copies between a connection and the shell's pipe or terminal (function.shell_spawned tells of that shell while
// warm, function.unexpected_egress of the contact), two separate sockets, and a program that is neither. Before ready
// as well as while warm. Memory: none.
#include <array>

#include "daemon/detect/detectors.h"
#include "daemon/detect/exec_match.h"
#include "daemon/detect/file_acts.h"
#include "daemon/detect/tool.h"
#include "daemon/detect/wording.h"

namespace fnshield::detect {
namespace {

constexpr std::array<std::string_view, 1> kTechniques{"T1059"};
constexpr std::array kKinds{EventKind::exec};

constexpr RuleDescriptor kDescriptor{
    .rule = "function.reverse_shell",
    .category = Category::function,
    .severity = Severity::critical,
    .techniques = kTechniques,
    .short_text = "A shell or interpreter has a connection as its input and output",
    .long_text =
        "Somebody at the other end of a connection types into a shell inside the function. Freeze the sandbox now, "
        "block "
        "the peer, and save what is there: the process, its files and its parents show how he came in. Treat the "
        "function's secrets as known to him.",
    .kinds = kKinds,
};

constexpr auto kInterpreters = std::to_array<std::string_view>(
    {"awk", "busybox", "gawk", "irb", "java", "lua", "mawk", "node", "perl", "php", "python", "ruby", "tclsh"});
static_assert(std::ranges::is_sorted(kInterpreters));

bool takes_commands(const ExecBody& exec)
{
    const std::string_view file = base_name(exec.path);
    const std::string_view family = file.substr(0, file.find_first_of("0123456789.-"));
    return is_shell(file) || is_shell(tool_of(exec).name) || is_one_of(kInterpreters, family);
}

class ReverseShell : public Detector {
public:
    [[nodiscard]] const RuleDescriptor& descriptor() const override { return kDescriptor; }

    [[nodiscard]] std::optional<Finding> on_event(const Observation& seen) override
    {
        const auto* exec = seen.event.as<ExecBody>();
        if (!exec || seen.event.sandbox == kHost || !exec->has(FNS_EXEC_STDIO_SOCKET) || !takes_commands(*exec))
            return std::nullopt;
        if (is_operators_exec(seen, *exec) ||
            (seen.sandbox && seen.sandbox->listening.contains(exec->stdio_local.port)))
            return std::nullopt;
        const std::string remote = endpoint_text(exec->stdio_remote);
        Finding finding;
        finding.summary = exec_text(seen, *exec, " with the connection to " + remote + " as its input and output");
        finding.key = remote;
        finding.target.address = exec->stdio_remote.address_text();
        finding.target.port = exec->stdio_remote.port;
        return finding;
    }
};

}  // namespace

std::unique_ptr<Detector> make_function_reverse_shell()
{
    return std::make_unique<ReverseShell>();
}

}  // namespace fnshield::detect
