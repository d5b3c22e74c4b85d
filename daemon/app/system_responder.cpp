// SPDX-License-Identifier: Apache-2.0
#include "daemon/app/system_responder.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "daemon/app/host_program.h"
#include "daemon/base/unique_fd.h"

namespace fnshield {

Result<bool> SystemResponder::kill(std::uint32_t tgid, Nanoseconds start_ns)
{
    const UniqueFd process(static_cast<int>(syscall(SYS_pidfd_open, static_cast<pid_t>(tgid), 0)));
    if (!process && errno == ESRCH)
        return false;
    if (!process)
        return fail_errno("cannot open process " + std::to_string(tgid));
    // After it was opened: now the number cannot become another's behind our back.
    if (!is_process(tgid, start_ns))
        return false;
    if (syscall(SYS_pidfd_send_signal, process.get(), SIGKILL, nullptr, 0) == 0)
        return true;
    if (errno == ESRCH)
        return false;
    return fail_errno("cannot kill process " + std::to_string(tgid));
}

Result<void> SystemResponder::freeze(SandboxId sandbox, const std::string& cgroup)
{
    const std::string path = cgroup2_mount_ + cgroup;
    const UniqueFd folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!folder)
        return fail_errno("cannot open " + path);
    struct stat status{};
    if (::fstat(folder.get(), &status) != 0 || status.st_ino != sandbox)
        return fail("another cgroup is at " + path + " now");
    const UniqueFd file(::openat(folder.get(), "cgroup.freeze", O_WRONLY | O_CLOEXEC));
    if (!file || ::write(file.get(), "1", 1) != 1)
        return fail_errno("cannot freeze " + path);
    return {};
}

}  // namespace fnshield
