# SPDX-License-Identifier: Apache-2.0
"""A program of a sandbox runs from outside of its root, reached by a descriptor that leaked into it."""
import shutil

from cases import Rule

rule = Rule("isolation.leaked_fd", severity="critical")

# As CVE-2024-21626 leaves it: a folder of the host is open, and is the working directory after the root was changed.
LEAK = """
import os
host = os.open('/', os.O_RDONLY | os.O_DIRECTORY)
if os.fork() == 0:
    os.chroot({root!r})
    {enter}
    os.execv({program!r}, ['tool', 'nothing'])
os.wait()
"""


def leak(enter, program):
    def attack(case):
        attacker = case.bare()
        code = LEAK.format(root=str(case.folder()), enter=enter, program=program(str(case.stage.trigger)))
        case.act()
        attacker.python(code)

    return attack


rule.attack("the working directory")(leak("os.fchdir(host)", lambda path: path.lstrip("/")))
rule.attack("a descriptor, by its name in the caller's own words")(
    leak("os.fchdir(host); os.chdir('tmp')", lambda path: "../" + path.lstrip("/")))


@rule.quiet("a program below the root that it changed to")
def _(case):
    root = case.folder()
    shutil.copy(case.stage.trigger, root / "tool")
    case.bare().python(LEAK.format(root=str(root), enter="os.chdir('/')", program="/tool"))


@rule.quiet("a container's programs")
def _(case):
    case.container().run("/usr/bin/date", check=True)
