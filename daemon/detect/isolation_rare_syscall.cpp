// SPDX-License-Identifier: Apache-2.0
//
// isolation.rare_syscall (T1068): a function makes a system call that functions have no use for.
//
// Signal: userfaultfd, keyctl and its like, modify_ldt, acct, swapon, iopl, setting the clock, reboot, fanotify,
// quotactl, the kernel's log; and mknod of a character device; allowed or refused. Why it works: they are the usual
// parts of kernel exploits and of taking a node over; JVM, Go, Node.js and Python make none of them. False positives:
// the runtime's set-up (runc makes devices and a session keyring); what comes from outside; reading the clock or one's
// own limits is no such call. Weak: a call tells a wish, not a success. A function that needs one has the rule turned
// off in its policy. Gets past it: keys and modify_ldt where fentry or LSM programs are used, which have no hook for
// them here. Memory: none.
#include <sys/stat.h>

#include <array>

#include "daemon/detect/detectors.h"
#include "daemon/detect/privilege.h"

namespace fnshield::detect {
namespace {

constexpr std::array<std::string_view, 1> kTechniques{"T1068"};
constexpr std::array kKinds{EventKind::syscall_};
constexpr std::array<std::string_view, 1> kYieldsTo{"isolation.block_device"};

constexpr RuleDescriptor kDescriptor{
    .rule = "isolation.rare_syscall",
    .category = Category::infrastructure,
    .severity = Severity::medium,
    .techniques = kTechniques,
    .short_text = "A function made, or tried, a system call that functions have no use for",
    .long_text =
        "The call belongs to kernel exploits, or to operating a machine, and not to a function. By itself it is a weak "
        "sign: look at the program and at what it did next. A seccomp profile (the default one of container engines) "
        "refuses most of them.",
    .kinds = kKinds,
    .yields_to = kYieldsTo,
};

class RareSyscall : public Detector {
public:
    [[nodiscard]] const RuleDescriptor& descriptor() const override { return kDescriptor; }

    [[nodiscard]] std::optional<Finding> on_event(const Observation& seen) override
    {
        const PrivilegeBody* act = functions_act(seen);
        if (!act || (seen.process && seen.process->from_outside))
            return std::nullopt;
        // Pipes, sockets and plain files are made by mknod as well; the kernel asks for no capability then.
        const auto type = act->argument & S_IFMT;
        if (act->act == FNS_PRIVILEGE_MKNOD && type != S_IFCHR && type != S_IFBLK)
            return std::nullopt;
        return make_privilege_finding(seen, *act);
    }
};

}  // namespace

std::unique_ptr<Detector> make_isolation_rare_syscall()
{
    return std::make_unique<RareSyscall>();
}

}  // namespace fnshield::detect
