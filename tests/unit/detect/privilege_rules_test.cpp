// SPDX-License-Identifier: Apache-2.0
//
// The rules about namespaces, mounts, modules and bpf(): the act by each road, and a near miss for each condition.
#include <linux/bpf.h>
#include <linux/sched.h>

#include <cerrno>

#include "tests/unit/detect/detector_fixture.h"

namespace fnshield::test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class PrivilegeRule : public DetectorTest {
protected:
    explicit PrivilegeRule(std::unique_ptr<Detector> detector) : DetectorTest(std::move(detector)) { start_two(); }

    // Process 200 of the warm sandbox resnet/i-4.
    Event act(EventKind kind, PrivilegeBody body, SandboxId sandbox = kOther, std::uint32_t tgid = 200)
    {
        return privilege_event(kind, sandbox, 9 * kSecond, process(tgid), std::move(body));
    }
};

// --- isolation.namespace_entry ---

class NamespaceEntry : public PrivilegeRule {
protected:
    NamespaceEntry() : PrivilegeRule(detect::make_isolation_namespace_entry()) {}
    Event setns(std::int64_t result = 0)
    {
        return act(EventKind::namespace_,
                   {.act = FNS_PRIVILEGE_SETNS, .argument = CLONE_NEWNS | CLONE_NEWNET, .result = result});
    }
};

TEST_F(NamespaceEntry, Setns)
{
    const auto found = feed(setns());
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_EQ(found[0].finding.summary, "resnet/i-4 called setns (mount, network) (/usr/bin/node)");
    EXPECT_EQ(found[0].severity(), Severity::critical);
}

TEST_F(NamespaceEntry, AnAttemptIsAnotherFinding)
{
    const auto done = feed(setns());
    const auto tried = feed(setns(-EPERM));
    ASSERT_THAT(tried, SizeIs(1));
    EXPECT_EQ(tried[0].finding.summary,
              "resnet/i-4 tried to call setns (mount, network) (/usr/bin/node): Operation not permitted");
    EXPECT_NE(tried[0].finding.key, done[0].finding.key);
}

TEST_F(NamespaceEntry, QuietForNewNamespacesAndForOthers)
{
    EXPECT_THAT(feed(act(EventKind::namespace_, {.act = FNS_PRIVILEGE_UNSHARE, .argument = CLONE_NEWUSER})), IsEmpty());
    expect_quiet_for_others(setns());
}

// --- isolation.user_namespace ---

class UserNamespace : public PrivilegeRule {
protected:
    UserNamespace() : PrivilegeRule(detect::make_isolation_user_namespace()) {}
    Event made(fns_privilege how, std::uint64_t flags, SandboxId sandbox = kOther)
    {
        return act(EventKind::namespace_, {.act = how, .argument = flags}, sandbox, sandbox == kOther ? 200 : 100);
    }
};

TEST_F(UserNamespace, ByUnshareAndByClone)
{
    const auto found = feed(made(FNS_PRIVILEGE_UNSHARE, CLONE_NEWUSER | CLONE_NEWNS));
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_EQ(found[0].finding.summary, "resnet/i-4 called unshare (user, mount) (/usr/bin/node)");
    EXPECT_EQ(found[0].severity(), Severity::high);
    EXPECT_THAT(feed(made(FNS_PRIVILEGE_CLONE, CLONE_NEWUSER)), SizeIs(1));
}

TEST_F(UserNamespace, QuietBeforeReady)
{
    EXPECT_THAT(feed(made(FNS_PRIVILEGE_UNSHARE, CLONE_NEWUSER, kBox)), IsEmpty());
    make_ready();
    EXPECT_THAT(feed(made(FNS_PRIVILEGE_UNSHARE, CLONE_NEWUSER, kBox)), SizeIs(1));
}

TEST_F(UserNamespace, QuietForOtherNamespacesAndForOthers)
{
    EXPECT_THAT(feed(made(FNS_PRIVILEGE_UNSHARE, CLONE_NEWNET | CLONE_NEWPID)), IsEmpty());
    EXPECT_THAT(feed(made(FNS_PRIVILEGE_SETNS, CLONE_NEWUSER)), IsEmpty()) << "isolation.namespace_entry";
    expect_quiet_for_others(made(FNS_PRIVILEGE_CLONE, CLONE_NEWUSER));
}

// --- isolation.mount ---

class MountRule : public PrivilegeRule {
protected:
    MountRule() : PrivilegeRule(detect::make_isolation_mount()) {}
    Event call(fns_privilege how, std::string name = "/mnt")
    {
        return act(EventKind::mount, {.act = how, .name = std::move(name)});
    }
};

