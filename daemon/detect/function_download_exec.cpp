// SPDX-License-Identifier: Apache-2.0
//
// function.download_exec (T1105): what was fetched while warm is run.
//
// Signal: a connection out of the sandbox while warm, and within ten minutes an exec by the same lineage, or by one
// that the same process began, of a file whose status changed after that. Why it works: connect, write, chmod, exec is
// how a tool is brought in; ctime, which no program can set, says that the file is younger than the contact. False
// positives: wheels and drivers unpacked before ready; what exec.warm of the policy lists; what comes from outside. A
// function that answers by compiling and running code right after it asked its database looks the same: list the
// folder. Gets past it: a script that is given to an interpreter as an argument; a program that arrived with the
// request itself, without a contact. Memory: BoundedTable of sandboxes, 16 contacts each.
#include <array>
#include <ranges>

#include "daemon/detect/bounded_table.h"
#include "daemon/detect/detectors.h"
#include "daemon/detect/egress_match.h"
#include "daemon/detect/exec_match.h"
#include "daemon/detect/same.h"
#include "daemon/detect/tool.h"
#include "daemon/detect/wording.h"

namespace fnshield::detect {
namespace {

constexpr Nanoseconds kWindow = 600 * kSecond;
constexpr Nanoseconds kFileClock = 10 * kMillisecond;  // files get the time of the kernel's last tick
constexpr std::size_t kContacts = 16;
constexpr std::size_t kSandboxes = 4096;

constexpr std::array<std::string_view, 1> kTechniques{"T1105"};
constexpr std::array kKinds{EventKind::connect, EventKind::exec};

constexpr RuleDescriptor kDescriptor{
    .rule = "function.download_exec",
    .category = Category::function,
    .severity = Severity::high,
    .techniques = kTechniques,
    .short_text = "A file that was written after a contact to the outside was run",
    .long_text =
        "A warm function contacted somebody, a file appeared, and it was run: a tool was brought in. Freeze the "
        "sandbox, "
        "save the file (/proc/PID/exe) and block the address. The request that was served then is where it began.",
    .kinds = kKinds,
};

struct Contact {
    ProcessInfo process;
    Endpoint remote;
    Nanoseconds time_ns = 0;
};

class DownloadExec : public Detector {
public:
    [[nodiscard]] const RuleDescriptor& descriptor() const override { return kDescriptor; }

    [[nodiscard]] std::optional<Finding> on_event(const Observation& seen) override
    {
        if (seen.event.kind == EventKind::connect) {
            note(seen);
            return std::nullopt;
        }
        const ExecBody* exec = undeclared_warm_exec(seen);
        const auto* contacts = exec ? contacts_.find(seen.event.sandbox) : nullptr;
        if (!contacts || exec->has(FNS_EXEC_MEMFD))
            return std::nullopt;
        const Nanoseconds written = seen.event.boot_time_of(exec->file_ctime_ns);
        for (const Contact& contact : *contacts | std::views::reverse) {
            if (contact.time_ns >= written + kFileClock || contact.time_ns + kWindow < seen.event.time_ns ||
                !related(seen, contact))
                continue;
            return make_finding(seen, *exec, contact);
        }
        return std::nullopt;
    }

    void on_sandbox_gone(SandboxId id) override { contacts_.erase(id); }
    [[nodiscard]] std::vector<TableStats> tables() const override { return {contacts_.stats()}; }

private:
    void note(const Observation& seen)
    {
        const auto* socket = seen.event.as<SocketBody>();
        if (!socket || !seen.sandbox || !seen.sandbox->warm() || seen.by_runtime() || stays_inside(*socket))
            return;
        std::vector<Contact>& contacts = contacts_.get(seen.event.sandbox);
        if (contacts.size() >= kContacts)
            contacts.erase(contacts.begin());
        contacts.push_back({.process = seen.event.process, .remote = socket->remote, .time_ns = seen.event.time_ns});
    }

    // The one who made the contact, or his parent (the shell that ran curl), is among the program's ancestors, or is
    // the program's process itself.
    static bool related(const Observation& seen, const Contact& contact)
    {
        if (!seen.process)
            return false;
        for (const Process* ancestor : seen.model.ancestors(*seen.process)) {
            if (is_same(ancestor->info, contact.process))
                return true;
            const Process* of_contact = seen.model.process(contact.process.tgid, contact.process.start_ns);
            if (ancestor->info.tgid == (of_contact ? of_contact->info.parent_tgid : contact.process.parent_tgid))
                return true;
        }
        return false;
    }

    static Finding make_finding(const Observation& seen, const ExecBody& exec, const Contact& contact)
    {
        Finding finding;
        finding.summary =
            exec_text(seen, exec, ", which was written after a contact to " + endpoint_text(contact.remote));
        finding.key = exec.path;
        finding.target.file = exec.path;
        finding.target.address = contact.remote.address_text();
        finding.target.port = contact.remote.port;
        return finding;
    }

    BoundedTable<SandboxId, std::vector<Contact>> contacts_{"function_download_exec_sandboxes", kSandboxes};
};

}  // namespace

std::unique_ptr<Detector> make_function_download_exec()
{
    return std::make_unique<DownloadExec>();
}

}  // namespace fnshield::detect
