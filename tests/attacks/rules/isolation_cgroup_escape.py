# SPDX-License-Identifier: Apache-2.0
"""A task leaves its sandbox's cgroup, or a function writes to cgroupfs."""
from cases import Rule

rule = Rule("isolation.cgroup_escape", severity="critical")


@rule.attack("a process moves itself to the root")
def _(case):
    attacker = case.bare()
    case.act()
    child = attacker.python("import os\nif os.fork() == 0:\n"
                            f"    open('{case.cgroup2()}/cgroup.procs', 'w').write('0')\n    os._exit(0)\nos.wait()")
    assert child is None


@rule.attack("a process moves itself into another sandbox")
def _(case):
    attacker, victim = case.bare(), case.bare("victim")
    case.act()
    attacker.python(f"import os\nif os.fork() == 0:\n    open('{victim.directory}/cgroup.procs', 'w').write('0')\n    os._exit(0)\nos.wait()")


@rule.attack("it opens its own limits for writing")
def _(case):
    attacker = case.bare()
    case.act()
    attacker.trigger("open_write", f"{attacker.directory}/cgroup.max.depth")


@rule.quiet("it reads its limits")
def _(case):
    agent = case.bare()
    agent.python(f"open('{agent.directory}/cgroup.procs').read()\nopen('/proc/self/cgroup').read()")


@rule.quiet("a runtime attaches a process")
def _(case):
    function = case.container()
    function.runc("exec", function.name, "/usr/bin/true")
