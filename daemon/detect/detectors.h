// SPDX-License-Identifier: Apache-2.0
//
// One maker a detector, each in a file of its own; registry.cpp calls them. The classes stay in their files. All rules
// of the catalogue stand here, those that come later too: this header is in every detector, and one more of them is no
// reason to compile the others again.
#pragma once

#include <memory>

#include "daemon/detect/detector.h"

namespace fnshield::detect {

[[nodiscard]] std::unique_ptr<Detector> make_coldstart_slow();
[[nodiscard]] std::unique_ptr<Detector> make_coldstart_storm();
[[nodiscard]] std::unique_ptr<Detector> make_coldstart_init_egress();
[[nodiscard]] std::unique_ptr<Detector> make_coldstart_init_exec();
[[nodiscard]] std::unique_ptr<Detector> make_coldstart_secret_sweep();
[[nodiscard]] std::unique_ptr<Detector> make_coldstart_startup_hook();
[[nodiscard]] std::unique_ptr<Detector> make_coldstart_prewarm_activity();
[[nodiscard]] std::unique_ptr<Detector> make_function_unexpected_exec();
[[nodiscard]] std::unique_ptr<Detector> make_function_unexpected_egress();
[[nodiscard]] std::unique_ptr<Detector> make_function_shell_spawned();
[[nodiscard]] std::unique_ptr<Detector> make_function_download_exec();
[[nodiscard]] std::unique_ptr<Detector> make_function_fileless_exec();
[[nodiscard]] std::unique_ptr<Detector> make_function_reverse_shell();
[[nodiscard]] std::unique_ptr<Detector> make_function_residual_exec();
[[nodiscard]] std::unique_ptr<Detector> make_function_undead_process();
[[nodiscard]] std::unique_ptr<Detector> make_function_runtime_swap();
[[nodiscard]] std::unique_ptr<Detector> make_function_package_install();
[[nodiscard]] std::unique_ptr<Detector> make_function_fork_storm();
[[nodiscard]] std::unique_ptr<Detector> make_function_cpu_hijack();
[[nodiscard]] std::unique_ptr<Detector> make_function_dns_tunnel();
[[nodiscard]] std::unique_ptr<Detector> make_model_weights_read();
[[nodiscard]] std::unique_ptr<Detector> make_model_weights_exfiltration();
[[nodiscard]] std::unique_ptr<Detector> make_model_tampered();
[[nodiscard]] std::unique_ptr<Detector> make_model_unsafe_load();
[[nodiscard]] std::unique_ptr<Detector> make_model_query_flood();
[[nodiscard]] std::unique_ptr<Detector> make_model_crash_probe();
[[nodiscard]] std::unique_ptr<Detector> make_model_sponge();
[[nodiscard]] std::unique_ptr<Detector> make_model_shared_cache_poisoned();
[[nodiscard]] std::unique_ptr<Detector> make_model_gpu_device();
[[nodiscard]] std::unique_ptr<Detector> make_isolation_memory_read();
[[nodiscard]] std::unique_ptr<Detector> make_isolation_memory_write();
[[nodiscard]] std::unique_ptr<Detector> make_isolation_ptrace();
[[nodiscard]] std::unique_ptr<Detector> make_isolation_memory_scrape();
[[nodiscard]] std::unique_ptr<Detector> make_isolation_proc_peek();
[[nodiscard]] std::unique_ptr<Detector> make_isolation_fd_theft();
[[nodiscard]] std::unique_ptr<Detector> make_isolation_fd_passing();
[[nodiscard]] std::unique_ptr<Detector> make_isolation_shared_memory();
[[nodiscard]] std::unique_ptr<Detector> make_isolation_residual_read();
[[nodiscard]] std::unique_ptr<Detector> make_isolation_namespace_entry();
[[nodiscard]] std::unique_ptr<Detector> make_isolation_user_namespace();
[[nodiscard]] std::unique_ptr<Detector> make_isolation_mount();
[[nodiscard]] std::unique_ptr<Detector> make_isolation_release_agent();
[[nodiscard]] std::unique_ptr<Detector> make_isolation_sysctl_write();
[[nodiscard]] std::unique_ptr<Detector> make_isolation_runtime_socket();
[[nodiscard]] std::unique_ptr<Detector> make_isolation_runtime_overwrite();
[[nodiscard]] std::unique_ptr<Detector> make_isolation_leaked_fd();
[[nodiscard]] std::unique_ptr<Detector> make_isolation_host_path();
[[nodiscard]] std::unique_ptr<Detector> make_isolation_kernel_module();
[[nodiscard]] std::unique_ptr<Detector> make_isolation_bpf();
[[nodiscard]] std::unique_ptr<Detector> make_isolation_perf_event();
[[nodiscard]] std::unique_ptr<Detector> make_isolation_kernel_memory();
[[nodiscard]] std::unique_ptr<Detector> make_isolation_block_device();
[[nodiscard]] std::unique_ptr<Detector> make_isolation_privilege_gain();
[[nodiscard]] std::unique_ptr<Detector> make_isolation_raw_socket();
[[nodiscard]] std::unique_ptr<Detector> make_isolation_lateral_connect();
[[nodiscard]] std::unique_ptr<Detector> make_isolation_port_scan();
[[nodiscard]] std::unique_ptr<Detector> make_isolation_control_plane();
[[nodiscard]] std::unique_ptr<Detector> make_isolation_cgroup_escape();
[[nodiscard]] std::unique_ptr<Detector> make_isolation_signal();
[[nodiscard]] std::unique_ptr<Detector> make_isolation_io_uring();
[[nodiscard]] std::unique_ptr<Detector> make_isolation_rare_syscall();
[[nodiscard]] std::unique_ptr<Detector> make_isolation_vmm_escape();
[[nodiscard]] std::unique_ptr<Detector> make_supply_unlisted_executable();
[[nodiscard]] std::unique_ptr<Detector> make_supply_import_payload();
[[nodiscard]] std::unique_ptr<Detector> make_supply_extra_process();
[[nodiscard]] std::unique_ptr<Detector> make_supply_changed_interpreter();
[[nodiscard]] std::unique_ptr<Detector> make_supply_preload();
[[nodiscard]] std::unique_ptr<Detector> make_supply_native_from_scratch();
[[nodiscard]] std::unique_ptr<Detector> make_supply_masquerade();
[[nodiscard]] std::unique_ptr<Detector> make_supply_code_drop();
[[nodiscard]] std::unique_ptr<Detector> make_supply_install_script();
[[nodiscard]] std::unique_ptr<Detector> make_supply_time_bomb();
[[nodiscard]] std::unique_ptr<Detector> make_identity_metadata_service();
[[nodiscard]] std::unique_ptr<Detector> make_identity_token_read();
[[nodiscard]] std::unique_ptr<Detector> make_identity_secret_sweep();
[[nodiscard]] std::unique_ptr<Detector> make_identity_environment_read();
[[nodiscard]] std::unique_ptr<Detector> make_identity_cloud_cli();
[[nodiscard]] std::unique_ptr<Detector> make_identity_credential_search();
[[nodiscard]] std::unique_ptr<Detector> make_identity_token_egress();
[[nodiscard]] std::unique_ptr<Detector> make_identity_foreign_secret();
[[nodiscard]] std::unique_ptr<Detector> make_identity_ssrf_local();
[[nodiscard]] std::unique_ptr<Detector> make_identity_runtime_api();
[[nodiscard]] std::unique_ptr<Detector> make_health_tamper();
[[nodiscard]] std::unique_ptr<Detector> make_health_heartbeat();
[[nodiscard]] std::unique_ptr<Detector> make_health_loss();
[[nodiscard]] std::unique_ptr<Detector> make_health_sensor();

}  // namespace fnshield::detect
