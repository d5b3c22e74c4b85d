// SPDX-License-Identifier: Apache-2.0
#include "daemon/detect/engine.h"

#include <array>

#include "tests/unit/detect/detector_fixture.h"

namespace fnshield::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

constexpr std::array<std::string_view, 1> kTechniques{"T1"};
constexpr std::array kKinds{EventKind::connect, EventKind::memory_access, EventKind::tick};
constexpr RuleDescriptor kDescriptor{.rule = "test.rule",
                                     .category = Category::function,
                                     .severity = Severity::low,
                                     .techniques = kTechniques,
                                     .short_text = "a test",
                                     .long_text = "a test's",
                                     .kinds = kKinds};

// Notes what it is shown, and finds what a test tells it to.
class Probe : public Detector {
public:
    struct Seen {
        EventKind kind;
        SandboxId sandbox;
        std::uint32_t process;
        SandboxId target_sandbox;
        std::uint32_t target_process;
    };

    [[nodiscard]] const RuleDescriptor& descriptor() const override { return kDescriptor; }

    [[nodiscard]] std::optional<Finding> on_event(const Observation& now) override
    {
        seen.push_back({now.event.kind, now.sandbox ? now.sandbox->id : kHost, now.process ? now.process->info.tgid : 0,
                        now.target_sandbox ? now.target_sandbox->id : kHost,
                        now.target_process ? now.target_process->info.tgid : 0});
        if (find == 0)
            return std::nullopt;
        --find;
        return finding;
    }

    void on_sandbox_gone(SandboxId id) override { gone.push_back(id); }
    [[nodiscard]] std::vector<TableStats> tables() const override { return {{.table = "probe", .entries = 3}}; }

    std::vector<Seen> seen;
    std::vector<SandboxId> gone;
    std::size_t find = 0;
    Finding finding;
};

class Engine : public DetectorTest {
protected:
    Engine() : Engine(std::make_unique<Probe>().release()) {}

    Event connect(SandboxId sandbox = kBox)
    {
        return connect_event(sandbox, 9 * kSecond, process(100), endpoint("10.0.0.1", 80));
    }

    static std::shared_ptr<const Policy> named(const std::string& name)
    {
        auto policy = std::make_shared<Policy>();
        policy->name = name;
        return policy;
    }

    Probe& probe() { return *probe_; }

private:
    // The engine owns it; the test keeps looking at it.
    explicit Engine(Probe* probe) : DetectorTest(std::unique_ptr<Detector>(probe)), probe_(probe) {}

    Probe* probe_;
};

TEST_F(Engine, ShowsOnlyTheKindsThatWereAskedFor)
{
    start_two();
    EXPECT_THAT(probe().seen, IsEmpty()) << "made, exec, listen: none of its kinds";
    feed(connect());
    EXPECT_THAT(probe().seen, SizeIs(1));
}

TEST_F(Engine, ResolvesBothEnds)
{
    start_two();
    feed(memory_event(kBox, 9 * kSecond, process(100), kOther, process(200)));
    feed(memory_event(kHost, 9 * kSecond, process(12), kOther, process(200)));
    feed(memory_event(kBox, 9 * kSecond, process(100), kHost, process(1)));
    ASSERT_THAT(probe().seen, SizeIs(3));
    const auto& both = probe().seen[0];
    EXPECT_EQ(both.sandbox, kBox);
    EXPECT_EQ(both.process, 100U);
    EXPECT_EQ(both.target_sandbox, kOther);
    EXPECT_EQ(both.target_process, 200U);
    EXPECT_EQ(probe().seen[1].sandbox, kHost);
    EXPECT_EQ(probe().seen[1].process, 0U);
    EXPECT_EQ(probe().seen[2].target_sandbox, kHost);
}

TEST_F(Engine, WhoeverRanDuringAnInterruptIsNotTheActor)
{
    start_two();
    Event event = connect();
    event.flags = FNS_FLAG_NO_TASK;
    feed(event);
    EXPECT_EQ(probe().seen.at(0).process, 0U);
}

