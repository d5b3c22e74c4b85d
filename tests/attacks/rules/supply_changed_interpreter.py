# SPDX-License-Identifier: Apache-2.0
"""A program is replaced in one sandbox that others of the function run unchanged."""
from cases import Rule

rule = Rule("supply.changed_interpreter", severity="high")

RUN = "import os\nif os.fork() == 0:\n    os.execv('/app/trigger', ['trigger', 'nothing'])\nos.wait()\n"


def others(case):
    for _ in range(3):
        case.container(init=RUN)


@rule.attack("overwritten in init")
def _(case):
    others(case)
    case.act()
    case.container(init="import os, shutil\nshutil.copy('/usr/bin/date', '/app/trigger.new')\n"
                        "os.rename('/app/trigger.new', '/app/trigger')\n" + RUN)


@rule.attack("overwritten while warm, with its times set back")
def _(case):
    others(case)
    function = case.container(init=RUN)
    case.act()
    function.python("import os, shutil\nshutil.copy('/usr/bin/date', '/app/t')\nos.utime('/app/t', (1, 1))\nos.rename('/app/t', '/app/trigger')\n" + RUN)


@rule.quiet("the image's program in all of them")
def _(case):
    others(case)
    case.container(init=RUN)


@rule.quiet("a program that each sandbox makes for itself")
def _(case):
    for _ in range(4):
        case.container(init="import os, shutil\nshutil.copy('/app/trigger', '/app/own')\n" + RUN.replace("/app/trigger", "/app/own"))
