// SPDX-License-Identifier: Apache-2.0
//
// The rules about a file's past: who wrote it, whose secret it is, what is mapped executable, what runs at the start.
// Each act, and a near miss for each condition.
#include <cerrno>

#include "tests/unit/detect/detector_fixture.h"

namespace fnshield::test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

// resize/i-1 (kBox, process 100) is not warm; resnet/i-4 (kOther, process 200) is, since 5 s.
class FilePastRule : public DetectorTest {
protected:
    explicit FilePastRule(std::unique_ptr<Detector> detector) : DetectorTest(std::move(detector)) { start_two(); }

    static Event open_of(FileBody body, std::uint32_t tgid = 200, Nanoseconds time_ns = 9 * kSecond)
    {
        const bool reads = body.access == FNS_FILE_READ;
        return event_of(reads ? EventKind::file_open : EventKind::file_write, FNS_SENSOR_FILE,
                        tgid < 200 ? kBox : kOther, time_ns, process(tgid), std::move(body));
    }
    static Event map_of(FileBody body, std::uint32_t tgid = 200, Nanoseconds time_ns = 9 * kSecond)
    {
        body.access = FNS_FILE_MAP_EXEC;
        body.file_class = FNS_FILE_CLASS_EXECUTABLE;
        return event_of(EventKind::map_exec, FNS_SENSOR_FILE, tgid < 200 ? kBox : kOther, time_ns, process(tgid),
                        std::move(body));
    }
    // A child of the server that runs `path`.
    void start_child(std::uint32_t tgid, const std::string& path, Nanoseconds time_ns, std::uint32_t parent = 200)
    {
        const SandboxId box = parent < 200 ? kBox : kOther;
        feed(fork_event(box, time_ns, process(parent), process(tgid, parent)));
        feed(exec_event(box, time_ns, process(tgid, parent), path));
    }
};

class ForeignSecret : public FilePastRule {
protected:
    ForeignSecret() : FilePastRule(detect::make_identity_foreign_secret()) {}
    static FileBody secret()
    {
        return {.path = "/mnt/x",
                .access = FNS_FILE_READ,
                .file_class = FNS_FILE_CLASS_SECRET,
                .flags = FNS_FILE_FOREIGN_SECRET,
                .owner = kBox};
    }
};

TEST_F(ForeignSecret, AnothersIsToldWithItsOwner)
{
    const auto found = feed(open_of(secret()));
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_EQ(found[0].finding.summary,
              "resnet/i-4 opened the secret of resize/i-1, /mnt/x for reading (/usr/bin/node)");
    EXPECT_EQ(found[0].finding.target_sandbox, kBox);
    EXPECT_EQ(found[0].severity(), Severity::critical);
    expect_quiet_for_others(open_of(secret()));
}

TEST_F(ForeignSecret, QuietForItsOwn)
{
    FileBody own = secret();
    own.flags = 0;
    EXPECT_THAT(feed(open_of(own)), IsEmpty());
}

class NativeFromScratch : public FilePastRule {
protected:
    NativeFromScratch() : FilePastRule(detect::make_supply_native_from_scratch()) {}
    static FileBody library(fns_file_flag flag, std::string path = "/tmp/x.so")
    {
        return {.path = std::move(path), .flags = flag, .ctime_ns = 8 * kSecond};
    }
};

TEST_F(NativeFromScratch, FromEachWritablePlaceWhileWarm)
{
    for (const fns_file_flag flag :
         {FNS_FILE_UPPER_LAYER, FNS_FILE_SCRATCH, FNS_FILE_UNLINKED, FNS_FILE_MEMFD, FNS_FILE_FRESH})
        EXPECT_THAT(feed(map_of(library(flag))), SizeIs(1)) << flag;
    const auto found = feed(map_of(library(FNS_FILE_SCRATCH)));
    EXPECT_EQ(found[0].finding.summary, "resnet/i-4 mapped the machine code of /tmp/x.so while warm (/usr/bin/node)");
    EXPECT_EQ(found[0].severity(), Severity::high);
    expect_quiet_for_others(map_of(library(FNS_FILE_SCRATCH)));
}

