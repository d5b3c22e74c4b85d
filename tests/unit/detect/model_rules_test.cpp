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
        return act(EventKind::file_open, FNS_FILE_READ, std::move(path), sandbox);
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

}  // namespace
}  // namespace fnshield::test
