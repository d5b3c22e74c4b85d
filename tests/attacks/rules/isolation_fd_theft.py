# SPDX-License-Identifier: Apache-2.0
"""A descriptor of another sandbox's process is taken."""
from cases import Rule

rule = Rule("isolation.fd_theft", severity="critical")


def take_by(act, *words):
    def attack(case):
        victim, attacker = case.bare("victim"), case.bare()
        fd = victim.python("import os\nKEPT_FD = os.memfd_create('kept')\nresult = KEPT_FD")
        case.act()
        attacker.trigger(act, victim.pid(), 0, *[word.format(fd=fd) for word in words])

    return attack


rule.attack("pidfd_getfd")(take_by("pidfd_getfd", "{fd}"))
rule.attack("/proc/PID/fd/N opened anew")(take_by("proc_open", "fd/{fd}"))


@rule.quiet("a parent takes its own child's descriptor")
def _(case):
    case.bare().trigger("child_descriptor", check=True)