TEST_F(NativeFromScratch, QuietForWhatIsOlderThanReadyOrFromTheImageOrNotWarm)
{
    FileBody built_in_init = library(FNS_FILE_SCRATCH);
    built_in_init.ctime_ns = 4 * kSecond;
    EXPECT_THAT(feed(map_of(built_in_init)), IsEmpty());
    EXPECT_THAT(feed(map_of(library(FNS_FILE_LINKING))), IsEmpty()) << "of the image";
    EXPECT_THAT(feed(map_of(library(FNS_FILE_SCRATCH), 100)), IsEmpty());
}

TEST_F(NativeFromScratch, KnownMakersOfCodeAreLess)
{
    const auto libffi = feed(map_of(library(FNS_FILE_MEMFD, "memfd:libffi")));
    ASSERT_THAT(libffi, SizeIs(1));
    EXPECT_EQ(libffi[0].severity(), Severity::low);
    EXPECT_NE(libffi[0].finding.key, feed(map_of(library(FNS_FILE_MEMFD, "memfd:x")))[0].finding.key);
    EXPECT_EQ(feed(map_of(library(FNS_FILE_SCRATCH, "/tmp/torchinductor_root/ab/c.so")))[0].severity(),
              Severity::medium);
    EXPECT_EQ(feed(map_of(library(FNS_FILE_SCRATCH, "memfd:libffi")))[0].severity(), Severity::high) << "no memfd";
}

class Preload : public FilePastRule {
protected:
    Preload() : FilePastRule(detect::make_supply_preload()) {}
    static FileBody library(std::uint32_t flags, std::string path = "/tmp/evil.so")
    {
        return {.path = std::move(path), .flags = flags};
    }
    static constexpr std::uint32_t kScratch = FNS_FILE_LINKING | FNS_FILE_SCRATCH;
};

TEST_F(Preload, BeforeTheCLibrary)
{
    start_child(201, "/usr/bin/id", 9 * kSecond);
    const Event mapping = map_of(library(kScratch), 201);
    const auto found = feed(mapping);
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_EQ(found[0].finding.summary,
              "resnet/i-4 mapped the machine code of /tmp/evil.so before its own libraries (/usr/bin/id)");
    expect_quiet_for_others(mapping);
    feed(exec_event(kBox, 9 * kSecond, process(100), "/usr/bin/python3"));
    EXPECT_THAT(feed(map_of(library(FNS_FILE_LINKING | FNS_FILE_FRESH), 100)), SizeIs(1)) << "in every phase";
}

TEST_F(Preload, QuietForTheImagesAndForWhatComesLater)
{
    start_child(201, "/usr/bin/id", 9 * kSecond);
    EXPECT_THAT(feed(map_of(library(FNS_FILE_LINKING, "/usr/lib/libjemalloc.so.2"), 201)), IsEmpty());
    EXPECT_THAT(feed(map_of(library(FNS_FILE_SCRATCH), 201)), IsEmpty()) << "after the C library";
    EXPECT_THAT(feed(map_of(library(kScratch), 201, 11 * kSecond)), IsEmpty()) << "where there is no C library";
}

TEST_F(Preload, QuietForProgramsThatBringTheirOwn)
{
    start_child(201, "/srv/app/run", 9 * kSecond);
    EXPECT_THAT(feed(map_of(library(FNS_FILE_LINKING | FNS_FILE_FRESH, "/srv/app/lib/own.so"), 201)), IsEmpty());
    EXPECT_THAT(feed(map_of(library(FNS_FILE_LINKING | FNS_FILE_FRESH, "/srv/other.so"), 201)), SizeIs(1));
    EXPECT_THAT(feed(map_of(library(kScratch, "/srv/app/lib/own.so"), 201)), SizeIs(1)) << "a tmpfs is no package";
    feed(exec_event(kOther, 9 * kSecond, process(202), "/tmp/run", FNS_EXEC_UPPER_LAYER));
    EXPECT_THAT(feed(map_of(library(kScratch), 202)), IsEmpty());
}

class SharedCachePoisoned : public FilePastRule {
protected:
    SharedCachePoisoned() : FilePastRule(detect::make_model_shared_cache_poisoned()) {}
    static FileBody written(std::string path, fns_file_class file_class = FNS_FILE_CLASS_WRITTEN)
    {
        return {.path = std::move(path),
                .access = FNS_FILE_READ,
                .file_class = file_class,
                .writer = {.sandbox = kBox, .written_ns = 6 * kSecond, .tgid = 100}};
    }
};

