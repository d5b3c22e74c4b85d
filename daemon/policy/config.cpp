// SPDX-License-Identifier: Apache-2.0
//
// fnshield.yaml → Config, one table for each of its maps.
#include "daemon/policy/config.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <set>

#include "daemon/model/recognise.h"

namespace fnshield {
namespace {

constexpr Choice<Mode> kModes[] = {{"monitor", Mode::monitor}, {"enforce", Mode::enforce}};
constexpr Choice<BackendChoice> kBackends[] = {{"auto", BackendChoice::automatic},
                                               {"lsm", BackendChoice::lsm},
                                               {"fentry", BackendChoice::fentry},
                                               {"tracepoint", BackendChoice::tracepoint}};
constexpr Choice<LogLevel> kLogLevels[] = {{"trace", LogLevel::trace},
                                           {"debug", LogLevel::debug},
                                           {"info", LogLevel::info},
                                           {"warning", LogLevel::warning},
                                           {"error", LogLevel::error}};
constexpr Choice<bool> kProfiles[] = {{"full", true}, {"lean", false}};
constexpr Choice<OutputConfig::Type> kOutputTypes[] = {{"jsonl", OutputConfig::Type::jsonl},
                                                       {"journald", OutputConfig::Type::journald},
                                                       {"alertmanager", OutputConfig::Type::alertmanager},
                                                       {"webhook", OutputConfig::Type::webhook}};
constexpr Choice<OutputConfig::Stream> kStreams[] = {{"alerts", OutputConfig::Stream::alerts},
                                                     {"events", OutputConfig::Stream::events}};

template <typename Value, std::size_t N>
std::string_view word_of(const Choice<Value> (&choices)[N], Value value)
{
    const auto found = std::ranges::find(choices, value, &Choice<Value>::value);
    return found == std::end(choices) ? std::string_view("unknown") : found->word;
}

template <typename Value, std::size_t N>
Result<Value> parse_choice(const Choice<Value> (&choices)[N], std::string_view text)
{
    std::vector<std::string_view> words;
    for (const Choice<Value>& choice : choices) {
        if (choice.word == text)
            return choice.value;
        words.push_back(choice.word);
    }
    return fail(fmt::format("must be {}, not '{}'", word_list(words, "or"), text.substr(0, 60)));
}

template <typename Value, typename Target>
void set(std::optional<Value>&& read, Target& target)
{
    if (read)
        target = std::move(*read);
}

template <typename Target>
void set_number(Reader& reader, const YamlNode& node, std::uint64_t min, std::uint64_t max, Target& target)
{
    if (const auto read = reader.number(node, min, max))
        target = static_cast<Target>(*read);
}

Result<std::string> parse_node(std::string_view text)
{
    const bool printable = std::ranges::all_of(text, [](unsigned char c) { return c > 0x20 && c != 0x7f; });
    if (!printable || text.size() > 253)
        return fail("must be at most 253 bytes without spaces");
    return std::string(text);
}

// sandboxes

void read_platforms(Reader& reader, const YamlNode& node, Config::Sandboxes& sandboxes)
{
    if (!reader.is_list(node))
        return;
    const std::vector<std::string_view> known = builtin_platforms();
    sandboxes.platforms.clear();
    for (const YamlNode& item : node.items) {
        const auto platform = reader.value(item, [&](std::string_view word) -> Result<std::string> {
            if (std::ranges::find(known, word) != known.end())
                return std::string(word);
            const auto meant = nearest(word, known);
            return fail(fmt::format("must be {}, not '{}'{}", word_list(known, "or"), word,
                                    meant ? fmt::format("; did you mean '{}'?", *meant) : ""));
        });
        if (platform && std::ranges::find(sandboxes.platforms, *platform) == sandboxes.platforms.end())
            sandboxes.platforms.push_back(*platform);
    }
}

void read_templates(Reader& reader, const YamlNode& node, Config::Sandboxes& sandboxes)
{
    constexpr std::size_t kMostTemplates = 128;
    if (!reader.is_list(node, kMostTemplates))
        return;
    sandboxes.templates.clear();
    for (const YamlNode& item : node.items) {
        const auto text = reader.text(item);
        if (!text)
            continue;
        if (const auto checked = check_template(*text); !checked)
            reader.error(item.place, fmt::format("template '{}' {}", *text, checked.error().message));
        else
            sandboxes.templates.push_back(*text);
    }
}

constexpr Field<Config::Sandboxes> kSandboxesFields[] = {
    {"platforms", read_platforms},
    {"templates", read_templates},
};

// What only shows when all are put together: depths that disagree, too many prefixes.
void read_sandboxes(Reader& reader, const YamlNode& node, Config::Sandboxes& sandboxes)
{
    reader.map(node, kSandboxesFields, sandboxes);
    if (const auto together = make_recognition(sandboxes.platforms, sandboxes.templates); !together)
        reader.error(node.place, together.error().message);
}

// outputs

constexpr Field<OutputConfig> kOutputFields[] = {
    {"type", [](Reader& r, const YamlNode& n, OutputConfig& to) { set(r.choice(n, kOutputTypes), to.type); }},
    {"stream", [](Reader& r, const YamlNode& n, OutputConfig& to) { set(r.choice(n, kStreams), to.stream); }},
    {"path", [](Reader& r, const YamlNode& n, OutputConfig& to) { set(r.absolute_path(n), to.path); }},
    {"url",
     [](Reader& r, const YamlNode& n, OutputConfig& to) {
         set(r.value(n,
                     [](std::string_view url) -> Result<std::string> {
                         if (!url.starts_with("http://") && !url.starts_with("https://"))
                             return fail(
                                 fmt::format("must begin with http:// or https://, not '{}'", url.substr(0, 60)));
                         return std::string(url);
                     }),
             to.url);
     }},
};

// `path` belongs to jsonl, `url` to what is sent over HTTP.
void check_output_keys(Reader& reader, const YamlNode& node, const OutputConfig& output)
{
    const std::string_view type = word_of(kOutputTypes, output.type);
    const bool wants_path = output.type == OutputConfig::Type::jsonl;
    const bool wants_url =
        output.type == OutputConfig::Type::alertmanager || output.type == OutputConfig::Type::webhook;
    const auto check = [&](std::string_view key, bool wanted) {
        const YamlNode* given = node.find(key);
        if (wanted && given == nullptr)
            reader.error(node.place, fmt::format("an output of type {} needs '{}'", type, key));
        if (!wanted && given != nullptr)
            reader.error(given->key_place, fmt::format("an output of type {} has no '{}'", type, key));
    };
    check("path", wants_path);
    check("url", wants_url);
    if (wants_url)
        reader.warning(node.place, fmt::format("output of type {} is not in this version yet; nothing is sent", type));
}

void read_outputs(Reader& reader, const YamlNode& node, Config& config)
{
    constexpr std::size_t kMostOutputs = 16;
    if (!reader.is_list(node, kMostOutputs))
        return;
    config.outputs.clear();
    std::set<std::string> paths;
    for (const YamlNode& item : node.items) {
        OutputConfig output;
        if (item.kind != YamlNode::Kind::map) {
            reader.error(item.place,
                         fmt::format("{} must be a map with 'type', not {}", item.label(), kind_name(item.kind)));
            continue;
        }
        reader.map(item, kOutputFields, output);
        const YamlNode* type = item.find("type");
        if (type == nullptr) {
            reader.error(item.place, fmt::format("{} needs 'type'", item.label()));
            continue;
        }
        if (type->text != word_of(kOutputTypes, output.type))
            continue;  // a wrong type was reported
        check_output_keys(reader, item, output);
        if (!output.path.empty() && !paths.insert(output.path).second)
            reader.error(item.place, fmt::format("two outputs write to {}", output.path));
        config.outputs.push_back(std::move(output));
    }
}

// the rest

constexpr Field<Config::Fallback> kFallbackFields[] = {
    {"profile",
     [](Reader& r, const YamlNode& n, Config::Fallback& to) { set(r.choice(n, kProfiles), to.full_profile); }},
    {"compat_entry", [](Reader& r, const YamlNode& n, Config::Fallback& to) { set(r.boolean(n), to.compat_entry); }},
};

constexpr Field<Config::Metrics> kFunctionLabelFields[] = {
    {"enabled", [](Reader& r, const YamlNode& n, Config::Metrics& to) { set(r.boolean(n), to.function_label); }},
    {"max",
     [](Reader& r, const YamlNode& n, Config::Metrics& to) { set_number(r, n, 1, 10'000, to.function_label_max); }},
};

constexpr Field<Config::Metrics> kMetricsFields[] = {
    {"function_label", [](Reader& r, const YamlNode& n, Config::Metrics& to) { r.map(n, kFunctionLabelFields, to); }},
};

constexpr Field<Config::Limits> kLimitsFields[] = {
    {"sandboxes",
     [](Reader& r, const YamlNode& n, Config::Limits& to) { set_number(r, n, 16, 262'144, to.sandboxes); }},
    {"processes",
     [](Reader& r, const YamlNode& n, Config::Limits& to) { set_number(r, n, 256, 1'048'576, to.processes); }},
    {"bulk_events_per_second", [](Reader& r, const YamlNode& n,
                                  Config::Limits& to) { set_number(r, n, 10, 1'000'000, to.bulk_events_per_second); }},
};

constexpr Field<Config::Alerts> kAlertsFields[] = {
    {"cooldown", [](Reader& r, const YamlNode& n,
                    Config::Alerts& to) { set(r.duration(n, kSecond, 24 * 3600 * kSecond), to.cooldown_ns); }},
};

constexpr Field<Config::Enforcement> kEnforcementFields[] = {
    {"persist", [](Reader& r, const YamlNode& n, Config::Enforcement& to) { set(r.boolean(n), to.persist); }},
    {"pin_dir", [](Reader& r, const YamlNode& n, Config::Enforcement& to) { set(r.absolute_path(n), to.pin_dir); }},
};

constexpr Field<Config> kConfigFields[] = {
    {"version", [](Reader&, const YamlNode&, Config&) {}},  // Reader::version
    {"node", [](Reader& r, const YamlNode& n, Config& to) { set(r.value(n, parse_node), to.node); }},
    {"mode", [](Reader& r, const YamlNode& n, Config& to) { set(r.choice(n, kModes), to.mode); }},
    {"listen", [](Reader& r, const YamlNode& n, Config& to) { set(r.value(n, parse_listen), to.listen); }},
    {"state_dir", [](Reader& r, const YamlNode& n, Config& to) { set(r.absolute_path(n), to.state_dir); }},
    {"run_dir", [](Reader& r, const YamlNode& n, Config& to) { set(r.value(n, parse_run_dir), to.run_dir); }},
    {"policy_dir",
     [](Reader& r, const YamlNode& n, Config& to) {
         set(r.absolute_path(n), to.policy_dir);
         to.policy_dir_given = true;
     }},
    {"backend", [](Reader& r, const YamlNode& n, Config& to) { set(r.choice(n, kBackends), to.backend); }},
    {"enforcement", [](Reader& r, const YamlNode& n, Config& to) { r.map(n, kEnforcementFields, to.enforcement); }},
    {"fallback", [](Reader& r, const YamlNode& n, Config& to) { r.map(n, kFallbackFields, to.fallback); }},
    {"sandboxes", [](Reader& r, const YamlNode& n, Config& to) { read_sandboxes(r, n, to.sandboxes); }},
    {"outputs", read_outputs},
    {"log_level", [](Reader& r, const YamlNode& n, Config& to) { set(r.choice(n, kLogLevels), to.log_level); }},
    {"metrics", [](Reader& r, const YamlNode& n, Config& to) { r.map(n, kMetricsFields, to.metrics); }},
    {"limits", [](Reader& r, const YamlNode& n, Config& to) { r.map(n, kLimitsFields, to.limits); }},
    {"alerts", [](Reader& r, const YamlNode& n, Config& to) { r.map(n, kAlertsFields, to.alerts); }},
};

}  // namespace

Endpoint Config::loopback(std::uint16_t port)
{
    Endpoint endpoint;
    endpoint.address = {127, 0, 0, 1};
    endpoint.family = AF_INET;
    endpoint.port = port;
    return endpoint;
}

std::string_view mode_name(Mode mode)
{
    return word_of(kModes, mode);
}

std::string_view backend_choice_name(BackendChoice backend)
{
    return word_of(kBackends, backend);
}

Config default_config()
{
    Config config;
    std::array<char, 256> name{};
    if (::gethostname(name.data(), name.size() - 1) == 0)
        config.node = name.data();
    if (config.node.empty())
        config.node = "localhost";
    return config;
}

Result<std::optional<Endpoint>> parse_listen(std::string_view text)
{
    if (text == "off")
        return std::nullopt;
    std::string written(text);
    if (text.starts_with(':'))
        written.insert(0, "0.0.0.0");
    else if (text.starts_with("localhost:"))
        written.replace(0, 9, "127.0.0.1");
    auto endpoint = parse_address_port(written, 0);
    if (!endpoint)
        return fail(endpoint.error().message + "; 'off' for none");
    return *endpoint;
}

Result<Mode> parse_mode(std::string_view text)
{
    return parse_choice(kModes, text);
}

Result<LogLevel> parse_log_level(std::string_view text)
{
    return parse_choice(kLogLevels, text);
}

Result<std::string> parse_run_dir(std::string_view text)
{
    constexpr std::size_t kLongest = sizeof(sockaddr_un::sun_path) - sizeof("/control.sock");
    if (!text.starts_with('/'))
        return fail(fmt::format("must be an absolute path, not '{}'", text.substr(0, 60)));
    if (text.size() > kLongest)
        return fail(fmt::format("must be at most {} bytes, so that its control.sock has a valid address", kLongest));
    return std::string(text);
}

ConfigLoad parse_config(std::string_view text, const std::string& file)
{
    ConfigLoad load;
    Config config = default_config();
    config.file = file;
    const auto root = parse_yaml(text, file, load.diagnostics);
    if (!root)
        return load;
    Reader reader(file, load.diagnostics);
    reader.version(*root);
    reader.map(*root, kConfigFields, config);
    sort_by_place(load.diagnostics);
    if (!has_errors(load.diagnostics))
        load.config = std::move(config);
    return load;
}

ConfigLoad load_config(const std::optional<std::string>& path)
{
    const std::string file = path.value_or(std::string(kDefaultConfigFile));
    if (!path && ::access(file.c_str(), F_OK) != 0 && errno == ENOENT)
        return {.config = default_config(), .diagnostics = {}};
    auto text = read_text_file(file, YamlLimits{}.bytes);
    if (!text)
        return {.config = std::nullopt, .diagnostics = {{file, {}, text.error().message}}};
    return parse_config(*text, file);
}

std::vector<KeyTable> config_key_tables()
{
    return {key_table("", kConfigFields),
            key_table("enforcement", kEnforcementFields),
            key_table("fallback", kFallbackFields),
            key_table("sandboxes", kSandboxesFields),
            key_table("outputs[]", kOutputFields),
            key_table("metrics", kMetricsFields),
            key_table("metrics.function_label", kFunctionLabelFields),
            key_table("limits", kLimitsFields),
            key_table("alerts", kAlertsFields)};
}

}  // namespace fnshield
