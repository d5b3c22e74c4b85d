// SPDX-License-Identifier: Apache-2.0
//
// The lifecycle sensor, adoption and the v1 freezer against real cgroups and runc containers.
#include "daemon/sensors/lifecycle_sensor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <map>

#include "daemon/kernel/adoption.h"
#include "daemon/kernel/host.h"
#include "daemon/kernel/v1_freezer.h"
#include "tests/support/must.h"
#include "tests/support/runc.h"
#include "tests/support/sensor_harness.h"
#include "tests/support/slowness.h"

namespace fnshield::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

fns_parent rule(std::uint32_t depth, std::uint32_t flags = 0, std::vector<std::string> prefixes = {})
{
    fns_parent made{};
    made.depth = depth;
    made.flags = flags;
    made.policy_id = 7;
    made.prefixes = static_cast<std::uint32_t>(prefixes.size());
    for (std::size_t i = 0; i < prefixes.size(); ++i)
        std::strncpy(made.leaf_prefix[i], prefixes[i].c_str(), FNS_LEAF_PREFIX_BYTES - 1);
    return made;
}

class LifecycleTest : public ::testing::Test {
protected:
    // Sandboxes are `parent.depth` levels below test_cgroup_root().
    void start(const fns_parent& parent, const SharedMapSizes& sizes = {})
    {
        auto made = SensorHarness::make({.sensors = {FNS_SENSOR_LIFECYCLE, FNS_SENSOR_PROCESS}, .sizes = sizes});
        ASSERT_TRUE(made) << made.error().message;
        harness_ = std::move(*made);
        const auto added = lifecycle().add_parent_path(test_cgroup_root(), parent);
        ASSERT_TRUE(added) << added.error().message;
    }
    void TearDown() override
    {
        if (!harness_)
            return;
        EXPECT_THAT(harness_->decode_errors(), IsEmpty());
        EXPECT_EQ(harness_->lost(), lost_);
    }
    LifecycleSensor& lifecycle() { return dynamic_cast<LifecycleSensor&>(harness_->sensor(FNS_SENSOR_LIFECYCLE)); }

    static CgroupSandbox cgroup(const std::string& name) { return must(CgroupSandbox::make_for_test(name)); }
    // The entry in the kernel's table; sandbox_id 0 where there is none.
    fns_sandbox entry(std::uint64_t id) { return harness_->maps().sandboxes().lookup(id).value_or(fns_sandbox{}); }
    static std::string below_root(const std::string& path)
    {
        return path.starts_with(test_cgroup_root()) ? path.substr(test_cgroup_root().size()) : path;
    }
    std::vector<std::string> paths(EventKind kind)
    {
        std::vector<std::string> found;
        for (const Event& event : harness_->events())
            if (event.kind == kind)
                found.push_back(below_root(event.as<LifecycleBody>()->path));
        return found;
    }

    std::unique_ptr<SensorHarness> harness_;
    std::uint64_t lost_ = 0;  // what the test expects to be lost
};

TEST_F(LifecycleTest, ASandboxIsKnownBeforeAProcessIsInIt)
{
    start(rule(1));
    const auto box = cgroup("i-1");
    const fns_sandbox known = entry(box.id());  // registered by the mkdir that made it, with nothing read from a ring
    EXPECT_EQ(known.sandbox_id, box.id());
    const auto assigned = harness_->maps().assignments().lookup(box.id());
    ASSERT_TRUE(assigned) << assigned.error().message;
    EXPECT_EQ(assigned->policy_id, 7U);
    EXPECT_EQ(known.started_ns, 0U);
    EXPECT_EQ(known.flags, 0U);
    ASSERT_TRUE(harness_->settle());
    const auto made = harness_->matching(is_event(EventKind::cgroup_made, box.id()));
    ASSERT_EQ(made.size(), 1U);
    EXPECT_EQ(made[0].as<LifecycleBody>()->path, box.path());
    EXPECT_EQ(made[0].as<LifecycleBody>()->cgroup_id, box.id());
    EXPECT_EQ(made[0].process.tgid, static_cast<std::uint32_t>(getpid()));
    EXPECT_TRUE(made[0].has(FNS_FLAG_SETUP));
    EXPECT_THAT(paths(EventKind::parent_made), ElementsAre(""));
}