TEST_F(SharedCachePoisoned, OpenedAsCodeOrModel)
{
    const auto found = feed(open_of(written("/cache/model.pt")));
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_EQ(found[0].finding.summary,
              "resnet/i-4 opened the code /cache/model.pt, which resize/i-1 wrote 3.00 s before (/usr/bin/node)");
    EXPECT_EQ(found[0].finding.target_sandbox, kBox);
    EXPECT_THAT(feed(open_of(written("/cache/weights", FNS_FILE_CLASS_MODEL)))[0].finding.summary,
                HasSubstr("opened the model /cache/weights"));
    EXPECT_THAT(feed(open_of(written("/cache/libx.so.1"))), SizeIs(1));
    expect_quiet_for_others(open_of(written("/cache/model.pt")));
}

TEST_F(SharedCachePoisoned, RunOrMapped)
{
    EXPECT_THAT(feed(map_of(written("/cache/x")))[0].finding.summary, HasSubstr("mapped the machine code of /cache/x"));
    Event exec = exec_event(kOther, 9 * kSecond, process(201, 200), "/cache/tool");
    EXPECT_THAT(feed(exec), IsEmpty()) << "nobody wrote it";
    std::get<ExecBody>(exec.body).writer = {.sandbox = kBox, .written_ns = 6 * kSecond, .tgid = 100};
    EXPECT_THAT(feed(exec)[0].finding.summary, HasSubstr("ran /cache/tool, which resize/i-1 wrote"));
}

TEST_F(SharedCachePoisoned, QuietForDataAndForItsOwn)
{
    for (const char* path : {"/cache/input.jpg", "/cache/py", "/cache/notes.txt", ""})
        EXPECT_THAT(feed(open_of(written(path))), IsEmpty()) << path;
    FileBody own = written("/cache/model.pt");
    own.writer.sandbox = kOther;
    EXPECT_THAT(feed(open_of(own)), IsEmpty());
    FileBody nobodys = written("/models/m.pt", FNS_FILE_CLASS_MODEL);
    nobodys.writer = {};
    EXPECT_THAT(feed(open_of(nobodys)), IsEmpty());
}

class ResidualRead : public FilePastRule {
protected:
    ResidualRead() : FilePastRule(detect::make_isolation_residual_read())
    {
        start_child(201, "/usr/bin/convert", 6 * kSecond);  // wrote it
        feed(accept_event(kOther, 8 * kSecond, 8080));
        start_child(202, "/usr/bin/cat", 9 * kSecond);
    }
    static FileBody left(Nanoseconds written_ns = 7 * kSecond, std::string path = "/tmp/upload.png")
    {
        return {.path = std::move(path),
                .access = FNS_FILE_READ,
                .file_class = FNS_FILE_CLASS_WRITTEN,
                .writer = {.sandbox = kOther, .written_ns = written_ns, .tgid = 201, .start_ns = start_of(201)}};
    }
};

TEST_F(ResidualRead, OfAnEarlierInvocationByAnotherProgram)
{
    const auto found = feed(open_of(left(), 202));
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_EQ(found[0].finding.summary,
              "resnet/i-4 opened what an earlier invocation left in /tmp/upload.png for reading (/usr/bin/cat)");
    EXPECT_EQ(found[0].severity(), Severity::medium);
    expect_quiet_for_others(open_of(left(), 202));
}

TEST_F(ResidualRead, QuietForWhatIsOfThisInvocationOrFromTheStart)
{
    EXPECT_THAT(feed(open_of(left(8 * kSecond), 202)), IsEmpty());
    EXPECT_THAT(feed(open_of(left(4 * kSecond), 202)), IsEmpty());
    EXPECT_THAT(feed(open_of(left(0), 202)), IsEmpty());
}

