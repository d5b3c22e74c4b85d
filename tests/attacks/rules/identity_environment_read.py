# SPDX-License-Identifier: Apache-2.0
"""The environment is read out while warm."""
from cases import Rule

rule = Rule("identity.environment_read", severity="high")


def run_it(*argv):
    def attack(case):
        function = case.container()
        case.act()
        function.run(*argv)

    return attack


rule.attack("env")(run_it("/usr/bin/env"))
rule.attack("printenv of one")(run_it("/usr/bin/printenv", "PORT"))
rule.attack("/proc/1/environ by a child")(run_it("/usr/bin/cat", "/proc/1/environ"))


@rule.quiet("env as a launcher")
def _(case):
    case.container().run("/usr/bin/env", "-u", "HOME", "A=1", "date", check=True)


@rule.quiet("a process's own environ")
def _(case):
    case.container().python("open('/proc/self/environ').read()")


@rule.quiet("an entry script that prints it")
def _(case):
    case.container(init="import os\nif os.fork() == 0:\n    os.execv('/usr/bin/env', ['env'])\nos.wait()")