TEST_F(LifecycleTest, SandboxesOfATemplateOfThreeLevels)
{
    start(rule(3));
    const auto first = cgroup("acme/resize/i-1");
    const auto second = cgroup("acme/resize/i-2");
    const auto other = cgroup("umbrella/t");
    ASSERT_TRUE(harness_->settle());
    EXPECT_THAT(paths(EventKind::cgroup_made), ElementsAre("/acme/resize/i-1", "/acme/resize/i-2"));
    EXPECT_EQ(entry(other.id()).sandbox_id, 0U);
}

TEST_F(LifecycleTest, ACgroupInsideASandboxIsPartOfIt)
{
    start(rule(1));
    const auto box = cgroup("i-1");
    const auto nested = cgroup("i-1/a/b");
    EXPECT_EQ(entry(nested.id()).sandbox_id, box.id());
    EXPECT_NE(entry(nested.id()).flags & FNS_SANDBOX_NESTED, 0U);
    ASSERT_TRUE(nested.run({trigger(), "nothing"}));
    ASSERT_TRUE(harness_->settle());
    EXPECT_EQ(harness_->count(is_event(EventKind::exec, box.id())), 1U);
    const auto made = harness_->matching(is_event(EventKind::cgroup_made, box.id()));
    ASSERT_EQ(made.size(), 3U);
    EXPECT_EQ(made[0].as<LifecycleBody>()->cgroup_id, box.id());
    EXPECT_EQ(made[2].as<LifecycleBody>()->cgroup_id, nested.id());
}

TEST_F(LifecycleTest, OfARestTemplateTheLeafIsTheSandbox)
{
    start(rule(1, FNS_PARENT_REST));
    const auto leaf = cgroup("a/b/c");
    ASSERT_TRUE(harness_->settle());
    EXPECT_EQ(entry(leaf.id()).sandbox_id, leaf.id());
    // Each level was the sandbox until a lower one took its place.
    EXPECT_THAT(paths(EventKind::cgroup_made), ElementsAre("/a", "/a/b", "/a/b/c"));
    EXPECT_EQ(paths(EventKind::cgroup_removed).size(), 2U);
    const auto sibling = cgroup("a/b/d");
    EXPECT_EQ(entry(sibling.id()).sandbox_id, sibling.id());
    EXPECT_EQ(entry(leaf.id()).sandbox_id, leaf.id());
}

TEST_F(LifecycleTest, OfARestTemplateAPopulatedSandboxOnlyNests)
{
    start(rule(1, FNS_PARENT_REST));
    const auto box = cgroup("a");
    ASSERT_TRUE(box.run({trigger(), "nothing"}));
    EXPECT_NE(entry(box.id()).flags & FNS_SANDBOX_POPULATED, 0U);
    const auto inner = cgroup("a/b");
    EXPECT_EQ(entry(inner.id()).sandbox_id, box.id());
    EXPECT_EQ(entry(box.id()).sandbox_id, box.id());
}

TEST_F(LifecycleTest, OnlyNamesWithAPrefixAreSandboxes)
{
    start(rule(1, 0, {"!crio-conmon-", "crio-", "docker-"}));
    const auto docker = cgroup("docker-4711.scope");
    const auto crio = cgroup("crio-1.scope");
    const auto monitor = cgroup("crio-conmon-1.scope");
    const auto service = cgroup("ssh.service");
    EXPECT_EQ(entry(docker.id()).sandbox_id, docker.id());
    EXPECT_EQ(entry(crio.id()).sandbox_id, crio.id());
    EXPECT_EQ(entry(monitor.id()).sandbox_id, 0U);
    EXPECT_EQ(entry(service.id()).sandbox_id, 0U);
    ASSERT_TRUE(harness_->settle());
}

