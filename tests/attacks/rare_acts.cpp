// SPDX-License-Identifier: Apache-2.0
//
// System calls that few functions have a use for, and one that counts on the whole system.
#include <linux/io_uring.h>
#include <linux/keyctl.h>
#include <linux/perf_event.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <string>

#include "tests/attacks/act.h"
#include "tests/attacks/acting.h"

namespace fnshield::attacks {
namespace {

// Context switches, of the user's and the kernel's side.
int open_counter(pid_t pid, int cpu)
{
    perf_event_attr attributes{};
    attributes.type = PERF_TYPE_SOFTWARE;
    attributes.size = sizeof attributes;
    attributes.config = PERF_COUNT_SW_CONTEXT_SWITCHES;
    return print_result(syscall(SYS_perf_event_open, &attributes, pid, cpu, -1, 0));
}

int count_all(Arguments)
{
    return open_counter(-1, 0);
}

int count_itself(Arguments)
{
    return open_counter(0, -1);
}

int make_ring(Arguments)
{
    io_uring_params parameters{};
    return print_result(syscall(SYS_io_uring_setup, 4, &parameters));
}

int ask_for_keyring(Arguments)
{
    return print_result(syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0));
}

int handle_faults(Arguments)
{
    return print_result(syscall(SYS_userfaultfd, 0));
}

int read_descriptor_table(Arguments)
{
    char table[16];
    return print_result(syscall(SYS_modify_ldt, 0, table, sizeof table));
}

// In a folder that may be written; the node is gone at once.
int make_node(mode_t mode)
{
    const std::string path = "/tmp/fnshield-node-" + std::to_string(getpid());
    const int result = mknod(path.c_str(), mode | 0600, makedev(7, 0));
    const int code = print_result(result);
    unlink(path.c_str());
    return code;
}

int make_block_device(Arguments)
{
    return make_node(S_IFBLK);
}

int make_pipe(Arguments)
{
    return make_node(S_IFIFO);
}

int swap_on_nothing(Arguments)
{
    return print_result(syscall(SYS_swapon, "/nothing", 0));
}

constexpr Act kActs[] = {
    {"perf_event_all", "", count_all},      {"perf_event_self", "", count_itself},
    {"ring_setup", "", make_ring},          {"keyctl", "", ask_for_keyring},
    {"userfaultfd", "", handle_faults},     {"modify_ldt", "", read_descriptor_table},
    {"mknod_block", "", make_block_device}, {"mknod_pipe", "", make_pipe},
    {"swapon", "", swap_on_nothing},
};

}  // namespace

std::span<const Act> rare_acts()
{
    return kActs;
}

}  // namespace fnshield::attacks
