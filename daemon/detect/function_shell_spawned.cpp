// SPDX-License-Identifier: Apache-2.0
//
// function.shell_spawned (T1059.004): a function that serves starts a shell, or a tool by which one looks around.
//
// Signal: an exec while warm, by the function itself, of a shell or of id, whoami, ps, ss, ip, nc and the like, by the
// file's name, a busybox's applet, or a script that a shell runs. Why it works: a handler computes its answer; who came
// in by an injected command gets a shell first, and asks where he is. False positives: what exec.warm of the policy
// lists (declared handlers); what comes from outside (probes, `docker exec`); what Python's ctypes and platform modules
// call: ldconfig, gcc and uname are no shells and not in the list, and the `sh -c` in which older versions wrap them is
// known by its exact words. A handler that is a shell script, or uses system(), has to be listed. Gets past it: a shell
// that was copied to another name (where it lies in the writable layer, supply.masquerade and function.residual_exec
// look), and code that looks around in the serving process itself. Memory: none.
#include <array>

#include "daemon/detect/detectors.h"
#include "daemon/detect/file_acts.h"
#include "daemon/detect/tool.h"

namespace fnshield::detect {
namespace {

constexpr std::array<std::string_view, 1> kTechniques{"T1059.004"};
constexpr std::array kKinds{EventKind::exec};

constexpr std::array<std::string_view, 8> kYieldsTo{
    "function.reverse_shell",  "function.download_exec",    "function.fileless_exec", "function.residual_exec",
    "function.undead_process", "identity.environment_read", "model.unsafe_load",      "supply.masquerade"};

constexpr RuleDescriptor kDescriptor{
    .rule = "function.shell_spawned",
    .category = Category::function,
    .severity = Severity::high,
    .techniques = kTechniques,
    .short_text = "A warm function started a shell or a tool for looking around",
    .long_text =
        "A function that serves started a shell, or a program that tells who and where one is. This is how an injected "
        "command looks. Read its arguments, and look at the request that was served then and at what followed "
        "(`fnshield timeline`). If the handler is a shell script or calls system() by design, list the shell in "
        "exec.warm of its policy.",
    .kinds = kKinds,
    .yields_to = kYieldsTo,
};

constexpr auto kLookingAround = std::to_array<std::string_view>(
    {"arp",    "capsh", "findmnt", "getcap", "groups",  "id",     "ifconfig", "ip",  "last",
     "lsof",   "nc",    "ncat",    "netcat", "netstat", "nmap",   "nsenter",  "ps",  "route",
     "script", "socat", "ss",      "su",     "sudo",    "telnet", "w",        "who", "whoami"});
static_assert(std::ranges::is_sorted(kLookingAround));

class ShellSpawned : public Detector {
public:
    [[nodiscard]] const RuleDescriptor& descriptor() const override { return kDescriptor; }

    [[nodiscard]] std::optional<Finding> on_event(const Observation& seen) override
    {
        const ExecBody* exec = undeclared_warm_exec(seen);
        if (!exec)
            return std::nullopt;
        const Tool tool = tool_of(*exec);
        const bool shell = is_shell(tool.name) || is_shell(base_name(exec->path));
        if (!shell && !is_one_of(kLookingAround, tool.name))
            return std::nullopt;
        if (is_pythons_question(tool))
            return std::nullopt;
        return make_warm_exec_finding(seen, *exec, shell ? "a shell" : "", exec->path);
    }
};

}  // namespace

std::unique_ptr<Detector> make_function_shell_spawned()
{
    return std::make_unique<ShellSpawned>();
}

}  // namespace fnshield::detect