TEST_F(LifecycleTest, WithRestAndAPrefixAnyLevelMayHoldIt)
{
    start(rule(1, FNS_PARENT_REST, {"cri-containerd-"}));
    const auto box = cgroup("burstable/pod1/cri-containerd-1.scope");
    ASSERT_TRUE(harness_->settle());
    EXPECT_EQ(entry(box.id()).sandbox_id, box.id());
    EXPECT_THAT(paths(EventKind::cgroup_made), ElementsAre("/burstable/pod1/cri-containerd-1.scope"));
    EXPECT_THAT(paths(EventKind::cgroup_removed), IsEmpty());
}

TEST_F(LifecycleTest, RemovalFreesAllThatItHeld)
{
    start(rule(2));
    std::uint64_t box_id = 0;
    {
        const auto box = cgroup("f/i-1");
        box_id = box.id();
        ASSERT_TRUE(box.run({trigger(), "nothing"}));
    }
    EXPECT_EQ(entry(box_id).sandbox_id, 0U);
    ASSERT_TRUE(harness_->settle());
    EXPECT_EQ(harness_->count(is_event(EventKind::cgroup_removed, box_id)), 1U);
    EXPECT_EQ(paths(EventKind::parent_removed).size(), 1U);
    std::size_t parents = 0;
    lifecycle().parents().for_each([&](std::uint64_t, const fns_parent&) { ++parents; });
    EXPECT_EQ(parents, 0U);
}

TEST_F(LifecycleTest, PopulatedAndEmpty)
{
    start(rule(1));
    const auto box = cgroup("i-1");
    ASSERT_TRUE(box.run({trigger(), "nothing"}));
    box.kill_all();  // waits until it is empty
    ASSERT_TRUE(harness_->settle());
    std::vector<std::uint32_t> values;
    for (const Event& event : harness_->matching(is_event(EventKind::cgroup_populated, box.id())))
        values.push_back(event.as<LifecycleBody>()->value);
    EXPECT_THAT(values, ElementsAre(1U, 0U));
}

TEST_F(LifecycleTest, FreezeAndThaw)
{
    start(rule(1));
    const auto box = cgroup("i-1");
    auto holder = box.spawn({trigger(), "hold"});
    ASSERT_TRUE(holder);
    ASSERT_TRUE(holder->read_until("ready"));
    ASSERT_TRUE(box.freeze(true));
    ASSERT_TRUE(box.freeze(false));
    ASSERT_TRUE(harness_->settle());
    std::vector<std::uint32_t> values;
    for (const Event& event : harness_->matching(is_event(EventKind::cgroup_frozen, box.id())))
        values.push_back(event.as<LifecycleBody>()->value);
    EXPECT_THAT(values, ElementsAre(1U, 0U));
}

TEST_F(LifecycleTest, WhoIsPutInFromOutsideIsAnEntrant)
{
    start(rule(1));
    const auto box = cgroup("i-1");
    auto child = box.spawn({trigger(), "hold"});
    ASSERT_TRUE(child);
    ASSERT_TRUE(child->read_until("ready"));
    ASSERT_TRUE(harness_->settle());
    const auto moves = harness_->matching(is_event(EventKind::cgroup_move, box.id()));
    ASSERT_EQ(moves.size(), 1U);
    const auto& body = *moves[0].as<LifecycleBody>();
    EXPECT_EQ(body.subject.tgid, static_cast<std::uint32_t>(child->pid()));
    EXPECT_EQ(body.from_sandbox, kHost);
    EXPECT_EQ(body.value, 1U);
    EXPECT_TRUE(moves[0].has(FNS_FLAG_ENTRANT));
}

