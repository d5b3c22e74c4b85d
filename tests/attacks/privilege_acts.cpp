// SPDX-License-Identifier: Apache-2.0
//
// Acts of the privilege sensor's tests. They run as root in the host's own namespaces, so each is chosen to change
// nothing there: it passes the permission check and then fails, or what it makes goes with the process.
//
// All take two arguments that they do not use, so that `as_nobody` can run them.
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/mount.h>
#include <linux/sched.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "tests/attacks/acting.h"

namespace fnshield::attacks {
namespace {

constexpr const char* kNoFilesystem = "fnshield-none";
constexpr const char* kNoMountPoint = "/proc/self/fd";

// --- namespaces ---

int set_namespace(Arguments)
{
    const int fd = open("/proc/self/ns/uts", O_RDONLY | O_CLOEXEC);
    return print_result(syscall(SYS_setns, fd, CLONE_NEWUTS));
}

int set_namespace_by_pidfd(Arguments)
{
    const long fd = syscall(SYS_pidfd_open, getpid(), 0);
    return print_result(syscall(SYS_setns, fd, CLONE_NEWUTS | CLONE_NEWIPC));
}

int unshare_user(Arguments)
{
    return print_result(syscall(SYS_unshare, CLONE_NEWUSER));
}

int unshare_network(Arguments)
{
    return print_result(syscall(SYS_unshare, CLONE_NEWNET));
}

// 0 in the child, which ends at once.
int print_child(long child)
{
    if (child == 0)
        _exit(0);
    if (child > 0)
        waitpid(static_cast<pid_t>(child), nullptr, 0);
    return print_result(child > 0 ? 0 : child);
}

int clone_user(Arguments)
{
    return print_child(syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, nullptr, nullptr, nullptr, 0));
}

int clone_uts(Arguments)
{
    return print_child(syscall(SYS_clone, CLONE_NEWUTS | SIGCHLD, nullptr, nullptr, nullptr, 0));
}

int clone3_user(Arguments)
{
    clone_args wanted{};
    wanted.flags = CLONE_NEWUSER;
    wanted.exit_signal = SIGCHLD;
    return print_child(syscall(SYS_clone3, &wanted, sizeof wanted));
}

// --- mounts ---

int mount_it(Arguments)
{
    return print_result(syscall(SYS_mount, "none", "/tmp", kNoFilesystem, 0, nullptr));
}

int unmount_it(Arguments)
{
    return print_result(syscall(SYS_umount2, kNoMountPoint, 0));
}

int pivot(Arguments)
{
    return print_result(syscall(SYS_pivot_root, kNoMountPoint, kNoMountPoint));
}

int clone_tree(Arguments)
{
    return print_result(syscall(SYS_open_tree, AT_FDCWD, kNoMountPoint, OPEN_TREE_CLONE));
}

// The look-alike: a descriptor of a path, like O_PATH.
int look_at_tree(Arguments)
{
    return print_result(syscall(SYS_open_tree, AT_FDCWD, kNoMountPoint, 0));
}

int move_tree(Arguments)
{
    return print_result(syscall(SYS_move_mount, -1, "", AT_FDCWD, kNoMountPoint, 0));
}

int open_filesystem(Arguments)
{
    return print_result(syscall(SYS_fsopen, "tmpfs", 0));
}

int make_filesystem_mount(Arguments)
{
    return print_result(syscall(SYS_fsmount, -1, 0, 0));
}

int pick_filesystem(Arguments)
{
    return print_result(syscall(SYS_fspick, AT_FDCWD, kNoMountPoint, 0));
}

int set_mount_attributes(Arguments)
{
    mount_attr wanted{};
    wanted.attr_set = MOUNT_ATTR_NOSUID;
    return print_result(syscall(SYS_mount_setattr, AT_FDCWD, kNoMountPoint, 0, &wanted, sizeof wanted));
}

// A real mount in namespaces of its own, with no privilege outside of them.
int mount_in_user_namespace(Arguments)
{
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0)
        return print_result(-1);
    return print_result(mount("none", "/tmp", "tmpfs", 0, nullptr));
}

int open_by_handle(Arguments)
{
    struct {
        unsigned bytes = 8;
        int type = 1;
        std::uint8_t handle[8] = {};
    } handle;
    return print_result(syscall(SYS_open_by_handle_at, AT_FDCWD, &handle, O_RDONLY));
}

