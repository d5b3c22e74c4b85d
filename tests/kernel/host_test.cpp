// SPDX-License-Identifier: Apache-2.0
//
// Hooks as the kernel that runs the tests has them: what is there is found, what is not there is not.
#include <gtest/gtest.h>

#include "daemon/kernel/programs.h"

namespace fnshield {
namespace {

TEST(Hooks, AreFoundByName)
{
    const auto host = Host::probe();
    ASSERT_TRUE(host) << host.error().message;
    EXPECT_TRUE(hook_exists("raw:sched_process_exec", *host));
    EXPECT_FALSE(hook_exists("raw:sched_process_nothing", *host));
    EXPECT_TRUE(hook_exists("", *host));
}

TEST(Hooks, MayNeedAMemberThatCameWithWhatTheyHandOver)
{
    const auto host = Host::probe();
    ASSERT_TRUE(host) << host.error().message;
    EXPECT_TRUE(hook_exists("raw:sched_process_exec with task_struct.pid", *host));
    EXPECT_FALSE(hook_exists("raw:sched_process_exec with task_struct.nothing", *host));
    EXPECT_FALSE(hook_exists("raw:sched_process_exec with no_such_struct.pid", *host));
    EXPECT_FALSE(hook_exists("raw:sched_process_nothing with task_struct.pid", *host));
}

}  // namespace
}  // namespace fnshield
