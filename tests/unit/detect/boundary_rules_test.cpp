// SPDX-License-Identifier: Apache-2.0
//
// isolation.leaked_fd, isolation.cgroup_escape, isolation.block_device, isolation.signal, isolation.perf_event,
// isolation.io_uring, isolation.rare_syscall, isolation.privilege_gain, isolation.memory_scrape, model.unsafe_load,
// coldstart.secret_sweep.
#include <sys/stat.h>

#include <cerrno>
#include <csignal>

#include "tests/unit/detect/detector_fixture.h"

namespace fnshield::test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

Event file_event(EventKind kind, SandboxId sandbox, Nanoseconds now, ProcessInfo actor, std::string path,
                 fns_file_access access, fns_file_class file_class)
{
    return event_of(kind, FNS_SENSOR_FILE, sandbox, now, std::move(actor),
                    FileBody{.path = std::move(path), .access = access, .file_class = file_class});
}

class LeakedFd : public DetectorTest {
protected:
    LeakedFd() : DetectorTest(detect::make_isolation_leaked_fd()) { start_two(); }
};

TEST_F(LeakedFd, AFileOutsideOfTheRoot)
{
    const auto found = feed(exec_event(kOther, 7 * kSecond, process(201, 200), "/usr/bin/sh", FNS_EXEC_UNREACHABLE));
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_THAT(found[0].finding.summary, HasSubstr("/usr/bin/sh, which is outside of its root"));
    EXPECT_THAT(feed(exec_event(kBox, 3 * kSecond, process(100), "/bin/sh", FNS_EXEC_UNREACHABLE | FNS_EXEC_FIRST)),
                SizeIs(1));
}

TEST_F(LeakedFd, QuietForTheRuntimeMemoryAndWhatIsInside)
{
    EXPECT_THAT(feed(exec_event(kBox, 1 * kSecond, process(90), "/runc", FNS_EXEC_UNREACHABLE | FNS_EXEC_RUNTIME)),
                IsEmpty());
    EXPECT_THAT(
        feed(exec_event(kBox, 3 * kSecond, process(101, 100), "/memfd:x", FNS_EXEC_UNREACHABLE | FNS_EXEC_MEMFD)),
        IsEmpty());
    EXPECT_THAT(feed(exec_event(kBox, 3 * kSecond, process(101, 100), "/bin/sh")), IsEmpty());
}

class CgroupEscape : public DetectorTest {
protected:
    CgroupEscape() : DetectorTest(detect::make_isolation_cgroup_escape()) { start_two(); }

    // `mover` moves `subject` out of kOther.
    std::vector<Detection> leave(ProcessInfo mover, ProcessInfo subject)
    {
        Event event = leave_event(kOther, 10 * kSecond, std::move(subject));
        event.process = std::move(mover);
        return feed(event);
    }
};

TEST_F(CgroupEscape, ATaskMovesItselfOrAnotherOut)
{
    feed(fork_event(kOther, 9 * kSecond, process(200), process(201)));
    const auto found = leave(process(200), process(201, 200));
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_EQ(found[0].finding.summary, "resnet/i-4: /usr/bin/node moved process 201 out of its sandbox");
    EXPECT_EQ(found[0].sandbox, kOther);
}

TEST_F(CgroupEscape, IntoAnotherSandbox)
{
    Event event = move_event(kBox, 10 * kSecond, process(200), kOther);
    event.process = process(200);
    const auto found = feed(event);
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_EQ(found[0].finding.summary, "resnet/i-4: /usr/bin/node moved itself out of its sandbox into resize/i-1");
    EXPECT_EQ(found[0].sandbox, kOther);
}

TEST_F(CgroupEscape, AWriteToCgroupfs)
{
    const Event event = file_event(EventKind::file_write, kOther, 10 * kSecond, process(200),
                                   "/sys/fs/cgroup/cgroup.procs", FNS_FILE_WRITE, FNS_FILE_CLASS_CGROUP);
    EXPECT_THAT(feed(event), SizeIs(1));
    expect_quiet_for_others(event);
}

TEST_F(CgroupEscape, QuietForTheHost)
{
    EXPECT_THAT(leave(process(50, 1, "runc"), process(200)), IsEmpty());
    EXPECT_THAT(feed(move_event(kBox, 10 * kSecond, process(300))), IsEmpty()) << "a runtime attaches";
}

class BlockDevice : public DetectorTest {
protected:
    BlockDevice() : DetectorTest(detect::make_isolation_block_device()) { start_two(); }
};