// DIRECTORY of a cgroup, PROGRAM: a child is born there from here, enters a namespace, runs this program anew, and that
// mounts.
int act_when_born(Arguments arguments)
{
    const int directory = open(word(arguments, 0), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    clone_args wanted{};
    wanted.flags = CLONE_INTO_CGROUP;
    wanted.exit_signal = SIGCHLD;
    wanted.cgroup = static_cast<std::uint64_t>(directory);
    const long child = syscall(SYS_clone3, &wanted, sizeof wanted);
    if (child == 0) {
        set_namespace(arguments);
        std::fflush(stdout);
        execl(word(arguments, 1), "born", "mount", "0", "0", nullptr);  // not /proc/self/exe: runtimes do that
        _exit(1);
    }
    return print_child(child);
}

// --- modules ---

int load_module(Arguments)
{
    static char image[64] = "no module";
    return print_result(syscall(SYS_init_module, image, sizeof image, ""));
}

int load_module_file(Arguments)
{
    const int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    return print_result(syscall(SYS_finit_module, fd, "", 0));
}

int remove_module(Arguments)
{
    return print_result(syscall(SYS_delete_module, "fnshield_none", O_NONBLOCK));
}

// --- bpf ---

long bpf_call(bpf_cmd command, bpf_attr& attributes)
{
    return syscall(SYS_bpf, command, &attributes, sizeof attributes);
}

bpf_attr small_map()
{
    bpf_attr wanted{};
    wanted.map_type = BPF_MAP_TYPE_ARRAY;
    wanted.key_size = 4;
    wanted.value_size = 4;
    wanted.max_entries = 1;
    return wanted;
}

int make_map(Arguments)
{
    bpf_attr wanted = small_map();
    return print_result(bpf_call(BPF_MAP_CREATE, wanted));
}

int load_program(Arguments)
{
    const bpf_insn insns[] = {{BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0}, {BPF_JMP | BPF_EXIT, 0, 0, 0, 0}};
    bpf_attr wanted{};
    wanted.prog_type = BPF_PROG_TYPE_SOCKET_FILTER;
    wanted.insns = reinterpret_cast<std::uint64_t>(insns);
    wanted.insn_cnt = 2;
    wanted.license = reinterpret_cast<std::uint64_t>("GPL");
    return print_result(bpf_call(BPF_PROG_LOAD, wanted));
}

long take(const char* kind, unsigned id)
{
    bpf_attr wanted{};
    wanted.map_id = id;
    const bool is_map = std::strcmp(kind, "map") == 0;
    return bpf_call(is_map                           ? BPF_MAP_GET_FD_BY_ID
                    : std::strcmp(kind, "prog") == 0 ? BPF_PROG_GET_FD_BY_ID
                                                     : BPF_LINK_GET_FD_BY_ID,
                    wanted);
}

// KIND ID: a descriptor of an object, by its number.
int take_object(Arguments arguments)
{
    return print_result(take(word(arguments, 0), static_cast<unsigned>(std::atoi(word(arguments, 1)))));
}

// map ID: deletes an entry that is not there, which changes the map as little as can be.
int change_map(Arguments arguments)
{
    const std::uint64_t key = ~0ULL;
    bpf_attr wanted{};
    wanted.map_fd = static_cast<unsigned>(take("map", static_cast<unsigned>(std::atoi(word(arguments, 1)))));
    wanted.key = reinterpret_cast<std::uint64_t>(&key);
    return print_result(bpf_call(BPF_MAP_DELETE_ELEM, wanted));
}

// What bpftool does to list maps: it walks over all, takes each and asks about it.
int list_maps(Arguments)
{
    unsigned id = 0;
    long listed = 0;
    for (;; ++listed) {
        bpf_attr next{};
        next.start_id = id;
        if (bpf_call(BPF_MAP_GET_NEXT_ID, next) != 0)
            return print_result(listed);
        id = next.next_id;
        close(static_cast<int>(take("map", id)));
    }
}

// --- the same by the 32-bit entry ---

// A page that its pointers can name.
template <typename T>
T* low_copy(const T& value)
{
    auto* const page =
        static_cast<T*>(mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0));
    *page = value;
    return page;
}

struct Text {
    char bytes[64];
};

long low_text(const char* text)
{
    Text copy{};
    std::snprintf(copy.bytes, sizeof copy.bytes, "%s", text);
    return low(low_copy(copy));
}

int print_call_32(long result)
{
    errno = static_cast<int>(-result);
    return print_result(result);
}

