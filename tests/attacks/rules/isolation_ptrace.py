# SPDX-License-Identifier: Apache-2.0
"""A process attaches to one of another sandbox."""
from cases import Rule, compat_entry

rule = Rule("isolation.ptrace", severity="critical")


def attach_by(act):
    def attack(case):
        victim, attacker = case.bare("victim"), case.bare()
        case.act()
        attacker.trigger(act, victim.pid())

    return attack


for name, act in {"PTRACE_ATTACH": "ptrace_attach", "PTRACE_SEIZE": "ptrace_seize"}.items():
    rule.attack(name)(attach_by(act))


@rule.attack("PTRACE_SEIZE by the 32-bit entry", miss="system call tracepoints do not fire for the 32-bit entry: "
             "fallback.compat_entry, or fentry and LSM programs", needs=compat_entry)
def _(case):
    attach_by("ptrace_seize_32")(case)


@rule.attack("a process of the host")
def _(case):
    attacker = case.bare()
    host = case.host_process()
    case.act()
    attacker.trigger("ptrace_seize", host)


@rule.quiet("tracing one's own child")
def _(case):
    case.bare().trigger("traced_child", check=True)
