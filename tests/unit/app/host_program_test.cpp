// SPDX-License-Identifier: Apache-2.0
#include "daemon/app/host_program.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/unit/support/model_fixture.h"

namespace fnshield::test {
namespace {

namespace fs = std::filesystem;

class HostProgram : public testing::Test {
protected:
    HostProgram() { fs::create_directories(proc_ + "/12"); }
    ~HostProgram() override { fs::remove_all(proc_); }

    // Process 12 runs `exe` and started at `ticks`.
    void put(const std::string& exe, std::uint64_t ticks, const std::string& comm = "gdb")
    {
        fs::create_symlink(exe, proc_ + "/12/exe");
        std::ofstream stat(proc_ + "/12/stat");
        stat << "12 (" << comm << ") S 1 12 12 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 " << ticks << " 9 10\n";
    }

    std::string name(SandboxId sandbox = kHost, Nanoseconds start_ns = 70 * kSecond + 5 * kMillisecond)
    {
        ProcessInfo actor = process(12, 1, "gdb");
        actor.start_ns = start_ns;
        Event event = memory_event(sandbox, 90 * kSecond, actor, kBox, process(100));
        name_host_actor(event, proc_);
        return event.as<MemoryBody>()->actor_exe;
    }

    const std::uint64_t ticks_ = 70 * static_cast<std::uint64_t>(sysconf(_SC_CLK_TCK));
    const std::string proc_ = testing::TempDir() + "host_program_" + std::to_string(getpid());
};

TEST_F(HostProgram, ByItsPath)
{
    put("/usr/bin/gdb", ticks_);
    EXPECT_EQ(name(), "/usr/bin/gdb");
}

TEST_F(HostProgram, ACommMayHoldAnything)
{
    put("/usr/bin/gdb", ticks_, "a) S 1 (b 7");
    EXPECT_EQ(name(), "/usr/bin/gdb");
}

TEST_F(HostProgram, NotWhereThePidIsAnothersByNow)
{
    put("/usr/bin/gdb", ticks_ + 1);
    EXPECT_EQ(name(), "");
}

TEST_F(HostProgram, NotWhereItIsGoneOrCannotBeRead)
{
    EXPECT_EQ(name(), "");
    put("/usr/bin/gdb", ticks_);
    std::ofstream(proc_ + "/12/stat") << "12 (gdb) S 1";
    EXPECT_EQ(name(), "");
    std::ofstream(proc_ + "/12/stat") << "";
    EXPECT_EQ(name(), "");
}

TEST_F(HostProgram, NotForAnActorInASandbox)
{
    put("/usr/bin/gdb", ticks_);
    EXPECT_EQ(name(kBox), "") << "there the model knows it, and its path is its own";
}

TEST_F(HostProgram, ThisProcess)
{
    std::ifstream stat("/proc/self/stat");
    std::string line;
    std::getline(stat, line);
    std::istringstream fields(line.substr(line.rfind(')') + 2));
    std::string field;
    for (int i = 3; i <= 22; ++i)
        fields >> field;
    Event event = memory_event(kHost, 90 * kSecond, process(static_cast<std::uint32_t>(getpid())), kBox, process(100));
    event.process.start_ns = std::stoull(field) * kSecond / static_cast<Nanoseconds>(sysconf(_SC_CLK_TCK));
    name_host_actor(event);
    EXPECT_EQ(event.as<MemoryBody>()->actor_exe, fs::read_symlink("/proc/self/exe").string());
}

}  // namespace
}  // namespace fnshield::test
