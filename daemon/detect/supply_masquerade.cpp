// SPDX-License-Identifier: Apache-2.0
//
// supply.masquerade (T1036.005): a program runs under the name of a language's runtime or of a thread of the kernel's,
// and is another file.
//
// Signal: an exec by the function itself that calls itself python, node, java and so on (argv[0]) while the file that
// runs has another name; or a file of such a name that lies in the writable layer or in a folder for scratch, where no
// image puts a runtime; or an argv[0] in brackets, as ps shows the kernel's threads ("[kworker/0:1]"). Why it works: in
// a process list of a function nobody looks at these twice; the kernel's own file says what it is, and its threads run
// no file. False positives: virtual environments and shims are links: argv[0] is
// /venv/bin/python, the file python3.11; scripts: argv[0] is the interpreter; busybox. PyPy's `python` and bun's and
// deno's `node` are known. A sandbox's first program is its image's. Gets past it: a file of another name that only
// changes its comm or title afterwards, and a runtime of the image that was overwritten (isolation.runtime_overwrite).
// Memory: none.
#include <algorithm>
#include <array>

#include "daemon/detect/detectors.h"
#include "daemon/detect/exec_match.h"
#include "daemon/detect/file_acts.h"
#include "daemon/detect/tool.h"
#include "daemon/detect/wording.h"

namespace fnshield::detect {
namespace {

constexpr std::array<std::string_view, 1> kTechniques{"T1036.005"};
constexpr std::array kKinds{EventKind::exec};

constexpr RuleDescriptor kDescriptor{
    .rule = "supply.masquerade",
    .category = Category::supply_chain,
    .severity = Severity::high,
    .techniques = kTechniques,
    .short_text = "A program calls itself a language's runtime or a kernel thread and is another file",
    .long_text =
        "What runs under the name of python, node or java is not the image's, and no thread of the kernel's lives in a "
        "sandbox. Somebody hides a program among those that one expects. Freeze the sandbox, save the file "
        "(/proc/PID/exe) and look at how it came there: the request or the package that wrote it.",
    .kinds = kKinds,
};

struct Runtime {
    std::string_view name;                  // argv[0], but for a version behind it
    std::array<std::string_view, 3> files;  // beginnings of names of files that may call themselves so
};

constexpr auto kRuntimes = std::to_array<Runtime>({{"python", {"python", "pypy", "graalpy"}},
                                                   {"node", {"node", "bun", "deno"}},
                                                   {"java", {"java", "java", "java"}},
                                                   {"ruby", {"ruby", "jruby", "truffleruby"}},
                                                   {"php", {"php", "php", "hhvm"}},
                                                   {"dotnet", {"dotnet", "dotnet", "mono"}}});

constexpr auto kScratch = std::to_array<std::string_view>({"/tmp/", "/var/tmp/", "/dev/shm/", "/run/", "/dev/mqueue/"});

// "python3.11", "node20", "nodejs": the runtime's name, and behind it nothing but a version or "js".
bool is_called(std::string_view word, std::string_view runtime)
{
    if (!word.starts_with(runtime))
        return false;
    const std::string_view rest = word.substr(runtime.size());
    return rest == "js" || rest.find_first_not_of("0123456789.-") == std::string_view::npos;
}

const Runtime* runtime_called(std::string_view word)
{
    const auto found = std::ranges::find_if(kRuntimes, [&](const Runtime& one) { return is_called(word, one.name); });
    return found == kRuntimes.end() ? nullptr : found;
}

bool is_loader(std::string_view file)
{
    return file.starts_with("ld-linux") || file.starts_with("ld-musl");
}

// "[kworker/0:1]"; not the shell's "[".
bool is_in_brackets(std::string_view word)
{
    return word.size() > 2 && word.starts_with('[') && word.ends_with(']');
}

bool is_writable_place(const ExecBody& exec)
{
    return exec.has(FNS_EXEC_UPPER_LAYER) ||
           std::ranges::any_of(kScratch, [&](std::string_view folder) { return exec.path.starts_with(folder); });
}

// What it claims to be, where it is not; empty where it is, or claims nothing.
std::string_view claimed(const ExecBody& exec)
{
    const std::string_view file = base_name(exec.path);
    if (const Runtime* runtime = runtime_called(file))
        return is_writable_place(exec) ? runtime->name : std::string_view{};
    if (exec.argv.empty() || exec.has(FNS_EXEC_SCRIPT))
        return {};
    if (is_in_brackets(exec.argv.front()))
        return "a kernel thread";
    if (is_multi_call(file) || is_loader(file))
        return {};
    const Runtime* runtime = runtime_called(base_name(exec.argv.front()));
    if (!runtime)
        return {};
    const bool may = std::ranges::any_of(runtime->files, [&](std::string_view name) { return file.starts_with(name); });
    return may ? std::string_view{} : runtime->name;
}

class Masquerade : public Detector {
public:
    [[nodiscard]] const RuleDescriptor& descriptor() const override { return kDescriptor; }

    [[nodiscard]] std::optional<Finding> on_event(const Observation& seen) override
    {
        const auto* exec = seen.event.as<ExecBody>();
        if (!exec || seen.event.sandbox == kHost || exec->has(FNS_EXEC_FIRST) || is_operators_exec(seen, *exec))
            return std::nullopt;
        if (exec->flags & (FNS_EXEC_MEMFD | FNS_EXEC_UNLINKED))
            return std::nullopt;  // function.fileless_exec says it better
        const std::string_view name = claimed(*exec);
        if (name.empty())
            return std::nullopt;
        Finding finding;
        finding.summary = exec_text(seen, *exec, " as " + std::string(name));
        finding.key = exec->path;
        finding.target.file = exec->path;
        return finding;
    }
};

}  // namespace

std::unique_ptr<Detector> make_supply_masquerade()
{
    return std::make_unique<Masquerade>();
}

}  // namespace fnshield::detect
