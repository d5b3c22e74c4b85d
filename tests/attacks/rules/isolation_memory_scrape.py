# SPDX-License-Identifier: Apache-2.0
"""A process reads another one's memory within one sandbox."""
from cases import Rule

rule = Rule("isolation.memory_scrape", severity="high")


def read_by(act):
    def attack(case):
        function = case.bare()
        address = function.secret()
        case.act()
        function.trigger(act, function.pid(), address)

    return attack


for name, act in {"process_vm_readv": "vmread", "/proc/PID/mem": "proc_mem", "PTRACE_PEEK": "ptrace_peek"}.items():
    rule.attack(name)(read_by(act))


@rule.attack("in a container, from its own pid namespace")
def _(case):
    function = case.container(capabilities=["CAP_SYS_PTRACE"])
    address = function.secret()
    case.act()
    function.trigger("vmread", 1, address)


@rule.quiet("a parent reads its own child")
def _(case):
    case.bare().trigger("child_memory", check=True)


@rule.quiet("a process reads itself")
def _(case):
    case.bare().trigger("own_memory", check=True)


@rule.quiet("top and pgrep within a container")
def _(case):
    function = case.container()
    function.run("/usr/bin/top", "-b", "-n1", check=True)
    function.run("/usr/bin/pgrep", "-f", "python3", check=True)