// A function that moves itself about inside its own sandbox does not become the operator's.
TEST_F(LifecycleTest, AMoveWithinASandboxMakesNoEntrant)
{
    start(rule(1));
    const auto box = cgroup("i-1");
    const auto nested = cgroup("i-1/inner");
    const auto done = box.run({trigger(), "join-cgroup", nested.directory()});
    ASSERT_TRUE(done) << done.error().message;
    EXPECT_THAT(done->output, ::testing::HasSubstr("done"));
    ASSERT_TRUE(harness_->settle());
    const auto moves = harness_->matching(is_event(EventKind::cgroup_move, box.id()));
    ASSERT_EQ(moves.size(), 2U);  // the test's own, then this one
    const Event& move = moves[0].time_ns > moves[1].time_ns ? moves[0] : moves[1];
    EXPECT_EQ(move.as<LifecycleBody>()->from_sandbox, box.id());
    EXPECT_EQ(move.as<LifecycleBody>()->cgroup_id, nested.id());
    EXPECT_FALSE(move.has(FNS_FLAG_ENTRANT));
    for (const Event& event : harness_->matching(is_event(EventKind::exec, box.id())))
        EXPECT_FALSE(event.as<ExecBody>()->has(FNS_EXEC_FROM_OUTSIDE));
}

TEST_F(LifecycleTest, AMoveOutOfASandboxIsToldAsItsOwn)
{
    start(rule(1));
    const auto box = cgroup("i-1");
    ASSERT_TRUE(box.run({trigger(), "join-cgroup", cgroup2_mount()}));
    ASSERT_TRUE(harness_->settle());
    auto moves = harness_->matching(is_event(EventKind::cgroup_move, box.id()));
    std::erase_if(moves, [](const Event& event) { return event.as<LifecycleBody>()->value == 1; });
    ASSERT_EQ(moves.size(), 1U);
    EXPECT_EQ(moves[0].as<LifecycleBody>()->from_sandbox, box.id());
}

TEST_F(LifecycleTest, AMoveIntoAnotherSandboxMakesNoEntrant)
{
    start(rule(1));
    const auto box = cgroup("i-1");
    const auto victim = cgroup("i-2");
    ASSERT_TRUE(victim.run({trigger(), "nothing"}));  // its workload has begun
    ASSERT_TRUE(box.run({trigger(), "join-cgroup", victim.directory()}));
    ASSERT_TRUE(harness_->settle());
    auto moves = harness_->matching(is_event(EventKind::cgroup_move, victim.id()));
    std::erase_if(moves, [](const Event& event) { return event.as<LifecycleBody>()->from_sandbox == kHost; });
    ASSERT_EQ(moves.size(), 1U);
    EXPECT_EQ(moves[0].as<LifecycleBody>()->from_sandbox, box.id());
    EXPECT_FALSE(moves[0].has(FNS_FLAG_ENTRANT));
}

// runc makes the container's cgroup in every hierarchy: about ten mkdirs, one sandbox.
TEST_F(LifecycleTest, OneContainerIsOneSandbox)
{
    start(rule(1));
    auto container = RuncContainer::run({.cgroup_path = test_cgroup_root() + "/i-1", .argv = {"/bin/cat"}});
    ASSERT_TRUE(container) << container.error().message;
    ASSERT_TRUE(harness_->settle());
    EXPECT_EQ(harness_->count([](const Event& event) { return event.kind == EventKind::cgroup_made; }), 1U);
    EXPECT_EQ(harness_->count(is_event(EventKind::cgroup_made, container->id())), 1U);
    EXPECT_NE(entry(container->id()).flags & FNS_SANDBOX_POPULATED, 0U);
}