TEST_F(Engine, ThePolicyOfTheSandboxThatItIsAboutDecides)
{
    policies.by_function = {{"resize", named("resize's")}, {"resnet", named("resnet's")}};
    start_two();
    engine().set_host_policy(named("host's"));
    const auto decides = [&](const Event& event) {
        probe().find = 1;
        const auto found = feed(event);
        return found.size() == 1 ? found[0].policy->name : "";
    };
    const Event reach = memory_event(kBox, 9 * kSecond, process(100), kOther, process(200));

    EXPECT_EQ(decides(connect()), "resize's");
    EXPECT_EQ(decides(connect(kHost)), "host's");
    probe().find = 1;
    EXPECT_EQ(engine().on_event(connect(999), *model).at(0).policy->name, "host's") << "a sandbox that nobody knows";
    EXPECT_EQ(decides(reach), "resize's");
    probe().finding.on_behalf_of_target = true;
    EXPECT_EQ(decides(reach), "resnet's");
    EXPECT_EQ(decides(memory_event(kBox, 9 * kSecond, process(100), kHost, process(1))), "resize's")
        << "the host has none of its own to decide over a sandbox";
    probe().finding = {.about = kOther};
    EXPECT_EQ(decides(tick_event(9 * kSecond)), "resnet's");
}

TEST_F(Engine, ActionAndSeverityAreThePolicysOrTheRules)
{
    start_two();
    probe().find = 1;
    EXPECT_EQ(feed(connect()).at(0).severity(), Severity::low);
    Policy policy;
    policy.rules["test.rule"] = {.action = Action::kill, .severity = Severity::high};
    use_policy(policy);
    probe().find = 1;
    const auto found = feed(connect());
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_EQ(found[0].severity(), Severity::high);
    EXPECT_EQ(found[0].action(), Action::kill);
    EXPECT_EQ(found[0].sandbox, kBox);
}

TEST_F(Engine, OneFindingAnEventButAllOfATick)
{
    start_two();
    probe().find = 5;
    EXPECT_THAT(feed(connect()), SizeIs(1));
    EXPECT_THAT(feed(tick_event(9 * kSecond)), SizeIs(4));
    probe().find = 1000;
    EXPECT_THAT(feed(tick_event(10 * kSecond)), SizeIs(DetectorEngine::kFindingsPerTick));
}

// A rule that finds something in every connect.
class Always : public Detector {
public:
    explicit Always(const RuleDescriptor& rule) : rule_(rule) {}
    [[nodiscard]] const RuleDescriptor& descriptor() const override { return rule_; }
    [[nodiscard]] std::optional<Finding> on_event(const Observation&) override { return Finding{.summary = "found"}; }

private:
    const RuleDescriptor& rule_;
};

TEST_F(Engine, AMoreSpecificRuleSpeaksForBoth)
{
    static constexpr std::array<std::string_view, 1> kSpecific{"test.specific"};
    RuleDescriptor general = kDescriptor;
    RuleDescriptor specific = kDescriptor;
    general.yields_to = kSpecific;
    specific.rule = "test.specific";
    std::vector<std::unique_ptr<Detector>> both;
    both.push_back(std::make_unique<Always>(general));
    both.push_back(std::make_unique<Always>(specific));
    DetectorEngine two(std::move(both), named("host's"));
    start_two();
    const auto rules_found = [&] {
        std::vector<std::string_view> rules;
        for (const Detection& detection : two.on_event(connect(), *model))
            rules.push_back(detection.rule->rule);
        return rules;
    };

    EXPECT_THAT(rules_found(), ElementsAre("test.specific"));
    Policy policy;
    policy.rules["test.specific"] = {.action = Action::off};
    use_policy(policy);
    EXPECT_THAT(rules_found(), ElementsAre("test.rule", "test.specific")) << "who is off does not speak for others";
}

TEST_F(Engine, TellsDetectorsWhenASandboxIsGone)
{
    start_two();
    feed(removed_event(kBox, 9 * kSecond));
    EXPECT_THAT(probe().gone, ElementsAre(kBox));
}