TEST_F(ResidualRead, QuietForTheServerAndTheWritersLine)
{
    EXPECT_THAT(feed(open_of(left(), 200)), IsEmpty());
    start_child(203, "/usr/bin/node", 9 * kSecond);
    EXPECT_THAT(feed(open_of(left(), 203)), IsEmpty()) << "a worker";
    start_child(204, "/usr/bin/convert", 9 * kSecond);
    EXPECT_THAT(feed(open_of(left(), 204)), IsEmpty()) << "the same program";
    start_child(205, "/usr/bin/sort", 9 * kSecond, 201);
    EXPECT_THAT(feed(open_of(left(), 205)), IsEmpty()) << "a child of the writer";
    start_child(206, "/usr/bin/sort", 9 * kSecond);
    EXPECT_THAT(feed(open_of(left(), 206)), SizeIs(1));
    FileBody by_server = left();
    by_server.writer = {.sandbox = kOther, .written_ns = 7 * kSecond, .tgid = 200, .start_ns = start_of(200)};
    EXPECT_THAT(feed(open_of(by_server, 206)), IsEmpty()) << "works on what the server keeps";
    EXPECT_THAT(feed(open_of(by_server, 202)), SizeIs(1)) << "copies what an earlier caller gave";
}

TEST_F(ResidualRead, QuietForCaches)
{
    for (const char* path : {"/home/x/.cache/a", "/tmp/__pycache__/x", "/tmp/a.pyc", "/var/cache/fontconfig/x"})
        EXPECT_THAT(feed(open_of(left(7 * kSecond, path), 202)), IsEmpty()) << path;
}

TEST_F(ResidualRead, OfAnotherTenant)
{
    constexpr SandboxId kTheirs = 77;
    feed(made_event(kTheirs, 1 * kSecond, "/fn/evil/scan/i-9"));
    FileBody theirs = left(4 * kSecond);
    theirs.writer.sandbox = kTheirs;
    const auto found = feed(open_of(theirs, 202));
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_THAT(found[0].finding.summary, HasSubstr("what scan/i-9 of tenant evil left in /tmp/upload.png"));
    theirs.writer.sandbox = kBox;
    EXPECT_THAT(feed(open_of(theirs, 202)), IsEmpty()) << "of the same tenant";
}

class SharedMemory : public FilePastRule {
protected:
    SharedMemory() : FilePastRule(detect::make_isolation_shared_memory()) {}
    static Event attach(SandboxId owner, bool known = true)
    {
        return event_of(EventKind::shm, FNS_SENSOR_IPC, kOther, 9 * kSecond, process(200),
                        SharedMemoryBody{.kind = FNS_SHARED_MEMORY_SYSV,
                                         .id = 7,
                                         .owner = process(100),
                                         .owner_sandbox = owner,
                                         .owner_known = known,
                                         .writes = true});
    }
    static FileBody segment(SandboxId writer, fns_file_access access = FNS_FILE_WRITE)
    {
        return {.path = "/dev/shm/x",
                .access = access,
                .file_class = FNS_FILE_CLASS_WRITTEN,
                .flags = FNS_FILE_SCRATCH,
                .writer = {.sandbox = writer, .written_ns = 6 * kSecond, .tgid = 100}};
    }
};

TEST_F(SharedMemory, ASegmentOfAnotherSandbox)
{
    const auto found = feed(attach(kBox));
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_EQ(found[0].finding.summary, "resnet/i-4 attached segment 7 of resize/i-1 (/usr/bin/node)");
    EXPECT_EQ(found[0].finding.target_sandbox, kBox);
    EXPECT_EQ(found[0].severity(), Severity::high);
    expect_quiet_for_others(attach(kBox));
    EXPECT_THAT(feed(attach(kOther)), IsEmpty());
    EXPECT_THAT(feed(attach(kHost)), IsEmpty());
    EXPECT_THAT(feed(attach(kBox, false)), IsEmpty()) << "nobody knows whose";
}

TEST_F(SharedMemory, AFileOfATmpfs)
{
    EXPECT_EQ(feed(open_of(segment(kBox)))[0].finding.summary,
              "resnet/i-4 opened the shared memory /dev/shm/x of resize/i-1 (/usr/bin/node)");
    EXPECT_THAT(feed(open_of(segment(kBox, FNS_FILE_READ))), SizeIs(1));
    EXPECT_THAT(feed(open_of(segment(kOther))), IsEmpty());
    FileBody on_disk = segment(kBox);
    on_disk.flags = FNS_FILE_FRESH;
    EXPECT_THAT(feed(open_of(on_disk)), IsEmpty());
}

class RuntimeOverwrite : public FilePastRule {
protected:
    RuntimeOverwrite() : FilePastRule(detect::make_isolation_runtime_overwrite()) {}
    static FileBody program(std::string path)
    {
        return {.path = std::move(path), .access = FNS_FILE_WRITE, .file_class = FNS_FILE_CLASS_EXECUTABLE};
    }
};

