// SPDX-License-Identifier: Apache-2.0
//
// See exec_match.h.
#include "daemon/detect/exec_match.h"

#include <algorithm>

#include "daemon/detect/wording.h"

namespace fnshield::detect {
namespace {

constexpr std::uint32_t kOwnFile = FNS_EXEC_MEMFD | FNS_EXEC_UNLINKED | FNS_EXEC_UPPER_LAYER;

bool matches_any(std::span<const std::string> globs, std::string_view path)
{
    return std::ranges::any_of(globs, [&](const std::string& glob) { return glob_match(glob, path); });
}

// Absolute, without empty segments, `.` or `..`. One that may have been cut could hide them.
bool is_plain_absolute(std::string_view path)
{
    if (!path.starts_with('/') || path.size() >= FNS_PATH_BYTES - 1)
        return false;
    while (!path.empty()) {
        path.remove_prefix(1);
        const std::string_view segment = path.substr(0, path.find('/'));
        if (segment.empty() || segment == "." || segment == "..")
            return false;
        path.remove_prefix(segment.size());
    }
    return true;
}

}  // namespace

bool lists_program(std::span<const std::string> globs, std::string_view path)
{
    if (matches_any(globs, path))
        return true;
    if (path.starts_with("/usr/bin/") || path.starts_with("/usr/sbin/"))
        return matches_any(globs, path.substr(4));
    if (path.starts_with("/bin/") || path.starts_with("/sbin/"))
        return matches_any(globs, "/usr" + std::string(path));
    return false;
}

bool lists_exec(std::span<const std::string> globs, const ExecBody& exec)
{
    if (exec.flags & (FNS_EXEC_MEMFD | FNS_EXEC_UNLINKED))
        return false;  // its path is text that leads nowhere
    if (lists_program(globs, exec.path))
        return true;
    if (exec.flags & (kOwnFile | FNS_EXEC_PROC_FD))
        return false;
    if (is_plain_absolute(exec.filename) && lists_program(globs, exec.filename))
        return true;
    // For a script the kernel itself puts the interpreter, as the script names it, into argv[0].
    return exec.has(FNS_EXEC_SCRIPT) && !exec.argv.empty() && is_plain_absolute(exec.argv.front()) &&
           lists_program(globs, exec.argv.front());
}

bool is_operators_exec(const Observation& seen, const ExecBody& exec)
{
    if (exec.has(FNS_EXEC_RUNTIME))
        return true;
    const bool from_outside = exec.has(FNS_EXEC_FROM_OUTSIDE) || (seen.process && seen.process->from_outside);
    return from_outside && (exec.flags & kOwnFile) == 0;
}

std::string exec_text(const Observation& seen, const ExecBody& exec, std::string_view when, std::string_view what)
{
    const bool denied = seen.event.has(FNS_FLAG_DENIED);
    std::string text = actor_label(seen) + (denied ? " was kept from running " : " ran ");
    text.append(what).append(exec_label(exec)).append(when);
    // Of an exec that was refused, the process still is the program that tried it.
    const std::string by = denied ? program_of(seen) : parent_program_of(seen);
    return by.empty() ? text : text + ", from " + by;
}

std::string exec_label(const ExecBody& exec)
{
    std::string label = printable(exec.path);
    if (exec.has(FNS_EXEC_SCRIPT) && exec.filename != exec.path)
        label += " (for " + printable(exec.filename) + ")";
    return label;
}

}  // namespace fnshield::detect
