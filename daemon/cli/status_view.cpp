// SPDX-License-Identifier: Apache-2.0
#include "daemon/cli/status_view.h"

#include <vector>

#include "daemon/cli/json_read.h"
#include "daemon/cli/table.h"
#include "daemon/cli/text.h"

namespace fnshield::cli {
namespace {

using Json = nlohmann::ordered_json;

// "  name       value", the value cut at the edge of the terminal.
class Lines {
public:
    explicit Lines(const Terminal& terminal) : terminal_(terminal) {}
    void add(std::string_view name, const std::string& value, Colour colour = Colour::none)
    {
        const std::string safe = printable(value);
        const std::size_t room = terminal_.width() > kIndent ? terminal_.width() - kIndent : 0;
        text_ += terminal_.paint(std::string(name), Colour::bold) + std::string(kIndent - name.size(), ' ');
        text_ += terminal_.paint(room > 0 ? fitted(safe, room) : safe, colour) + "\n";
    }
    const std::string& text() const { return text_; }

private:
    static constexpr std::size_t kIndent = 12;
    const Terminal& terminal_;
    std::string text_;
};

std::string joined(const std::vector<std::string>& parts, const char* separator = ", ")
{
    std::string text;
    for (const std::string& part : parts)
        text += (text.empty() ? "" : separator) + part;
    return text;
}

std::uint64_t lost_of(const Json& sensor)
{
    std::uint64_t total = 0;
    for (const auto& [stage, events] : member(sensor, "lost").items())
        total += events.is_number_unsigned() ? events.get<std::uint64_t>() : 0;
    return total;
}

std::string sandbox_summary(const Json& status)
{
    std::uint64_t live = 0;
    std::vector<std::string> states;
    for (const auto& [state, counted] : member(status, "sandboxes").items()) {
        const std::uint64_t sandboxes = counted.is_number_unsigned() ? counted.get<std::uint64_t>() : 0;
        if (state == "gone" || sandboxes == 0)
            continue;
        live += sandboxes;
        states.push_back(human_count(sandboxes) + " " + state);
    }
    return human_count(live) + " live" + (states.empty() ? "" : ": " + joined(states)) + " (" +
           human_count(count(status, "sandboxes_created")) + " made since the start)";
}

std::string loss_summary(const Json& status)
{
    std::vector<std::string> losses;
    for (const Json& sensor : member(status, "sensors"))
        for (const auto& [stage, events] : member(sensor, "lost").items())
            if (events.is_number_unsigned() && events > 0)
                losses.push_back(human_count(events) + " " + text(sensor, "name") + " (" + stage + ")");
    return losses.empty() ? "none" : joined(losses);
}

std::string policy_summary(const Json& status)
{
    std::vector<std::string> names;
    for (const Json& policy : member(status, "policies"))
        names.push_back(text(policy, "name"));
    return names.empty() ? "none" : joined(names);
}

void add_facts(Lines& lines, const Json& status)
{
    const bool ready = is_true(status, "ready");
    const std::string losses = loss_summary(status);
    const std::string reload_error = text(status, "reload_error");
    const auto heartbeat = number(status, "heartbeat_age_seconds");
    lines.add("ready", ready ? "yes" : "no: " + text(status, "not_ready"), ready ? Colour::green : Colour::red);
    lines.add("mode", text(status, "mode") + ", backend " + text(status, "backend"));
    lines.add("sandboxes", sandbox_summary(status));
    const std::uint64_t alerts = count(status, "alerts");
    lines.add("alerts", human_count(alerts), alerts > 0 ? Colour::yellow : Colour::none);
    lines.add("losses", losses, losses == "none" ? Colour::none : Colour::red);
    lines.add("heartbeat", heartbeat ? human_duration(*heartbeat) + " ago" : "none yet");
    lines.add("policies", policy_summary(status));
    for (const std::string& missing : missing_capabilities(status))
        lines.add("privileges", missing, Colour::yellow);
    if (!reload_error.empty())
        lines.add("reload", "failed, the old state is kept: " + reload_error, Colour::red);
    lines.add("config", text(status, "config_file").empty() ? "built-in defaults" : text(status, "config_file"));
    lines.add("metrics", text(status, "listen").empty() ? "off" : "http://" + text(status, "listen") + "/metrics");
}

std::string attached_summary(const Json& sensor)
{
    std::size_t attached = 0;
    for (const Json& program : member(sensor, "programs"))
        attached += is_true(program, "attached") ? 1 : 0;
    return std::to_string(attached) + "/" + std::to_string(member(sensor, "programs").size());
}

std::string phases_summary(const Json& row)
{
    const Json& phases = member(row, "cold_start_seconds");
    if (const auto total = number(phases, "total"))
        return human_duration(*total);
    return is_true(row, "adopted") ? "not seen" : "";
}

}  // namespace

std::string status_text(const Json& status, const Terminal& terminal, bool programs)
{
    const std::string head =
        "fnshield " + text(status, "version") + " on " + text(status, "node") + ", Linux " + text(status, "kernel") +
        ", up " + human_duration(number(status, "uptime_seconds").value_or(0)) + ", pid " + text(status, "pid");
    Lines lines(terminal);
    add_facts(lines, status);
    Table sensors;
    sensors.column("SENSOR").column("BACKEND").column("ATTACHED", Align::right).column("EVENTS", Align::right);
    sensors.column("SUPPRESSED", Align::right).column("LOST", Align::right).column("NOTE");
    for (const Json& sensor : member(status, "sensors")) {
        const std::uint64_t lost = lost_of(sensor);
        const std::string error = text(sensor, "error");
        sensors.row({{text(sensor, "name")},
                     {text(sensor, "backend")},
                     {attached_summary(sensor)},
                     {human_count(count(sensor, "events"))},
                     {human_count(count(sensor, "suppressed"))},
                     {human_count(lost), lost > 0 ? Colour::red : Colour::none},
                     {error, error.empty() ? Colour::none : Colour::red}});
    }
    std::string out = terminal.width() > 0 ? fitted(printable(head), terminal.width()) : printable(head);
    out += "\n\n" + lines.text() + "\n" + sensors.render(terminal);
    return programs ? out + "\n" + programs_text(status, terminal) : out;
}

std::string programs_text(const Json& status, const Terminal& terminal)
{
    Table table;
    table.column("SENSOR").column("PROGRAM").column("BACKEND").column("STATE").column("REASON");
    for (const Json& sensor : member(status, "sensors"))
        for (const Json& program : member(sensor, "programs")) {
            const bool attached = is_true(program, "attached");
            table.row({{text(sensor, "name")},
                       {text(program, "program")},
                       {text(program, "backend")},
                       {attached ? "attached" : "not used", attached ? Colour::green : Colour::dim},
                       {text(program, "reason")}});
        }
    return table.render(terminal);
}

std::vector<std::string> missing_capabilities(const Json& status)
{
    std::vector<std::string> missing;
    for (const Json& capability : member(status, "missing_capabilities"))
        missing.push_back("without " + text(capability, "name") + ": " + text(capability, "serves"));
    return missing;
}

std::string sandboxes_text(const Json& rows, const Terminal& terminal)
{
    Table table;
    table.column("PLATFORM").column("TENANT").column("FUNCTION").column("INSTANCE").column("STATE");
    table.column("AGE", Align::right).column("COLD START", Align::right).column("INVOCATIONS", Align::right);
    table.column("ALERTS", Align::right).column("POLICY");
    for (const Json& row : rows) {
        const std::uint64_t alerts = count(row, "alerts");
        // A sandbox that no recogniser names is still named by its cgroup.
        const bool named = !text(row, "function").empty() || !text(row, "instance").empty();
        table.row({{text(row, "platform")},
                   {text(row, "tenant")},
                   {text(row, "function")},
                   {named ? text(row, "instance") : text(row, "cgroup")},
                   {text(row, "state"), state_colour(text(row, "state"))},
                   {human_duration(number(row, "age_seconds").value_or(0))},
                   {phases_summary(row)},
                   {human_count(count(row, "invocations"))},
                   {human_count(alerts), alerts > 0 ? Colour::red : Colour::none},
                   {text(row, "policy")}});
    }
    return table.empty() ? "no sandboxes\n" : table.render(terminal);
}

}  // namespace fnshield::cli
