// SPDX-License-Identifier: Apache-2.0
//
// The rules about files that files.secrets and files.code list: each act, and a near miss for each condition.
#include "tests/unit/detect/detector_fixture.h"

namespace fnshield::test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

Event file_event(fns_file_class file_class, fns_file_access access, std::string path, std::uint32_t tgid,
                 SandboxId sandbox, Nanoseconds time_ns)
{
    return event_of(access == FNS_FILE_READ ? EventKind::file_open : EventKind::file_write, FNS_SENSOR_FILE, sandbox,
                    time_ns, process(tgid),
                    FileBody{.path = std::move(path), .access = access, .file_class = file_class});
}

class CodeDrop : public DetectorTest {
protected:
    CodeDrop() : DetectorTest(detect::make_supply_code_drop()) { start_two(); }
    static Event make(std::string path = "/app/x.py", SandboxId sandbox = kOther,
                      fns_file_access access = FNS_FILE_CREATE, fns_file_class file_class = FNS_FILE_CLASS_CODE)
    {
        return file_event(file_class, access, std::move(path), sandbox == kOther ? 200 : 100, sandbox, 9 * kSecond);
    }
};

TEST_F(CodeDrop, ANewFileWhileWarm)
{
    const auto found = feed(make());
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_EQ(found[0].finding.summary, "resnet/i-4 opened the new code file /app/x.py for writing (/usr/bin/node)");
    EXPECT_THAT(feed(make("/app/\x1b[2J.py"))[0].finding.summary, HasSubstr("/app/?[2J.py"));
    expect_quiet_for_others(make());
}

TEST_F(CodeDrop, QuietForCachesOldFilesOtherClassesAndBeforeReady)
{
    for (const char* path : {"/app/__pycache__/x.cpython-312.pyc.1234", "/app/x.pyc", "/app/node_modules/.cache/a",
                             "/app/template_cache/a", ""})
        EXPECT_THAT(feed(make(path)), IsEmpty()) << path;
    EXPECT_THAT(feed(make("/app/x.py", kBox)), IsEmpty());
    EXPECT_THAT(feed(make("/app/x.py", kOther, FNS_FILE_WRITE)), IsEmpty());
    EXPECT_THAT(feed(make("/app/x.py", kOther, FNS_FILE_CREATE, FNS_FILE_CLASS_SECRET)), IsEmpty());
}

constexpr const char* kToken = "/run/secrets/kubernetes.io/serviceaccount/..2026_11/token";

class TokenRead : public DetectorTest {
protected:
    TokenRead() : DetectorTest(detect::make_identity_token_read())
    {
        start_two();
        for (const SandboxId box : {kBox, kOther}) {
            const std::uint32_t server = box == kOther ? 200 : 100;
            feed_all({fork_event(box, 6 * kSecond, process(server), process(server + 1)),
                      fork_event(box, 6 * kSecond, process(server), process(server + 2)),
                      exec_event(box, 7 * kSecond, process(server + 2), "/bin/cat")});
        }
    }
    static Event read(std::uint32_t tgid, std::string path = kToken, SandboxId sandbox = kOther,
                      fns_file_class file_class = FNS_FILE_CLASS_SECRET)
    {
        return file_event(file_class, FNS_FILE_READ, std::move(path), tgid, sandbox, 9 * kSecond);
    }
};

TEST_F(TokenRead, ByAnotherProgram)
{
    const auto found = feed(read(202));
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_THAT(found[0].finding.summary, HasSubstr("resnet/i-4 opened the token /run/secrets/"));
    EXPECT_THAT(found[0].finding.summary, HasSubstr("/bin/cat"));
    EXPECT_THAT(feed(read(202, "/run/secrets/azure/tokens/azure-identity-token")), SizeIs(1));
    expect_quiet_for_others(read(202));
}

TEST_F(TokenRead, QuietForTheServerItsForksOtherFilesAndBeforeReady)
{
    EXPECT_THAT(feed(read(200)), IsEmpty());
    EXPECT_THAT(feed(read(201)), IsEmpty()) << "a worker that was forked";
    EXPECT_THAT(feed(read(202, "/run/secrets/kubernetes.io/serviceaccount/ca.crt")), IsEmpty());
    EXPECT_THAT(feed(read(202, kToken, kOther, FNS_FILE_CLASS_CODE)), IsEmpty());
    EXPECT_THAT(feed(read(102, kToken, kBox)), IsEmpty());
    EXPECT_THAT(feed(read(299)), IsEmpty()) << "a process that the model does not know";
}

class SecretSweep : public DetectorTest {
protected:
    SecretSweep() : DetectorTest(detect::make_identity_secret_sweep()) { start_two(); }
    static Event read(const std::string& name, Nanoseconds time_ns, SandboxId sandbox = kOther)
    {
        return file_event(FNS_FILE_CLASS_SECRET, FNS_FILE_READ, "/run/secrets/" + name, sandbox == kOther ? 200 : 100,
                          sandbox, time_ns);
    }
    std::size_t sweep(SandboxId sandbox, const std::string& prefix, int count, Nanoseconds step_ns = kSecond)
    {
        std::size_t found = 0;
        for (int i = 0; i < count; ++i)
            found += feed(read(prefix + std::to_string(i), 9 * kSecond + i * step_ns, sandbox)).size();
        return found;
    }
};

TEST_F(SecretSweep, FiveNewOnesWhileWarm)
{
    EXPECT_EQ(sweep(kOther, "a", 4), 0U);
    const auto found = feed(read("last", 13 * kSecond));
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_THAT(found[0].finding.summary, HasSubstr("5 secrets that it did not read at its start"));
    EXPECT_THAT(found[0].finding.summary, HasSubstr("/run/secrets/last"));
}

TEST_F(SecretSweep, QuietForFewerForSlowOnesAndForTheSameAgain)
{
    EXPECT_EQ(sweep(kOther, "slow", 20, 10 * kSecond), 0U);
    for (int i = 0; i < 20; ++i)
        EXPECT_THAT(feed(read("..2026_" + std::to_string(i) + "/token", 900 * kSecond)), IsEmpty()) << "refreshed";
}

TEST_F(SecretSweep, WhatWasOpenedInInitIsQuietLater)
{
    EXPECT_EQ(sweep(kBox, "own", 9), 0U) << "before ready";
    feed(listen_event(kBox, 20 * kSecond, process(100), 8080));
    EXPECT_EQ(sweep(kBox, "own", 9), 0U);
    EXPECT_EQ(sweep(kBox, "other", 9), 1U);
}

TEST_F(SecretSweep, QuietForOthersAndForgottenWithItsSandbox)
{
    sweep(kOther, "a", 4);
    expect_quiet_for_others(read("last", 13 * kSecond));
    EXPECT_EQ(entries(), 1U);
    feed(removed_event(kOther, 20 * kSecond));
    EXPECT_EQ(entries(), 0U);
}

}  // namespace
}  // namespace fnshield::test
