// SPDX-License-Identifier: Apache-2.0
//
// supply.import_payload (T1195.001): importing a package ran a program or made a contact.
//
// Signal: before ready, a process opens the beginning of an installed package (__init__ below site-packages or
// dist-packages, package.json below node_modules), within two seconds it or its child runs a program or contacts an
// address, and within five more it opens the beginning of another one: it was still importing. A program that is left
// behind (Popen without a wait) may run only after the next package was begun: it counts by when its process was made.
// Why it works: what a
// package does while it is read is done for nobody's request; poisoned packages act there, for it is the one place that
// surely runs. False positives: programs that look for libraries and compilers (ldconfig, gcc, objdump, uname, lscpu,
// nvidia-smi, git) are known; a contact counts in full only where egress.init says where a start may talk to, for
// servers fetch models and open connections between two imports (else low). Quiet: what the init lists name (declared
// telemetry), loopback, resolvers; the function's own modules; the set-up, what enters from outside. Gets past it: the
// last package of all; code that waits; a single module without a folder of its own is told under the one before.
// Memory: BoundedTable of processes.
#include <array>

#include "daemon/detect/bounded_table.h"
#include "daemon/detect/detectors.h"
#include "daemon/detect/file_acts.h"
#include "daemon/detect/init_deed.h"
#include "daemon/detect/same.h"
#include "daemon/detect/tool.h"
#include "daemon/detect/wording.h"

namespace fnshield::detect {
namespace {

constexpr Nanoseconds kDeedWithin = 2 * kSecond;
constexpr Nanoseconds kNextWithin = 5 * kSecond;
constexpr std::size_t kProcesses = 4096;

constexpr std::array<std::string_view, 1> kTechniques{"T1195.001"};
constexpr std::array kKinds{EventKind::file_open, EventKind::exec, EventKind::connect, EventKind::send};

constexpr RuleDescriptor kDescriptor{
    .rule = "supply.import_payload",
    .category = Category::supply_chain,
    .severity = Severity::high,
    .techniques = kTechniques,
    .short_text = "Importing a package ran a program or made a contact",
    .long_text =
        "While a function imported its packages, one of them started a program or talked to an address. Packages have "
        "no reason to; a poisoned one acts there, with the function's rights and secrets. Compare the package with "
        "what its index has, look at what ran, and pin packages by their hashes. Telemetry that is meant to be is "
        "listed in egress.init of the policy, a program in exec.init.",
    .kinds = kKinds,
};

// What packages ask about the machine when they are imported.
constexpr auto kAskers = std::to_array<std::string_view>(
    {"as",       "c++",         "cc",    "clang", "collect2", "g++",        "gcc",     "getconf", "git",      "ld",
     "ldconfig", "lsb_release", "lscpu", "nproc", "nvcc",     "nvidia-smi", "objdump", "ptxas",   "rocm-smi", "uname"});
static_assert(std::ranges::is_sorted(kAskers));

bool only_asks(const ExecBody& exec)
{
    const Tool tool = tool_of(exec);
    return is_one_of(kAskers, tool.name) || is_pythons_question(tool);
}

// The installed package that a file belongs to; empty for the function's own and the language's.
std::string_view package_of(std::string_view path)
{
    for (const std::string_view folder : {"/site-packages/", "/dist-packages/", "/node_modules/"}) {
        const std::size_t at = path.rfind(folder);
        if (at == std::string_view::npos)
            continue;
        const std::string_view rest = path.substr(at + folder.size());
        const std::size_t scope = rest.starts_with('@') ? rest.find('/') + 1 : 0;
        const std::size_t end = rest.find('/', scope);
        return end == std::string_view::npos ? std::string_view() : rest.substr(0, end);
    }
    return {};
}

struct Deed {
    Event event;
    std::string text;
    std::string package;
    std::optional<Severity> severity;
};

struct Begun {
    std::string package;
    Nanoseconds time_ns = 0;
};

struct Importer {
    Begun current;  // the installed package that was begun last, and the one before
    Begun before;
    Nanoseconds any_ns = 0;  // when any was begun last, also one of the function's own or the language's
    std::optional<Deed> deed;
};

// The package in whose time the process was made that does something now, when another one has been begun since.
const Begun* made_during(const Importer& importer, Nanoseconds made_ns, Nanoseconds now_ns)
{
    const auto is_within = [&](const Begun& begun, Nanoseconds end_ns) {
        return !begun.package.empty() && begun.time_ns <= made_ns && made_ns < end_ns &&
               now_ns <= begun.time_ns + kDeedWithin;
    };
    if (is_within(importer.current, importer.any_ns))
        return &importer.current;
    return is_within(importer.before, importer.current.time_ns) ? &importer.before : nullptr;
}

class ImportPayload : public Detector {
public:
    [[nodiscard]] const RuleDescriptor& descriptor() const override { return kDescriptor; }