TEST_F(MountRule, EachStep)
{
    const auto found = feed(call(FNS_PRIVILEGE_MOUNT));
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_EQ(found[0].finding.summary, "resnet/i-4 called mount on /mnt (/usr/bin/node)");
    EXPECT_EQ(found[0].finding.target.file, "/mnt");
    for (const auto how :
         {FNS_PRIVILEGE_UMOUNT, FNS_PRIVILEGE_PIVOT_ROOT, FNS_PRIVILEGE_OPEN_TREE, FNS_PRIVILEGE_MOVE_MOUNT,
          FNS_PRIVILEGE_FSMOUNT, FNS_PRIVILEGE_FSCONFIG, FNS_PRIVILEGE_FSPICK, FNS_PRIVILEGE_MOUNT_SETATTR})
        EXPECT_THAT(feed(call(how)), SizeIs(1)) << privilege_name(how);
    EXPECT_THAT(feed(call(FNS_PRIVILEGE_FSOPEN, "tmpfs"))[0].finding.summary, HasSubstr("called fsopen for tmpfs"));
}

// A path is the caller's to choose: it makes no new finding of the same act, and reaches no terminal as it is.
TEST_F(MountRule, ThePathIsNoKeyAndIsMadePrintable)
{
    const auto first = feed(call(FNS_PRIVILEGE_MOUNT, "/a"));
    const auto second = feed(call(FNS_PRIVILEGE_MOUNT, "/b\x1b[2J"));
    EXPECT_EQ(first[0].finding.key, second[0].finding.key);
    EXPECT_THAT(second[0].finding.summary, HasSubstr("/b?[2J"));
}

TEST_F(MountRule, QuietForHandlesAndForOthers)
{
    EXPECT_THAT(feed(call(FNS_PRIVILEGE_OPEN_BY_HANDLE)), IsEmpty());
    expect_quiet_for_others(call(FNS_PRIVILEGE_MOUNT));
}

// --- isolation.kernel_module ---

class KernelModule : public PrivilegeRule {
protected:
    KernelModule() : PrivilegeRule(detect::make_isolation_kernel_module()) {}
    Event call(fns_privilege how, std::string name = {})
    {
        return act(EventKind::module, {.act = how, .name = std::move(name)});
    }
};

TEST_F(KernelModule, LoadedRemovedOrReplaced)
{
    EXPECT_EQ(feed(call(FNS_PRIVILEGE_FINIT_MODULE))[0].finding.summary,
              "resnet/i-4 called finit_module (/usr/bin/node)");
    for (const auto how : {FNS_PRIVILEGE_INIT_MODULE, FNS_PRIVILEGE_DELETE_MODULE, FNS_PRIVILEGE_KEXEC_LOAD,
                           FNS_PRIVILEGE_KEXEC_FILE_LOAD})
        EXPECT_THAT(feed(call(how)), SizeIs(1)) << privilege_name(how);
}

TEST_F(KernelModule, ARequestOfTheKernels)
{
    const auto found = feed(call(FNS_PRIVILEGE_MODULE_REQUEST, "net-pf-33"));
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_EQ(found[0].finding.summary, "resnet/i-4 made the kernel ask for the module net-pf-33 (/usr/bin/node)");
    EXPECT_EQ(found[0].finding.target.name, "net-pf-33");
}

TEST_F(KernelModule, QuietForOthers)
{
    expect_quiet_for_others(call(FNS_PRIVILEGE_INIT_MODULE));
}

// --- isolation.bpf ---

class BpfRule : public PrivilegeRule {
protected:
    BpfRule() : PrivilegeRule(detect::make_isolation_bpf()) {}
    Event call(std::uint64_t command) { return act(EventKind::bpf, {.act = FNS_PRIVILEGE_BPF, .argument = command}); }
};

TEST_F(BpfRule, AnyCommand)
{
    EXPECT_EQ(feed(call(BPF_PROG_LOAD))[0].finding.summary, "resnet/i-4 called bpf (prog_load) (/usr/bin/node)");
    EXPECT_THAT(feed(call(999))[0].finding.summary, HasSubstr("bpf (command 999)"));
}

TEST_F(BpfRule, QuietForOthers)
{
    expect_quiet_for_others(call(BPF_PROG_LOAD));
}

// --- health.tamper ---

class Tamper : public PrivilegeRule {
protected:
    Tamper() : PrivilegeRule(detect::make_health_tamper()) {}

    // Process 900 is the daemon.
    void beat() { feed(heartbeat_event(6 * kSecond, process(900, 1, "fnshieldd"))); }
    Event bpf(SandboxId sandbox, std::uint64_t command, bool own, bool writes)
    {
        Event event = act(EventKind::bpf,
                          {.act = FNS_PRIVILEGE_BPF,
                           .argument = command,
                           .object = FNS_OBJECT_MAP,
                           .object_id = 12,
                           .own_object = own,
                           .writes = writes},
                          sandbox);
        if (sandbox == kHost)
            event.process = process(700, 1, "bpftool");
        return event;
    }
    Event read_memory(SandboxId actor, ProcessInfo target)
    {
        return memory_event(actor, 9 * kSecond, process(200), kHost, std::move(target));
    }
};

