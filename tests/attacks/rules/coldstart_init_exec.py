# SPDX-License-Identifier: Apache-2.0
"""A program runs before ready that exec.init does not list."""
from cases import Rule

rule = Rule("coldstart.init_exec", severity="medium", policy={"exec": {"init": ["/usr/bin/python3*", "/usr/bin/date"]}})

RUN = "import os\nif os.fork() == 0:\n    os.execv({0!r}, [{0!r}])\nos.wait()"


@rule.attack("fork and exec")
def _(case):
    case.act()
    case.container(init=RUN.format("/usr/bin/id"))


@rule.attack("by the C library's system()")
def _(case):
    case.act()
    case.container(init="import ctypes\nctypes.CDLL(None).system(b'true')")


@rule.quiet("a listed tool")
def _(case):
    case.container(init=RUN.format("/usr/bin/date"))