TEST_F(BlockDevice, OpenedOrMade)
{
    const Event open = file_event(EventKind::file_open, kOther, 10 * kSecond, process(200), "/tmp/disk", FNS_FILE_READ,
                                  FNS_FILE_CLASS_BLOCK_DEVICE);
    EXPECT_THAT(feed(open), SizeIs(1));
    expect_quiet_for_others(open);
    const auto made = [&](std::uint64_t mode) {
        return privilege_event(EventKind::syscall_, kOther, 10 * kSecond, process(200),
                               {.act = FNS_PRIVILEGE_MKNOD, .argument = mode});
    };
    EXPECT_THAT(feed(made(S_IFBLK | 0600)), SizeIs(1));
    EXPECT_THAT(feed(made(S_IFCHR | 0600)), IsEmpty());
    EXPECT_THAT(feed(file_event(EventKind::file_open, kOther, 10 * kSecond, process(200), "/dev/nvidia0", FNS_FILE_READ,
                                FNS_FILE_CLASS_ACCELERATOR)),
                IsEmpty());
}

class IsolationSignal : public DetectorTest {
protected:
    IsolationSignal() : DetectorTest(detect::make_isolation_signal()) { start_two(); }

    static Event signal(SandboxId to, ProcessInfo target, std::uint32_t number = SIGKILL)
    {
        return event_of(EventKind::signal, FNS_SENSOR_PRIVILEGE, kOther, 10 * kSecond, process(200),
                        SignalBody{.target = std::move(target), .target_sandbox = to, .signal = number});
    }
};

TEST_F(IsolationSignal, ToAnotherSandboxOrTheHost)
{
    const auto found = feed(signal(kBox, process(100)));
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_EQ(found[0].finding.summary,
              "resnet/i-4 sent signal 9 to a process of starting sandbox resize/i-1 (/usr/bin/node)");
    EXPECT_THAT(feed(signal(kHost, process(1), SIGSTOP)), SizeIs(1));
}

TEST_F(IsolationSignal, QuietForItselfItsEndTheDaemonAndThePod)
{
    EXPECT_THAT(feed(signal(kOther, process(201))), IsEmpty());
    EXPECT_THAT(feed(signal(kHost, process(50), SIGCHLD)), IsEmpty());
    Event at_daemon = signal(kHost, process(50));
    std::get<SignalBody>(at_daemon.body).at_daemon = true;
    EXPECT_THAT(feed(at_daemon), IsEmpty()) << "health.tamper's";
    expect_quiet_for_others(signal(kBox, process(100)));
}

Event act_event(EventKind kind, SandboxId sandbox, std::uint32_t tgid, PrivilegeBody body)
{
    return privilege_event(kind, sandbox, 10 * kSecond, process(tgid), std::move(body));
}

class PerfEvent : public DetectorTest {
protected:
    PerfEvent() : DetectorTest(detect::make_isolation_perf_event()) { start_two(); }

    static Event open_on(std::int64_t pid, std::int64_t result = 0)
    {
        return act_event(
            EventKind::perf_event, kOther, 200,
            {.act = FNS_PRIVILEGE_PERF_EVENT, .argument = static_cast<std::uint64_t>(pid), .result = result});
    }
};

TEST_F(PerfEvent, OnAllOrOnAnother)
{
    const auto found = feed(open_on(-1, -EACCES));
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_THAT(found[0].finding.summary, HasSubstr("on all processes"));
    EXPECT_THAT(feed(open_on(1234)), SizeIs(1));
}

TEST_F(PerfEvent, QuietForItself)
{
    EXPECT_THAT(feed(open_on(0)), IsEmpty());
    EXPECT_THAT(feed(open_on(200)), IsEmpty());
    expect_quiet_for_others(open_on(-1));
}

class IoUring : public DetectorTest {
protected:
    IoUring() : DetectorTest(detect::make_isolation_io_uring()) { start_two(); }

    static Event ring(SandboxId sandbox, std::uint32_t tgid)
    {
        return act_event(EventKind::io_uring, sandbox, tgid, {.act = FNS_PRIVILEGE_IO_URING});
    }
};

TEST_F(IoUring, OfOneThatNeverHadOne)
{
    EXPECT_THAT(feed(ring(kOther, 200)), SizeIs(1));
    expect_quiet_for_others(ring(kOther, 200));
}

TEST_F(IoUring, QuietWhereItHadOneBeforeItWasReady)
{
    EXPECT_THAT(feed(ring(kBox, 100)), IsEmpty());
    make_ready();
    EXPECT_THAT(feed(ring(kBox, 100)), IsEmpty());
    EXPECT_EQ(entries(), 1U);
    feed(removed_event(kBox, 30 * kSecond));
    EXPECT_EQ(entries(), 0U);
}

