// SPDX-License-Identifier: Apache-2.0
//
// fnshield.yaml as a struct. A default-constructed Config, with `node` filled in by default_config(), is what no file
// at all means; packaging/config/fnshield.yaml shows every key with its default.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/base/result.h"
#include "daemon/base/time.h"
#include "daemon/model/event.h"
#include "daemon/policy/diagnostic.h"
#include "daemon/policy/reader.h"

namespace fnshield {

enum class Mode : std::uint8_t { monitor, enforce };
// What `backend` asks for; `automatic` is written "auto". (kernel/programs.h has the backends there are.)
enum class BackendChoice : std::uint8_t { automatic, lsm, fentry, tracepoint };
enum class LogLevel : std::uint8_t { trace, debug, info, warning, error };

[[nodiscard]] std::string_view mode_name(Mode mode);
[[nodiscard]] std::string_view backend_choice_name(BackendChoice backend);

struct OutputConfig {
    enum class Type : std::uint8_t { jsonl, journald, alertmanager, webhook };
    enum class Stream : std::uint8_t { alerts, events };
    Type type = Type::jsonl;
    Stream stream = Stream::alerts;
    std::string path;  // jsonl: absolute
    std::string url;   // alertmanager, webhook
    bool operator==(const OutputConfig&) const = default;
};

struct Config {
    std::string file;  // it was read from; "" = there was none

    std::string node;
    Mode mode = Mode::monitor;
    std::optional<Endpoint> listen = loopback(9938);  // nothing = off; port 0 = any free one
    std::string state_dir = "/var/lib/fnshield";
    std::string run_dir = "/run/fnshield";
    std::string policy_dir = "/etc/fnshield/policies";
    bool policy_dir_given = false;  // asked for: then it has to be there
    BackendChoice backend = BackendChoice::automatic;

    struct Fallback {
        bool full_profile = true;  // false = lean
        bool compat_entry = false;
    } fallback;

    struct Enforcement {
        bool persist = false;  // programs and policies stay in force while the daemon is stopped
        std::string pin_dir = "/sys/fs/bpf/fnshield";
        bool operator==(const Enforcement&) const = default;
    } enforcement;

    struct Sandboxes {
        // Checked one by one and together: make_recognition() takes them without an error.
        std::vector<std::string> platforms{"kubernetes", "docker", "containerd", "crio", "podman", "firecracker"};
        std::vector<std::string> templates;
    } sandboxes;

    std::vector<OutputConfig> outputs{
        {.type = OutputConfig::Type::jsonl, .path = "/var/log/fnshield/alerts.jsonl"},
        {.type = OutputConfig::Type::journald},
    };

    // Beyond the contract.
    LogLevel log_level = LogLevel::info;

    struct Metrics {
        bool function_label = false;             // functions as a label; see `max`
        std::uint32_t function_label_max = 100;  // values; the others are "other"
    } metrics;

    struct Limits {
        std::uint32_t sandboxes = 16384;
        std::uint32_t processes = 65536;
        std::uint32_t bulk_events_per_second = 4000;  // of one sandbox in the bulk ring
    } limits;

    struct Alerts {
        Nanoseconds cooldown_ns = 60 * kSecond;  // the same finding within it is the same alert
    } alerts;

    [[nodiscard]] static Endpoint loopback(std::uint16_t port);
};

inline constexpr std::string_view kDefaultConfigFile = "/etc/fnshield/fnshield.yaml";

struct ConfigLoad {
    std::optional<Config> config;  // nothing where there was an error
    Diagnostics diagnostics;
};

// The defaults of this machine: `node` is its host name.
[[nodiscard]] Config default_config();

// `path` was given, so it has to be there; without one it is kDefaultConfigFile, or the defaults where that is missing.
[[nodiscard]] ConfigLoad load_config(const std::optional<std::string>& path);
// The same from text; `file` is for the messages.
[[nodiscard]] ConfigLoad parse_config(std::string_view text, const std::string& file);

// Values as they are written on the command line too. The message continues "--listen ", "'listen' ".
[[nodiscard]] Result<std::optional<Endpoint>> parse_listen(std::string_view text);  // ADDR:PORT, :PORT or off
[[nodiscard]] Result<Mode> parse_mode(std::string_view text);
[[nodiscard]] Result<LogLevel> parse_log_level(std::string_view text);
// An absolute directory short enough for RUN_DIR/control.sock to be a socket's address.
[[nodiscard]] Result<std::string> parse_run_dir(std::string_view text);

// The keys that the file may have, for the test that holds the JSON Schema to them.
[[nodiscard]] std::vector<KeyTable> config_key_tables();

}  // namespace fnshield
