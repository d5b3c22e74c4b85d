// SPDX-License-Identifier: Apache-2.0
#include "daemon/kernel/pins.h"

#include <bpf/bpf.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <filesystem>
#include <set>

#include "daemon/kernel/own_objects.h"

namespace fnshield {
namespace {

namespace fs = std::filesystem;

// Goes up with every change of a shared map's keys or values that their sizes do not show.
constexpr std::string_view kMaps = "maps-1";
constexpr std::string_view kLinks = "links-";

bool is_on_bpffs(const std::string& path)
{
    struct statfs status{};
    return ::statfs(path.c_str(), &status) == 0 && static_cast<unsigned long>(status.f_type) == BPF_FS_MAGIC;
}

Result<void> make_folder(const std::string& path)
{
    if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)
        return fail_errno("cannot make " + path);
    return {};
}

// Removes a folder and what is pinned in it, and follows no link: the folder is the daemon's, who removes may be root.
std::size_t remove_folder(const fs::path& folder)
{
    std::size_t pins = 0;
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(folder, ignored)) {
        if (fs::symlink_status(entry.path(), ignored).type() == fs::file_type::directory)
            pins += remove_folder(entry.path());
        else if (::unlink(entry.path().c_str()) == 0)
            ++pins;
    }
    ::rmdir(folder.c_str());
    return pins;
}

// Ours by its name: `pin_dir` may be a folder in which others pin as well.
bool is_ours(const fs::path& path)
{
    const std::string name = path.filename().string();
    std::error_code ignored;
    return (name.starts_with("maps-") || name.starts_with(kLinks)) &&
           fs::symlink_status(path, ignored).type() == fs::file_type::directory;
}

}  // namespace

Result<Pins> Pins::make(const std::string& directory, std::uint64_t now_ns)
{
    const std::string parent = fs::path(directory).parent_path();
    if (!is_on_bpffs(parent))
        return fail("enforcement.persist: " + parent + " is not on bpffs; mount it ('mount -t bpf bpf /sys/fs/bpf')",
                    ExitCode::unsupported);
    Pins pins(directory, directory + "/" + std::string(kLinks) + std::to_string(now_ns));
    for (const std::string& folder : {directory, directory + "/" + std::string(kMaps), pins.links_})
        if (auto made = make_folder(folder); !made)
            return pass(std::move(made), "enforcement.persist");
    return pins;
}

std::string Pins::map_path(const std::string& map) const
{
    return directory_ + "/" + std::string(kMaps) + "/" + map;
}

Result<void> Pins::pin_links()
{
    auto held = own_links();
    if (!held)
        return pass(std::move(held));
    std::set<std::string> wanted;
    Result<void> outcome;
    for (const OwnLink& link : *held) {
        const std::string path = links_ + "/" + std::to_string(link.id);
        wanted.insert(path);
        if (::access(path.c_str(), F_OK) == 0 || bpf_obj_pin(link.fd, path.c_str()) == 0)
            continue;
        if (outcome)
            outcome = fail_errno("cannot pin the link " + std::to_string(link.id));
    }
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(links_, ignored))
        if (!wanted.contains(entry.path()))
            ::unlink(entry.path().c_str());
    return outcome;
}

void Pins::drop_older_links() const
{
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(directory_, ignored))
        if (is_ours(entry.path()) && entry.path().filename().string().starts_with(kLinks) && entry.path() != links_)
            remove_folder(entry.path());
}

void Pins::drop_maps() const
{
    remove_folder(directory_ + "/" + std::string(kMaps));
    (void)make_folder(directory_ + "/" + std::string(kMaps));
}

Result<std::size_t> Pins::remove_all(const std::string& directory)
{
    struct stat status{};
    if (::stat(directory.c_str(), &status) != 0 && errno == ENOENT)
        return std::size_t{0};
    if (!is_on_bpffs(directory))
        return std::size_t{0};  // nothing can be pinned there
    std::size_t pins = 0;
    std::error_code failed;
    for (const auto& entry : fs::directory_iterator(directory, failed))
        if (is_ours(entry.path()))
            pins += remove_folder(entry.path());
    for (const auto& entry : fs::directory_iterator(directory, failed))
        if (is_ours(entry.path()))
            return fail("cannot remove " + entry.path().string() + ": run this as root", ExitCode::failed);
    ::rmdir(directory.c_str());
    return pins;
}

}  // namespace fnshield
