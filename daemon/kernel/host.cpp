// SPDX-License-Identifier: Apache-2.0
#include "daemon/kernel/host.h"

#include <bpf/btf.h>
#include <linux/magic.h>
#include <mntent.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <ranges>
#include <span>

namespace fnshield {
namespace {

constexpr const char* kTracefs = "/sys/kernel/tracing";

struct MountTable {
    struct Closer {
        void operator()(FILE* table) const { endmntent(table); }
    };
    std::unique_ptr<FILE, Closer> file;
};

bool has_option(std::string_view options, std::string_view wanted)
{
    return std::ranges::any_of(options | std::views::split(','),
                               [&](auto&& option) { return std::string_view(option) == wanted; });
}

// By stat(2): access(2) asks for the rights of the real user, which ambient capabilities do not widen.
bool exists(const std::string& path)
{
    struct stat status{};
    return ::stat(path.c_str(), &status) == 0;
}

bool tracefs_is_mounted()
{
    struct statfs status{};
    return ::statfs(kTracefs, &status) == 0 && status.f_type == TRACEFS_MAGIC;
}

}  // namespace

void Host::BtfDeleter::operator()(btf* b) const
{
    btf__free(b);
}
Host::Host(Host&&) noexcept = default;
Host& Host::operator=(Host&&) noexcept = default;
Host::~Host() = default;

Result<Host> Host::probe(const std::string& proc_mounts, const std::string& btf_path)
{
    Host host;
    host.btf_path_ = btf_path;
    if (!exists(btf_path))
        return fail("this kernel has no BTF (" + btf_path +
                        " is missing): fnshield needs Linux 5.10 or later built with CONFIG_DEBUG_INFO_BTF=y, as "
                        "distribution kernels are",
                    ExitCode::unsupported);

    MountTable mounts{std::unique_ptr<FILE, MountTable::Closer>(setmntent(proc_mounts.c_str(), "r"))};
    if (!mounts.file)
        return fail_errno("cannot read " + proc_mounts);
    while (const mntent* entry = getmntent(mounts.file.get())) {
        const std::string_view type = entry->mnt_type;
        if (type == "cgroup2" && host.cgroup2_mount_.empty())
            host.cgroup2_mount_ = entry->mnt_dir;
        else if (type == "cgroup" && !host.freezer_mount_ && has_option(entry->mnt_opts, "freezer"))
            host.freezer_mount_ = entry->mnt_dir;
        else if (type == "cgroup" && !host.cpu_mount_ && has_option(entry->mnt_opts, "cpu"))
            host.cpu_mount_ = entry->mnt_dir;
        else if (type == "tracefs" && !host.tracefs_mount_)
            host.tracefs_mount_ = entry->mnt_dir;
    }
    if (host.cgroup2_mount_.empty())
        return fail(
            "cgroup v2 is not mounted: sandboxes are named by their v2 cgroup; mount it with "
            "'mount -t cgroup2 none /sys/fs/cgroup/unified' or boot with systemd.unified_cgroup_hierarchy=1",
            ExitCode::unsupported);
    return host;
}

const btf* Host::kernel_btf() const
{
    if (!btf_)
        btf_.reset(btf__parse(btf_path_.c_str(), nullptr));
    return btf_.get();
}

void Host::forget_btf()
{
    btf_.reset();
}

bool Host::has_raw_tracepoint(std::string_view name) const
{
    const btf* types = kernel_btf();
    return types != nullptr &&
           btf__find_by_name_kind(types, ("btf_trace_" + std::string(name)).c_str(), BTF_KIND_TYPEDEF) > 0;
}

bool Host::has_member(std::string_view type, std::string_view member) const
{
    const btf* types = kernel_btf();
    const int id = types != nullptr ? btf__find_by_name_kind(types, std::string(type).c_str(), BTF_KIND_STRUCT) : -1;
    if (id <= 0)
        return false;
    const btf_type* found = btf__type_by_id(types, static_cast<__u32>(id));
    const std::span members(btf_members(found), btf_vlen(found));
    return std::ranges::any_of(
        members, [&](const btf_member& each) { return member == btf__name_by_offset(types, each.name_off); });
}

bool Host::has_function(std::string_view name) const
{
    const btf* types = kernel_btf();
    return types != nullptr && btf__find_by_name_kind(types, std::string(name).c_str(), BTF_KIND_FUNC) > 0;
}

bool Host::has_syscall_tracepoint(std::string_view name) const
{
    return tracefs_mount_ && exists(*tracefs_mount_ + "/events/syscalls/" + std::string(name) + "/id");
}

bool Host::tracefs_is_closed() const
{
    return tracefs_mount_ && !exists(*tracefs_mount_ + "/events/syscalls") && errno == EACCES;
}

Result<void> mount_private_tracefs()
{
    if (tracefs_is_mounted())
        return {};
    if (::unshare(CLONE_NEWNS) != 0)
        return fail_errno("tracefs is not mounted, and a private mount namespace is not permitted");
    if (::mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr) != 0)
        return fail_errno("cannot make the mounts of this process private");
    if (::mount("none", kTracefs, "tracefs", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) != 0)
        return fail_errno(std::string("cannot mount tracefs at ") + kTracefs);
    return {};
}

}  // namespace fnshield