TEST_F(LifecycleTest, AFullTableIsCounted)
{
    SharedMapSizes sizes;
    sizes.sandboxes = 2;
    start(rule(1), sizes);
    const auto first = cgroup("i-1");
    const auto second = cgroup("i-2");
    {
        const auto third = cgroup("i-3");
        EXPECT_EQ(entry(third.id()).sandbox_id, 0U);
    }
    const auto counters = harness_->maps().total(FNS_SENSOR_LIFECYCLE);
    ASSERT_TRUE(counters);
    EXPECT_EQ(counters->lost[FNS_LOSS_TABLE], 1U);
    EXPECT_EQ(harness_->lost(), 1U);
    lost_ = 1;
}

// --- adoption ---

TEST_F(LifecycleTest, WhatRanBeforeIsAdoptedOnce)
{
    const auto running = cgroup("acme/i-1");
    const auto nested = cgroup("acme/i-1/inner");
    const auto empty = cgroup("acme/i-2");
    const auto frozen = cgroup("acme/i-3");
    auto child = running.spawn({trigger(), "hold"});
    auto cold = frozen.spawn({trigger(), "hold"});
    ASSERT_TRUE(child && cold);
    ASSERT_TRUE(child->read_until("ready"));
    ASSERT_TRUE(cold->read_until("ready"));
    ASSERT_TRUE(frozen.freeze(true));

    const ParentRules rules = {{test_cgroup_root(), rule(2)}, {"/fnshield-test-nowhere", rule(1)}};
    start(rule(2));
    const auto top = cgroup_id(cgroup2_mount() + test_cgroup_root());
    ASSERT_TRUE(top);
    ASSERT_TRUE(lifecycle().add_parent(*top, rule(2)));
    const auto after = cgroup("acme-2/i-9");  // made under a known parent, before the walk: the kernel side has it
    const auto adopted = adopt(cgroup2_mount(), rules, lifecycle().parents(), lifecycle().sandboxes(), {}, 4711);
    ASSERT_TRUE(adopted) << adopted.error().message;
    EXPECT_THAT(adopted->unmatched, ElementsAre("/fnshield-test-nowhere"));
    EXPECT_EQ(adopted->parents.size(), 3U);  // the root of the test, acme, acme-2

    std::map<SandboxId, bool> found;
    std::vector<SandboxId> cold_ones;
    for (const Event& event : adopted->sandboxes) {
        EXPECT_EQ(event.time_ns, 4711U);
        if (event.kind == EventKind::cgroup_made)
            EXPECT_TRUE(found.emplace(event.sandbox, event.as<LifecycleBody>()->adopted).second);
        else
            cold_ones.push_back(event.sandbox);
    }
    const std::map<SandboxId, bool> expected = {{running.id(), true}, {empty.id(), false}, {frozen.id(), true}};
    EXPECT_EQ(found, expected);
    EXPECT_THAT(cold_ones, ElementsAre(frozen.id()));
    EXPECT_EQ(entry(running.id()).started_ns, 4711U);
    EXPECT_EQ(entry(empty.id()).started_ns, 0U);
    EXPECT_EQ(entry(nested.id()).sandbox_id, running.id());
    ASSERT_TRUE(harness_->settle());
    EXPECT_EQ(harness_->count(is_event(EventKind::cgroup_made, after.id())), 1U);

    const auto again = adopt(cgroup2_mount(), rules, lifecycle().parents(), lifecycle().sandboxes(), {}, 4712);
    ASSERT_TRUE(again);
    EXPECT_THAT(again->sandboxes, IsEmpty());

    // The parents that were adopted work as those that the kernel saw made.
    const auto next = cgroup("acme/i-4");
    EXPECT_EQ(entry(next.id()).sandbox_id, next.id());
    ASSERT_TRUE(frozen.freeze(false));
}

