// SPDX-License-Identifier: Apache-2.0
#include "tests/support/cgroup_sandbox.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <ranges>

#include "daemon/kernel/host.h"
#include "tests/support/slowness.h"

namespace fnshield::testing {
namespace {

// Waits until cgroup.events has the line `wanted`; the kernel signals changes by POLLPRI.
Result<void> wait_for_cgroup_event(const std::string& directory, const std::string& wanted)
{
    UniqueFd events(::open((directory + "/cgroup.events").c_str(), O_RDONLY | O_CLOEXEC));
    if (!events)
        return fail_errno("cannot open cgroup.events of " + directory);
    for (unsigned tries = 0; tries < 100 * slowness(); ++tries) {
        char text[256] = {};
        if (::pread(events.get(), text, sizeof text - 1, 0) < 0)
            return fail_errno("cannot read cgroup.events");
        if (std::string_view(text).find(wanted) != std::string_view::npos)
            return {};
        pollfd changed{.fd = events.get(), .events = POLLPRI, .revents = 0};
        ::poll(&changed, 1, 100);
    }
    return fail("cgroup.events of " + directory + " never said '" + wanted + "'");
}

void write_file(const std::string& path, std::string_view text)
{
    std::ofstream(path) << text;
}

}  // namespace

std::string cgroup2_mount()
{
    static const std::string mount = [] {
        auto host = Host::probe();
        return host ? host->cgroup2_mount() : std::string();
    }();
    return mount;
}

std::string test_cgroup_root()
{
    return "/fnshield-test-" + std::to_string(::getpid());
}

Result<std::uint64_t> cgroup_id(const std::string& directory)
{
    struct stat status{};
    if (::stat(directory.c_str(), &status) != 0)
        return fail_errno("cannot stat " + directory);
    return status.st_ino;
}

Result<CgroupSandbox> CgroupSandbox::make(const std::string& path)
{
    std::vector<std::string> made;
    std::string directory = cgroup2_mount();
    for (const auto part : std::views::split(path, '/')) {
        if (part.empty())
            continue;
        directory += '/';
        directory += std::string_view(part);
        if (::mkdir(directory.c_str(), 0755) == 0)
            made.push_back(directory);
        else if (errno != EEXIST)
            return fail_errno("cannot make the cgroup " + directory);
    }
    auto id = cgroup_id(directory);
    if (!id)
        return pass(std::move(id));
    return CgroupSandbox(path, std::move(made), *id);
}

Result<CgroupSandbox> CgroupSandbox::make_for_test(const std::string& name)
{
    return make(test_cgroup_root() + "/" + name);
}

CgroupSandbox::~CgroupSandbox()
{
    if (made_.empty())
        return;
    kill_all();
    // Nested cgroups that the workload made go first; parents that another sandbox still uses stay.
    std::error_code ignored;
    std::vector<std::string> nested;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(directory(), ignored))
        if (entry.is_directory())
            nested.push_back(entry.path());
    for (const std::string& inner : std::views::reverse(nested))
        ::rmdir(inner.c_str());
    for (const std::string& outer : std::views::reverse(made_))
        ::rmdir(outer.c_str());
}

Result<Child> CgroupSandbox::spawn(const std::vector<std::string>& argv, SpawnOptions options) const
{
    options.cgroup_directory = directory();
    return Child::spawn(argv, options);
}

Result<Finished> CgroupSandbox::run(const std::vector<std::string>& argv, SpawnOptions options) const
{
    options.cgroup_directory = directory();
    return testing::run(argv, options);
}

Result<void> CgroupSandbox::freeze(bool frozen) const
{
    write_file(directory() + "/cgroup.freeze", frozen ? "1" : "0");
    return wait_for_cgroup_event(directory(), frozen ? "frozen 1" : "frozen 0");
}

void CgroupSandbox::kill_all() const
{
    write_file(directory() + "/cgroup.freeze", "0");
    write_file(directory() + "/cgroup.kill", "1");
    for (const pid_t pid : pids())
        ::kill(pid, SIGKILL);
    (void)wait_for_cgroup_event(directory(), "populated 0");
}

std::vector<pid_t> CgroupSandbox::pids() const
{
    std::vector<pid_t> found;
    std::ifstream procs(directory() + "/cgroup.procs");
    for (pid_t pid = 0; procs >> pid;)
        found.push_back(pid);
    return found;
}

}  // namespace fnshield::testing
