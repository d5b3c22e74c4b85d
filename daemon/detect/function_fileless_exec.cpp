// SPDX-License-Identifier: Apache-2.0
//
// function.fileless_exec (T1620): a program runs that no name in the file system leads to.
//
// Signal: exec of a memfd, of an unlinked file, or of a file that was named by a descriptor (/proc/…/fd/N, /dev/fd/N,
// execveat with an empty path).
// Why it works: it is how a payload runs from a read-only root and leaves no file behind; the kernel's own file object
// says so, whatever the program calls itself.
// False positives: runc's re-exec before the workload is quiet; so is the first program that comes from outside while
// its root still is the host's (runc exec's stage, systemd's executor), and a sandbox's first program named by a
// descriptor to a file with a name: both are the runtime's doing. Not excused by coming from outside: a probe's path
// may be a link that the function laid to a memfd. Memory: none.
#include <array>

#include "daemon/detect/detectors.h"
#include "daemon/detect/exec_match.h"
#include "daemon/detect/wording.h"

namespace fnshield::detect {
namespace {

constexpr std::array<std::string_view, 1> kTechniques{"T1620"};
constexpr std::array kKinds{EventKind::exec};

constexpr RuleDescriptor kDescriptor{
    .rule = "function.fileless_exec",
    .category = Category::function,
    .severity = Severity::critical,
    .techniques = kTechniques,
    .short_text = "A program ran from memory, from an unlinked file or from a bare descriptor",
    .long_text =
        "Nothing that was deployed runs like this; malware does, to leave no file behind. Freeze the sandbox "
        "before it ends: the program exists only while it runs, and can be saved from /proc/PID/exe. Then "
        "look at the request or the package that brought it.",
    .kinds = kKinds,
};

constexpr std::uint32_t kFileless = FNS_EXEC_MEMFD | FNS_EXEC_UNLINKED | FNS_EXEC_PROC_FD;

bool is_runtimes_own(const ExecBody& exec)
{
    if (exec.has(FNS_EXEC_RUNTIME))
        return true;
    if (exec.has(FNS_EXEC_FROM_OUTSIDE) && exec.has(FNS_EXEC_HOST_ROOT))
        return true;
    return exec.has(FNS_EXEC_FIRST) && (exec.flags & kFileless) == FNS_EXEC_PROC_FD;
}

std::string_view file_text(const ExecBody& exec)
{
    if (exec.has(FNS_EXEC_MEMFD))
        return "a program from memory";
    return exec.has(FNS_EXEC_UNLINKED) ? "a program whose file is deleted" : "a program by its descriptor";
}

class FilelessExec : public Detector {
public:
    [[nodiscard]] const RuleDescriptor& descriptor() const override { return kDescriptor; }

    [[nodiscard]] std::optional<Finding> on_event(const Observation& seen) override
    {
        const auto* exec = seen.event.as<ExecBody>();
        if (!exec || seen.event.sandbox == kHost || (exec->flags & kFileless) == 0 || is_runtimes_own(*exec))
            return std::nullopt;
        Finding finding;
        finding.summary = exec_text(seen, *exec, {}, std::string(file_text(*exec)) + ": ");
        // Not the path: the name of a memfd is whatever its maker writes, and another one each time would be another
        // alert.
        finding.key = std::to_string(exec->flags & kFileless);
        finding.target.file = exec->path;
        return finding;
    }
};

}  // namespace

std::unique_ptr<Detector> make_function_fileless_exec()
{
    return std::make_unique<FilelessExec>();
}

}  // namespace fnshield::detect