TEST_F(LifecycleTest, AdoptionOfARestTemplateTakesTheLeaves)
{
    const auto leaf = cgroup("a/b");
    const auto lone = cgroup("c");
    auto child = leaf.spawn({trigger(), "hold"});
    ASSERT_TRUE(child);
    ASSERT_TRUE(child->read_until("ready"));
    start(rule(1, FNS_PARENT_REST));
    const ParentRules rules = {{test_cgroup_root(), rule(1, FNS_PARENT_REST)}};
    const auto adopted = adopt(cgroup2_mount(), rules, lifecycle().parents(), lifecycle().sandboxes(), {}, 1);
    ASSERT_TRUE(adopted) << adopted.error().message;
    std::vector<SandboxId> found;
    for (const Event& event : adopted->sandboxes)
        found.push_back(event.sandbox);
    EXPECT_THAT(found, ::testing::UnorderedElementsAre(leaf.id(), lone.id()));
    EXPECT_EQ(entry(leaf.id()).sandbox_id, leaf.id());
}

// --- the v1 freezer ---

// Changes until one comes; none where nothing comes in time.
std::vector<V1Freezer::Change> changes(V1Freezer& freezer)
{
    const auto deadline = std::chrono::steady_clock::now() + patient(std::chrono::seconds(5));
    while (std::chrono::steady_clock::now() < deadline) {
        if (auto found = freezer.read_changes(); !found.empty())
            return found;
        pollfd ready{.fd = freezer.fd(), .events = POLLIN, .revents = 0};
        ::poll(&ready, 1, freezer.settling() ? 1 : 100);
    }
    return {};
}

TEST(V1FreezerTest, RuncPauseAndResume)
{
    const auto host = Host::probe();
    ASSERT_TRUE(host);
    if (!host->freezer_mount())
        GTEST_SKIP() << "this host has no cgroup v1 freezer";
    auto freezer = V1Freezer::make(*host->freezer_mount());
    ASSERT_TRUE(freezer) << freezer.error().message;
    const std::string path = test_cgroup_root() + "/i-1";
    EXPECT_TRUE(freezer->watch(1, path));
    EXPECT_EQ(freezer->watched(), 0U) << "there is no such cgroup yet";

    auto container = RuncContainer::run({.cgroup_path = path, .argv = {"/bin/cat"}});
    ASSERT_TRUE(container) << container.error().message;
    ASSERT_TRUE(freezer->watch(container->id(), path));
    ASSERT_TRUE(freezer->watch(container->id(), path));
    EXPECT_EQ(freezer->watched(), 1U);
    EXPECT_THAT(freezer->read_changes(), IsEmpty());
    ASSERT_TRUE(container->pause());
    EXPECT_THAT(changes(*freezer), ElementsAre(V1Freezer::Change{container->id(), true}));
    ASSERT_TRUE(container->resume());
    EXPECT_THAT(changes(*freezer), ElementsAre(V1Freezer::Change{container->id(), false}));

    // Found frozen.
    ASSERT_TRUE(container->pause());
    auto late = V1Freezer::make(*host->freezer_mount());
    ASSERT_TRUE(late);
    ASSERT_TRUE(late->watch(container->id(), path));
    EXPECT_TRUE(late->settling());
    EXPECT_THAT(late->read_changes(), ElementsAre(V1Freezer::Change{container->id(), true}));
    EXPECT_FALSE(late->settling());

    ASSERT_TRUE(container->resume());
    late->unwatch(container->id());
    EXPECT_EQ(late->watched(), 0U);
    ASSERT_TRUE(container->remove());
    EXPECT_THAT(freezer->read_changes(), ElementsAre());
    freezer->unwatch(container->id());
    EXPECT_EQ(freezer->watched(), 0U);
    EXPECT_EQ(freezer->failures(), 0U) << "a cgroup that has gone is no failure";
}

TEST(V1FreezerTest, NoMoreThanItsCapacity)
{
    const auto host = Host::probe();
    ASSERT_TRUE(host);
    if (!host->freezer_mount())
        GTEST_SKIP() << "this host has no cgroup v1 freezer";
    auto freezer = V1Freezer::make(*host->freezer_mount(), 0);
    ASSERT_TRUE(freezer);
    EXPECT_FALSE(freezer->watch(1, "/any"));
}

}  // namespace
}  // namespace fnshield::testing
