// SPDX-License-Identifier: Apache-2.0
//
// See wording.h.
#include "daemon/detect/wording.h"

#include <cstdio>
#include <system_error>

namespace fnshield::detect {
namespace {

constexpr std::size_t kPrintableBytes = 256;

std::string process_label(const ProcessInfo& info, const Process* process)
{
    const std::string_view program = process && !process->exe.empty() ? process->exe : info.comm;
    return printable(program.empty() ? "unknown" : program) + " (pid " + std::to_string(info.tgid) + ")";
}

std::string_view state_adjective(const Sandbox& sandbox)
{
    if (sandbox.state == SandboxState::frozen)
        return "frozen ";
    if (sandbox.state == SandboxState::gone)
        return "ended ";
    if (sandbox.warm())
        return "warm ";
    return sandbox.in_init() ? "starting " : "";
}

}  // namespace

std::string printable(std::string_view text)
{
    std::string clean(text.substr(0, kPrintableBytes));
    unsigned char before = 0;
    for (char& c : clean) {
        const auto byte = static_cast<unsigned char>(c);
        const bool c1_control = before == 0xc2 && byte >= 0x80 && byte < 0xa0;  // U+0080 to U+009F in UTF-8
        if (byte < 0x20 || byte == 0x7f || c1_control)
            c = '?';
        before = byte;
    }
    if (text.size() > kPrintableBytes)
        clean += "…";
    return clean;
}

std::string sandbox_label(const Sandbox* sandbox, SandboxId id)
{
    if (sandbox) {
        if (const std::string name = sandbox->name.display(); !name.empty())
            return printable(name);
        if (!sandbox->cgroup.empty())
            return printable(sandbox->cgroup);
    }
    return "sandbox " + std::to_string(id);
}

std::string actor_label(const Observation& seen)
{
    if (seen.event.sandbox == kHost)
        return "host process " + program_of(seen) + " (pid " + std::to_string(seen.event.process.tgid) + ")";
    return sandbox_label(seen.sandbox, seen.event.sandbox);
}

std::string target_label(const Observation& seen)
{
    const auto target = target_of(seen.event);
    if (!target)
        return "nobody";
    if (target->sandbox == kHost && target->process.tgid == 0)
        return "a process that cannot be told";
    if (target->sandbox == kHost)
        return "host process " + process_label(target->process, seen.target_process);
    const std::string label = sandbox_label(seen.target_sandbox, target->sandbox);
    const std::string state(seen.target_sandbox ? state_adjective(*seen.target_sandbox) : "");
    return state + (label.starts_with("sandbox ") ? "" : "sandbox ") + label;
}

std::string program_of(const Observation& seen)
{
    if (seen.process && !seen.process->exe.empty())
        return printable(seen.process->exe);
    const auto* memory = seen.event.as<MemoryBody>();
    return printable(memory && !memory->actor_exe.empty() ? memory->actor_exe : seen.event.process.comm);
}

std::string parent_program_of(const Observation& seen)
{
    if (!seen.process)
        return {};
    const auto lineage = seen.model.ancestors(*seen.process, 2);  // itself first
    return lineage.size() < 2 ? std::string{} : printable(lineage[1]->exe);
}

std::string failure_text(bool failed, std::int64_t result)
{
    if (!failed)
        return {};
    if (result >= 0 || result < -4095)  // the kernel's range of errors; anything else is no errno
        return ": it failed";
    return ": " + std::generic_category().message(static_cast<int>(-result));
}

std::string endpoint_text(const Endpoint& endpoint)
{
    std::string text = endpoint.address_text();
    if (text.empty())
        text = "an unknown address";
    if (endpoint.port == 0)
        return text;
    if (text.find(':') != std::string::npos)
        text = "[" + text + "]";
    return text + ":" + std::to_string(endpoint.port);
}

std::string seconds_text(Nanoseconds duration_ns)
{
    char text[32];
    std::snprintf(text, sizeof text, "%.2f s", to_seconds(duration_ns));
    return text;
}

}  // namespace fnshield::detect
