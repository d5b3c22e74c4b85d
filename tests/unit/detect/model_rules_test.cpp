// SPDX-License-Identifier: Apache-2.0
//
// The rules about model files: the act, and a near miss for each condition.
#include "tests/unit/detect/detector_fixture.h"

namespace fnshield::test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class ModelRule : public DetectorTest {
protected:
    explicit ModelRule(std::unique_ptr<Detector> detector) : DetectorTest(std::move(detector))
    {
        start_two();
        Policy policy;
        policy.files.models = {"/models/**"};
        use_policy(std::move(policy));
    }
    // resnet/i-4 is warm, resize/i-1 is not.
    static Event act(EventKind kind, fns_file_access access, std::string path = "/models/a.bin",
                     SandboxId sandbox = kOther)
    {
        return event_of(kind, FNS_SENSOR_FILE, sandbox, 9 * kSecond, process(sandbox == kOther ? 200 : 100),
                        FileBody{.path = std::move(path), .access = access});
    }
};

class Tampered : public ModelRule {
protected:
    Tampered() : ModelRule(detect::make_model_tampered()) {}
    static Event write(std::string path = "/models/a.bin", SandboxId sandbox = kOther)
    {
        return act(EventKind::file_write, FNS_FILE_WRITE, std::move(path), sandbox);
    }
};

TEST_F(Tampered, OpenedForWriting)
{
    const auto found = feed(write());
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_EQ(found[0].finding.summary, "resnet/i-4 opened model /models/a.bin for writing (/usr/bin/node)");
    EXPECT_EQ(found[0].finding.target.file, "/models/a.bin");
    EXPECT_EQ(found[0].severity(), Severity::critical);
}

TEST_F(Tampered, EachAct)
{
    const std::pair<fns_file_access, const char*> kActs[] = {{FNS_FILE_TRUNCATE, "truncated model /models/a.bin ("},
                                                             {FNS_FILE_REMOVE, "removed model /models/a.bin ("},
                                                             {FNS_FILE_RENAME, "renamed model /models/a.bin ("},
                                                             {FNS_FILE_REPLACE, "replaced model /models/a.bin ("}};
    for (const auto& [access, text] : kActs) {
        const auto found = feed(act(EventKind::file_write, access));
        ASSERT_THAT(found, SizeIs(1)) << text;
        EXPECT_THAT(found[0].finding.summary, HasSubstr(text));
    }
}

TEST_F(Tampered, WhatWasRefusedSaysSo)
{
    Event event = write();
    event.flags |= FNS_FLAG_DENIED;
    EXPECT_THAT(feed(event)[0].finding.summary, HasSubstr("was kept from opening model /models/a.bin for writing"));
}

TEST_F(Tampered, AlsoBeforeReady)
{
    EXPECT_THAT(feed(write("/models/a.bin", kBox)), SizeIs(1));
}

TEST_F(Tampered, APathThatWasNotKeptCountsByItsVerdict)
{
    Event event = write("");
    EXPECT_THAT(feed(event), IsEmpty());
    event.verdict.guard = FNS_GUARD_MODEL_WRITE;
    const auto found = feed(event);
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_THAT(found[0].finding.summary, HasSubstr("opened a model for writing"));
    use_policy(Policy{});
    EXPECT_THAT(feed(event), IsEmpty()) << "a policy without models";
}

TEST_F(Tampered, QuietForOtherFilesAndOtherActors)
{
    EXPECT_THAT(feed(write("/tmp/a.bin")), IsEmpty());
    EXPECT_THAT(feed(act(EventKind::file_open, FNS_FILE_READ)), IsEmpty());
    expect_quiet_for_others(write());
}

TEST_F(Tampered, QuietWithoutAList)
{
    use_policy(Policy{});
    EXPECT_THAT(feed(write()), IsEmpty());
}

TEST_F(Tampered, AHostileNameIsMadePrintable)
{
    EXPECT_THAT(feed(write("/models/\x1b[2J\nall is well"))[0].finding.summary, HasSubstr("/models/?[2J?all is well"));
}

class WeightsRead : public ModelRule {
protected:
    WeightsRead() : ModelRule(detect::make_model_weights_read()) {}
    static Event read(std::string path = "/models/a.bin", SandboxId sandbox = kOther)
    {
        Event event = act(EventKind::file_open, FNS_FILE_READ, std::move(path), sandbox);
        event.verdict.guard = FNS_GUARD_MODEL_READ;
        return event;
    }
};

TEST_F(WeightsRead, WhileWarm)
{
    const auto found = feed(read());
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_EQ(found[0].finding.summary, "resnet/i-4 opened model /models/a.bin for reading while warm (/usr/bin/node)");
    EXPECT_EQ(found[0].severity(), Severity::high);
}