TEST_F(RuntimeOverwrite, ARuntimeOrAProgramOfTheSystem)
{
    const auto found = feed(open_of(program("/usr/sbin/runc")));
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_EQ(found[0].finding.summary,
              "resnet/i-4 opened the node's program /usr/sbin/runc for writing (/usr/bin/node)");
    for (const char* path : {"/host/usr/bin/ls", "/bin/sh", "/var/lib/k/containerd-shim-runc-v2", "/lib/x.so"})
        EXPECT_THAT(feed(open_of(program(path))), SizeIs(1)) << path;
    expect_quiet_for_others(open_of(program("/usr/sbin/runc")));
}

TEST_F(RuntimeOverwrite, QuietForProgramsAmongData)
{
    for (const char* path : {"/data/venv/bin/pip", "/srv/run.sh", "/data/runc.txt", ""})
        EXPECT_THAT(feed(open_of(program(path))), IsEmpty()) << path;
}

class UnlistedExecutable : public FilePastRule {
protected:
    UnlistedExecutable() : FilePastRule(detect::make_supply_unlisted_executable())
    {
        Policy policy;
        policy.files.executables = std::vector<std::string>{"/usr/bin/node", "/bin/busybox", "/opt/**"};
        use_policy(policy);
    }
    std::vector<Detection> run(const std::string& path, std::uint32_t flags = 0)
    {
        return feed(exec_event(kOther, 9 * kSecond, process(201, 200), path, flags));
    }
};

TEST_F(UnlistedExecutable, AProgramThatIsNotListed)
{
    const auto found = run("/usr/bin/id");
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_EQ(found[0].finding.summary,
              "resnet/i-4 ran /usr/bin/id, which files.executables does not list, from /usr/bin/node");
    EXPECT_THAT(feed(exec_event(kBox, 3 * kSecond, process(100), "/usr/bin/id")), SizeIs(1)) << "in every phase";
    EXPECT_THAT(run("/usr/bin/id", FNS_EXEC_RUNTIME), IsEmpty());
    EXPECT_THAT(run("/usr/bin/id", FNS_EXEC_FROM_OUTSIDE), IsEmpty());
}

TEST_F(UnlistedExecutable, AnotherFileInAListedOnesPlace)
{
    EXPECT_THAT(run("/opt/tool"), IsEmpty());
    for (const fns_exec_flag flag : {FNS_EXEC_UPPER_LAYER, FNS_EXEC_UNLINKED, FNS_EXEC_MEMFD})
        EXPECT_THAT(run("/opt/tool", flag), SizeIs(1)) << flag;
}

TEST_F(UnlistedExecutable, AMappingThatDidNotComeWithTheImage)
{
    EXPECT_THAT(feed(map_of({.path = "/tmp/x.so", .flags = FNS_FILE_SCRATCH}))[0].finding.summary,
                HasSubstr("mapped the machine code of /tmp/x.so which files.executables does not list"));
    EXPECT_THAT(feed(map_of({.path = "/opt/x.so", .flags = FNS_FILE_FRESH})), IsEmpty());
    EXPECT_THAT(feed(map_of({.path = "/opt/x.so", .flags = FNS_FILE_UNLINKED})), SizeIs(1));
    EXPECT_THAT(feed(map_of({.path = "/usr/lib/x.so"})), IsEmpty()) << "of the image";
}

TEST_F(UnlistedExecutable, QuietForAppletsAndWithoutAList)
{
    EXPECT_THAT(run("/usr/bin/busybox"), IsEmpty());
    use_policy({});
    EXPECT_THAT(run("/usr/bin/id"), IsEmpty());
}

class StartupHook : public FilePastRule {
protected:
    StartupHook() : FilePastRule(detect::make_coldstart_startup_hook()) {}
    void open_hook(std::uint32_t flags, const std::string& path = "/usr/lib/python3/evil.pth", std::uint32_t tgid = 100,
                   Nanoseconds time_ns = 3 * kSecond)
    {
        EXPECT_THAT(
            feed(open_of(
                {.path = path, .access = FNS_FILE_READ, .file_class = FNS_FILE_CLASS_STARTUP_HOOK, .flags = flags},
                tgid, time_ns)),
            IsEmpty());
    }
    static Event contact(Nanoseconds time_ns = 3 * kSecond + kMillisecond, const std::string& to = "203.0.113.7")
    {
        return connect_event(kBox, time_ns, process(100), endpoint(to, 443));
    }
};

