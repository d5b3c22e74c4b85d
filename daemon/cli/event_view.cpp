// SPDX-License-Identifier: Apache-2.0
#include "daemon/cli/event_view.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "daemon/cli/json_read.h"
#include "daemon/cli/text.h"

namespace fnshield::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kMaxValue = 200;  // columns of one value in an event's line
constexpr std::array<std::string_view, 5> kShownApart = {"time", "seq", "kind", "sandbox", "process"};
// They tell files and processes apart for programs; --json has them.
constexpr std::array<std::string_view, 3> kForPrograms = {"inode", "device", "start_ns"};

std::string joined(const Json& words, const char* separator)
{
    std::string text;
    for (const Json& word : words)
        if (word.is_string())
            text += (text.empty() ? "" : separator) + word.get<std::string>();
    return text;
}

std::string sandbox_name(const Json& sandbox)
{
    if (sandbox.is_string())
        return "sandbox " + sandbox.get<std::string>();
    if (!sandbox.is_object())
        return "host";
    const std::string function = text(sandbox, "function");
    const std::string instance = text(sandbox, "instance");
    if (function.empty() && instance.empty())
        return text(sandbox, "cgroup").empty() ? "sandbox " + text(sandbox, "id") : text(sandbox, "cgroup");
    return function + (function.empty() || instance.empty() ? "" : "/") + instance;
}

std::string process_name(const Json& process)
{
    if (!process.is_object())
        return "-";
    const std::string name = text(process, "comm").empty() ? text(process, "exe") : text(process, "comm");
    return name + "[" + text(process, "pid") + "]";
}

std::string value_text(const std::string& key, const Json& value);

std::string object_text(const Json& object)
{
    std::string text;
    for (const auto& [key, value] : object.items())
        if (!value.is_null() && std::ranges::find(kForPrograms, key) == kForPrograms.end())
            text += (text.empty() ? "" : " ") + key + "=" + value_text(key, value);
    return "{" + text + "}";
}

std::string value_text(const std::string& key, const Json& value)
{
    if (value.is_number() && key.ends_with("_ns") && key != "start_ns")
        return human_duration(value.get<double>() / 1e9);
    if (value.is_object())
        return object_text(value);
    if (value.is_array())
        return "[" + joined(value, " ") + "]";
    std::string text = value.is_string() ? value.get<std::string>() : value.dump();
    if (text.find(' ') != std::string::npos || text.empty())
        text = "\"" + text + "\"";
    return text;
}

// Fields of its own.
std::string own_fields(const Json& event)
{
    std::string text;
    for (const auto& [key, value] : event.items()) {
        if (std::ranges::find(kShownApart, key) != kShownApart.end() || value.is_null() ||
            std::ranges::find(kForPrograms, key) != kForPrograms.end())
            continue;
        if (value.is_array() && value.empty())
            continue;
        text += "  " + key + "=" + fitted(printable(value_text(key, value)), kMaxValue);
    }
    return text;
}

std::string upper(std::string text)
{
    std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::toupper(c); });
    return text;
}

class Block {
public:
    explicit Block(const Terminal& terminal) : terminal_(terminal) {}
    void line(std::string_view name, const std::string& value)
    {
        if (value.empty())
            return;
        text_ += "  " + terminal_.paint(name, Colour::dim) + std::string(kNameColumns - name.size(), ' ') +
                 printable(value) + "\n";
    }
    std::string text_;

private:
    static constexpr std::size_t kNameColumns = 10;
    const Terminal& terminal_;
};

std::string sandbox_line(const Json& sandbox)
{
    if (!sandbox.is_object())
        return "the host";
    std::string line = sandbox_name(sandbox);
    if (const std::string cgroup = text(sandbox, "cgroup"); !cgroup.empty() && cgroup != line)
        line += "  " + cgroup;
    if (const std::string state = text(sandbox, "state"); !state.empty())
        line += "  " + state;
    if (const std::uint64_t invocation = count(sandbox, "invocation"); invocation > 0)
        line += ", invocation " + std::to_string(invocation);
    return line;
}