TEST_F(Engine, CollectsTheTables)
{
    ASSERT_THAT(engine().tables(), SizeIs(1));
    EXPECT_EQ(engine().tables()[0].table, "probe");
    EXPECT_THAT(engine().rules(), ElementsAre(&kDescriptor));
}

// A recorded stream through all detectors: one node, a healthy start, and an attack. What is benign stays quiet under a
// tuned policy; what is not is found, in order, and nothing else is.
TEST_F(Engine, ARecordedStreamThroughAllDetectors)
{
    Policy policy;
    policy.exec.init = {{"/usr/bin/python3"}};
    policy.exec.warm.emplace();
    policy.egress.init = {{.cidr = cidr("10.20.0.0", 16), .ports = {443}}};
    policy.egress.resolvers = {cidr("10.96.0.10", 32)};
    policy.cold_start.budget_ns = 5 * kSecond;
    use_policy(policy);

    Event runc = exec_event(kBox, kSecond, process(60), "/usr/bin/runc", FNS_EXEC_RUNTIME | FNS_EXEC_PROC_FD);
    runc.flags = FNS_FLAG_ENTRANT | FNS_FLAG_SETUP;
    Event failed = memory_event(kBox, 11 * kSecond, process(101, 100), kOther, process(200));
    std::get<MemoryBody>(failed.body).attempted = true;
    std::get<MemoryBody>(failed.body).result = -1;
    const std::vector<Event> stream{
        made_event(kOther, kSecond, "/fn/acme/resnet/i-4"),
        exec_event(kOther, 2 * kSecond, process(200), "/usr/bin/python3", FNS_EXEC_FIRST),
        listen_event(kOther, 3 * kSecond, process(200), 8080),
        made_event(kBox, kSecond),
        runc,
        exec_event(kBox, 2 * kSecond, process(100), "/usr/bin/python3", FNS_EXEC_FIRST),
        send_event(kBox, 2 * kSecond, process(100), endpoint("10.96.0.10", 53)),
        dns_event(kBox, 2 * kSecond, process(100), "models.example"),
        connect_event(kBox, 3 * kSecond, process(100), endpoint("10.20.0.1", 443)),
        listen_event(kBox, 4 * kSecond, process(100), 8080),
        accept_event(kBox, 5 * kSecond, 8080),
        frozen_event(kBox, 6 * kSecond, true),
        frozen_event(kBox, 9 * kSecond, false),
        memory_event(kHost, 9 * kSecond, process(12, 1, "runc"), kBox, process(100), FNS_ACCESS_PEEK, FNS_VIA_PROC_FILE,
                     "mountinfo"),
        tick_event(9 * kSecond),
        // From here on it is not the function any more.
        fork_event(kBox, 10 * kSecond, process(100), process(101)),
        exec_event(kBox, 10 * kSecond, process(101, 100), "/memfd:x", FNS_EXEC_MEMFD | FNS_EXEC_PROC_FD),
        connect_event(kBox, 10 * kSecond, process(101, 100), endpoint("169.254.169.254", 80)),
        failed,
        memory_event(kBox, 12 * kSecond, process(101, 100), kOther, process(200), FNS_ACCESS_READ, FNS_VIA_PROC_MEM),
        removed_event(kBox, 13 * kSecond),
        tick_event(14 * kSecond),
    };

    DetectorEngine all(make_detectors(), std::make_shared<Policy>());
    std::vector<std::string_view> rules;
    for (const Event& event : stream) {
        const auto following = model->apply(event);
        for (const Detection& detection : all.on_event(event, *model))
            rules.push_back(detection.rule->rule);
        for (const Event& next : following)
            for (const Detection& detection : all.on_event(next, *model))
                rules.push_back(detection.rule->rule);
    }
    EXPECT_THAT(rules, ElementsAre("function.fileless_exec", "identity.metadata_service", "isolation.memory_read",
                                   "isolation.memory_read"));
}

}  // namespace
}  // namespace fnshield::test