TEST_F(WeightsRead, QuietBeforeReadyAndForOthers)
{
    EXPECT_THAT(feed(read("/models/a.bin", kBox)), IsEmpty());
    EXPECT_THAT(feed(read("/tmp/a.bin")), IsEmpty());
    EXPECT_THAT(feed(act(EventKind::file_write, FNS_FILE_WRITE)), IsEmpty());
    expect_quiet_for_others(read());
}

TEST_F(WeightsRead, QuietWhereThePolicyDoesNotActOnIt)
{
    EXPECT_THAT(feed(act(EventKind::file_open, FNS_FILE_READ)), IsEmpty());
}

class WeightsExfiltration : public ModelRule {
protected:
    static constexpr std::uint64_t kMebibyte = 1ULL << 20;

    WeightsExfiltration() : ModelRule(detect::make_model_weights_exfiltration())
    {
        Policy policy;
        policy.files.models = {"/models/**"};
        policy.egress.warm = {{.cidr = cidr("10.0.0.0", 8), .dns = {}, .ports = {}}};
        use_policy(std::move(policy));
    }
    static Event read(std::uint64_t mebibytes, std::string path = "/models/a.bin")
    {
        Event event = act(EventKind::file_open, FNS_FILE_READ, std::move(path));
        auto& file = std::get<FileBody>(event.body);
        file.file_class = FNS_FILE_CLASS_MODEL;
        file.size_bytes = mebibytes * kMebibyte;
        return event;
    }
    static Event sent(std::uint64_t mebibytes, Nanoseconds at_s = 10)
    {
        return event_of(EventKind::traffic, FNS_SENSOR_EGRESS, kOther, at_s * kSecond, process(200),
                        TrafficBody{.remote = endpoint("203.0.113.7", 443), .new_bytes = mebibytes * kMebibyte});
    }
};

TEST_F(WeightsExfiltration, AsMuchAsWasRead)
{
    EXPECT_THAT(feed(read(100)), IsEmpty());
    EXPECT_THAT(feed(sent(40, 10)), IsEmpty());
    EXPECT_THAT(feed(sent(29, 12)), IsEmpty());
    const auto found = feed(sent(1, 14));
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_EQ(found[0].finding.summary,
              "resnet/i-4 sent 70.0 MiB within 4.00 s, the last of it to 203.0.113.7:443, after it read model "
              "/models/a.bin (100.0 MiB) (/usr/bin/node)");
    EXPECT_EQ(found[0].severity(), Severity::critical);
    EXPECT_EQ(found[0].finding.target.address, "203.0.113.7");
    EXPECT_THAT(found[0].finding.earlier_evidence, SizeIs(1));
    EXPECT_THAT(feed(sent(69, 15)), IsEmpty()) << "counted from the alert on";
    EXPECT_THAT(feed(sent(1, 16)), SizeIs(1));
}

TEST_F(WeightsExfiltration, OfTheLargestFile)
{
    (void)feed_all({read(100), read(5, "/models/tokenizer.bin")});
    EXPECT_THAT(feed(sent(60)), IsEmpty());
    (void)feed(read(200, "/models/b.bin"));
    EXPECT_THAT(feed(sent(139)), IsEmpty()) << "what was sent before is not of this one";
    EXPECT_THAT(feed(sent(1)), SizeIs(1));
}

TEST_F(WeightsExfiltration, WithoutAnEgressListItIsMedium)
{
    Policy policy;
    policy.files.models = {"/models/**"};
    use_policy(std::move(policy));
    (void)feed(read(100));
    EXPECT_EQ(feed(sent(70)).at(0).severity(), Severity::medium);
}

TEST_F(WeightsExfiltration, QuietWhereTooLittleOrTooSlow)
{
    (void)feed(read(1));
    EXPECT_THAT(feed(sent(3)), IsEmpty()) << "an upload like any other";
    EXPECT_THAT(feed(sent(1)), SizeIs(1));
    (void)feed(read(100));
    EXPECT_THAT(feed(sent(40, 20)), IsEmpty());
    EXPECT_THAT(feed(sent(40, 640)), IsEmpty());
}

TEST_F(WeightsExfiltration, QuietWithoutARead)
{
    EXPECT_THAT(feed(sent(100)), IsEmpty());
    (void)feed(sent(100));
    (void)feed(act(EventKind::file_open, FNS_FILE_READ, "/tmp/a.bin"));
    EXPECT_THAT(feed(sent(100)), IsEmpty());
    Event refused = read(100);
    refused.flags |= FNS_FLAG_DENIED;
    (void)feed(refused);
    EXPECT_THAT(feed(sent(100)), IsEmpty());
}

TEST_F(WeightsExfiltration, QuietForOthers)
{
    (void)feed(read(100));
    expect_quiet_for_others(sent(100));
    feed(removed_event(kOther, 20 * kSecond));
    EXPECT_EQ(entries(), 0U);
}

}  // namespace
}  // namespace fnshield::test
