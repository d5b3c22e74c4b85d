// SPDX-License-Identifier: Apache-2.0
//
// isolation.vmm_escape: each act, and what a virtual machine monitor does every day.
#include "tests/unit/detect/detector_fixture.h"

namespace fnshield::test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class VmmEscape : public DetectorTest {
protected:
    VmmEscape() : DetectorTest(detect::make_isolation_vmm_escape()) {}
    void start_vmm(const std::string& path, std::vector<std::string> argv = {})
    {
        feed(made_event(kBox, 1 * kSecond));
        EXPECT_THAT(feed(exec_event(kBox, 2 * kSecond, process(100), path, FNS_EXEC_FIRST, std::move(argv))),
                    IsEmpty());
    }
    // By a child of the VMM's.
    std::vector<Detection> run(const std::string& path, Nanoseconds time_ns = 60 * kSecond, std::uint32_t tgid = 101,
                               std::uint32_t flags = 0)
    {
        feed(fork_event(kBox, time_ns, process(100), process(tgid, 100)));
        return feed(exec_event(kBox, time_ns, process(tgid, 100), path, flags));
    }
    std::vector<Detection> contact(const std::string& address)
    {
        return feed(connect_event(kBox, 60 * kSecond, process(100), endpoint(address, 443)));
    }
};

TEST_F(VmmEscape, ItRunsAProgram)
{
    start_vmm("/usr/bin/firecracker");
    const auto found = run("/bin/sh");
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_EQ(found[0].finding.summary, "the VMM /usr/bin/firecracker of resize/i-1 ran /bin/sh");
    EXPECT_EQ(found[0].severity(), Severity::critical);
    EXPECT_THAT(run("/usr/bin/firecracker", 61 * kSecond, 102), IsEmpty()) << "itself again";
    EXPECT_THAT(run("/usr/bin/firecracker", 62 * kSecond, 103, FNS_EXEC_UPPER_LAYER), SizeIs(1));
    EXPECT_THAT(feed(exec_event(kBox, 63 * kSecond, process(100), "/bin/sh")), SizeIs(1)) << "in its own process";
}

TEST_F(VmmEscape, ItContactsAnAddress)
{
    start_vmm("/srv/cloud-hypervisor");
    const auto found = contact("203.0.113.7");
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_EQ(found[0].finding.summary,
              "the VMM /srv/cloud-hypervisor of resize/i-1 connected to 203.0.113.7:443 (/srv/cloud-hypervisor)");
    EXPECT_THAT(contact("127.0.0.1"), IsEmpty());
    Event on_the_node = connect_event(kBox, 60 * kSecond, process(100), endpoint("127.0.0.1", 443));
    std::get<SocketBody>(on_the_node.body).host_network = true;
    EXPECT_THAT(feed(on_the_node), SizeIs(1)) << "the node's own loopback";
    Policy policy;
    policy.egress.init = std::vector<EgressRule>{{.cidr = cidr("203.0.113.0", 24)}};
    use_policy(policy);
    EXPECT_THAT(contact("203.0.113.7"), IsEmpty());
}

TEST_F(VmmEscape, ItReachesForOthers)
{
    start_vmm("/usr/bin/crosvm");
    EXPECT_THAT(feed(memory_event(kBox, 9 * kSecond, process(100), kHost, process(7)))[0].finding.summary,
                HasSubstr("reached for host process"));
    EXPECT_THAT(feed(memory_event(kBox, 9 * kSecond, process(100), kBox, process(7))), IsEmpty());
    Event mapping = event_of(EventKind::map_exec, FNS_SENSOR_FILE, kBox, 9 * kSecond, process(100),
                             FileBody{.path = "/tmp/x.so", .access = FNS_FILE_MAP_EXEC, .flags = FNS_FILE_SCRATCH});
    EXPECT_THAT(feed(mapping)[0].finding.summary, HasSubstr("mapped the machine code of /tmp/x.so"));
    std::get<FileBody>(mapping.body).flags = 0;
    EXPECT_THAT(feed(mapping), IsEmpty());
}

TEST_F(VmmEscape, TheJailerBecomesTheVmm)
{
    start_vmm("/usr/bin/jailer");
    EXPECT_THAT(feed(exec_event(kBox, 3 * kSecond, process(100), "/firecracker")), IsEmpty());
    EXPECT_THAT(run("/bin/sh")[0].finding.summary, HasSubstr("the VMM /firecracker of"));
}

TEST_F(VmmEscape, QemuMayDoWhatItsCommandLineSays)
{
    start_vmm("/usr/bin/qemu-system-x86_64", {"qemu-system-x86_64", "-netdev", "user,id=n"});
    EXPECT_THAT(contact("203.0.113.7"), IsEmpty());
    EXPECT_THAT(run("/usr/lib/qemu/qemu-bridge-helper", 3 * kSecond), IsEmpty());
    EXPECT_THAT(run("/usr/lib/qemu/qemu-bridge-helper", 30 * kSecond, 102), SizeIs(1)) << "long after its start";
}

TEST_F(VmmEscape, QemuWithATapHasNoUseForIp)
{
    start_vmm("/usr/bin/qemu-system-x86_64", {"qemu-system-x86_64", "-netdev", "tap,id=n"});
    EXPECT_THAT(contact("203.0.113.7"), SizeIs(1));
}

TEST_F(VmmEscape, QuietForWhatIsNoVmmAndForTheOperator)
{
    start_vmm("/usr/bin/python3");
    EXPECT_THAT(run("/bin/sh"), IsEmpty());
    EXPECT_THAT(contact("203.0.113.7"), IsEmpty());
}

TEST_F(VmmEscape, QuietForWhatEntersFromOutside)
{
    start_vmm("/usr/bin/firecracker");
    EXPECT_THAT(feed(exec_event(kBox, 60 * kSecond, process(110, 50), "/bin/sh", FNS_EXEC_FROM_OUTSIDE)), IsEmpty());
    feed(removed_event(kBox, 70 * kSecond));
    EXPECT_EQ(entries(), 0U);
}

TEST_F(VmmEscape, OneThatRanBeforeTheDaemon)
{
    feed(adopted_event(kBox, 1 * kSecond));
    feed(found_event(kBox, 1 * kSecond, process(100), "/usr/bin/firecracker"));
    EXPECT_THAT(run("/bin/sh"), SizeIs(1));
}

}  // namespace
}  // namespace fnshield::test
