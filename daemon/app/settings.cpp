// SPDX-License-Identifier: Apache-2.0
#include "daemon/app/settings.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <utility>

#include "daemon/detect/detector.h"

namespace fnshield {
namespace {

constexpr std::size_t kResolvConfBytes = 64 * 1024;

std::string head_of(const std::string& path)
{
    std::ifstream file(path);
    std::string text(kResolvConfBytes, '\0');
    file.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(file.gcount()));
    return text;
}

void complain(Diagnostics& diagnostics, std::string_view option, const Error& error)
{
    diagnostics.push_back({.file = "command line", .place = {}, .message = std::string(option) + " " + error.message});
}

// What the command line says wins over the file.
void override_config(Config& config, const Options& options, Diagnostics& diagnostics)
{
    if (options.listen) {
        if (auto listen = parse_listen(*options.listen))
            config.listen = *listen;
        else
            complain(diagnostics, "--listen", listen.error());
    }
    if (options.mode) {
        if (auto mode = parse_mode(*options.mode))
            config.mode = *mode;
        else
            complain(diagnostics, "--mode", mode.error());
    }
    if (options.log_level) {
        if (auto level = parse_log_level(*options.log_level))
            config.log_level = *level;
        else
            complain(diagnostics, "--log-level", level.error());
    }
    if (options.run_dir) {
        if (auto run_dir = parse_run_dir(*options.run_dir))
            config.run_dir = *run_dir;
        else
            complain(diagnostics, "--run-dir", run_dir.error());
    }
    if (options.state_dir)
        config.state_dir = *options.state_dir;
    if (options.policy_dir) {
        config.policy_dir = *options.policy_dir;
        config.policy_dir_given = true;
    }
}

}  // namespace

SettingsLoad load_settings(const Options& options)
{
    SettingsLoad load;
    ConfigLoad config = load_config(options.config);
    load.diagnostics = std::move(config.diagnostics);
    if (!config.config)
        return load;
    override_config(*config.config, options, load.diagnostics);

    PolicyLoad policies =
        PolicySet::load(config.config->policy_dir, {.is_known_rule = is_known_rule,
                                                    .rule_names = known_rules(),
                                                    .node_resolvers = parse_resolv_conf(head_of("/etc/resolv.conf")),
                                                    .directory_required = config.config->policy_dir_given});
    std::ranges::move(policies.diagnostics, std::back_inserter(load.diagnostics));

    auto recognition = make_recognition(config.config->sandboxes.platforms, config.config->sandboxes.templates);
    if (!recognition)
        load.diagnostics.push_back({.file = config.config->file, .place = {}, .message = recognition.error().message});
    if (has_errors(load.diagnostics) || !policies.set || !recognition)
        return load;
    load.settings = std::make_shared<Settings>(
        Settings{std::move(*config.config), std::move(policies.set), std::move(*recognition)});
    return load;
}

std::string needs_restart(const Config& running, const Config& wanted)
{
    const std::pair<const char*, bool> rows[] = {
        {"node", running.node != wanted.node},
        {"listen", running.listen != wanted.listen},
        {"run_dir", running.run_dir != wanted.run_dir},
        {"backend", running.backend != wanted.backend},
        {"fallback", running.fallback.full_profile != wanted.fallback.full_profile ||
                         running.fallback.compat_entry != wanted.fallback.compat_entry},
        {"enforcement", running.enforcement != wanted.enforcement},
        {"outputs", running.outputs != wanted.outputs},
        {"metrics", running.metrics.function_label != wanted.metrics.function_label ||
                        running.metrics.function_label_max != wanted.metrics.function_label_max},
        {"limits", running.limits.sandboxes != wanted.limits.sandboxes ||
                       running.limits.processes != wanted.limits.processes ||
                       running.limits.bulk_events_per_second != wanted.limits.bulk_events_per_second},
        {"alerts", running.alerts.cooldown_ns != wanted.alerts.cooldown_ns},
    };
    std::string names;
    for (const auto& [name, changed] : rows)
        if (changed)
            names += std::string(names.empty() ? "" : ", ") + name;
    return names;
}

}  // namespace fnshield