TEST_F(StartupHook, AContactRightAfterIt)
{
    open_hook(FNS_FILE_UPPER_LAYER);
    const auto found = feed(contact());
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_EQ(found[0].finding.summary,
              "resize/i-1 connected to 203.0.113.7:443 right after the startup hook /usr/lib/python3/evil.pth "
              "(/usr/bin/python3)");
    EXPECT_EQ(found[0].severity(), Severity::high);
    expect_quiet_for_others(contact());
}

TEST_F(StartupHook, AProgramOfAChild)
{
    open_hook(FNS_FILE_FRESH);
    feed(fork_event(kBox, 3 * kSecond, process(100), process(101, 100)));
    const auto found = feed(exec_event(kBox, 3 * kSecond + kMillisecond, process(101, 100), "/usr/bin/curl"));
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_THAT(found[0].finding.summary, HasSubstr("ran /usr/bin/curl right after the startup hook"));
}

TEST_F(StartupHook, QuietWhereTheHookIsOfTheImageOrNothingFollows)
{
    EXPECT_THAT(feed(contact()), IsEmpty());
    open_hook(0);
    EXPECT_THAT(feed(contact()), IsEmpty());
    open_hook(FNS_FILE_FRESH);
    EXPECT_THAT(feed(contact(3 * kSecond + kMillisecond, "127.0.0.1")), IsEmpty());
    EXPECT_THAT(feed(contact(4 * kSecond + kMillisecond)), IsEmpty()) << "too late";
}

TEST_F(StartupHook, QuietForDeclaredAddressesAndProgramsAndLessForKnownHooks)
{
    open_hook(FNS_FILE_FRESH, "/x/distutils-precedence.pth");
    EXPECT_EQ(feed(contact())[0].severity(), Severity::low);
    Policy policy;
    policy.egress.init = std::vector<EgressRule>{{.cidr = cidr("203.0.113.0", 24)}};
    policy.exec.init = std::vector<std::string>{"/usr/bin/ldconfig"};
    use_policy(policy);
    EXPECT_THAT(feed(contact()), IsEmpty());
    EXPECT_THAT(feed(contact(3 * kSecond + kMillisecond, "198.51.100.1")), SizeIs(1));
    feed(fork_event(kBox, 3 * kSecond, process(100), process(101, 100)));
    EXPECT_THAT(feed(exec_event(kBox, 3 * kSecond + kMillisecond, process(101, 100), "/usr/bin/ldconfig")), IsEmpty());
}

class ImportPayload : public FilePastRule {
protected:
    ImportPayload() : FilePastRule(detect::make_supply_import_payload()) {}
    std::vector<Detection> import_of(const std::string& path, Nanoseconds time_ns, std::uint32_t tgid = 100)
    {
        return feed(
            open_of({.path = path, .access = FNS_FILE_READ, .file_class = FNS_FILE_CLASS_PACKAGE}, tgid, time_ns));
    }
    void run(const std::string& path, Nanoseconds time_ns, std::vector<std::string> argv = {})
    {
        feed(fork_event(kBox, time_ns, process(100), process(101, 100)));
        EXPECT_THAT(feed(exec_event(kBox, time_ns, process(101, 100), path, 0, std::move(argv))), IsEmpty());
    }
    static constexpr const char* kEvil = "/usr/lib/python3/site-packages/evil/__pycache__/__init__.cpython-311.pyc";
    static constexpr const char* kNext = "/usr/lib/python3.11/json/__init__.py";
};

TEST_F(ImportPayload, AProgramBetweenTwoImports)
{
    EXPECT_THAT(import_of(kEvil, 3 * kSecond), IsEmpty());
    run("/usr/bin/curl", 3 * kSecond + kMillisecond);
    const auto found = import_of(kNext, 4 * kSecond);
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_EQ(found[0].finding.summary,
              "resize/i-1 ran /usr/bin/curl while it imported package evil (/usr/bin/python3)");
    EXPECT_EQ(found[0].severity(), Severity::high);
    EXPECT_THAT(found[0].finding.earlier_evidence, SizeIs(1));
    EXPECT_THAT(import_of(kNext, 4 * kSecond), IsEmpty()) << "told once";
}

