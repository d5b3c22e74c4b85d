// SPDX-License-Identifier: Apache-2.0
//
// One maker a detector, each in a file of its own; registry.cpp calls them. The classes stay in their files.
#pragma once

#include <memory>

#include "daemon/detect/detector.h"

namespace fnshield::detect {

[[nodiscard]] std::unique_ptr<Detector> make_coldstart_slow();
[[nodiscard]] std::unique_ptr<Detector> make_coldstart_storm();
[[nodiscard]] std::unique_ptr<Detector> make_coldstart_init_egress();
[[nodiscard]] std::unique_ptr<Detector> make_coldstart_init_exec();
[[nodiscard]] std::unique_ptr<Detector> make_function_unexpected_exec();
[[nodiscard]] std::unique_ptr<Detector> make_function_unexpected_egress();
[[nodiscard]] std::unique_ptr<Detector> make_function_fileless_exec();
[[nodiscard]] std::unique_ptr<Detector> make_isolation_memory_read();
[[nodiscard]] std::unique_ptr<Detector> make_isolation_memory_write();
[[nodiscard]] std::unique_ptr<Detector> make_isolation_ptrace();
[[nodiscard]] std::unique_ptr<Detector> make_isolation_proc_peek();
[[nodiscard]] std::unique_ptr<Detector> make_isolation_fd_theft();
[[nodiscard]] std::unique_ptr<Detector> make_isolation_namespace_entry();
[[nodiscard]] std::unique_ptr<Detector> make_isolation_user_namespace();
[[nodiscard]] std::unique_ptr<Detector> make_isolation_mount();
[[nodiscard]] std::unique_ptr<Detector> make_isolation_kernel_module();
[[nodiscard]] std::unique_ptr<Detector> make_isolation_bpf();
[[nodiscard]] std::unique_ptr<Detector> make_isolation_release_agent();
[[nodiscard]] std::unique_ptr<Detector> make_isolation_sysctl_write();
[[nodiscard]] std::unique_ptr<Detector> make_isolation_kernel_memory();
[[nodiscard]] std::unique_ptr<Detector> make_isolation_raw_socket();
[[nodiscard]] std::unique_ptr<Detector> make_identity_metadata_service();
[[nodiscard]] std::unique_ptr<Detector> make_identity_token_read();
[[nodiscard]] std::unique_ptr<Detector> make_identity_secret_sweep();
[[nodiscard]] std::unique_ptr<Detector> make_supply_code_drop();
[[nodiscard]] std::unique_ptr<Detector> make_model_tampered();
[[nodiscard]] std::unique_ptr<Detector> make_model_weights_read();
[[nodiscard]] std::unique_ptr<Detector> make_model_gpu_device();
[[nodiscard]] std::unique_ptr<Detector> make_health_tamper();
[[nodiscard]] std::unique_ptr<Detector> make_health_heartbeat();
[[nodiscard]] std::unique_ptr<Detector> make_health_loss();

}  // namespace fnshield::detect