int set_namespace_32(Arguments)
{
    return print_call_32(call_32(346, open("/proc/self/ns/uts", O_RDONLY | O_CLOEXEC), CLONE_NEWUTS));
}

int clone_user_32(Arguments)
{
    const long child = call_32(120, CLONE_NEWUSER | SIGCHLD, 0);
    errno = static_cast<int>(-child);
    return print_child(child);
}

int mount_32(Arguments)
{
    return print_call_32(call_32(21, low_text("none"), low_text("/tmp"), low_text(kNoFilesystem), 0, 0));
}

int unmount_32(Arguments)
{
    return print_call_32(call_32(22, low_text(kNoMountPoint), 0));  // umount without flags: i386 alone has it
}

int clone_tree_32(Arguments)
{
    return print_call_32(call_32(428, AT_FDCWD, low_text(kNoMountPoint), OPEN_TREE_CLONE));
}

int load_module_32(Arguments)
{
    return print_call_32(call_32(128, low_text("no module"), 64, low_text("")));
}

int make_map_32(Arguments)
{
    return print_call_32(call_32(357, BPF_MAP_CREATE, low(low_copy(small_map())), sizeof(bpf_attr)));
}

// --- signals: PID NUMBER ---

int number_of(Arguments arguments)
{
    return std::atoi(word(arguments, 1));
}

int kill_it(Arguments arguments)
{
    return print_result(syscall(SYS_kill, pid(arguments), number_of(arguments)));
}

int kill_thread(Arguments arguments)
{
    return print_result(syscall(SYS_tgkill, pid(arguments), pid(arguments), number_of(arguments)));
}

int kill_by_pidfd(Arguments arguments)
{
    const long fd = syscall(SYS_pidfd_open, pid(arguments), 0);
    return print_result(syscall(SYS_pidfd_send_signal, fd, number_of(arguments), nullptr, 0));
}

// Says that a timer of the receiver's sent it.
int kill_as_timer(Arguments arguments)
{
    siginfo_t info{};
    info.si_signo = number_of(arguments);
    info.si_code = SI_TIMER;
    return print_result(syscall(SYS_rt_sigqueueinfo, pid(arguments), number_of(arguments), &info));
}

int kill_32(Arguments arguments)
{
    return print_call_32(call_32(37, pid(arguments), number_of(arguments)));
}

constexpr Act kActs[] = {
    {"setns", "", set_namespace},
    {"setns_pidfd", "", set_namespace_by_pidfd},
    {"setns_32", "", set_namespace_32},
    {"unshare_user", "", unshare_user},
    {"unshare_network", "", unshare_network},
    {"clone_user", "", clone_user},
    {"clone_user_32", "", clone_user_32},
    {"clone_uts", "", clone_uts},
    {"clone3_user", "", clone3_user},
    {"mount", "", mount_it},
    {"mount_32", "", mount_32},
    {"umount", "", unmount_it},
    {"umount_32", "", unmount_32},
    {"pivot_root", "", pivot},
    {"open_tree_clone", "", clone_tree},
    {"open_tree_clone_32", "", clone_tree_32},
    {"open_tree_look", "", look_at_tree},
    {"move_mount", "", move_tree},
    {"fsopen", "", open_filesystem},
    {"fsmount", "", make_filesystem_mount},
    {"fspick", "", pick_filesystem},
    {"mount_setattr", "", set_mount_attributes},
    {"mount_in_userns", "", mount_in_user_namespace},
    {"open_by_handle", "", open_by_handle},
    {"act_when_born", "DIRECTORY PROGRAM", act_when_born},
    {"init_module", "", load_module},
    {"init_module_32", "", load_module_32},
    {"finit_module", "", load_module_file},
    {"delete_module", "", remove_module},
    {"bpf_map", "", make_map},
    {"bpf_map_32", "", make_map_32},
    {"bpf_prog", "", load_program},
    {"bpf_take", "map|prog|link ID", take_object},
    {"bpf_change", "map ID", change_map},
    {"bpf_list", "", list_maps},
    {"kill", "PID NUMBER", kill_it},
    {"kill_thread", "PID NUMBER", kill_thread},
    {"kill_pidfd", "PID NUMBER", kill_by_pidfd},
    {"kill_as_timer", "PID NUMBER", kill_as_timer},
    {"kill_32", "PID NUMBER", kill_32},
};

}  // namespace

std::span<const Act> privilege_acts()
{
    return kActs;
}

}  // namespace fnshield::attacks