// The importer may be faster than the child that it leaves behind.
TEST_F(ImportPayload, AProgramThatRunsWhenTheNextPackageIsBegun)
{
    import_of(kEvil, 3 * kSecond);
    ProcessInfo child = process(101, 100);
    child.start_ns = 3 * kSecond + kMillisecond;
    feed(fork_event(kBox, child.start_ns, process(100), child));
    EXPECT_THAT(import_of(kNext, 3 * kSecond + 2 * kMillisecond), IsEmpty());
    const auto found = feed(exec_event(kBox, 3 * kSecond + 3 * kMillisecond, child, "/usr/bin/curl"));
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_THAT(found[0].finding.summary, HasSubstr("ran /usr/bin/curl while it imported package evil"));
    ProcessInfo later = process(102, 100);
    later.start_ns = 3 * kSecond + 4 * kMillisecond;
    feed(fork_event(kBox, later.start_ns, process(100), later));
    EXPECT_THAT(feed(exec_event(kBox, 3 * kSecond + 5 * kMillisecond, later, "/usr/bin/curl")), IsEmpty())
        << "made after the last package was begun";
}

TEST_F(ImportPayload, AContactCountsInFullWhereAListSaysWhereTo)
{
    const auto contact = [&] {
        import_of("/app/node_modules/@acme/evil/package.json", 3 * kSecond);
        feed(connect_event(kBox, 3 * kSecond, process(100), endpoint("203.0.113.7", 443)));
        return import_of(kNext, 4 * kSecond);
    };
    const auto found = contact();
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_THAT(found[0].finding.summary,
                HasSubstr("connected to 203.0.113.7:443 while it imported package @acme/evil"));
    EXPECT_EQ(found[0].severity(), Severity::low);
    Policy policy;
    policy.egress.init = std::vector<EgressRule>{{.cidr = cidr("198.51.100.0", 24)}};
    use_policy(policy);
    EXPECT_EQ(contact()[0].severity(), Severity::high);
    policy.egress.init = std::vector<EgressRule>{{.cidr = cidr("203.0.113.0", 24)}};
    use_policy(policy);
    EXPECT_THAT(contact(), IsEmpty()) << "declared telemetry";
}

TEST_F(ImportPayload, QuietWithoutAnInstalledPackageOrAnotherImport)
{
    import_of("/app/own/__init__.py", 3 * kSecond);
    run("/usr/bin/curl", 3 * kSecond);
    EXPECT_THAT(import_of(kNext, 4 * kSecond), IsEmpty()) << "the function's own";
    import_of(kEvil, 5 * kSecond);
    run("/usr/bin/curl", 7 * kSecond + kMillisecond);
    EXPECT_THAT(import_of(kNext, 8 * kSecond), IsEmpty()) << "too long after it";
    import_of(kEvil, 9 * kSecond);
    run("/usr/bin/curl", 9 * kSecond);
    EXPECT_THAT(import_of(kNext, 15 * kSecond), IsEmpty()) << "nothing was imported for long";
    import_of(kEvil, 16 * kSecond);
    run("/usr/bin/curl", 16 * kSecond);
    make_ready();
    EXPECT_THAT(import_of(kNext, 17 * kSecond), IsEmpty()) << "warm";
}

TEST_F(ImportPayload, QuietForWhatPackagesAskAboutTheMachine)
{
    import_of(kEvil, 3 * kSecond);
    run("/sbin/ldconfig", 3 * kSecond);
    run("/usr/bin/uname", 3 * kSecond);
    run("/bin/sh", 3 * kSecond, {"sh", "-c", "uname -p 2> /dev/null"});
    EXPECT_THAT(import_of(kNext, 4 * kSecond), IsEmpty());
}

TEST_F(ImportPayload, ForgetsWhatItDoesNotNeed)
{
    import_of("/usr/lib/python3.11/json/__init__.py", 3 * kSecond);
    EXPECT_EQ(entries(), 0U);
    import_of(kEvil, 3 * kSecond);
    EXPECT_EQ(entries(), 1U);
}

}  // namespace
}  // namespace fnshield::test
