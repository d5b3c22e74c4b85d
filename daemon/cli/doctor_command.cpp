// SPDX-License-Identifier: Apache-2.0
//
// fnshield doctor: what this host offers, which programs each sensor would use, what to change to get more. Needs no
// daemon; where one runs, what it reports is shown as well. Exits 0 where fnshieldd can run here, else 1.
#include <unistd.h>

#include <array>
#include <memory>

#include "daemon/cli/command.h"
#include "daemon/cli/doctor.h"
#include "daemon/cli/json_read.h"
#include "daemon/cli/status_view.h"
#include "daemon/cli/text.h"
#include "daemon/kernel/pins.h"
#include "daemon/policy/config.h"

namespace fnshield::cli {
namespace {

using Json = nlohmann::ordered_json;

struct VerdictText {
    const char* json;
    const char* shown;
    Colour colour;
};
constexpr std::array<VerdictText, 3> kVerdicts = {
    {{"ok", "ok     ", Colour::green}, {"less", "less   ", Colour::yellow}, {"missing", "MISSING", Colour::red}}};

const VerdictText& verdict_text(Verdict verdict)
{
    return kVerdicts.at(static_cast<std::size_t>(verdict));
}

Json findings_json(const Examination& examination)
{
    Json json = Json::array();
    for (const Finding& finding : examination.findings)
        json.push_back({{"area", finding.area},
                        {"item", finding.item},
                        {"verdict", verdict_text(finding.verdict).json},
                        {"text", finding.text}});
    return json;
}

// Wrapped at words where the terminal has a width, the further lines indented.
std::string wrapped(const std::string& text, std::size_t indent, std::size_t width)
{
    if (width == 0 || indent + 20 > width)
        return text;
    std::string out;
    std::size_t column = indent;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find(' ', at), text.size());
        const std::string word = text.substr(at, end - at);
        if (column > indent && column + 1 + display_width(word) > width) {
            out += "\n" + std::string(indent, ' ');
            column = indent;
        } else if (column > indent) {
            out += ' ';
            ++column;
        }
        out += word;
        column += display_width(word);
        at = end + 1;
    }
    return out;
}

std::string findings_text(const Examination& examination, const Terminal& terminal)
{
    constexpr std::size_t kItemColumns = 25;
    constexpr std::size_t kIndent = 2 + 7 + 2 + kItemColumns;
    std::string text;
    std::string area;
    for (const Finding& finding : examination.findings) {
        if (finding.area != area) {
            text += (area.empty() ? "" : "\n") + terminal.paint(finding.area, Colour::bold) + "\n";
            area = finding.area;
        }
        const VerdictText& verdict = verdict_text(finding.verdict);
        std::string line = "  " + terminal.paint(verdict.shown, verdict.colour) + "  " + finding.item;
        if (!finding.text.empty()) {
            const std::size_t used = display_width(finding.item);
            line += std::string(used < kItemColumns ? kItemColumns - used : 1, ' ');
            line += wrapped(printable(finding.text), kIndent, terminal.width());
        }
        text += line + "\n";
    }
    return text;
}

std::string verdict_line(const Examination& examination, const Terminal& terminal)
{
    if (examination.can_run())
        return terminal.paint("fnshieldd can run here, on the " + examination.backend() + " backend.", Colour::green);
    std::string missing;
    for (const Finding& finding : examination.findings)
        if (finding.verdict == Verdict::missing)
            missing += (missing.empty() ? "" : ", ") + finding.item;
    return terminal.paint("fnshieldd cannot run here: " + missing + (::geteuid() == 0 ? "." : ". Try again as root."),
                          Colour::red);
}

std::string daemon_text(const Result<Json>& answer, const Terminal& terminal)
{
    if (!answer)
        return "none that can be asked: " + printable(answer.error().message) + "\n";
    const Json& status = (*answer)["data"];
    const bool ready = is_true(status, "ready");
    std::string shown = "pid " + printable(text(status, "pid")) + ", version " + printable(text(status, "version")) +
                        ", " + (ready ? "ready" : "not ready: " + printable(text(status, "not_ready"))) + "\n";
    for (const std::string& missing : missing_capabilities(status))
        shown += terminal.paint(printable(missing), Colour::yellow) + "\n";
    return shown + programs_text(status, terminal);
}

Result<ExitCode> examine(const CommonOptions& common, Terminal& terminal)
{
    // First: the dry run must not be what the daemon is asked about.
    const auto answer = ask_daemon(common, {.command = control::Command::status});
    const Examination examination = examine_host();
    const ExitCode code = examination.can_run() ? ExitCode::ok : ExitCode::failed;
    if (common.json) {
        write_json(terminal, {{"can_run", examination.can_run()},
                              {"backend", examination.backend()},
                              {"findings", findings_json(examination)},
                              {"sensors", examination.sensors},
                              {"daemon", answer ? (*answer)["data"] : Json()}});
        return code;
    }
    terminal.write(findings_text(examination, terminal));
    terminal.write("\n" +
                   terminal.paint("programs a daemon would use here (tried now, and taken out again)", Colour::bold) +
                   "\n" + programs_text({{"sensors", examination.sensors}}, terminal));
    terminal.write("\n" + terminal.paint("daemon", Colour::bold) + "\n" + daemon_text(answer, terminal));
    terminal.write("\n" + verdict_line(examination, terminal) + "\n");
    return code;
}

// What a daemon with enforcement.persist left in the kernel goes, and with it what it still refuses.
Result<ExitCode> unpin(const CommonOptions& common, const std::string& pin_dir, Terminal& terminal)
{
    auto removed = Pins::remove_all(pin_dir);
    if (!removed)
        return pass(std::move(removed));
    if (common.json)
        write_json(terminal, {{"pin_dir", pin_dir}, {"removed", *removed}});
    else
        terminal.write(*removed == 0 ? "nothing is pinned in " + printable(pin_dir) + "\n"
                                     : std::to_string(*removed) + " objects unpinned from " + printable(pin_dir) +
                                           "; what no running daemon holds is out of the kernel now\n");
    return ExitCode::ok;
}

}  // namespace

void add_doctor(App& app)
{
    struct Options {
        bool unpin = false;
        std::string pin_dir = Config::Enforcement{}.pin_dir;
    };
    const auto options = std::make_shared<Options>();
    CLI::App* command = add_command(app, "doctor", "What this host offers, and what to change to get more");
    command->add_flag("--unpin", options->unpin,
                      "Take out all that a daemon with enforcement.persist left pinned in the kernel");
    command->add_option("--pin-dir", options->pin_dir, "Where it is pinned (enforcement.pin_dir)")
        ->type_name("DIR")
        ->capture_default_str();
    command->callback([&app, options] {
        app.chosen = [&app, options](Terminal& terminal) -> Result<ExitCode> {
            return options->unpin ? unpin(app.common, options->pin_dir, terminal) : examine(app.common, terminal);
        };
    });
}

}  // namespace fnshield::cli
