// SPDX-License-Identifier: Apache-2.0
#include "daemon/control/protocol.h"

#include <algorithm>
#include <array>
#include <span>

namespace fnshield::control {
namespace {

using Json = nlohmann::json;

constexpr double kMaxSinceSeconds = 366.0 * 24 * 3600;

// A key whose value is text, and where a request keeps it.
struct TextKey {
    std::string_view name;
    std::string& (*place)(Request& request);
};

constexpr TextKey kTextKeys[] = {
    {"sandbox", [](Request& r) -> std::string& { return r.filter.sandbox; }},
    {"function", [](Request& r) -> std::string& { return r.filter.function; }},
    {"rule", [](Request& r) -> std::string& { return r.filter.rule; }},
    {"kind", [](Request& r) -> std::string& { return r.filter.kind; }},
    {"severity", [](Request& r) -> std::string& { return r.filter.severity; }},
    {"alert", [](Request& r) -> std::string& { return r.alert; }},
};

constexpr std::string_view kFollow = "follow";
constexpr std::string_view kSince = "since_seconds";

constexpr std::string_view kSandboxKeys[] = {"sandbox", "function"};
constexpr std::string_view kEventKeys[] = {"sandbox", "function", "kind", kSince, kFollow};
constexpr std::string_view kAlertKeys[] = {"sandbox", "function", "rule", "kind", "severity", kSince, kFollow};
constexpr std::string_view kShowKeys[] = {"alert"};

struct CommandRow {
    Command command;
    std::string_view name;
    std::span<const std::string_view> keys;
    bool changes_state;
};

constexpr CommandRow kCommands[] = {
    {Command::status, "status", {}, false},         {Command::sandboxes, "sandboxes", kSandboxKeys, false},
    {Command::events, "events", kEventKeys, false}, {Command::alerts, "alerts", kAlertKeys, false},
    {Command::show, "show", kShowKeys, false},      {Command::reload, "reload", {}, true},
};

const CommandRow& row_of(Command command)
{
    return *std::ranges::find(kCommands, command, &CommandRow::command);
}

std::string joined(std::span<const std::string_view> words)
{
    std::string text;
    for (const std::string_view word : words)
        text.append(text.empty() ? "" : ", ").append(word);
    return text;
}

// Before the parser builds anything: how deeply brackets nest outside of text.
bool nests_too_deeply(std::string_view line)
{
    int depth = 0;
    bool in_text = false;
    for (std::size_t i = 0; i < line.size(); ++i) {
        const char c = line[i];
        if (in_text) {
            if (c == '\\')
                ++i;
            else if (c == '"')
                in_text = false;
        } else if (c == '"') {
            in_text = true;
        } else if (c == '{' || c == '[') {
            if (++depth > kMaxDepth)
                return true;
        } else if (c == '}' || c == ']') {
            --depth;
        }
    }
    return false;
}

Result<Json> parse_json(std::string_view line)
{
    if (line.size() > kMaxRequestBytes)
        return fail("the request is longer than " + std::to_string(kMaxRequestBytes) + " bytes");
    if (nests_too_deeply(line))
        return fail("the request nests deeper than " + std::to_string(kMaxDepth) + " levels");
    try {
        return Json::parse(line);
    } catch (const Json::parse_error& error) {
        return fail("the request is not JSON (byte " + std::to_string(error.byte) + ")");
    } catch (const Json::exception&) {
        return fail("the request is not JSON that can be read");
    }
}

Result<const CommandRow*> read_command(const Json& object)
{
    const auto version = object.find("version");
    if (version == object.end() || !version->is_number_integer() || *version != kVersion)
        return fail("the request needs \"version\": " + std::to_string(kVersion) +
                    ", the only version that this daemon speaks");
    std::vector<std::string_view> names;
    for (const CommandRow& row : kCommands)
        names.push_back(row.name);
    const auto command = object.find("command");
    if (command == object.end() || !command->is_string())
        return fail("the request needs a \"command\": one of " + joined(names));
    const auto& name = command->get_ref<const std::string&>();
    const auto* row = std::ranges::find(kCommands, std::string_view(name), &CommandRow::name);
    if (row == std::end(kCommands))
        return fail("unknown command '" + name.substr(0, 64) + "': one of " + joined(names));
    return row;
}

Result<void> read_key(const std::string& key, const Json& value, Request& request)
{
    if (key == kFollow) {
        if (!value.is_boolean())
            return fail("'follow' must be true or false");
        request.follow = value.get<bool>();
        return {};
    }
    if (key == kSince) {
        const double seconds = value.is_number() ? value.get<double>() : -1;
        if (!(seconds >= 0 && seconds <= kMaxSinceSeconds))
            return fail("'since_seconds' must be a number from 0 to " +
                        std::to_string(static_cast<long>(kMaxSinceSeconds)));
        request.filter.since_ns = static_cast<Nanoseconds>(seconds * static_cast<double>(kSecond));
        return {};
    }
    const auto* text_key = std::ranges::find(kTextKeys, std::string_view(key), &TextKey::name);
    if (!value.is_string())
        return fail("'" + key + "' must be text");
    const auto& text = value.get_ref<const std::string&>();
    if (text.size() > kMaxTextBytes)
        return fail("'" + key + "' is longer than " + std::to_string(kMaxTextBytes) + " bytes");
    text_key->place(request) = text;
    return {};
}

std::string dump(const nlohmann::ordered_json& value)
{
    return value.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace

std::string_view command_name(Command command)
{
    return row_of(command).name;
}

bool changes_state(Command command)
{
    return row_of(command).changes_state;
}

Result<Request> parse_request(std::string_view line)
{
    auto object = parse_json(line);
    if (!object)
        return pass(std::move(object));
    if (!object->is_object())
        return fail("the request must be a JSON object");
    auto row = read_command(*object);
    if (!row)
        return pass(std::move(row));
    Request request{.command = (*row)->command, .filter = {}, .follow = false, .alert = {}};
    for (const auto& [key, value] : object->items()) {
        if (key == "version" || key == "command")
            continue;
        if (std::ranges::find((*row)->keys, std::string_view(key)) == (*row)->keys.end())
            return fail("'" + std::string((*row)->name) + "' has no '" + key.substr(0, 64) + "'" +
                        ((*row)->keys.empty() ? std::string() : ": only " + joined((*row)->keys)));
        if (auto read = read_key(key, value, request); !read)
            return pass(std::move(read));
    }
    if (request.command == Command::show && request.alert.empty())
        return fail("'show' needs the id of an 'alert'");
    if (auto checked = check_filter(request.filter); !checked)
        return pass(std::move(checked));
    return request;
}

std::string format_request(const Request& request)
{
    nlohmann::ordered_json object{{"version", kVersion}, {"command", command_name(request.command)}};
    Request readable = request;
    for (const TextKey& key : kTextKeys)
        if (const std::string& text = key.place(readable); !text.empty())
            object[std::string(key.name)] = text;
    if (request.filter.since_ns)
        object[std::string(kSince)] = to_seconds(*request.filter.since_ns);
    if (request.follow)
        object[std::string(kFollow)] = true;
    return dump(object) + "\n";
}

std::string format_answer(const nlohmann::ordered_json& data)
{
    return "{\"ok\":true,\"data\":" + dump(data) + "}\n";
}

std::string format_error(std::string_view message)
{
    return dump({{"ok", false}, {"error", message}}) + "\n";
}

std::string format_line(const nlohmann::ordered_json& value)
{
    return dump(value) + "\n";
}

}  // namespace fnshield::control