class RareSyscall : public DetectorTest {
protected:
    RareSyscall() : DetectorTest(detect::make_isolation_rare_syscall()) { start_two(); }

    static Event call(fns_privilege act, std::uint64_t argument = 0)
    {
        return act_event(EventKind::syscall_, kOther, 200, {.act = act, .argument = argument});
    }
};

TEST_F(RareSyscall, AnyOfThem)
{
    for (const fns_privilege act : {FNS_PRIVILEGE_USERFAULTFD, FNS_PRIVILEGE_KEYCTL, FNS_PRIVILEGE_MODIFY_LDT,
                                    FNS_PRIVILEGE_SWAPON, FNS_PRIVILEGE_IOPL, FNS_PRIVILEGE_REBOOT})
        EXPECT_THAT(feed(call(act)), SizeIs(1)) << act;
    EXPECT_THAT(feed(call(FNS_PRIVILEGE_MKNOD, S_IFCHR | 0600)), SizeIs(1));
    expect_quiet_for_others(call(FNS_PRIVILEGE_KEYCTL));
}

TEST_F(RareSyscall, QuietForAPipeThatMknodMakes)
{
    EXPECT_THAT(feed(call(FNS_PRIVILEGE_MKNOD, S_IFIFO | 0600)), IsEmpty());
}

class MemoryScrape : public DetectorTest {
protected:
    MemoryScrape() : DetectorTest(detect::make_isolation_memory_scrape())
    {
        start_two();
        feed(fork_event(kOther, 6 * kSecond, process(200), process(201)));
        feed(exec_event(kOther, 7 * kSecond, process(201, 200), "/tmp/dump"));
    }

    static Event read(ProcessInfo actor, SandboxId to, ProcessInfo target, fns_via via = FNS_VIA_PROCESS_VM_READV,
                      std::string name = {})
    {
        return memory_event(kOther, 10 * kSecond, std::move(actor), to, std::move(target), FNS_ACCESS_READ, via,
                            std::move(name));
    }
};

TEST_F(MemoryScrape, AChildReadsTheServingProcess)
{
    const auto found = feed(read(process(201, 200), kOther, process(200)));
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_EQ(
        found[0].finding.summary,
        "resnet/i-4 read the memory of another process of warm sandbox resnet/i-4 (process_vm_readv): /tmp/dump in "
        "process 200");
    EXPECT_THAT(feed(read(process(201, 200), kOther, process(200), FNS_VIA_PROC_MEM, "mem")), SizeIs(1));
}

TEST_F(MemoryScrape, QuietForParentsItselfOtherSandboxesAndNamedProfilers)
{
    EXPECT_THAT(feed(read(process(200), kOther, process(201, 200))), IsEmpty()) << "its own child";
    EXPECT_THAT(feed(read(process(200), kOther, process(200))), IsEmpty());
    EXPECT_THAT(feed(read(process(201, 200), kBox, process(100))), IsEmpty()) << "isolation.memory_read's";
    EXPECT_THAT(feed(read(process(201, 200), kOther, process(200), FNS_VIA_PROC_FILE, "maps")), IsEmpty()) << "a peek";
    expect_quiet_for_others(read(process(201, 200), kOther, process(200)));
    Policy policy;
    policy.memory.allow_from = {{"/tmp/dump"}};
    use_policy(policy);
    EXPECT_THAT(feed(read(process(201, 200), kOther, process(200))), IsEmpty()) << "a profiler";
}

class PrivilegeGain : public DetectorTest {
protected:
    PrivilegeGain() : DetectorTest(detect::make_isolation_privilege_gain()) { start_two(); }

    static ProcessInfo as(std::uint32_t uid, std::uint32_t tgid = 201)
    {
        ProcessInfo info = process(tgid, 200);
        info.uid = uid;
        return info;
    }
};

TEST_F(PrivilegeGain, BySetUserIdOrByAnyActThatFollows)
{
    feed(fork_event(kOther, 6 * kSecond, process(200), as(1000)));
    const auto found = feed(exec_event(kOther, 7 * kSecond, as(0), "/usr/bin/su"));
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_EQ(found[0].finding.summary, "resnet/i-4: /usr/bin/su (pid 201) became root; it was user 1000");
    EXPECT_THAT(feed(connect_event(kOther, 8 * kSecond, as(0), endpoint("10.0.0.1", 80))), IsEmpty()) << "told once";
    feed(fork_event(kOther, 6 * kSecond, process(200), as(1000, 202)));
    EXPECT_THAT(feed(connect_event(kOther, 8 * kSecond, as(0, 202), endpoint("10.0.0.1", 80))), SizeIs(1));
}

