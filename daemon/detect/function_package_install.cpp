// SPDX-License-Identifier: Apache-2.0
//
// function.package_install (T1072): a function that serves installs software.
//
// Signal: an exec while warm of pip, npm, apt and the like with a word that installs or downloads, by the file's name,
// as a script (`python3 /usr/bin/pip`) or a module (`python3 -m pip`). Why it works: a deployed function has what it
// needs; what is fetched while it serves nobody has reviewed. False positives: `pip list`, `npm run`: words that
// install nothing; before ready (a dev image); what exec.warm of the policy lists; what comes from outside. Gets past
// it: an installer's library called from the serving process (`pip._internal`), and files that are unpacked by hand,
// which supply.code_drop sees where the policy lists the folder. Memory: none.
#include <array>

#include "daemon/detect/detectors.h"
#include "daemon/detect/tool.h"

namespace fnshield::detect {
namespace {

constexpr std::array<std::string_view, 1> kTechniques{"T1072"};
constexpr std::array kKinds{EventKind::exec};

constexpr RuleDescriptor kDescriptor{
    .rule = "function.package_install",
    .category = Category::function,
    .severity = Severity::medium,
    .techniques = kTechniques,
    .short_text = "A warm function installed software",
    .long_text =
        "A function that serves ran a package manager to install something. What it fetches nobody has reviewed, and "
        "it "
        "stays for the requests that follow. See what was installed (its arguments), end the sandbox, and put what "
        "the function needs into its image. If it is a builder by design, list the program in exec.warm.",
    .kinds = kKinds,
};

constexpr auto kManagers = std::to_array<std::string_view>(
    {"apk",    "apt",  "apt-get", "cargo",    "composer", "conda",      "cpan", "dnf",        "dpkg", "easy_install",
     "gem",    "go",   "mamba",   "microdnf", "npm",      "npm-cli.js", "npx",  "npx-cli.js", "pip",  "pip3",
     "pipenv", "pipx", "pnpm",    "poetry",   "rpm",      "uv",         "yarn", "yarn.js",    "yum"});
constexpr auto kInstalls = std::to_array<std::string_view>(
    {"--install",    "--unpack",     "-U",       "-Uvh",  "-i",           "-ivh",   "add", "ci",
     "create",       "dist-upgrade", "download", "fetch", "full-upgrade", "get",    "i",   "install",
     "localinstall", "reinstall",    "require",  "sync",  "update",       "upgrade"});
static_assert(std::ranges::is_sorted(kManagers) && std::ranges::is_sorted(kInstalls));

// "pip3.11" is pip.
bool is_manager(std::string_view name)
{
    return is_one_of(kManagers, name) || name.starts_with("pip3.");
}

bool installs(const Tool& tool)
{
    if (tool.name.starts_with("npx"))
        return true;  // fetches what it is to run
    // The command is one of the first words; what follows is what it is about.
    const std::size_t looked_at = std::min<std::size_t>(tool.arguments.size(), 4);
    return std::ranges::any_of(tool.arguments.first(looked_at),
                               [](const std::string& word) { return is_one_of(kInstalls, word); });
}

class PackageInstall : public Detector {
public:
    [[nodiscard]] const RuleDescriptor& descriptor() const override { return kDescriptor; }

    [[nodiscard]] std::optional<Finding> on_event(const Observation& seen) override
    {
        const ExecBody* exec = undeclared_warm_exec(seen);
        if (!exec)
            return std::nullopt;
        const Tool tool = tool_of(*exec);
        if (!is_manager(tool.name) || !installs(tool))
            return std::nullopt;
        Finding finding = make_warm_exec_finding(seen, *exec, "an installer", tool.name);
        finding.target.name = tool.name;
        return finding;
    }
};

}  // namespace

std::unique_ptr<Detector> make_function_package_install()
{
    return std::make_unique<PackageInstall>();
}

}  // namespace fnshield::detect
