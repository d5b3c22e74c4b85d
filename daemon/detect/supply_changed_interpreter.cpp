// SPDX-License-Identifier: Apache-2.0
//
// supply.changed_interpreter (T1554): a program runs by a path at which the function's other sandboxes have another
// file.
//
// Signal: an exec of a file whose status changed (ctime) after its sandbox was created, by a path that three other
// sandboxes of the function ran as a file older than themselves. Why it works: the image's files are older than any
// sandbox; whoever puts another program into a well-known place has to make it younger, and ctime cannot be set back.
// False positives: a new revision's image is older than its sandboxes, too; what every sandbox of the function makes
// for itself (a virtual environment in init) was never older. Gets past it: a file that was changed before the sandbox
// was created (on the node, in the image), and the first sandboxes of a function. Memory: BoundedTable of (function,
// path).
#include <array>

#include "daemon/detect/bounded_table.h"
#include "daemon/detect/detectors.h"
#include "daemon/detect/exec_match.h"
#include "daemon/detect/same.h"
#include "daemon/detect/wording.h"

namespace fnshield::detect {
namespace {

constexpr std::size_t kPrograms = 16384;
constexpr std::uint32_t kOthers = 3;

constexpr std::array<std::string_view, 1> kTechniques{"T1554"};
constexpr std::array kKinds{EventKind::exec};

constexpr RuleDescriptor kDescriptor{
    .rule = "supply.changed_interpreter",
    .category = Category::supply_chain,
    .severity = Severity::high,
    .techniques = kTechniques,
    .short_text = "A program was replaced in a sandbox that others of the function run unchanged",
    .long_text =
        "At a path where the function's other sandboxes run the image's program, this sandbox runs a file that was "
        "changed "
        "after it had started. Somebody put another program in its place. Freeze the sandbox, compare the file with "
        "the "
        "image's, and look at what wrote it.",
    .kinds = kKinds,
};

struct Program {
    std::uint32_t sandboxes = 0;  // that ran it as a file older than themselves
    SandboxId last = kHost;
};

class ChangedInterpreter : public Detector {
public:
    [[nodiscard]] const RuleDescriptor& descriptor() const override { return kDescriptor; }

    [[nodiscard]] std::optional<Finding> on_event(const Observation& seen) override
    {
        const auto* exec = seen.event.as<ExecBody>();
        if (!exec || !seen.sandbox || seen.sandbox->name.function.empty() || seen.sandbox->adopted ||
            is_operators_exec(seen, *exec) || (exec->flags & (FNS_EXEC_MEMFD | FNS_EXEC_UNLINKED)) != 0)
            return std::nullopt;
        const bool changed = seen.event.boot_time_of(exec->file_ctime_ns) > seen.sandbox->created_ns;
        const std::string key = function_of(*seen.sandbox) + " " + exec->path;
        if (!changed) {
            Program& program = programs_.get(key);
            if (program.last != seen.event.sandbox)
                ++program.sandboxes;
            program.last = seen.event.sandbox;
            return std::nullopt;
        }
        const Program* program = programs_.find(key);
        if (!program || program->sandboxes - (program->last == seen.event.sandbox ? 1 : 0) < kOthers)
            return std::nullopt;
        Finding finding;
        finding.summary = exec_text(seen, *exec,
                                    ", which was changed in this sandbox; " + std::to_string(program->sandboxes) +
                                        " others of the function run it unchanged");
        finding.key = exec->path;
        finding.target.file = exec->path;
        return finding;
    }

    [[nodiscard]] std::vector<TableStats> tables() const override { return {programs_.stats()}; }

private:
    BoundedTable<std::string, Program> programs_{"supply_changed_interpreter_programs", kPrograms};
};

}  // namespace

std::unique_ptr<Detector> make_supply_changed_interpreter()
{
    return std::make_unique<ChangedInterpreter>();
}

}  // namespace fnshield::detect
