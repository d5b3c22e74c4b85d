// SPDX-License-Identifier: Apache-2.0
//
// fnshield.yaml: the defaults, every key, the shipped file, files that cannot be read.
#include "daemon/policy/config.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>

namespace fnshield {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string faults(const ConfigLoad& load)
{
    std::string text;
    for (const Diagnostic& diagnostic : load.diagnostics)
        text += diagnostic.text() + "\n";
    return text;
}

void expect_defaults(const Config& config)
{
    char host[256]{};
    ASSERT_EQ(::gethostname(host, sizeof(host) - 1), 0);
    EXPECT_EQ(config.node, host);
    EXPECT_EQ(config.mode, Mode::monitor);
    ASSERT_TRUE(config.listen);
    EXPECT_EQ(config.listen->address_text(), "127.0.0.1");
    EXPECT_EQ(config.listen->port, 9938);
    EXPECT_EQ(config.state_dir, "/var/lib/fnshield");
    EXPECT_EQ(config.run_dir, "/run/fnshield");
    EXPECT_EQ(config.policy_dir, "/etc/fnshield/policies");
    EXPECT_EQ(config.backend, BackendChoice::automatic);
    EXPECT_TRUE(config.fallback.full_profile);
    EXPECT_FALSE(config.fallback.compat_entry);
    EXPECT_THAT(config.sandboxes.platforms,
                ElementsAre("kubernetes", "docker", "containerd", "crio", "podman", "firecracker"));
    const OutputConfig file{.type = OutputConfig::Type::jsonl, .path = "/var/log/fnshield/alerts.jsonl"};
    const OutputConfig journal{.type = OutputConfig::Type::journald};
    EXPECT_THAT(config.outputs, ElementsAre(file, journal));
    EXPECT_EQ(config.log_level, LogLevel::info);
    EXPECT_FALSE(config.metrics.function_label);
    EXPECT_EQ(config.metrics.function_label_max, 100U);
    EXPECT_EQ(config.limits.sandboxes, 16384U);
    EXPECT_EQ(config.limits.processes, 65536U);
    EXPECT_EQ(config.limits.bulk_events_per_second, 4000U);
    EXPECT_EQ(config.alerts.cooldown_ns, 60 * kSecond);
}

TEST(Config, NothingIsAWorkingDefault)
{
    expect_defaults(default_config());
    for (const std::string_view text : {"", "# only a comment\n", "version: 1\n"}) {
        const ConfigLoad load = parse_config(text, "fnshield.yaml");
        EXPECT_EQ(faults(load), "");
        ASSERT_TRUE(load.config) << text;
        expect_defaults(*load.config);
    }
}

TEST(Config, TheShippedFileSaysTheDefaults)
{
    const ConfigLoad load = load_config(std::string(FNSHIELD_SOURCE_DIR) + "/packaging/config/fnshield.yaml");
    EXPECT_EQ(faults(load), "");
    ASSERT_TRUE(load.config);
    expect_defaults(*load.config);
    EXPECT_THAT(load.config->sandboxes.templates, IsEmpty());
}

TEST(Config, EveryKeyIsRead)
{
    const ConfigLoad load = parse_config(R"(version: 1
node: worker-7
mode: enforce
listen: "[::1]:9000"
state_dir: /srv/state
run_dir: /srv/run
policy_dir: /srv/policies
backend: tracepoint
fallback: { profile: lean, compat_entry: true }
sandboxes:
  platforms: [docker, docker]
  templates:
    - /openfaas-fn/{function}
    - /fn/{tenant}/{function}/{instance}
outputs:
  - { type: jsonl, stream: events, path: /srv/events.jsonl }
log_level: debug
metrics: { function_label: { enabled: true, max: 7 } }
limits: { sandboxes: 100, processes: 1000, bulk_events_per_second: 50 }
alerts: { cooldown: 5m }
)",
                                         "fnshield.yaml");
    EXPECT_EQ(faults(load), "");
    ASSERT_TRUE(load.config);
    const Config& config = *load.config;
    EXPECT_EQ(config.file, "fnshield.yaml");
    EXPECT_EQ(config.node, "worker-7");
    EXPECT_EQ(config.mode, Mode::enforce);
    ASSERT_TRUE(config.listen);
    EXPECT_EQ(config.listen->address_text(), "::1");
    EXPECT_EQ(config.listen->port, 9000);
    EXPECT_EQ(config.state_dir, "/srv/state");
    EXPECT_EQ(config.run_dir, "/srv/run");
    EXPECT_EQ(config.policy_dir, "/srv/policies");
    EXPECT_TRUE(config.policy_dir_given);
    EXPECT_EQ(config.backend, BackendChoice::tracepoint);
    EXPECT_FALSE(config.fallback.full_profile);
    EXPECT_TRUE(config.fallback.compat_entry);
    EXPECT_THAT(config.sandboxes.platforms, ElementsAre("docker"));
    EXPECT_THAT(config.sandboxes.templates,
                ElementsAre("/openfaas-fn/{function}", "/fn/{tenant}/{function}/{instance}"));
    ASSERT_EQ(config.outputs.size(), 1U);
    EXPECT_EQ(config.outputs[0].stream, OutputConfig::Stream::events);
    EXPECT_EQ(config.outputs[0].path, "/srv/events.jsonl");
    EXPECT_EQ(config.log_level, LogLevel::debug);
    EXPECT_TRUE(config.metrics.function_label);
    EXPECT_EQ(config.metrics.function_label_max, 7U);
    EXPECT_EQ(config.limits.sandboxes, 100U);
    EXPECT_EQ(config.limits.processes, 1000U);
    EXPECT_EQ(config.limits.bulk_events_per_second, 50U);
    EXPECT_EQ(config.alerts.cooldown_ns, 300 * kSecond);
}

