# SPDX-License-Identifier: Apache-2.0
"""A program runs while warm that exec.warm does not list."""
from cases import Rule
from stage import TRIGGER

rule = Rule("function.unexpected_exec", severity="medium", policy={"exec": {"warm": ["/usr/bin/date"]}})


@rule.attack("fork and exec")
def _(case):
    function = case.container()
    case.act()
    function.run("/usr/bin/sort", "--version")


@rule.attack("exec by a second thread")
def _(case):
    function = case.container()
    case.act()
    function.run(TRIGGER, "exec-thread")


@rule.attack("by a link with a listed name")
def _(case):
    function = case.container()
    function.python("import os\nos.makedirs('/tmp/bin')\nos.symlink('/usr/bin/sort', '/tmp/bin/date')")
    case.act()
    function.run("/tmp/bin/date")


@rule.attack("posix_spawn")
def _(case):
    function = case.container()
    case.act()
    function.python("import os\nos.waitpid(os.posix_spawn('/usr/bin/sort', ['sort', '--version'], {}), 0)")


@rule.quiet("a listed program")
def _(case):
    case.container().run("/usr/bin/date", check=True)


@rule.quiet("a probe by the platform")
def _(case):
    function = case.container()
    function.runc("exec", function.name, "/usr/bin/sort")
