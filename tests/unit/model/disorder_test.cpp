// SPDX-License-Identifier: Apache-2.0
//
// Events in no sensible order, as a ring under attack could bring them: whatever comes, the model stays within its
// bounds, its states agree with its times, and each life of a sandbox ends at most once.
#include <map>
#include <random>

#include "tests/unit/support/model_fixture.h"

namespace fnshield::test {
namespace {

class Disorder : public ModelTest, public testing::WithParamInterface<unsigned> {
protected:
    // Few sandboxes and pids, so that they meet often; also parents that are their own children's children.
    Event any_event(Nanoseconds now)
    {
        const SandboxId sandbox = pick(7);
        const ProcessInfo actor = process(pick(30), pick(30));
        const ProcessInfo other = process(pick(30), pick(30));
        Event event = one_of(sandbox, now, actor, other);
        for (const fns_event_flag flag : {FNS_FLAG_SETUP, FNS_FLAG_ENTRANT, FNS_FLAG_NO_TASK})
            event.flags |= pick(6) == 0 ? static_cast<std::uint32_t>(flag) : 0U;
        if (auto* body = std::get_if<LifecycleBody>(&event.body); body != nullptr && pick(5) == 0)
            body->cgroup_id = 100 + pick(3);
        return event;
    }

    Event one_of(SandboxId sandbox, Nanoseconds now, const ProcessInfo& actor, const ProcessInfo& other)
    {
        switch (pick(15)) {
            case 0:
                return made_event(sandbox, now);
            case 1:
                return adopted_event(sandbox, now);
            case 2:
                return removed_event(sandbox, now);
            case 3:
                return populated_event(sandbox, now, pick(2) != 0);
            case 4:
                return frozen_event(sandbox, now, pick(2) != 0);
            case 5:
                return pick(3) == 0 ? leave_event(sandbox, now, actor) : move_event(sandbox, now, actor, pick(7));
            case 6:
                return fork_event(sandbox, now, actor, other);
            case 7:
                return exec_event(sandbox, now, actor, "/x", pick(512));
            case 8:
                return exit_event(sandbox, now, actor);
            case 9:
                return listen_event(sandbox, now, actor, static_cast<std::uint16_t>(pick(9)));
            case 10:
                return accept_event(sandbox, now, static_cast<std::uint16_t>(pick(9)));
            case 11:
                return connect_event(sandbox, now, actor, endpoint("10.0.0.1", 80));
            case 12:
                return memory_event(sandbox, now, actor, pick(7), other);
            case 13:
                return found_event(sandbox, now, actor, "/y");
            default:
                return tick_event(now);
        }
    }

    std::uint32_t pick(std::uint32_t count)
    {
        return std::uniform_int_distribution<std::uint32_t>(0, count - 1)(random_);
    }

    // What follows from an event fits what was said of that sandbox before.
    void check_derived()
    {
        for (const Event& event : derived) {
            ASSERT_NE(event.sandbox, kHost);
            int& lives = lives_[event.sandbox];
            if (event.kind == EventKind::sandbox_created)
                lives = 1;
            else
                ASSERT_EQ(lives, 1) << event_kind_name(event.kind) << " of a sandbox that is not there";
            if (event.kind == EventKind::sandbox_gone)
                lives = 0;
        }
    }

    void check_sandbox(const Sandbox& one)
    {
        ASSERT_NE(one.policy, nullptr);
        ASSERT_EQ(one.state == SandboxState::gone, one.gone_ns.has_value());
        ASSERT_EQ(one.state == SandboxState::frozen, one.frozen_ns.has_value());
        ASSERT_LE(one.listening.size(), 3U);
        if (one.state == SandboxState::ready || one.state == SandboxState::serving) {
            ASSERT_TRUE(one.warm());
        }
        if (one.state == SandboxState::created || one.state == SandboxState::starting) {
            ASSERT_FALSE(one.warm());
        }
        if (one.adopted) {
            ASSERT_FALSE(one.cold_start.setup_ns || one.cold_start.total_ns);
        }
    }

private:
    std::mt19937 random_{GetParam()};
    std::map<SandboxId, int> lives_;
};

TEST_P(Disorder, KeepsItsBoundsAndItsWord)
{
    set_limits({.sandboxes = 4, .processes = 12, .ports_per_sandbox = 3, .keep_gone_ns = 50, .keep_exited_ns = 20});
    for (Nanoseconds now = 100; now < 20'100; ++now) {
        apply(any_event(now - std::min<Nanoseconds>(now, pick(30))));
        check_derived();
        model->for_each_sandbox([this](const Sandbox& one) { check_sandbox(one); });
        for (const TableStats& table : model->tables())
            ASSERT_LE(table.entries, table.capacity) << table.table;
        const ProcessInfo any = process(pick(30));
        if (const Process* known = model->process(any.tgid, any.start_ns)) {
            const auto line = model->ancestors(*known);
            ASSERT_FALSE(line.empty());
            ASSERT_LE(line.size(), 16U);
            ASSERT_EQ(line[0], known);
        }
        if (HasFatalFailure())
            return;
    }
}

INSTANTIATE_TEST_SUITE_P(Seeds, Disorder, testing::Values(1U, 2U, 3U, 4U, 5U, 6U, 7U, 8U));

}  // namespace
}  // namespace fnshield::test
