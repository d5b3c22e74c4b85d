// SPDX-License-Identifier: Apache-2.0
//
// The rule table: one row a detector, in the order in which they are documented and reported. Adding one is a row here,
// its file beside this one, its test, and its row in docs/rules.md (docs/adding-a-detector.md).
#include <algorithm>
#include <array>

#include "daemon/detect/detectors.h"

namespace fnshield {
namespace {

using namespace detect;

struct Row {
    std::string_view rule;  // as in the detector's descriptor; a test compares them
    std::unique_ptr<Detector> (*make)();
};

constexpr auto kRows = std::to_array<Row>({
    {"coldstart.slow", make_coldstart_slow},
    {"coldstart.storm", make_coldstart_storm},
    {"coldstart.init_egress", make_coldstart_init_egress},
    {"coldstart.init_exec", make_coldstart_init_exec},
    {"function.unexpected_exec", make_function_unexpected_exec},
    {"function.unexpected_egress", make_function_unexpected_egress},
    {"function.fileless_exec", make_function_fileless_exec},
    {"isolation.memory_read", make_isolation_memory_read},
    {"isolation.memory_write", make_isolation_memory_write},
    {"isolation.ptrace", make_isolation_ptrace},
    {"isolation.proc_peek", make_isolation_proc_peek},
    {"isolation.fd_theft", make_isolation_fd_theft},
    {"isolation.namespace_entry", make_isolation_namespace_entry},
    {"isolation.user_namespace", make_isolation_user_namespace},
    {"isolation.mount", make_isolation_mount},
    {"isolation.kernel_module", make_isolation_kernel_module},
    {"isolation.bpf", make_isolation_bpf},
    {"isolation.release_agent", make_isolation_release_agent},
    {"isolation.sysctl_write", make_isolation_sysctl_write},
    {"isolation.kernel_memory", make_isolation_kernel_memory},
    {"isolation.raw_socket", make_isolation_raw_socket},
    {"identity.metadata_service", make_identity_metadata_service},
    {"identity.token_read", make_identity_token_read},
    {"identity.secret_sweep", make_identity_secret_sweep},
    {"supply.code_drop", make_supply_code_drop},
    {"model.tampered", make_model_tampered},
    {"model.weights_read", make_model_weights_read},
    {"model.gpu_device", make_model_gpu_device},
    {"health.tamper", make_health_tamper},
    {"health.heartbeat", make_health_heartbeat},
    {"health.loss", make_health_loss},
});

// Rules of the catalogue whose detectors are still to come. A policy may name them already, so that one policy serves
// nodes of different versions; sorted.
constexpr auto kLater = std::to_array<std::string_view>({
    "coldstart.prewarm_activity",
    "coldstart.secret_sweep",
    "coldstart.startup_hook",
    "function.cpu_hijack",
    "function.dns_tunnel",
    "function.download_exec",
    "function.fork_storm",
    "function.package_install",
    "function.residual_exec",
    "function.reverse_shell",
    "function.runtime_swap",
    "function.shell_spawned",
    "function.undead_process",
    "health.sensor",
    "identity.cloud_cli",
    "identity.credential_search",
    "identity.environment_read",
    "identity.foreign_secret",
    "identity.runtime_api",
    "identity.ssrf_local",
    "identity.token_egress",
    "isolation.block_device",
    "isolation.cgroup_escape",
    "isolation.control_plane",
    "isolation.fd_passing",
    "isolation.host_path",
    "isolation.io_uring",
    "isolation.lateral_connect",
    "isolation.leaked_fd",
    "isolation.memory_scrape",
    "isolation.perf_event",
    "isolation.port_scan",
    "isolation.privilege_gain",
    "isolation.rare_syscall",
    "isolation.residual_read",
    "isolation.runtime_overwrite",
    "isolation.runtime_socket",
    "isolation.shared_memory",
    "isolation.signal",
    "isolation.vmm_escape",
    "model.crash_probe",
    "model.query_flood",
    "model.shared_cache_poisoned",
    "model.sponge",
    "model.unsafe_load",
    "model.weights_exfiltration",
    "supply.changed_interpreter",
    "supply.extra_process",
    "supply.import_payload",
    "supply.install_script",
    "supply.masquerade",
    "supply.native_from_scratch",
    "supply.preload",
    "supply.time_bomb",
    "supply.unlisted_executable",
});
static_assert(std::ranges::is_sorted(kLater));

constexpr auto kCategories =
    std::to_array<std::string_view>({"function", "model", "infrastructure", "supply-chain", "identity", "health"});

}  // namespace

std::string_view category_name(Category category)
{
    const auto index = static_cast<std::size_t>(category);
    return index < kCategories.size() ? kCategories[index] : std::string_view("unknown");
}

std::vector<std::unique_ptr<Detector>> make_detectors()
{
    std::vector<std::unique_ptr<Detector>> detectors;
    detectors.reserve(kRows.size());
    for (const Row& row : kRows)
        detectors.push_back(row.make());
    return detectors;
}

bool is_known_rule(std::string_view rule)
{
    return std::ranges::find(kRows, rule, &Row::rule) != kRows.end() || std::ranges::binary_search(kLater, rule);
}

std::vector<std::string_view> known_rules()
{
    std::vector<std::string_view> rules(kLater.begin(), kLater.end());
    for (const Row& row : kRows)
        rules.push_back(row.rule);
    return rules;
}

}  // namespace fnshield
