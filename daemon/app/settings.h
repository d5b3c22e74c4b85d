// SPDX-License-Identifier: Apache-2.0
//
// What the operator asked for: configuration file, command line and policies, read and checked together. The same
// function serves the start, --check and a reload.
#pragma once

#include <memory>
#include <string>

#include "daemon/app/options.h"
#include "daemon/model/recognise.h"
#include "daemon/policy/config.h"
#include "daemon/policy/policy_set.h"

namespace fnshield {

struct Settings {
    Config config;  // with what the command line overrides
    std::shared_ptr<const PolicySet> policies;
    Recognition recognition;
};

struct SettingsLoad {
    std::shared_ptr<const Settings> settings;  // null where a diagnostic is an error
    Diagnostics diagnostics;
};

[[nodiscard]] SettingsLoad load_settings(const Options& options);

// What of a new configuration takes effect only at the next start: "listen, limits"; empty = all is in force.
[[nodiscard]] std::string needs_restart(const Config& running, const Config& wanted);

}  // namespace fnshield
