# SPDX-License-Identifier: Apache-2.0
"""A process writes into the memory of another sandbox."""
from cases import Rule

rule = Rule("isolation.memory_write", severity="critical")


def write_by(act):
    def attack(case):
        victim, attacker = case.bare("victim"), case.bare()
        address = victim.secret()
        case.act()
        attacker.trigger(act, victim.pid(), address)

    return attack


for name, act in {"process_vm_writev": "vmwrite", "/proc/PID/mem": "proc_mem_write", "PTRACE_POKE": "ptrace_poke"}.items():
    rule.attack(name)(write_by(act))


@rule.quiet("a parent writes into its own child")
def _(case):
    case.bare().trigger("child_memory", check=True)