TEST_F(Tamper, AFunctionThatTakesAnObject)
{
    const auto found = feed(bpf(kOther, BPF_MAP_GET_FD_BY_ID, true, false));
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_EQ(found[0].finding.summary, "resnet/i-4 took fnshield's own map 12 (bpf (map_get_fd_by_id))");
    EXPECT_EQ(found[0].severity(), Severity::critical);
}

TEST_F(Tamper, AHostProgramThatOnlyLooksIsLow)
{
    const auto found = feed(bpf(kHost, BPF_MAP_GET_FD_BY_ID, true, false));
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_EQ(found[0].finding.summary,
              "host process bpftool (pid 700) took fnshield's own map 12 (bpf (map_get_fd_by_id))");
    EXPECT_EQ(found[0].severity(), Severity::low);
}

TEST_F(Tamper, AHostProgramThatChangesOneIsCriticalAndAnotherFinding)
{
    const auto looked = feed(bpf(kHost, BPF_MAP_GET_FD_BY_ID, true, false));
    const auto changed = feed(bpf(kHost, BPF_MAP_UPDATE_ELEM, true, true));
    ASSERT_THAT(changed, SizeIs(1));
    EXPECT_THAT(changed[0].finding.summary, HasSubstr("changed fnshield's own map 12 (bpf (map_update_elem))"));
    EXPECT_EQ(changed[0].severity(), Severity::critical);
    EXPECT_NE(changed[0].finding.key, looked[0].finding.key);
}

TEST_F(Tamper, QuietForObjectsOfOthers)
{
    EXPECT_THAT(feed(bpf(kOther, BPF_MAP_UPDATE_ELEM, false, true)), IsEmpty()) << "isolation.bpf";
    EXPECT_THAT(feed(bpf(kHost, BPF_MAP_UPDATE_ELEM, false, true)), IsEmpty());
}

TEST_F(Tamper, ASignal)
{
    const auto found = feed(signal_event(kOther, 9 * kSecond, process(200), process(900), 9));
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_EQ(found[0].finding.summary, "resnet/i-4 signalled the fnshield daemon (signal 9)");
    Event denied = signal_event(kOther, 9 * kSecond, process(200), process(900), 9);
    denied.flags |= FNS_FLAG_DENIED;
    EXPECT_EQ(feed(denied)[0].finding.summary,
              "resnet/i-4 tried to signal the fnshield daemon (signal 9): Operation not permitted");
}

TEST_F(Tamper, QuietForSignalsToOthersAndFromTheHost)
{
    Event other = signal_event(kOther, 9 * kSecond, process(200), process(901), 9);
    std::get<SignalBody>(other.body).at_daemon = false;
    EXPECT_THAT(feed(other), IsEmpty());
    EXPECT_THAT(feed(signal_event(kHost, 9 * kSecond, process(1), process(900), 15)), IsEmpty());
}

TEST_F(Tamper, MemoryAndDescriptorsOfTheDaemon)
{
    beat();
    EXPECT_EQ(feed(read_memory(kOther, process(900)))[0].finding.summary,
              "resnet/i-4 reached into the fnshield daemon (process_vm_readv)");
    Event tried = read_memory(kOther, process(900));
    auto& body = std::get<MemoryBody>(tried.body);
    body.access = FNS_ACCESS_ATTACH;
    body.via = FNS_VIA_PTRACE_SEIZE;
    body.attempted = true;
    body.result = -EPERM;
    EXPECT_EQ(feed(tried)[0].finding.summary,
              "resnet/i-4 tried to reach into the fnshield daemon (ptrace_seize): Operation not permitted");
    EXPECT_THAT(feed(fd_event(kOther, 9 * kSecond, process(200), kHost, process(900))), SizeIs(1));
}

TEST_F(Tamper, QuietForMemoryOfOthers)
{
    EXPECT_THAT(feed(read_memory(kOther, process(900))), IsEmpty()) << "nobody has said who the daemon is";
    beat();
    EXPECT_THAT(feed(read_memory(kOther, process(901))), IsEmpty());
    EXPECT_THAT(feed(read_memory(kHost, process(900))), IsEmpty()) << "the operator's debugger";
    ProcessInfo later = process(900);
    later.start_ns += 1;
    EXPECT_THAT(feed(read_memory(kOther, later)), IsEmpty()) << "the pid was used again";
    Event status = read_memory(kOther, process(900));
    auto& body = std::get<MemoryBody>(status.body);
    body.access = FNS_ACCESS_PEEK;
    body.via = FNS_VIA_PROC_FILE;
    body.name = "status";
    EXPECT_THAT(feed(status), IsEmpty()) << "what ps reads";
}

}  // namespace
}  // namespace fnshield::test
