// SPDX-License-Identifier: Apache-2.0
#include "tests/support/policies.h"

#include "daemon/detect/detector.h"
#include "daemon/sensors/lifecycle_sensor.h"

namespace fnshield::testing {
namespace {

class NoNames final : public Recogniser {
public:
    [[nodiscard]] SandboxName recognise(std::string_view) const override { return {}; }
};

}  // namespace

std::shared_ptr<const PolicySet> policy_set(const std::string& yaml)
{
    const std::vector<PolicyText> texts{{"test.yaml", "version: 1\nname: default\n" + yaml}};
    return PolicySet::from_texts(texts, {.is_known_rule = is_known_rule}).set;
}

TestPolicies::TestPolicies(SensorHarness& harness)
{
    const auto& lifecycle = dynamic_cast<LifecycleSensor&>(harness.sensor(FNS_SENSOR_LIFECYCLE));
    kernel_ = std::make_unique<KernelPolicies>(harness.maps(), lifecycle.parents(), lifecycle.parent_paths());
    rules_[test_cgroup_root()] = {.depth = 1};
}

Result<void> TestPolicies::put_in_force(const std::string& yaml, Mode mode)
{
    auto set = policy_set(yaml);
    if (!set)
        return fail("the test's policy is wrong");
    return kernel_->replace(std::move(set), mode, NoNames(), rules_);
}

Result<void> TestPolicies::assign(SandboxId sandbox, bool warm, const SandboxName& name)
{
    return kernel_->assign(sandbox, name, warm);
}

}  // namespace fnshield::testing
