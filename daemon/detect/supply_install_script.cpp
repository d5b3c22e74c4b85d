// SPDX-License-Identifier: Apache-2.0
//
// supply.install_script (T1195.002): what a package manager or a compiler starts under a function talks to the network.
//
// Signal: connect or send by a process that is, or descends from, pip, npm, cargo, gcc, make and the like, to an
// address outside of the sandbox. Why it works: install scripts run with all that the function has, and are where a
// poisoned package acts first. False positives: declared builders: the exec list of the phase names the manager's file;
// an address that the egress list of the phase names (the registry). Gets past it: a process that its package manager
// did not wait for and that is known no more as its child (the model keeps the ancestry of what it saw). Memory: none.
#include <array>

#include "daemon/detect/detectors.h"
#include "daemon/detect/egress_match.h"
#include "daemon/detect/exec_match.h"
#include "daemon/detect/tool.h"
#include "daemon/detect/wording.h"

namespace fnshield::detect {
namespace {

constexpr std::array<std::string_view, 1> kTechniques{"T1195.002"};
constexpr std::array kKinds{EventKind::connect, EventKind::send};

constexpr RuleDescriptor kDescriptor{
    .rule = "supply.install_script",
    .category = Category::supply_chain,
    .severity = Severity::medium,
    .techniques = kTechniques,
    .short_text = "A package manager or compiler under a function talked to the network",
    .long_text =
        "Software was fetched or built inside a function, and something of it went to the network. Install scripts of "
        "packages run with the function's own rights and secrets. See which package it was (arguments and ancestors), "
        "and "
        "build images outside of the functions. A builder by design lists its tools in exec and its registry in "
        "egress of its policy.",
    .kinds = kKinds,
};

constexpr auto kBuilders = std::to_array<std::string_view>(
    {"apk",  "apt",  "apt-get", "cargo", "cc",       "cc1",   "cc1plus", "cmake",      "composer", "conda",      "dnf",
     "gem",  "go",   "gradle",  "make",  "mvn",      "ninja", "npm",     "npm-cli.js", "npx",      "npx-cli.js", "pip",
     "pip3", "pnpm", "poetry",  "rustc", "setup.py", "uv",    "yarn",    "yarn.js",    "yum"});
static_assert(std::ranges::is_sorted(kBuilders));

constexpr auto kCompilers = std::to_array<std::string_view>({"c++", "clang", "clang++", "g++", "gcc"});

// By its name, or as its file is called: gcc leads to "x86_64-linux-gnu-gcc-12".
bool is_compiler(std::string_view name)
{
    name = without_version(name);
    return std::ranges::any_of(kCompilers, [&](std::string_view compiler) {
        return name.ends_with(compiler) &&
               (name.size() == compiler.size() || name[name.size() - compiler.size() - 1] == '-');
    });
}

// The builder among a process's own program and its ancestors', nearest first.
std::string builder_of(const Observation& seen)
{
    for (const Process* process : seen.model.ancestors(*seen.process)) {
        if (process->sandbox != seen.event.sandbox)
            break;
        const std::string_view name = tool_of(*process).name;
        if (is_one_of(kBuilders, name) || name.starts_with("pip3.") || is_compiler(name))
            return process->from_outside ? std::string{} : std::string(name);
    }
    return {};
}

bool is_declared(const Observation& seen, const SocketBody& socket)
{
    const bool warm = seen.sandbox->warm();
    const auto& programs = warm ? seen.policy->exec.warm : seen.policy->exec.init;
    if (programs && lists_program(*programs, seen.process->exe))
        return true;
    const auto& egress = warm ? seen.policy->egress.warm : seen.policy->egress.init;
    return egress && !is_unlisted(*seen.policy, *egress, socket);
}

class InstallScript : public Detector {
public:
    [[nodiscard]] const RuleDescriptor& descriptor() const override { return kDescriptor; }

    [[nodiscard]] std::optional<Finding> on_event(const Observation& seen) override
    {
        const auto* socket = seen.event.as<SocketBody>();
        if (!socket || !seen.sandbox || !seen.process || seen.by_runtime() || stays_inside(*socket))
            return std::nullopt;
        if (is_declared_resolver(*seen.policy, socket->remote) || is_declared(seen, *socket))
            return std::nullopt;
        const std::string builder = builder_of(seen);
        if (builder.empty())
            return std::nullopt;
        const std::string remote = endpoint_text(socket->remote);
        Finding finding;
        finding.summary =
            actor_label(seen) + " talked to " + remote + " from " + builder + " (" + program_of(seen) + ")";
        finding.key = builder;
        finding.target.address = socket->remote.address_text();
        finding.target.port = socket->remote.port;
        return finding;
    }
};

}  // namespace

std::unique_ptr<Detector> make_supply_install_script()
{
    return std::make_unique<InstallScript>();
}

}  // namespace fnshield::detect
