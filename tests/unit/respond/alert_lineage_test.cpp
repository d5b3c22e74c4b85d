// SPDX-License-Identifier: Apache-2.0
//
// Whom an alert names as the actor's ancestors.
#include "daemon/respond/make_alert.h"
#include "tests/unit/support/model_fixture.h"

namespace fnshield::test {
namespace {

class AlertLineage : public ModelTest {};

TEST_F(AlertLineage, AncestorsBeginWithTheParent)
{
    start();
    apply(fork_event(kBox, 3 * kSecond, process(100), process(101)));
    apply(exec_event(kBox, 3 * kSecond, process(101), "/bin/sh"));
    apply(fork_event(kBox, 4 * kSecond, process(101), process(102)));
    const Event act = exec_event(kBox, 5 * kSecond, process(102), "/bin/id");
    apply(act);

    const RuleDescriptor rule{.rule = "function.unexpected_exec"};
    const Detection detection{.rule = &rule, .sandbox = kBox, .policy = box().policy};
    const Alert alert = make_alert(detection, act, *model, {});
    ASSERT_TRUE(alert.process.has_value());
    EXPECT_EQ(alert.process->exe, "/bin/id");
    ASSERT_EQ(alert.process->ancestors.size(), 2U);
    EXPECT_EQ(alert.process->ancestors[0].pid, 101U);
    EXPECT_EQ(alert.process->ancestors[0].exe, "/bin/sh");
    EXPECT_EQ(alert.process->ancestors[1].pid, 100U);
}

}  // namespace
}  // namespace fnshield::test