    [[nodiscard]] std::optional<Finding> on_event(const Observation& seen) override
    {
        if (!seen.sandbox || !seen.process || seen.by_runtime() || seen.sandbox->warm())
            return std::nullopt;
        if (const FileBody* file = file_act(seen, FNS_FILE_CLASS_PACKAGE))
            return on_package(seen, *file);
        const auto* exec = seen.event.as<ExecBody>();
        if (exec && only_asks(*exec))
            return std::nullopt;
        if (std::string text = init_deed(seen); !text.empty())
            return note(seen, std::move(text));
        return std::nullopt;
    }

    [[nodiscard]] std::vector<TableStats> tables() const override { return {importers_.stats()}; }

private:
    std::optional<Finding> on_package(const Observation& seen, const FileBody& file)
    {
        const std::string_view package = package_of(file.path);
        Importer* importer = importers_.find(key_of(seen.event.process));
        if (!importer && package.empty())
            return std::nullopt;
        if (!importer)
            importer = &importers_.get(key_of(seen.event.process));
        std::optional<Finding> finding;
        if (importer->deed && seen.event.time_ns <= importer->deed->event.time_ns + kNextWithin) {
            finding = make_finding(seen, *importer->deed);
            finding->earlier_evidence.push_back(importer->deed->event);
        }
        importer->deed.reset();
        importer->any_ns = seen.event.time_ns;
        if (!package.empty()) {
            importer->before = std::move(importer->current);
            importer->current = {.package = std::string(package), .time_ns = seen.event.time_ns};
        }
        return finding;
    }

    // The first deed of a package counts.
    std::optional<Finding> note(const Observation& seen, std::string text)
    {
        const Nanoseconds now = seen.event.time_ns;
        for (const Process* process : seen.model.ancestors(*seen.process)) {
            Importer* importer = importers_.find(key_of(process->info));
            if (!importer || process->sandbox != seen.event.sandbox)
                continue;
            const bool runs = seen.event.as<ExecBody>() != nullptr;
            if (const Begun* begun = runs ? made_during(*importer, seen.event.process.start_ns, now) : nullptr)
                return make_finding(seen, {seen.event, std::move(text), begun->package, std::nullopt});
            if (!importer->deed && now <= importer->current.time_ns + kDeedWithin) {
                const bool unsure = !runs && !seen.policy->egress.init;
                importer->deed = {seen.event, std::move(text), importer->current.package,
                                  unsure ? std::optional(Severity::low) : std::nullopt};
            }
            return std::nullopt;
        }
        return std::nullopt;
    }

    static Finding make_finding(const Observation& seen, const Deed& deed)
    {
        Finding finding;
        finding.summary = actor_label(seen) + " " + deed.text + " while it imported package " +
                          printable(deed.package) + " (" + program_of(seen) + ")";
        finding.key = deed.package;
        finding.target.name = deed.package;
        finding.severity = deed.severity;
        return finding;
    }

    BoundedTable<std::uint64_t, Importer> importers_{"supply_import_payload_processes", kProcesses};
};

}  // namespace

std::unique_ptr<Detector> make_supply_import_payload()
{
    return std::make_unique<ImportPayload>();
}

}  // namespace fnshield::detect
