// SPDX-License-Identifier: Apache-2.0
//
// fnshieldd: reads what it was asked for, says what is wrong with it, runs the daemon. The exit codes are the
// contract's.
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <cstdio>

#include "daemon/app/daemon.h"
#include "daemon/app/options.h"
#include "daemon/app/settings.h"
#include "daemon/kernel/capabilities.h"
#include "daemon/kernel/host.h"
#include "daemon/kernel/libbpf.h"

namespace fnshield {
namespace {

spdlog::level::level_enum spdlog_level(LogLevel level)
{
    switch (level) {
        case LogLevel::trace:
            return spdlog::level::trace;
        case LogLevel::debug:
            return spdlog::level::debug;
        case LogLevel::info:
            return spdlog::level::info;
        case LogLevel::warning:
            return spdlog::level::warn;
        case LogLevel::error:
            return spdlog::level::err;
    }
    return spdlog::level::info;
}

int end_with(ExitCode code)
{
    return static_cast<int>(code);
}

int check(const SettingsLoad& load)
{
    for (const Diagnostic& diagnostic : load.diagnostics)
        std::printf("%s\n", diagnostic.text().c_str());
    if (!load.settings)
        return end_with(ExitCode::usage);
    std::printf("configuration and %zu policies are good\n", load.settings->policies->policies().size());
    return 0;
}

Result<void> run(const Options& options, std::shared_ptr<const Settings> settings,
                 const std::shared_ptr<spdlog::logger>& log)
{
    const HeldCapabilities held = HeldCapabilities::read();
    if (auto permitted = check_capabilities(held); !permitted)
        return permitted;
    for (const Capability& missing : missing_serving(held))
        log->warn("{} is not held: {}", missing.name, missing.serves);
    capture_libbpf_output();
    if (auto mounted = mount_private_tracefs(); !mounted)
        log->warn("{}: per-syscall tracepoints cannot be used", mounted.error().message);
    if (auto kept = keep_used(); !kept)
        return kept;
    if (::geteuid() == 0)
        log->info("root gave up CAP_DAC_OVERRIDE as well: files and folders of other users are not written to");
    auto daemon = Daemon::make(options, std::move(settings), log);
    if (!daemon)
        return pass(std::move(daemon));
    return (*daemon)->run();
}

int main_of_daemon(int argc, const char* const* argv)
{
    auto options = parse_command_line(argc, argv);
    if (!options) {
        std::fputs(options.error().text.c_str(), options.error().exit_code == 0 ? stdout : stderr);
        return options.error().exit_code;
    }
    SettingsLoad load = load_settings(*options);
    if (options->check)
        return check(load);
    auto log = spdlog::stderr_color_st("fnshieldd");
    log->set_pattern("%Y-%m-%dT%H:%M:%S.%e %^%l%$ %v");
    for (const Diagnostic& diagnostic : load.diagnostics)
        log->log(diagnostic.level == DiagnosticLevel::error ? spdlog::level::err : spdlog::level::warn, "{}",
                 diagnostic.text());
    if (!load.settings)
        return end_with(ExitCode::usage);
    log->set_level(spdlog_level(load.settings->config.log_level));
    if (auto ended = run(*options, std::move(load.settings), log); !ended) {
        if (const std::string detail = take_libbpf_output(); !detail.empty())
            log->debug("libbpf: {}", detail);
        log->critical("{}", ended.error().message);
        return end_with(ended.error().exit_code);
    }
    return 0;
}

}  // namespace
}  // namespace fnshield

int main(int argc, char** argv)
{
    return fnshield::main_of_daemon(argc, argv);
}
