// SPDX-License-Identifier: Apache-2.0
//
// Policies in the kernel side's maps for a test of verdicts, by their YAML text, as the daemon puts them there.
#pragma once

#include <memory>
#include <string>

#include "daemon/kernel/kernel_policies.h"
#include "tests/support/sensor_harness.h"

namespace fnshield::testing {

class TestPolicies {
public:
    // The harness has the lifecycle sensor and outlives this. Sandboxes below test_cgroup_root() get the policy that
    // holds for a sandbox without a name.
    explicit TestPolicies(SensorHarness& harness);

    // `yaml` becomes the policy `default`: the text behind version and name.
    [[nodiscard]] Result<void> put_in_force(const std::string& yaml, Mode mode);
    [[nodiscard]] Result<void> assign(SandboxId sandbox, bool warm, const SandboxName& name = {});
    [[nodiscard]] KernelPolicies& kernel() { return *kernel_; }

private:
    std::unique_ptr<KernelPolicies> kernel_;
    ParentRules rules_;
};

// The set whose policy `default` is this; null where the text is wrong.
[[nodiscard]] std::shared_ptr<const PolicySet> policy_set(const std::string& yaml);

}  // namespace fnshield::testing
