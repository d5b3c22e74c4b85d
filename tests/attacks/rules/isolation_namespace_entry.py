# SPDX-License-Identifier: Apache-2.0
"""A function enters another namespace."""
from cases import Rule

rule = Rule("isolation.namespace_entry", severity="critical")


def enter_by(act):
    def attack(case):
        attacker = case.bare()
        case.act()
        attacker.trigger(act)

    return attack


rule.attack("setns by a file of /proc")(enter_by("setns"))
rule.attack("setns by a pidfd")(enter_by("setns_pidfd"))


@rule.attack("nsenter from one container into another")
def _(case):
    victim = case.container("victim")
    attacker = case.container(host_pid=True, capabilities=["CAP_SYS_ADMIN", "CAP_SYS_PTRACE", "CAP_SYS_CHROOT"])
    case.act()
    attacker.run("/usr/bin/nsenter", "-t", victim.pid(), "-u", "/usr/bin/true")


@rule.quiet("runc exec, which enters from outside", linger=True)
def _(case):
    function = case.container()
    for _ in range(3):
        function.runc("exec", function.name, "/usr/bin/env", "true")
