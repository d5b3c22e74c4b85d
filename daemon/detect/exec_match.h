// SPDX-License-Identifier: Apache-2.0
//
// Which programs a policy lists, and which execs are not the function's doing. Shared by the rules about exec.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "daemon/detect/detector.h"

namespace fnshield::detect {

// A glob of the list matches the path. /bin and /usr/bin (and sbin) are one folder to it, as on every merged-/usr
// system.
[[nodiscard]] bool lists_program(std::span<const std::string> globs, std::string_view path);

// The list allows the exec: it names the file that runs, or the file as the caller wrote it (a script, or a link such
// as /bin/sh → dash), or the interpreter as the script wrote it. What the caller wrote counts only for a file that has
// a name, was not named by a descriptor, is not in the writable layer, and where the text is an absolute path without
// `.` or `..`: then a function that could make such a name could as well put its program at a listed path.
[[nodiscard]] bool lists_exec(std::span<const std::string> globs, const ExecBody& exec);

// The entrant's own stages, and what an operator's or a probe's `runc exec` runs, with its children. A file that the
// function itself may have written (a memfd, an unlinked file, the writable layer) is not excused by who runs it: a
// probe that runs /app/health.sh runs what an attacker put there.
[[nodiscard]] bool is_operators_exec(const Observation& seen, const ExecBody& exec);

// "resize/i-1 ran /usr/bin/id while warm, from /bin/sh"; `when` is " while warm", `what` stands before the path. An
// exec that the kernel side refused "was kept from running".
[[nodiscard]] std::string exec_text(const Observation& seen, const ExecBody& exec, std::string_view when,
                                    std::string_view what = {});

// "/usr/bin/dash (for /app/run.sh)"
[[nodiscard]] std::string exec_label(const ExecBody& exec);

}  // namespace fnshield::detect
