# SPDX-License-Identifier: Apache-2.0
"""A setting of the kernel is opened for writing."""
from cases import Rule, kernel_file

rule = Rule("isolation.sysctl_write", severity="critical")


def open_by(act, path):
    def attack(case):
        attacker = case.bare()
        case.act()
        attacker.trigger(act, path)

    return attack


rule.attack("core_pattern")(open_by("open_write", "/proc/sys/kernel/core_pattern"))
rule.attack("core_pattern, by a symbolic link")(open_by("open_write_symlink", "/proc/sys/kernel/core_pattern"))
rule.attack("core_pattern, openat2")(open_by("open_write_openat2", "/proc/sys/kernel/core_pattern"))
rule.attack("modprobe", needs=kernel_file("/proc/sys/kernel/modprobe"))(
    open_by("open_write", "/proc/sys/kernel/modprobe"))
rule.attack("core_pattern, by io_uring")(open_by("ring_open_write", "/proc/sys/kernel/core_pattern"))
rule.attack("sysrq-trigger", needs=kernel_file("/proc/sysrq-trigger"))(open_by("open_write", "/proc/sysrq-trigger"))
rule.attack("uevent_helper of sysfs", needs=kernel_file("/sys/kernel/uevent_helper"))(open_by("open_write", "/sys/kernel/uevent_helper"))


@rule.quiet("reading settings")
def _(case):
    case.bare().python("for name in ('kernel/core_pattern', 'net/core/somaxconn', 'vm/overcommit_memory'):\n"
                       "    open('/proc/sys/' + name).read()")


@rule.quiet("a setting of one's own process: oom_score_adj, comm")
def _(case):
    case.bare().python("for name in ('oom_score_adj', 'comm'):\n    open('/proc/self/' + name, 'r+').close()")


@rule.quiet("a read-only /proc/sys in a container")
def _(case):
    case.container().python("try:\n    open('/sys/kernel/uevent_helper', 'w').close()\nexcept OSError:\n    pass")
