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
    {"coldstart.startup_hook", make_coldstart_startup_hook},
    {"coldstart.secret_sweep", make_coldstart_secret_sweep},
    {"coldstart.prewarm_activity", make_coldstart_prewarm_activity},
    {"function.unexpected_exec", make_function_unexpected_exec},
    {"function.unexpected_egress", make_function_unexpected_egress},
    {"function.shell_spawned", make_function_shell_spawned},
    {"function.download_exec", make_function_download_exec},
    {"function.fileless_exec", make_function_fileless_exec},
    {"function.reverse_shell", make_function_reverse_shell},
    {"function.residual_exec", make_function_residual_exec},
    {"function.undead_process", make_function_undead_process},
    {"function.runtime_swap", make_function_runtime_swap},
    {"function.package_install", make_function_package_install},
    {"function.fork_storm", make_function_fork_storm},
    {"function.cpu_hijack", make_function_cpu_hijack},
    {"function.dns_tunnel", make_function_dns_tunnel},
    {"isolation.memory_read", make_isolation_memory_read},
    {"isolation.memory_write", make_isolation_memory_write},
    {"isolation.ptrace", make_isolation_ptrace},
    {"isolation.memory_scrape", make_isolation_memory_scrape},
    {"isolation.proc_peek", make_isolation_proc_peek},
    {"isolation.fd_theft", make_isolation_fd_theft},
    {"isolation.fd_passing", make_isolation_fd_passing},
    {"isolation.shared_memory", make_isolation_shared_memory},
    {"isolation.residual_read", make_isolation_residual_read},
    {"isolation.namespace_entry", make_isolation_namespace_entry},
    {"isolation.user_namespace", make_isolation_user_namespace},
    {"isolation.mount", make_isolation_mount},
    {"isolation.release_agent", make_isolation_release_agent},
    {"isolation.sysctl_write", make_isolation_sysctl_write},
    {"isolation.runtime_socket", make_isolation_runtime_socket},
    {"isolation.leaked_fd", make_isolation_leaked_fd},
    {"isolation.kernel_module", make_isolation_kernel_module},
    {"isolation.bpf", make_isolation_bpf},
    {"isolation.perf_event", make_isolation_perf_event},
    {"isolation.kernel_memory", make_isolation_kernel_memory},
    {"isolation.block_device", make_isolation_block_device},
    {"isolation.host_path", make_isolation_host_path},
    {"isolation.runtime_overwrite", make_isolation_runtime_overwrite},
    {"isolation.privilege_gain", make_isolation_privilege_gain},
    {"isolation.raw_socket", make_isolation_raw_socket},
    {"isolation.lateral_connect", make_isolation_lateral_connect},
    {"isolation.port_scan", make_isolation_port_scan},
    {"isolation.control_plane", make_isolation_control_plane},
    {"isolation.cgroup_escape", make_isolation_cgroup_escape},
    {"isolation.vmm_escape", make_isolation_vmm_escape},
    {"isolation.signal", make_isolation_signal},
    {"isolation.io_uring", make_isolation_io_uring},
    {"isolation.rare_syscall", make_isolation_rare_syscall},
    {"identity.metadata_service", make_identity_metadata_service},
    {"identity.token_read", make_identity_token_read},
    {"identity.foreign_secret", make_identity_foreign_secret},
    {"identity.secret_sweep", make_identity_secret_sweep},
    {"identity.environment_read", make_identity_environment_read},
    {"identity.cloud_cli", make_identity_cloud_cli},
    {"identity.credential_search", make_identity_credential_search},
    {"identity.token_egress", make_identity_token_egress},
    {"identity.ssrf_local", make_identity_ssrf_local},
    {"identity.runtime_api", make_identity_runtime_api},
    {"supply.extra_process", make_supply_extra_process},
    {"supply.changed_interpreter", make_supply_changed_interpreter},
    {"supply.unlisted_executable", make_supply_unlisted_executable},
    {"supply.import_payload", make_supply_import_payload},
    {"supply.preload", make_supply_preload},
    {"supply.native_from_scratch", make_supply_native_from_scratch},
    {"supply.masquerade", make_supply_masquerade},
    {"supply.code_drop", make_supply_code_drop},
    {"supply.install_script", make_supply_install_script},
    {"supply.time_bomb", make_supply_time_bomb},
    {"model.weights_read", make_model_weights_read},
    {"model.weights_exfiltration", make_model_weights_exfiltration},
    {"model.tampered", make_model_tampered},
    {"model.shared_cache_poisoned", make_model_shared_cache_poisoned},
    {"model.unsafe_load", make_model_unsafe_load},
    {"model.query_flood", make_model_query_flood},
    {"model.crash_probe", make_model_crash_probe},
    {"model.sponge", make_model_sponge},
    {"model.gpu_device", make_model_gpu_device},
    {"health.tamper", make_health_tamper},
    {"health.heartbeat", make_health_heartbeat},
    {"health.loss", make_health_loss},
    {"health.sensor", make_health_sensor},
});

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
    return std::ranges::find(kRows, rule, &Row::rule) != kRows.end();
}

std::vector<std::string_view> known_rules()
{
    std::vector<std::string_view> rules;
    rules.reserve(kRows.size());
    for (const Row& row : kRows)
        rules.push_back(row.rule);
    return rules;
}

}  // namespace fnshield
