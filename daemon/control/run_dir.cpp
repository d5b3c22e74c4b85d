// SPDX-License-Identifier: Apache-2.0
#include "daemon/control/run_dir.h"

#include <fcntl.h>
#include <grp.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstring>
#include <filesystem>
#include <vector>

#include "daemon/control/protocol.h"

namespace fnshield::control {
namespace {

constexpr int kBacklog = 16;
constexpr std::size_t kMaxGroups = 65536;  // NGROUPS_MAX of the kernel

Result<void> make_directory(const std::string& path)
{
    std::error_code failed;
    if (std::filesystem::is_directory(path, failed))
        return {};
    if (const auto parent = std::filesystem::path(path).parent_path(); !parent.empty())
        std::filesystem::create_directories(parent, failed);
    if (::mkdir(path.c_str(), 0755) != 0 && errno != EEXIST)
        return fail_errno("cannot make the run directory " + path);
    if (!std::filesystem::is_directory(path, failed))
        return fail("the run directory " + path + " is not a directory", ExitCode::usage);
    return {};
}

// The digits in the lock file; "unknown" where its owner has not written them yet.
std::string read_pid(int fd)
{
    std::array<char, 16> text{};
    const ssize_t length = ::pread(fd, text.data(), text.size() - 1, 0);
    std::string pid(text.data(), length > 0 ? static_cast<std::size_t>(length) : 0);
    pid.erase(std::ranges::find_if(pid, [](unsigned char c) { return std::isdigit(c) == 0; }), pid.end());
    return pid.empty() ? "unknown" : pid;
}

}  // namespace

Result<UniqueFd> lock_run_dir(const std::string& run_dir)
{
    if (auto made = make_directory(run_dir); !made)
        return pass(std::move(made));
    const std::string path = run_dir + "/" + std::string(kLockName);
    UniqueFd lock(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0644));
    if (!lock)
        return fail_errno("cannot open " + path);
    if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
        if (errno == EWOULDBLOCK)
            return fail("another fnshieldd is running (pid " + read_pid(lock.get()) + ") with the run directory " +
                        run_dir + ": stop it, or give this one another --run-dir");
        return fail_errno("cannot lock " + path);
    }
    const std::string pid = std::to_string(::getpid()) + "\n";
    if (::ftruncate(lock.get(), 0) != 0 || ::pwrite(lock.get(), pid.data(), pid.size(), 0) < 0)
        return fail_errno("cannot write " + path);
    return lock;
}

std::optional<gid_t> find_group(const std::string& name)
{
    std::vector<char> buffer(16384);
    group entry{};
    group* found = nullptr;
    if (::getgrnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr)
        return std::nullopt;
    return found->gr_gid;
}

Result<Listener> listen_at(const std::string& path, std::optional<gid_t> group)
{
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
    if (path.size() >= sizeof address.sun_path)
        return fail("the path " + path + " is too long for a socket: give a --run-dir of at most " +
                        std::to_string(sizeof address.sun_path - kSocketName.size() - 2) + " bytes",
                    ExitCode::usage);
    std::copy(path.begin(), path.end(), address.sun_path);

    UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket)
        return fail_errno("cannot make the control socket");
    // bind() gives the file the descriptor's own mode.
    if (::fchmod(socket.get(), 0600) != 0)
        return fail_errno("cannot set the mode of the control socket");
    struct stat old{};
    if (::lstat(path.c_str(), &old) == 0) {
        if (!S_ISSOCK(old.st_mode))
            return fail(path + " is in the way and is not a socket: remove it");
        if (::unlink(path.c_str()) != 0)
            return fail_errno("cannot remove the old socket " + path);
    }
    if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        return fail_errno("cannot bind " + path);
    std::string warning;
    if (group && (::chown(path.c_str(), static_cast<uid_t>(-1), *group) != 0 || ::chmod(path.c_str(), 0660) != 0))
        warning = fail_errno("its group cannot use " + path + ", only root can").error().message;
    if (::listen(socket.get(), kBacklog) != 0)
        return fail_errno("cannot listen on " + path);
    return Listener{std::move(socket), std::move(warning)};
}

Result<Peer> peer_of(int socket, std::optional<gid_t> group)
{
    ucred credentials{};
    socklen_t size = sizeof credentials;
    if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0)
        return fail_errno("cannot tell who connects");
    Peer peer{.uid = credentials.uid, .pid = credentials.pid, .in_group = false};
    if (!group)
        return peer;
    peer.in_group = credentials.gid == *group;
    std::vector<gid_t> groups(64);
    socklen_t bytes = static_cast<socklen_t>(groups.size() * sizeof(gid_t));
    int failed = ::getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &bytes);
    if (failed != 0 && errno == ERANGE && bytes / sizeof(gid_t) <= kMaxGroups) {
        groups.resize(bytes / sizeof(gid_t));
        failed = ::getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &bytes);
    }
    if (failed == 0) {
        groups.resize(bytes / sizeof(gid_t));
        peer.in_group = peer.in_group || std::ranges::find(groups, *group) != groups.end();
    }
    return peer;
}

}  // namespace fnshield::control