TEST_F(PrivilegeGain, QuietForRootItselfTheStartAndTheWayDown)
{
    feed(fork_event(kOther, 6 * kSecond, as(0, 200), as(0)));
    EXPECT_THAT(feed(exec_event(kOther, 7 * kSecond, as(0), "/usr/bin/su")), IsEmpty()) << "always was root";
    EXPECT_THAT(feed(exec_event(kOther, 7 * kSecond, as(1000), "/usr/bin/gosu")), IsEmpty()) << "down";
    feed(fork_event(kBox, 3 * kSecond, process(100), as(1000, 101)));
    EXPECT_THAT(feed(exec_event(kBox, 3 * kSecond, as(0, 101), "/usr/bin/sudo")), IsEmpty()) << "before ready";
    feed(fork_event(kOther, 6 * kSecond, process(200), as(1000, 203)));
    feed(exit_event(kOther, 7 * kSecond, as(1000, 203)));
    EXPECT_THAT(feed(exec_event(kOther, 8 * kSecond, as(0, 203), "/usr/bin/su")), IsEmpty())
        << "forgotten with its end";
}

class ChangedInterpreter : public DetectorTest {
protected:
    ChangedInterpreter() : DetectorTest(detect::make_supply_changed_interpreter()) {}

    // A sandbox of the function that runs python3, changed at `ctime_ns`.
    std::vector<Detection> run(SandboxId id, Nanoseconds created_ns, Nanoseconds ctime_ns,
                               const std::string& function = "resize")
    {
        feed(made_event(id, created_ns, "/fn/acme/" + function + "/i-" + std::to_string(id)));
        Event event = exec_event(id, created_ns + kSecond, process(static_cast<std::uint32_t>(id)), "/usr/bin/python3",
                                 FNS_EXEC_FIRST);
        std::get<ExecBody>(event.body).file_ctime_ns = ctime_ns;
        return feed(event);
    }
};

TEST_F(ChangedInterpreter, YoungerThanItsSandboxWhereOthersRunTheImages)
{
    for (SandboxId id = 501; id < 504; ++id)
        EXPECT_THAT(run(id, 100 * kSecond, kSecond), IsEmpty());
    const auto found = run(504, 100 * kSecond, 100 * kSecond + 1);
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_THAT(found[0].finding.summary, HasSubstr("3 others of the function run it unchanged"));
    EXPECT_THAT(run(505, 200 * kSecond, 150 * kSecond), IsEmpty()) << "a new revision";
}

TEST_F(ChangedInterpreter, QuietForTheFirstOthersAndWhatAllMake)
{
    EXPECT_THAT(run(501, 100 * kSecond, 101 * kSecond), IsEmpty());
    for (SandboxId id = 502; id < 510; ++id)
        EXPECT_THAT(run(id, 100 * kSecond, 101 * kSecond), IsEmpty()) << "a virtual environment of its own";
    for (SandboxId id = 601; id < 604; ++id)
        run(id, 100 * kSecond, kSecond, "other");
    EXPECT_THAT(run(605, 100 * kSecond, 101 * kSecond, "third"), IsEmpty()) << "another function";
}

class RuntimeSocket : public DetectorTest {
protected:
    RuntimeSocket() : DetectorTest(detect::make_isolation_runtime_socket()) { start_two(); }

    static Event connect(std::string path, std::int64_t result = 0, SandboxId peer = kHost)
    {
        return event_of(EventKind::unix_connect, FNS_SENSOR_IPC, kOther, 10 * kSecond, process(200),
                        UnixBody{.path = std::move(path), .peer_sandbox = peer, .result = result});
    }
};

TEST_F(RuntimeSocket, OfAnyRuntimeAlsoWhereItFails)
{
    const auto found = feed(connect("/run/docker.sock"));
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_EQ(found[0].finding.summary,
              "resnet/i-4 connected to the runtime's socket /run/docker.sock (/usr/bin/node)");
    EXPECT_THAT(feed(connect("/var/run/containerd/s/0123abcd")), SizeIs(1));
    EXPECT_THAT(feed(connect("/var/lib/kubelet/device-plugins/x.sock")), SizeIs(1));
    EXPECT_THAT(feed(connect("@/containerd-shim/k8s.io/abc/shim.sock@")), SizeIs(1));
    const auto tried = feed(connect("/mnt/docker.sock", -ECONNREFUSED));
    ASSERT_THAT(tried, SizeIs(1));
    EXPECT_THAT(tried[0].finding.summary, HasSubstr("tried to connect"));
}

