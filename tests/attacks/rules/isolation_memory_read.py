# SPDX-License-Identifier: Apache-2.0
"""A process reads the memory of another sandbox."""
from cases import Rule, compat_entry

rule = Rule("isolation.memory_read", severity="critical")

ROADS = {
    "process_vm_readv": ["vmread"],
    "process_vm_readv by the 32-bit entry": ["vmread_32"],
    "/proc/PID/mem": ["proc_mem"],
    "/proc/PID/mem by a directory's descriptor": ["proc_mem_dirfd"],
    "/proc/PID/mem by a symbolic link": ["proc_mem_symlink"],
    "/proc/PID/task/TID/mem": ["proc_mem_task"],
    "/proc/PID/mem opened and read by io_uring": ["ring_mem"],
    "/proc/PID/mem opened by one process, read by another": ["proc_mem_passed"],
}


def read_by(act):
    def attack(case):
        victim, attacker = case.bare("victim"), case.bare()
        address = victim.secret()
        case.act()
        attacker.trigger(act, victim.pid(), address)

    return attack


for name, (act,) in ROADS.items():
    rule.attack(name, needs=compat_entry if act.endswith("_32") else None)(read_by(act))


@rule.attack("process_vm_readv between containers that share the host's pids")
def _(case):
    victim = case.container("victim")
    attacker = case.container(host_pid=True, capabilities=["CAP_SYS_PTRACE"])
    address = victim.secret()
    case.act()
    attacker.trigger("vmread", victim.pid(), address)


@rule.attack("the attempt of one without the right to")
def _(case):
    victim, attacker = case.bare("victim"), case.bare()
    address = victim.secret()
    case.act()
    attacker.trigger("as_nobody", victim.pid(), address, "vmread")


@rule.quiet("a process reads its own memory")
def _(case):
    case.bare().trigger("own_memory", check=True)


@rule.quiet("the host's debugger reads a function's memory")
def _(case):
    victim = case.container("victim")
    case.on_host(case.stage.trigger, "vmread", victim.pid(), victim.secret())
