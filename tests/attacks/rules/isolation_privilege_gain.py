# SPDX-License-Identifier: Apache-2.0
"""A process that was no root became root."""
from cases import Rule

rule = Rule("isolation.privilege_gain", severity="critical")

# Serves as user 1000, and keeps what it may go back to.
DOWN = "import os\nos.setgroups([])\nos.setresuid(1000, 1000, 0)"


@rule.attack("a set-user-ID program of the image")
def _(case):
    function = case.bare(init="import os\nos.setuid(1000)")
    case.act()
    function.run("/usr/bin/su", "--version")


@rule.attack("back to a saved id")
def _(case):
    function = case.bare(init=DOWN)
    case.act()
    function.python("import os\nif os.fork() == 0:\n    os.setresuid(0, 0, 0)\n    os.execv('/usr/bin/date', ['date'])\nos.wait()")


@rule.quiet("gosu: root until it starts, and then another user")
def _(case):
    case.bare(init=DOWN).run("/usr/bin/date", check=True)


@rule.quiet("another user all along")
def _(case):
    case.bare(init="import os\nos.setuid(1000)").run("/usr/bin/date", check=True)
