# SPDX-License-Identifier: Apache-2.0
"""A program runs that no name in the file system leads to."""
from cases import Rule
from stage import PYTHON

rule = Rule("function.fileless_exec", severity="critical")


def exec_by(*act):
    def attack(case):
        attacker = case.bare()
        case.act()
        attacker.trigger(*[word.format(pid=attacker.pid()) for word in act])

    return attack


rule.attack("a memfd")(exec_by("exec-memfd"))
rule.attack("a file that was unlinked")(exec_by("exec-unlinked", "/tmp/fnshield-evaluate-{pid}"))
rule.attack("a descriptor, by execveat")(exec_by("exec-descriptor"))
rule.attack("a descriptor, by /proc/self/fd/N")(exec_by("exec-proc-fd"))

LOADER = """
import os
fd = os.memfd_create('')
os.write(fd, open('/app/trigger', 'rb').read())
if os.fork() == 0:
    os.execve(fd, ['kworker', 'nothing'], {})
os.wait()
"""


@rule.attack("a Python loader in a container")
def _(case):
    attacker = case.container()
    case.act()
    attacker.python(LOADER)


@rule.attack("before it is ready")
def _(case):
    case.container(init=LOADER)


@rule.quiet("runc's own re-exec, and a probe's")
def _(case):
    function = case.container()
    function.runc("exec", function.name, "/usr/bin/env", "true")


@rule.quiet("a memfd that is only data")
def _(case):
    case.bare().python("import os\nfd = os.memfd_create('cache')\nos.write(fd, b'data')\nos.close(fd)")


@rule.quiet("an ordinary program")
def _(case):
    case.bare().run(PYTHON, "-c", "pass", check=True)