std::string process_line(const Json& process)
{
    if (!process.is_object())
        return {};
    const std::string argv = joined(member(process, "argv"), " ");
    std::string line = (argv.empty() ? text(process, "exe") : argv) + "  pid " + text(process, "pid");
    if (!argv.empty() && !text(process, "exe").empty())
        line += "  exe " + text(process, "exe");
    if (member(process, "uid").is_number())
        line += "  uid " + text(process, "uid");
    std::string ancestors;
    for (const Json& ancestor : member(process, "ancestors"))
        ancestors += " < " + text(ancestor, "exe") + "[" + text(ancestor, "pid") + "]";
    return line + (ancestors.empty() ? "" : " " + ancestors);
}

std::string target_line(const Json& target)
{
    if (!target.is_object())
        return {};
    std::string line;
    const auto add = [&](const std::string& part) {
        if (!part.empty())
            line += (line.empty() ? "" : "  ") + part;
    };
    if (member(target, "sandbox").is_object())
        add(sandbox_line(member(target, "sandbox")));
    add(process_line(member(target, "process")));
    add(text(target, "file"));
    const std::string address = text(target, "address");
    const std::string port = text(target, "port");
    add(address + (port.empty() ? "" : " port " + port));
    add(text(target, "name"));
    return line;
}

std::string action_line(const Json& alert)
{
    const std::string requested = text(member(alert, "action"), "requested");
    const std::string taken = text(member(alert, "action"), "taken");
    std::string line = requested == taken ? taken : "requested " + requested + ", taken " + taken;
    if (const std::string policy = text(alert, "policy"); !policy.empty())
        line += "  (policy " + policy + ")";
    return line;
}

}  // namespace

std::string event_line(const Json& event, const Terminal& terminal)
{
    std::string line = terminal.paint(human_time(text(event, "time")), Colour::dim);
    line += "  " + terminal.paint(printable(text(event, "kind")), Colour::cyan);
    line += "  " + terminal.paint(printable(sandbox_name(member(event, "sandbox"))), Colour::bold);
    if (member(event, "process").is_object())
        line += "  " + printable(process_name(member(event, "process")));
    return line + own_fields(event) + "\n";
}

std::string alert_block(const Json& alert, const Terminal& terminal)
{
    const std::string severity = text(alert, "severity");
    Block block(terminal);
    block.text_ =
        human_time(text(alert, "time")) + "  " + terminal.paint(printable(upper(severity)), severity_colour(severity)) +
        "  " + printable(text(alert, "rule")) + "  " + terminal.paint(printable(text(alert, "id")), Colour::dim) + "\n";
    block.text_ += "  " + terminal.paint(printable(text(alert, "summary")), Colour::bold) + "\n";
    block.line("sandbox", sandbox_line(member(alert, "sandbox")));
    block.line("process", process_line(member(alert, "process")));
    block.line("target", target_line(member(alert, "target")));
    block.line("action", action_line(alert));
    for (const Json& step : member(alert, "steps"))
        block.line("then",
                   text(step, "rule") + ": " + text(step, "summary") +
                       (count(step, "count") > 1 ? " (" + std::to_string(count(step, "count")) + " times)" : ""));
    if (const std::uint64_t seen = count(alert, "count"); seen > 1)
        block.line("seen", std::to_string(seen) + " times since " + human_time(text(alert, "first_seen")));
    if (is_true(alert, "degraded"))
        block.line("degraded", "events of this sandbox were lost: there may be more to it");
    return block.text_;
}

std::string incident(const Json& shown, const Terminal& terminal)
{
    const Json& alert = member(shown, "alert");
    const Json& rule = member(shown, "rule");
    Block block(terminal);
    block.text_ = alert_block(alert, terminal);
    block.line("category", text(alert, "category"));
    block.line("technique", joined(member(alert, "techniques"), ", "));
    block.text_ += "\n" + terminal.paint("Evidence", Colour::bold) + "\n";
    for (const Json& event : member(alert, "evidence"))
        block.text_ += "  " + human_time(text(event, "time")) + "  #" + printable(text(event, "seq")) + "  " +
                       printable(text(event, "kind")) + own_fields(event) + "\n";
    if (rule.is_object()) {
        block.text_ +=
            "\n" + terminal.paint("What it means", Colour::bold) + "\n  " + printable(text(rule, "short")) + "\n";
        block.text_ += "  " + printable(text(rule, "long")) + "\n";
    }
    return block.text_;
}

}  // namespace fnshield::cli
