// SPDX-License-Identifier: Apache-2.0
#include "daemon/kernel/own_tgid.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "daemon/kernel/libbpf.h"
#include "own_tgid.skel.h"

namespace fnshield {
namespace {

constexpr ino_t kInitialPidNamespace = 0xEFFFFFFC;  // PROC_PID_INIT_INO: the same on every kernel

}  // namespace

Result<OwnTgid> own_tgid()
{
    const auto pid = static_cast<std::uint32_t>(::getpid());
    struct stat space{};
    if (::stat("/proc/self/ns/pid", &space) != 0)
        return fail_errno("/proc/self/ns/pid", errno);
    if (space.st_ino == kInitialPidNamespace)
        return OwnTgid{.number = pid};

    auto skeleton = Skeleton<own_tgid_bpf>::open("own_tgid");
    if (!skeleton)
        return pass(std::move(skeleton));
    (*skeleton)->rodata->asker = pid;
    (*skeleton)->rodata->asker_namespace = static_cast<std::uint32_t>(space.st_ino);
    if (auto loaded = skeleton->load(); !loaded)
        return pass(std::move(loaded));
    if (const int failed = own_tgid_bpf::attach(skeleton->operator->()); failed != 0)
        return fail_errno("attach own_tgid", -failed);
    (void)::kill(::getpid(), SIGURG);  // the heartbeat's signal, which nobody handles
    const std::uint32_t number = (*skeleton)->bss->tgid;
    if (number == 0)
        return fail("the kernel does not say which process the daemon is: no signal of its own was seen");
    return OwnTgid{.number = number, .nested = true};
}

}  // namespace fnshield
