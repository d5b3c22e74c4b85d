// SPDX-License-Identifier: Apache-2.0
//
// Which tool an exec starts, by the names that tools are known by: the file that runs, the applet of a busybox, the
// script or module that an interpreter was given, the program that the dynamic loader was. Shared by the rules that
// know tools by name. A renamed file gets past a name; those rules are for tools that an attacker finds in the image,
// and what he brings along others tell of.
#pragma once

#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <string_view>

#include "daemon/detect/detector.h"

namespace fnshield::detect {

struct Tool {
    std::string_view name;                   // "pip", "grep", "kubectl": no folder, no version behind it
    std::span<const std::string> arguments;  // behind the name; both point into what they are of
};

[[nodiscard]] Tool tool_of(const ExecBody& exec);
// The program that a process runs.
[[nodiscard]] Tool tool_of(const Process& process);

// "python3.11" → "python", "perl5.36" → "perl"; a name that is a version alone stays as it is.
[[nodiscard]] std::string_view without_version(std::string_view name);

// sh, bash, dash and the like, by the file's name, or the applet of a busybox. Not a shell that was given a file to run
// instead of commands: that is a script, and has its own name.
[[nodiscard]] bool is_shell(std::string_view name);

// A shell that was given what the platform module of Python before 3.8 and ctypes.util ask of one, word for word: which
// processor, which libraries.
[[nodiscard]] bool is_pythons_question(const Tool& shell);

// The family of an interpreter without its version: python, node, perl, …; what tool_of() answers where one was given
// code, or nothing.
[[nodiscard]] bool is_interpreter(std::string_view name);

// One file under many names, by the file's name: busybox, toybox, the coreutils of small images.
[[nodiscard]] bool is_multi_call(std::string_view file);

// An exec by the function itself while it is warm, which the policy's exec.warm does not list; else null. What comes
// from outside (probes, `docker exec`) is the operator's.
[[nodiscard]] const ExecBody* undeclared_warm_exec(const Observation& seen);

// "resnet/i-4 ran <what>: /usr/bin/dash while warm, from /usr/bin/node". Its target is the file; `key` as in Finding.
[[nodiscard]] Finding make_warm_exec_finding(const Observation& seen, const ExecBody& exec, std::string_view what,
                                             std::string_view key);

template <std::size_t N>
[[nodiscard]] bool is_one_of(const std::array<std::string_view, N>& sorted, std::string_view name)
{
    return std::ranges::binary_search(sorted, name);
}

}  // namespace fnshield::detect
