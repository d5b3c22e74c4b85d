// SPDX-License-Identifier: Apache-2.0
//
// isolation.fd_passing: between sandboxes, and where nothing crosses.
#include "tests/unit/detect/detector_fixture.h"

namespace fnshield::test {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

class FdPassing : public DetectorTest {
protected:
    FdPassing() : DetectorTest(detect::make_isolation_fd_passing()) { start_two(); }
    static Event passing(SandboxId to, std::uint32_t descriptors = 1, std::string path = "/shared/s")
    {
        return event_of(
            EventKind::unix_connect, FNS_SENSOR_IPC, kOther, 9 * kSecond, process(200),
            UnixBody{.path = std::move(path), .peer = process(100), .peer_sandbox = to, .descriptors = descriptors});
    }
};

TEST_F(FdPassing, ToAnotherSandbox)
{
    const auto found = feed(passing(kBox));
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_EQ(found[0].finding.summary, "resnet/i-4 passed 1 descriptor to resize/i-1 by /shared/s (/usr/bin/node)");
    EXPECT_EQ(found[0].finding.target_sandbox, kBox);
    EXPECT_EQ(found[0].severity(), Severity::medium);
    EXPECT_EQ(feed(passing(kBox, 2, ""))[0].finding.summary,
              "resnet/i-4 passed 2 descriptors to resize/i-1 (/usr/bin/node)");
    expect_quiet_for_others(passing(kBox));
}

TEST_F(FdPassing, QuietWhereNothingCrosses)
{
    EXPECT_THAT(feed(passing(kBox, 0)), IsEmpty()) << "a connect alone";
    EXPECT_THAT(feed(passing(kHost)), IsEmpty());
    EXPECT_THAT(feed(passing(kOther)), IsEmpty());
}

TEST_F(FdPassing, QuietInOnePod)
{
    constexpr SandboxId kOne = 81;
    constexpr SandboxId kTwo = 82;
    const std::string pod = "/kubepods.slice/kubepods-pod12345678_1234_1234_1234_123456789abc.slice/";
    feed(made_event(kOne, 1 * kSecond, pod + "cri-containerd-" + std::string(64, 'a') + ".scope"));
    feed(made_event(kTwo, 1 * kSecond, pod + "cri-containerd-" + std::string(64, 'b') + ".scope"));
    for (const SandboxId id : {kOne, kTwo})
        model->rename(id, {.platform = "kubernetes", .function = "resnet"});
    feed(exec_event(kOne, 2 * kSecond, process(300), "/usr/bin/python3", FNS_EXEC_FIRST));
    Event event = passing(kTwo);
    event.sandbox = kOne;
    event.process = process(300);
    EXPECT_THAT(feed(event), IsEmpty());
}

}  // namespace
}  // namespace fnshield::test