TEST_F(RuntimeSocket, QuietForOtherSockets)
{
    EXPECT_THAT(feed(connect("/run/systemd/journal/stdout")), IsEmpty());
    EXPECT_THAT(feed(connect("/run/postgresql/.s.PGSQL.5432")), IsEmpty());
    EXPECT_THAT(feed(connect("/tmp/mydocker.sock")), IsEmpty());
    EXPECT_THAT(feed(connect("/run/docker.sock", 0, kOther)), IsEmpty()) << "its own";
    expect_quiet_for_others(connect("/run/docker.sock"));
}

class UnsafeLoad : public DetectorTest {
protected:
    UnsafeLoad() : DetectorTest(detect::make_model_unsafe_load()) { start(); }

    void load(Nanoseconds now = 3 * kSecond, std::uint32_t thread = 100)
    {
        ProcessInfo actor = process(100);
        actor.tid = thread;
        feed(file_event(EventKind::file_open, kBox, now, actor, "/models/m.pkl", FNS_FILE_READ, FNS_FILE_CLASS_MODEL));
    }

    std::vector<Detection> run(const std::string& path, Nanoseconds now = 3 * kSecond)
    {
        feed(fork_event(kBox, now, process(100), process(101)));
        return feed(exec_event(kBox, now, process(101, 100), path));
    }
};

TEST_F(UnsafeLoad, AProgramOfTheLoadingThread)
{
    load();
    const auto found = run("/usr/bin/dash");
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_EQ(found[0].finding.summary,
              "resize/i-1 ran /usr/bin/dash, while it loaded the model /models/m.pkl, from /usr/bin/python3");
    load();
    EXPECT_THAT(feed(exec_event(kBox, 4 * kSecond, process(100), "/tmp/x")), SizeIs(1)) << "the process itself";
}

TEST_F(UnsafeLoad, QuietForCompilersListedOnesOtherThreadsAndLater)
{
    EXPECT_THAT(run("/usr/bin/dash"), IsEmpty()) << "no model";
    load(3 * kSecond, 105);
    EXPECT_THAT(run("/usr/bin/dash"), IsEmpty()) << "another thread";
    load();
    EXPECT_THAT(run("/usr/bin/g++"), IsEmpty());
    EXPECT_THAT(run("/usr/bin/dash", 30 * kSecond), IsEmpty()) << "long after";
    load();
    Policy policy;
    policy.exec.init = {{"/usr/bin/dash"}};
    use_policy(policy);
    EXPECT_THAT(run("/usr/bin/dash"), IsEmpty()) << "listed";
}

class InitSecretSweep : public DetectorTest {
protected:
    InitSecretSweep() : DetectorTest(detect::make_coldstart_secret_sweep()) { start(); }

    std::size_t open_all(const std::vector<std::string>& paths)
    {
        std::size_t found = 0;
        for (const std::string& path : paths)
            found += feed(file_event(EventKind::file_open, kBox, 3 * kSecond, process(100), path, FNS_FILE_READ,
                                     FNS_FILE_CLASS_SECRET))
                         .size();
        return found;
    }
};

TEST_F(InitSecretSweep, FourKinds)
{
    EXPECT_EQ(open_all({"/root/.aws/credentials", "/root/.ssh/id_rsa", "/root/.kube/config",
                        "/root/.docker/config.json", "/root/.netrc"}),
              2U)
        << "the fourth and the fifth kind";
    feed(removed_event(kBox, 4 * kSecond));
    EXPECT_EQ(entries(), 0U);
}

TEST_F(InitSecretSweep, QuietForOneKindOnesOwnAndOnceReady)
{
    EXPECT_EQ(open_all({"/root/.aws/credentials", "/root/.aws/config", "/root/.aws/sso/a", "/root/.aws/sso/b"}), 0U);
    EXPECT_EQ(open_all({"/run/secrets/a", "/run/secrets/b", "/run/secrets/c", "/run/secrets/d", "/run/secrets/e"}), 0U);
    make_ready();
    EXPECT_EQ(open_all({"/root/.ssh/id_rsa", "/root/.kube/config", "/root/.docker/config.json"}), 0U)
        << "identity.secret_sweep's";
}

}  // namespace
}  // namespace fnshield::test