TEST(Config, ListsMayBeEmpty)
{
    const ConfigLoad load = parse_config("version: 1\nlisten: off\noutputs: []\nsandboxes: { platforms: [] }\n", "f");
    ASSERT_TRUE(load.config) << faults(load);
    EXPECT_FALSE(load.config->listen);
    EXPECT_THAT(load.config->outputs, IsEmpty());
    EXPECT_THAT(load.config->sandboxes.platforms, IsEmpty());
}

TEST(Config, AWarningDoesNotRefuseTheFile)
{
    const ConfigLoad load =
        parse_config("version: 1\noutputs: [ { type: webhook, url: \"https://hooks.example\" } ]\n", "f");
    ASSERT_TRUE(load.config);
    EXPECT_EQ(load.config->outputs.at(0).url, "https://hooks.example");
    EXPECT_THAT(faults(load), HasSubstr("f:2:12: warning:"));
}

TEST(Config, AFileThatWasGivenHasToBeThere)
{
    EXPECT_EQ(faults(load_config("/nonexistent/fnshield.yaml")),
              "/nonexistent/fnshield.yaml:1:1: cannot open: No such file or directory\n");
    EXPECT_EQ(faults(load_config("/proc")), "/proc:1:1: cannot read: Is a directory\n");
    EXPECT_EQ(faults(load_config("/dev/zero")), "/dev/zero:1:1: not a regular file\n");
}

TEST(Config, WithoutAPathTheDefaultOneMayBeMissing)
{
    if (std::filesystem::exists(kDefaultConfigFile))
        GTEST_SKIP() << kDefaultConfigFile << " exists on this machine";
    const ConfigLoad load = load_config(std::nullopt);
    ASSERT_TRUE(load.config);
    EXPECT_EQ(load.config->file, "");
    expect_defaults(*load.config);
}

TEST(Listen, TakesWhatPeopleWrite)
{
    EXPECT_EQ(parse_listen("off").value(), std::nullopt);
    EXPECT_EQ(parse_listen(":9938").value()->address_text(), "0.0.0.0");
    EXPECT_EQ(parse_listen("localhost:80").value()->address_text(), "127.0.0.1");
    EXPECT_EQ(parse_listen("127.0.0.1:0").value()->port, 0);
    for (const std::string_view text : {"", "9938", "none", "127.0.0.1", "::1:80", "example:80"})
        EXPECT_FALSE(parse_listen(text)) << text;
}

TEST(Words, OfTheCommandLine)
{
    EXPECT_EQ(parse_mode("enforce").value(), Mode::enforce);
    EXPECT_EQ(parse_mode("x").error().message, "must be monitor or enforce, not 'x'");
    EXPECT_EQ(parse_log_level("trace").value(), LogLevel::trace);
    EXPECT_FALSE(parse_log_level(""));
    EXPECT_EQ(mode_name(Mode::enforce), "enforce");
    EXPECT_EQ(backend_choice_name(BackendChoice::automatic), "auto");
    EXPECT_TRUE(parse_run_dir("/run/fnshield"));
    EXPECT_FALSE(parse_run_dir("run"));
    EXPECT_FALSE(parse_run_dir("/" + std::string(94, 'x')));
}

}  // namespace
}  // namespace fnshield
